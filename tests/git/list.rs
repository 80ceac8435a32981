//! What a source lists, asked in a process of its own: a source works in the current folder and
//! under the environment that git hands to its hooks, and both belong to a process.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use fickgate::source::git::hook;
use fickgate::source::{Checkout, Item, ObjectId, Origin, Selection, Source, Treeish};
use fickgate_engine::judge;
use fickgate_engine::policy::Policy;

use crate::repo::Repo;

/// The variable that says what to list; the others say where to write it and what to read beside.
const SELECTION: &str = "FICKGATE_TEST_SELECTION";
const OUTPUT: &str = "FICKGATE_TEST_OUTPUT";
const PLACE: &str = "FICKGATE_TEST_PLACE";

/// Not a test: the other half of [`listing`], which runs it in a child process.
#[test]
#[ignore = "run by the other tests"]
fn lister() {
    let (Some(selection), Some(output)) = (std::env::var_os(SELECTION), std::env::var_os(OUTPUT)) else {
        return;
    };
    let selection = selection.to_string_lossy().into_owned();
    let selection = match selection.split_once(' ') {
        Some(("diff", range)) => Selection::Diff(range.to_owned()),
        Some(("paths", paths)) => Selection::Paths(paths.split(' ').map(PathBuf::from).collect()),
        Some(("history", range)) => Selection::History(Some(range.to_owned())),
        Some(("hook", hook)) => {
            let mut words = hook.trim_end().split(' ').map(OsString::from);
            let (name, args) = (words.next().filter(|n| !n.is_empty()), words.collect::<Vec<_>>());
            let variable = |name: &str| std::env::var_os(name);
            match hook::selection(name.as_deref(), false, &args, &mut std::io::stdin().lock(), &variable) {
                Ok(selection) => selection,
                Err(e) => panic!("{e}"),
            }
        }
        _ if selection == "history" => Selection::History(None),
        _ if selection == "paths" => Selection::Paths(Vec::new()),
        _ => Selection::Staged,
    };
    std::fs::write(output, lines(&selection).join("\n")).expect("the listing is written");
}

fn commit(rev: &str) -> ObjectId {
    let output = Command::new("git").args(["rev-parse", "--verify", rev]).output().expect("git runs");
    ObjectId::from_hex(output.stdout.trim_ascii_end()).expect("a commit")
}

fn lines(selection: &Selection) -> Vec<String> {
    match Source::parts(selection, false) {
        Ok(parts) => parts.iter().flat_map(lines_of).collect(),
        Err(e) => vec![format!("error {e} | {}", e.help().unwrap_or(""))],
    }
}

fn lines_of(source: &Source) -> Vec<String> {
    if std::env::var_os(PLACE).is_some_and(|p| p == "nothing") {
        return vec![if source.nothing().is_some() { "nothing" } else { "something" }.to_owned()];
    }
    let mut lines = Vec::new();
    if let Some(place) = std::env::var_os(PLACE).filter(|p| !p.is_empty()) {
        let place = match place.to_string_lossy().as_ref() {
            "index" => Treeish::Index,
            "worktree" => Treeish::Worktree,
            "policy" => source.policy_place().clone(),
            rev => Treeish::Commit(commit(rev)),
        };
        lines.push(match source.read_file(&place, ".fickgate.yaml") {
            Ok(Some(bytes)) => format!("policy {}", bytes.escape_ascii()),
            Ok(None) => "policy none".to_owned(),
            Err(e) => format!("policy error {e}"),
        });
    }
    lines.extend(source.notices().iter().map(|n| format!("notice {n}")));
    source.visit(&mut |item| {
        let item = match item {
            Item::Target { led, .. } => *led,
            item => item,
        };
        lines.push(match item {
            Item::Blob(blob) => {
                let origin = match blob.origin {
                    Origin::Index => "index".to_owned(),
                    Origin::Commit(_) => "commit".to_owned(),
                    Origin::Store => "store".to_owned(),
                    Origin::Disk => "disk".to_owned(),
                };
                let bytes = blob.content.read_range(0, 64).expect("the content is readable");
                let line =
                    format!("{origin} {} {}", blob.path.as_bytes().escape_ascii(), bytes.escape_ascii());
                // What machines do by themselves, they do to every text.
                let asked = |c: &Checkout| !matches!(c, Checkout::Bytes { asked: false, .. });
                match blob.checkouts.into_iter().find(asked) {
                    None => line,
                    Some(Checkout::Bytes { contents, how, .. }) => {
                        let bytes = contents[0].read_range(0, 4096).expect("the content is readable");
                        format!("{line} | {how}: {}", bytes.escape_ascii())
                    }
                    Some(Checkout::Unknown(fault)) => {
                        let f = judge::file(&fault, &Policy::built_in());
                        format!("{line} | {} {}", f.rule, f.level.as_str())
                    }
                }
            }
            Item::Link { link: s, .. } => {
                format!("skipped {} {}", s.path.as_bytes().escape_ascii(), s.reason)
            }
            Item::Target { text, .. } => format!("target {}", text.path.as_bytes().escape_ascii()),
            Item::Unchanged(path) | Item::Elsewhere(path) => {
                format!("unchanged {}", path.as_bytes().escape_ascii())
            }
            Item::Skipped(s) => format!("skipped {} {}", s.path.as_bytes().escape_ascii(), s.reason),
            Item::Fault(fault) => {
                let f = judge::file(&fault, &Policy::built_in());
                format!("{} {} {}", f.rule, f.level.as_str(), f.path.as_bytes().escape_ascii())
            }
            Item::Failed(f) => format!("failed {} {}", f.path.as_bytes().escape_ascii(), f.message),
        });
        ControlFlow::Continue(())
    });
    lines
}

