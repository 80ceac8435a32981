//! Code that archives of models carry beside their pickles: native libraries and Python sources.

use std::collections::HashSet;

use crate::facts::{Code, Runs};
use crate::reading::family;
use crate::reading::job::Job;
use crate::reading::sniff::{self, Form};
use crate::reading::work::Scan;

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
    /// By the archive's name and those of its members.
    pub fn of(name: &str, members: &HashSet<&str>) -> Self {
        let top = members.iter().next().and_then(|name| name.split_once('/')).map_or("", |(top, _)| top);
        let whole = !top.is_empty() && members.iter().all(|name| name.split('/').next() == Some(top));
        let top = if whole { format!("{top}/") } else { String::new() };
        let has = |path: &str| members.contains(format!("{top}{path}").as_str());
        let model = match family::extension(name).as_str() {
            _ if has(".data/extern_modules") || has(".data/python_version") => Model::Package,
            "mar" => Model::Served,
            _ if has("MAR-INF/MANIFEST.json") || members.contains("MAR-INF/MANIFEST.json") => Model::Served,
            _ if has("constants.pkl") => Model::Script,
            "pt2" => Model::Export,
            _ if has("archive_format") || members.contains("serialized_exported_program.json") => {
                Model::Export
            }
            "pt" | "pth" | "ptl" | "ckpt" | "keras" | "skops" | "nemo" | "npz" => Model::Other,
            _ if has("data.pkl") || members.contains("schema.json") => Model::Other,
            _ => Model::None,
        };
        Package { model, extern_modules: HashSet::new(), top }
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

    /// Whether a member is a module that `torch.package` looks for outside, or would look for there.
    fn is_outside(&self, member: &str) -> bool {
        let module =
            member.strip_prefix(&self.top).unwrap_or(member).trim_end_matches(".py").replace('/', ".");
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
    pub fn carried_code(&mut self, archive: &Package, job: &Job, head: &[u8]) {
        let native = match sniff::magic(head) {
            Some(Form::Known(name @ ("ELF" | "Mach-O" | "executable" | "LLVM bitcode"))) => Some(name),
            _ => None,
        };
        let path = job.member.rsplit('!').next().unwrap_or(&job.member);
        let extension = family::extension(path);
        let source = matches!(extension.as_str(), "py" | "pyc" | "pyw");
        let (message, runs) = match (archive.model, native, source) {
            (Model::None, ..) | (_, None, false) => return,
            (Model::Export, Some(form), _) => {
                (format!("a native library ({form}): loading the package runs it"), Runs::ByDefault)
            }
            (_, Some(form), _) => (format!("a native library ({form}) inside a model"), Runs::IfAsked),
            (Model::Script, ..) if path.contains("code/") => return,
            (Model::Package, ..) if archive.is_outside(path) => return,
            (Model::Package, ..) => {
                let message =
                    "a Python module of the archive, which torch.package runs when a pickle in it names it";
                (message.to_owned(), Runs::ByDefault)
            }
            (Model::Served, ..) => ("a Python source, which TorchServe imports".to_owned(), Runs::ByDefault),
            _ => ("a Python source inside a model".to_owned(), Runs::IfAsked),
        };
        self.code(Code { member: job.member.clone(), offset: 0, message, name: None, runs });
    }
}
