//! Code that archives of models carry beside their pickles: native libraries and Python sources.

use std::collections::HashSet;
use std::io;

use crate::facts::{Code, Runs};
use crate::reading::family;
use crate::reading::job::Job;
use crate::reading::sniff::{self, Form};
use crate::reading::work::Scan;
use crate::rule::Rule;

/// Bytes that tell a native library.
const HEAD: usize = 64;
/// Longest source of TorchScript that is looked through.
const SOURCE: usize = 64 << 20;

/// What kind of model an archive is, as far as it says who runs code in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// `torch.package`: sources are modules, which its importer runs.
    Package,
    /// `torch.export` and AOTInductor: libraries are loaded.
    Export,
    /// TorchScript: sources in its own language, which torch interprets.
    Script,
    /// TorchServe: the handler is imported.
    Served,
    /// Another model: nothing in it is run as code.
    Other,
    /// No model.
    None,
}

/// What is known of an archive before its members are opened.
#[derive(Debug)]
pub struct Package {
    /// What it is.
    pub model: Model,
    /// Modules that `torch.package` takes from outside, whatever is inside.
    extern_modules: HashSet<String>,
    /// The folder in which all members lie.
    top: String,
}

impl Package {
    /// By the archive's name and those of its members in lower case: torch's reader looks them up without regard to
    /// case (`caffe2/serialize/inline_container.cc`, miniz).
    pub fn of(name: &str, members: &HashSet<&str>) -> Self {
        let top = members.iter().next().and_then(|name| name.split_once('/')).map_or("", |(top, _)| top);
        let whole = !top.is_empty() && members.iter().all(|name| name.split('/').next() == Some(top));
        let top = if whole { format!("{top}/") } else { String::new() };
        let has = |path: &str| members.contains(format!("{top}{path}").as_str());
        let model = match family::extension(name).as_str() {
            _ if has(".data/extern_modules") || has(".data/python_version") => Model::Package,
            "mar" => Model::Served,
            _ if has("mar-inf/manifest.json") || members.contains("mar-inf/manifest.json") => Model::Served,
            _ if has("constants.pkl") => Model::Script,
            "pt2" => Model::Export,
            _ if has("archive_format") || members.iter().any(|name| is_program(name)) => Model::Export,
            "pt" | "pth" | "ptl" | "ckpt" | "keras" | "skops" | "nemo" | "npz" => Model::Other,
            _ if has("data.pkl") || members.contains("schema.json") => Model::Other,
            _ => Model::None,
        };
        Package { model, extern_modules: HashSet::new(), top }
    }

    /// Whether a member, by its name in lower case, is the JSON of a program.
    pub fn is_program(&self, member: &str) -> bool {
        self.model == Model::Export && is_program(member)
    }

    /// Takes the list of modules from outside, a line each.
    pub fn takes_from_outside(&mut self, list: &[u8]) {
        let text = String::from_utf8_lossy(list);
        self.extern_modules.extend(text.lines().map(|line| line.trim().to_owned()));
    }

    /// The member with that list.
    pub fn list(&self) -> Option<String> {
        (self.model == Model::Package).then(|| format!("{}.data/extern_modules", self.top))
    }

    /// Whether a member, by its name in lower case, may be a storage: `torch.package` keeps these apart, and unpickles
    /// whatever else it is asked for.
    pub fn keeps(&self, storage: &str) -> bool {
        self.model != Model::Package
            || storage.strip_prefix(&self.top).is_some_and(|s| s.starts_with(".data/"))
    }

    /// Whether a member is a module that `torch.package` looks for outside, or would look for there.
    fn is_outside(&self, member: &str) -> bool {
        let module = member.get(self.top.len()..).unwrap_or(member).trim_end_matches(".py").replace('/', ".");
        let module = module.trim_end_matches(".__init__");
        let mut at = module;
        loop {
            if self.extern_modules.contains(at) {
                return true;
            }
            match at.rsplit_once('.') {
                Some((parent, _)) => at = parent,
                None => return false,
            }
        }
    }
}

