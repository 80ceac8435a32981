//! Where git looks for the hooks of a repository.

use std::path::PathBuf;

use crate::source::git::command::{self as git, Answer, Git};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::path::BlobPath;

/// The folder of a repository's hooks.
#[derive(Debug)]
pub struct HooksFolder {
    /// `core.hooksPath`, else `hooks` in the repository's folder; absolute, or relative to the current
    /// folder. It need not exist.
    pub path: PathBuf,
    /// Whether `core.hooksPath` comes from outside of the repository, so that other repositories have
    /// the same hooks.
    pub shared: bool,
    /// Whether the repository has no working tree.
    pub bare: bool,
}

impl HooksFolder {
    /// Of the repository around the current folder.
    ///
    /// # Errors
    /// No repository, or no git.
    pub fn here() -> Result<HooksFolder> {
        let path = known(&["rev-parse", "--git-path", "hooks"])?;
        let bare = known(&["rev-parse", "--is-bare-repository"])?;
        // Fails where it is not set, and where git is too old to tell (before 2.26).
        let scope = ask(&["config", "--show-scope", "--get", "core.hooksPath"])?;
        let own = [&b"local\t"[..], b"worktree\t"].iter().any(|own| scope.out.starts_with(own));
        Ok(HooksFolder {
            path: BlobPath::new(git::line(&path)).to_path(),
            shared: scope.code == Some(0) && !own,
            bare: git::line(&bare) == b"true",
        })
    }
}

fn ask(args: &[&str]) -> Result<Answer> {
    let none = || Error::new("there is no git on the PATH").remedy("install git");
    Git::here().ask(args)?.ok_or_else(none)
}

fn known(args: &[&str]) -> Result<Vec<u8>> {
    let answer = ask(args)?;
    if answer.code != Some(0) {
        return Err(git::failure(&format!("git {}", args.join(" ")), &answer));
    }
    Ok(answer.out)
}
