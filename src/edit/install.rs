//! Hooks on disk: put in place before nothing is lost, chained to those that are there, and taken away
//! again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::edit::replacement;
use crate::source::git::hooks::HooksFolder;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::escape;

/// Hooks of a repository with a working tree.
const CLIENT: [&str; 4] = ["pre-commit", "pre-merge-commit", "pre-applypatch", "pre-push"];
/// Hooks of a bare repository.
const SERVER: [&str; 1] = ["pre-receive"];
/// Hooks that read lines from standard input.
const FED: [&str; 2] = ["pre-push", "pre-receive"];

/// The line that tells a hook of ours.
const MARK: &str = "# Installed by `fickgate init --hooks`; `fickgate init --uninstall` takes it away.";
/// What the name of a hook that was there before gets at its end.
const BEFORE: &str = ".before-fickgate";

/// What is at a hook's place.
enum Found {
    Nothing,
    /// A hook of ours, with its text.
    Ours(Vec<u8>),
    /// A hook that calls fickgate, but was written by somebody.
    Calls,
    /// Any other hook.
    Other,
}

/// One hook of a repository.
struct Hook {
    name: &'static str,
    path: PathBuf,
    /// Where the hook that was there before is kept.
    before: PathBuf,
}

/// Puts the hooks in place and says so, a line each.
///
/// # Errors
/// A folder that other repositories use too, or that cannot be written to. Hooks that were put in place
/// before that stay.
pub fn install(folder: &HooksFolder) -> Result<Vec<String>> {
    if folder.shared {
        let path = shown(&folder.path);
        return Err(Error::new(format!(
            "core.hooksPath is {path} for more than this repository: nothing was installed"
        ))
        .remedy("add `fickgate hook NAME \"$@\"` to the hooks there, or set core.hooksPath for this repository alone: git config core.hooksPath .git/hooks"));
    }
    fs::create_dir_all(&folder.path).map_err(|e| failed("create", &folder.path, &e))?;
    hooks(folder).iter().map(Hook::install).collect()
}

/// Takes the hooks away and puts back what was there, and says so, a line each.
///
/// # Errors
/// A folder that cannot be written to.
pub fn uninstall(folder: &HooksFolder) -> Result<Vec<String>> {
    let lines: Result<Vec<_>> = hooks(folder).iter().map(Hook::uninstall).collect();
    let lines: Vec<String> = lines?.into_iter().flatten().collect();
    Ok(if lines.is_empty() {
        vec![format!("{}: no hook of fickgate is installed", shown(&folder.path))]
    } else {
        lines
    })
}

fn hooks(folder: &HooksFolder) -> Vec<Hook> {
    let names = if folder.bare { &SERVER[..] } else { &CLIENT[..] };
    let hook = |name: &&'static str| Hook {
        name,
        path: folder.path.join(name),
        before: folder.path.join(format!("{name}{BEFORE}")),
    };
    names.iter().map(hook).collect()
}

impl Hook {
    fn install(&self) -> Result<String> {
        let path = shown(&self.path);
        let text = script(self.name);
        match self.find()? {
            Found::Ours(old) if old == text.as_bytes() => Ok(format!("{path}: installed already")),
            Found::Ours(_) => {
                self.write(&text)?;
                Ok(format!("{path}: brought up to date"))
            }
            Found::Calls => Ok(format!("{path}: calls fickgate already, left as it is")),
            Found::Nothing => {
                self.write(&text)?;
                Ok(format!("{path}: installed"))
            }
            Found::Other => {
                self.put_aside()?;
                if let Err(error) = self.write(&text) {
                    // Back to how it was; the first error is the one to tell.
                    let _ = fs::rename(&self.before, &self.path);
                    return Err(error);
                }
                Ok(format!(
                    "{path}: installed; it runs the hook that was there first ({})",
                    shown(&self.before)
                ))
            }
        }
    }

    fn uninstall(&self) -> Result<Option<String>> {
        let path = shown(&self.path);
        match self.find()? {
            Found::Ours(_) => {}
            Found::Calls => {
                return Ok(Some(format!("{path}: calls fickgate, but was not installed: left as it is")));
            }
            Found::Nothing | Found::Other => return Ok(None),
        }
        if fs::symlink_metadata(&self.before).is_ok() {
            fs::rename(&self.before, &self.path).map_err(|e| failed("put back", &self.path, &e))?;
            return Ok(Some(format!("{path}: as it was before")));
        }
        fs::remove_file(&self.path).map_err(|e| failed("remove", &self.path, &e))?;
        Ok(Some(format!("{path}: removed")))
    }

    fn find(&self) -> Result<Found> {
        match fs::read(&self.path) {
            Ok(text) if has_line(&text, MARK) => Ok(Found::Ours(text)),
            Ok(text) if calls(&text, self.name) => Ok(Found::Calls),
            Ok(_) => Ok(Found::Other),
            // A link that leads nowhere is not ours to replace either.
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => Ok(Found::Other),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(e) => Err(failed("read", &self.path, &e)),
        }
    }

    /// Moves the hook that is there out of the way.
    fn put_aside(&self) -> Result<()> {
        if fs::symlink_metadata(&self.before).is_ok() {
            return Err(Error::new(format!(
                "{} and {} are both there: nothing was overwritten",
                shown(&self.path),
                shown(&self.before)
            ))
            .remedy("keep what you need of the two in one of them, remove the other, and try again"));
        }
        fs::rename(&self.path, &self.before).map_err(|e| failed("move", &self.path, &e))
    }

    /// The whole file or nothing.
    fn write(&self, text: &str) -> Result<()> {
        let written = replacement::write(&self.path, text, replacement::mode(replacement::RUN));
        written.map_err(|e| failed("write", &self.path, &e))
    }
}

/// The hook's text, for any POSIX shell. The hook that was there runs first: it may change what is
/// committed.
fn script(name: &str) -> String {
    let before = format!("before=$(dirname \"$0\")/{name}{BEFORE}");
    let missing = "command -v fickgate >/dev/null 2>&1 || {\n    \
                   echo \"fickgate is not on the PATH: nothing was judged\" >&2\n    exit 1\n}";
    if FED.contains(&name) {
        format!(
            "#!/bin/sh\n{MARK}\n{before}\nlines=$(cat)\n\
             given() {{ [ -z \"$lines\" ] || printf '%s\\n' \"$lines\"; }}\n\
             if [ -x \"$before\" ]; then given | \"$before\" \"$@\" || exit; fi\n\
             {missing}\ngiven | fickgate hook {name} \"$@\"\n"
        )
    } else {
        format!(
            "#!/bin/sh\n{MARK}\n{before}\n\
             if [ -x \"$before\" ]; then \"$before\" \"$@\" || exit; fi\n\
             {missing}\nexec fickgate hook {name} \"$@\"\n"
        )
    }
}

fn has_line(text: &[u8], line: &str) -> bool {
    text.split(|b| *b == b'\n').any(|l| l.strip_suffix(b"\r").unwrap_or(l) == line.as_bytes())
}

/// Whether a line of the hook runs fickgate for it.
fn calls(text: &[u8], name: &str) -> bool {
    let call = format!("fickgate hook {name}");
    text.split(|b| *b == b'\n').any(|line| {
        let line = String::from_utf8_lossy(line);
        !line.trim_start().starts_with('#') && line.contains(&call)
    })
}

fn shown(path: &Path) -> String {
    escape::terminal(&path.to_string_lossy()).into_owned()
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot {verb} {}: {error}", shown(path)))
}