impl Scan<'_> {
    /// Notes a member that is code.
    pub fn carried_code(&mut self, archive: &Package, job: &Job) -> io::Result<()> {
        let native = native(job)?;
        let path = job.member.rsplit('!').next().unwrap_or(&job.member);
        let source = is_source(path);
        let lower = path.to_ascii_lowercase();
        let (message, runs) = match (archive.model, native, source) {
            (Model::None, ..) => return Ok(()),
            (Model::Export, ..) if is_built(&lower) => {
                let message =
                    "a part of an AOTInductor package, which is compiled, linked or run as native code";
                (message.to_owned(), Runs::ByDefault)
            }
            (Model::Script, ..) if is_script(&lower) => match self.acts_on_files(job)? {
                Some(operator) => {
                    let message =
                        format!("TorchScript that calls `{operator}`, which opens any file by its path");
                    (message, Runs::ByDefault)
                }
                None => return Ok(()),
            },
            (_, None, false) => return Ok(()),
            (Model::Export, Some(form), _) => {
                (format!("a native library ({form}) of an exported program"), Runs::ByDefault)
            }
            (_, Some(form), _) => (format!("a native library ({form}) inside a model"), Runs::IfAsked),
            (Model::Package, ..) if archive.is_outside(path) => return Ok(()),
            (Model::Package, ..) => {
                let message =
                    "a Python module of the archive, which torch.package runs when a pickle in it names it";
                (message.to_owned(), Runs::ByDefault)
            }
            (Model::Served, ..) => ("a Python source, which TorchServe imports".to_owned(), Runs::ByDefault),
            _ => ("a Python source inside a model".to_owned(), Runs::IfAsked),
        };
        self.code(Code { member: job.member.clone(), offset: 0, message, name: None, runs });
        Ok(())
    }

    /// The first operator in TorchScript's source or byte code that takes the path of a file. No others of the registry do
    /// (torch 2.15, `torch._C._jit_get_all_schemas()`).
    fn acts_on_files(&mut self, job: &Job) -> io::Result<Option<&'static str>> {
        let bytes = job.content.read_range(0, SOURCE)?;
        if bytes.len() == SOURCE {
            let message = format!("TorchScript's source of more than {SOURCE} bytes");
            self.fault(&job.member, Rule::ResourceLimit, SOURCE as u64, message);
        }
        // The parser puts up with blanks, broken lines and brackets between the parts of a name.
        let bare: Vec<u8> =
            bytes.into_iter().filter(|b| !b.is_ascii_whitespace() && !b"\\()".contains(b)).collect();
        let operators = [
            (&["torch.save", "aten.save", "aten::save"][..], "aten::save"),
            (&["from_file"], "aten::from_file"),
            (&["debugprims"], "debugprims::load_tensor"),
        ];
        let called = |name: &str| memchr::memmem::find(&bare, name.as_bytes()).is_some();
        Ok(operators.iter().find(|(names, _)| names.iter().any(|name| called(name))).map(|(_, what)| *what))
    }
}

/// Whether a member is code that some kind of model runs.
pub fn may_be_code(job: &Job) -> io::Result<bool> {
    Ok(is_source(&job.member) || native(job)?.is_some())
}

/// What kind of native library a member is.
fn native(job: &Job) -> io::Result<Option<&'static str>> {
    Ok(match sniff::magic(&job.content.read_range(0, HEAD)?) {
        Some(Form::Known(name @ ("ELF" | "Mach-O" | "executable" | "LLVM bitcode"))) => Some(name),
        _ => None,
    })
}

fn is_source(path: &str) -> bool {
    matches!(family::extension(path).as_str(), "py" | "pyc" | "pyw")
}

/// Whether a member is TorchScript's source or its byte code, which loading interprets.
fn is_script(member: &str) -> bool {
    member.contains("code/") && member.ends_with(".py") || member.ends_with("bytecode.pkl")
}

/// Whether a member is the JSON of a program of `torch.export`.
fn is_program(member: &str) -> bool {
    let json = member.ends_with(".json");
    json && (member.ends_with("serialized_exported_program.json") || in_folder(member, "models"))
        || in_folder(member, "data/aotinductor")
}

/// Whether a member of an AOTInductor package is compiled, linked or loaded: all but descriptions and weights.
fn is_built(member: &str) -> bool {
    let described = member.ends_with(".json") && !member.ends_with("flags.json");
    let weights = matches!(family::extension(member).as_str(), "blob" | "bin" | "pt");
    in_folder(member, "data/aotinductor") && !described && !weights
}

/// Whether a path is below a folder at the top, or below the one folder of the archive.
fn in_folder(member: &str, folder: &str) -> bool {
    let below = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    below(member) || member.split_once('/').is_some_and(|(_, rest)| below(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_known_by_their_members() {
        let model =
            |name: &str, members: &[&str]| Package::of(name, &members.iter().copied().collect()).model;
        assert_eq!(model("m.zip", &["p/.data/extern_modules", "p/a.py"]), Model::Package);
        assert_eq!(model("m.zip", &["models/model.json"]), Model::Export);
        assert_eq!(model("m.zip", &["p/data/aotinductor/model/x.cpp"]), Model::Export);
        assert_eq!(model("m.zip", &["m/constants.pkl", "m/data.pkl"]), Model::Script);
        assert_eq!(model("m.zip", &["models/readme.txt"]), Model::None);
        assert!(is_built("p/data/aotinductor/model/x_compile_flags.json"));
        assert!(!is_built("p/data/aotinductor/model/x_metadata.json"));
    }
}