impl Repo {
    /// The command that lists `selection` in `folder`, and the file it writes.
    pub fn lister(&self, folder: &Path, selection: &str) -> (Command, PathBuf) {
        let output = self.root.parent().expect("a parent").join("listing");
        let _ = std::fs::remove_file(&output);
        let mut command = self.command(std::env::current_exe().expect("this test's path"), folder);
        command.args(["--exact", "list::lister", "--ignored", "--quiet"]);
        command.env(SELECTION, selection).env(OUTPUT, &output);
        (command, output)
    }

    /// What is listed from `folder`, one line an item.
    pub fn list_in(&self, folder: &Path, selection: &str) -> Vec<String> {
        let (mut command, output) = self.lister(folder, selection);
        let run = command.output().expect("the lister runs");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        read(&output)
    }

    /// What is listed from the root.
    pub fn list(&self, selection: &str) -> Vec<String> {
        self.list_in(&self.root, selection)
    }

    /// The policy file as the source of `selection` reads it at `place`.
    pub fn policy(&self, selection: &str, place: &str) -> String {
        let (mut command, output) = self.lister(&self.root, selection);
        assert!(command.env(PLACE, place).output().expect("the lister runs").status.success());
        read(&output).remove(0)
    }

    /// Whether a selection has anything to compare: `nothing` or `something`.
    pub fn nothing(&self, selection: &str) -> String {
        self.policy(selection, "nothing")
    }

    /// A hook that lists what it is to judge, and the file it writes.
    pub fn listing_hook(&self, hook: &str) -> (String, PathBuf) {
        let (command, output) = self.lister(&self.root, "staged");
        let exe = command.get_program().to_string_lossy().into_owned();
        let script = format!(
            "#!/bin/sh\n{SELECTION}=\"hook {hook} $*\" {OUTPUT}='{}' {PLACE}=\"$LIST_PLACE\" exec '{exe}' --exact list::lister --ignored --quiet >/dev/null\n",
            output.display()
        );
        (script, output)
    }

    /// Runs a git command with such a hook, and gives its listing.
    pub fn list_in_hook(&self, hook: &str, git: &[&str]) -> Vec<String> {
        let (script, output) = self.listing_hook(hook);
        self.hook(hook, &script);
        self.git(git);
        read(&output)
    }

    /// Installs a hook.
    pub fn hook(&self, name: &str, script: &str) {
        let folder = PathBuf::from(self.git(&["rev-parse", "--git-path", "hooks"]));
        let folder = self.root.join(folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(name);
        std::fs::write(&path, script).expect("a hook");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("an executable hook");
        }
    }
}

/// A listing that was written.
pub fn read(output: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(output).expect("the lister wrote its listing");
    text.lines().map(str::to_owned).collect()
}
