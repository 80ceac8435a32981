//! Where git looks for the hooks of a repository.

use std::path::PathBuf;

use crate::source::git::command::{self, Answer, Git};
use crate::source::git::repository::Repository;
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
        let repository = Repository::require()?;
        let path = known(&repository.git, &["rev-parse", "--git-path", "hooks"])?;
        // Fails where it is not set, and where git is too old to tell (before 2.26).
        let scope = ask(&repository.git, &["config", "--show-scope", "--get", "core.hooksPath"])?;
        let own = [&b"local\t"[..], b"worktree\t"].iter().any(|own| scope.out.starts_with(own));
        let path = BlobPath::new(command::line(&path)).to_path();
        let path = match repository.root().filter(|_| repository.git.is_rooted()) {
            Some(root) => shorter(root.join(path)),
            None => path,
        };
        Ok(HooksFolder { path, shared: scope.code == Some(0) && !own, bare: repository.root().is_none() })
    }
}

/// Relative to the current folder where it lies in it, as a person would write it.
fn shorter(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).map(PathBuf::from).ok()).unwrap_or(path)
}

fn ask(git: &Git, args: &[&str]) -> Result<Answer> {
    let none = || Error::new("there is no git on the PATH").remedy("install git");
    git.ask(args)?.ok_or_else(none)
}

fn known(git: &Git, args: &[&str]) -> Result<Vec<u8>> {
    let answer = ask(git, args)?;
    if answer.code != Some(0) {
        return Err(command::failure(&format!("git {}", args.join(" ")), &answer));
    }
    Ok(answer.out)
}
