//! `fickgate init`: a policy file to start from, and hooks.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::cli::InitArgs;
use crate::edit::install;
use crate::source::Source;
use crate::source::git::hooks::HooksFolder;
use fickgate_engine::error::{Error, Result};
use fickgate_engine::policy;

/// The policy file that is written: it changes nothing, and shows how.
pub const TEMPLATE: &str = include_str!("init.yaml");

/// A program that runs a repository's hooks itself.
struct Manager {
    name: &'static str,
    /// Files at the root that tell it.
    files: &'static [&'static str],
    /// What to write into which file.
    recipe: &'static str,
    /// Whether a hook file of ours would be overwritten, or passed over.
    owns_hooks: bool,
}

const MANAGERS: [Manager; 5] = [
    Manager {
        name: "pre-commit",
        files: &[".pre-commit-config.yaml", "prek.toml"],
        recipe: "a hook of `repo: local` with `entry: fickgate hook`, `language: system`, `always_run: true` and `pass_filenames: false` in its file",
        owns_hooks: false,
    },
    Manager {
        name: "husky",
        files: &[".husky"],
        recipe: "`fickgate hook pre-commit` in .husky/pre-commit, `fickgate hook pre-push \"$@\"` in .husky/pre-push",
        owns_hooks: true,
    },
    Manager {
        name: "lefthook",
        files: &[
            "lefthook.yml",
            "lefthook.yaml",
            ".lefthook.yml",
            ".lefthook.yaml",
            "lefthook.toml",
            "lefthook.json",
        ],
        recipe: "a command with `run: fickgate hook pre-commit` below pre-commit in its file, and one with `run: fickgate hook pre-push {0}` and `use_stdin: true` below pre-push",
        owns_hooks: true,
    },
    Manager {
        name: "hk",
        files: &["hk.pkl"],
        recipe: "a step with `check = \"fickgate hook pre-commit\"` in its pre-commit hook",
        owns_hooks: true,
    },
    Manager {
        name: "overcommit",
        files: &[".overcommit.yml"],
        recipe: "a hook with `command: ['fickgate', 'hook', 'pre-commit']` below PreCommit",
        owns_hooks: true,
    },
];

/// Writes the policy file, installs or takes away hooks, and says what was done, a line each.
///
/// # Errors
/// What cannot be written, and hooks that belong to another program.
pub fn init(args: &InitArgs) -> Result<Vec<String>> {
    if args.uninstall {
        return install::uninstall(&HooksFolder::here()?);
    }
    let here = Source::here()?;
    let mut lines = Vec::new();
    let root = match here.root() {
        Some(root) => Some(root),
        None if here.in_repository() => None,
        None => Some(Path::new(".")),
    };
    match root {
        Some(root) => lines.push(write_policy(root)?),
        None if args.hooks => {}
        None => {
            return Err(Error::new("a bare repository has no file to write a policy to")
                .remedy("`fickgate init --hooks` installs its pre-receive hook"));
        }
    }
    let manager =
        root.and_then(|root| MANAGERS.iter().find(|m| m.files.iter().any(|f| root.join(f).exists())));
    if args.hooks {
        lines.extend(install_hooks(manager)?);
    } else if let Some(manager) = manager {
        lines.push(format!("next, as {} runs the hooks here: {}", manager.name, manager.recipe));
    } else if here.in_repository() {
        lines.push(
            "next: `fickgate` judges every file, `fickgate init --hooks` every commit and push".to_owned(),
        );
    }
    Ok(lines)
}

fn install_hooks(manager: Option<&Manager>) -> Result<Vec<String>> {
    if let Some(manager) = manager.filter(|m| m.owns_hooks) {
        return Err(Error::new(format!(
            "{} runs the hooks of this repository: none was installed",
            manager.name
        ))
        .remedy(format!("write {}", manager.recipe)));
    }
    let mut lines = install::install(&HooksFolder::here()?)?;
    if let Some(manager) = manager {
        lines.push(format!("for everybody who clones this, as it uses {}: {}", manager.name, manager.recipe));
    }
    Ok(lines)
}

/// Never over a file that is there.
fn write_policy(root: &Path) -> Result<String> {
    if let Some(name) = policy::FILES.into_iter().find(|name| root.join(name).symlink_metadata().is_ok()) {
        return Ok(format!("{name}: there already, left as it is"));
    }
    let name = policy::FILES[0];
    let file = OpenOptions::new().write(true).create_new(true).open(root.join(name));
    file.and_then(|mut file| file.write_all(TEMPLATE.as_bytes()))
        .map_err(|error| Error::new(format!("cannot write {name}: {error}")))?;
    Ok(format!("{name}: written; it allows what the built-in list allows, until you add to it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fickgate_engine::policy::Layer;
    use fickgate_engine::policy::file::PolicyFile;

    #[test]
    fn the_policy_file_changes_nothing_and_every_example_in_it_is_one() {
        let parse = |text: &str| PolicyFile::parse(text.as_bytes(), "x", Layer::Repository);
        let plain = parse(TEMPLATE).expect("a policy");
        assert!(plain.allow.is_empty() && plain.files.is_empty() && plain.deny.is_empty());
        // In a comment one space makes a sentence; what has none, or two, is an example.
        let sentence = |line: &str| line.starts_with("# ") && !line.starts_with("#  ");
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| if sentence(line) { line } else { line.strip_prefix('#').unwrap_or(line) })
            .flat_map(|line| [line, "\n"])
            .collect();
        let full = parse(&uncommented).expect("its examples are a policy");
        assert_eq!((full.allow.len(), full.files.len(), full.deny.len(), full.exclude.len()), (1, 1, 1, 1));
    }
}
