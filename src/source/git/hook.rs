//! What git's hooks, and the frameworks that stand in for them, want to have judged.

use std::ffi::{OsStr, OsString};
use std::io::Read;

use crate::ci;
use crate::source::git::object::ObjectId;
use crate::source::selection::{Push, Selection};
use fickgate_engine::error::{Error, Result};

/// The longest list of refs that is read from a hook's standard input, in bytes.
const INPUT: u64 = 64 << 20;

/// The selection for a hook. `name` is git's name of it, or `None` under a framework that calls one
/// command for every hook; `all` says that every tracked file is meant; `input` is the hook's standard
/// input, `variable` reads the environment.
///
/// # Errors
/// A hook that has nothing to judge, or a list of refs that is not what git writes.
pub fn selection(
    name: Option<&OsStr>,
    all: bool,
    args: &[OsString],
    input: &mut dyn Read,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Selection> {
    if all {
        return Ok(Selection::Tracked);
    }
    let Some(name) = name else { return framework(variable) };
    match name.to_str() {
        Some("pre-commit" | "pre-merge-commit" | "pre-applypatch") => Ok(Selection::Staged),
        Some("pre-push") => {
            let mut push =
                Push { tips: Vec::new(), old: Vec::new(), remote: args.first().cloned(), more: false };
            for line in lines(input)? {
                // From the end: the first field is what the user typed and may hold anything.
                let mut fields = line.rsplitn(4, |b| *b == b' ');
                let (remote, _, local) = (fields.next(), fields.next(), fields.next());
                push.add(local, remote, &line)?;
            }
            Ok(Selection::Push(push))
        }
        Some("pre-receive") => {
            let mut push = Push { tips: Vec::new(), old: Vec::new(), remote: None, more: false };
            for line in lines(input)? {
                let mut fields = line.splitn(3, |b| *b == b' ');
                let (old, new) = (fields.next(), fields.next());
                push.add(new, old, &line)?;
            }
            Ok(Selection::Push(push))
        }
        Some("update") => {
            let [_, old, new] = args else {
                return Err(Error::new("the update hook is given three arguments: REF OLD NEW")
                    .remedy("in hooks/update: exec fickgate hook update \"$@\""));
            };
            let mut push = Push { tips: Vec::new(), old: Vec::new(), remote: None, more: false };
            let (old, new) = (old.as_encoded_bytes(), new.as_encoded_bytes());
            push.add(Some(new), Some(old), new)?;
            Ok(Selection::Push(push))
        }
        _ => Err(Error::new(format!(
            "no hook to judge anything in: {}",
            name.to_string_lossy().escape_debug()
        ))
        .remedy("use pre-commit, pre-merge-commit, pre-applypatch, pre-push, pre-receive or update")),
    }
}

impl Push {
    fn add(&mut self, new: Option<&[u8]>, old: Option<&[u8]>, line: &[u8]) -> Result<()> {
        let id = |field: Option<&[u8]>| {
            field.and_then(ObjectId::from_hex).ok_or_else(|| {
                let line = String::from_utf8_lossy(line);
                Error::new(format!("the hook's input is not what git writes: {}", line.escape_debug()))
                    .remedy("call fickgate from the hook directly, with its standard input and arguments")
            })
        };
        let (new, old) = (id(new)?, id(old)?);
        if !new.is_null() {
            self.tips.push(new);
        }
        if !old.is_null() {
            self.old.push(old);
        }
        Ok(())
    }
}

/// Under the pre-commit framework and its likes: a range where one is named; what is staged where git is
/// about to commit it, which git tells its hooks by the index to look at; else every tracked file, as by
/// `--all-files`, which the frameworks tell nobody. Nothing passes because nothing was looked at.
fn framework(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Selection> {
    let text = |name: &str| {
        let value = variable(name).filter(|v| !v.is_empty());
        value
            .map(|v| v.into_string().map_err(|_| Error::new(format!("{name} is not valid UTF-8"))))
            .transpose()
    };
    let (from, to) = (text("PRE_COMMIT_FROM_REF")?, text("PRE_COMMIT_TO_REF")?);
    if let Some(remote) = variable("PRE_COMMIT_REMOTE_NAME").filter(|v| !v.is_empty()) {
        // A framework reads the list of refs itself and names the first of them: any other branch or tag may
        // be pushed as well. A push publishes every commit, also what a later one removes.
        let id = |name: &Option<String>| name.as_ref().and_then(|n| ObjectId::from_hex(n.as_bytes()));
        let tips = [id(&to), id(&text("PRE_COMMIT_LOCAL_BRANCH")?)].into_iter().flatten().collect();
        let old = id(&from).into_iter().collect();
        return Ok(Selection::Push(Push { tips, old, remote: Some(remote), more: true }));
    }
    let git = variable("GIT_INDEX_FILE").is_some() && !ci::is_ci(variable);
    Ok(match (from, to) {
        (Some(from), Some(to)) => Selection::Diff(format!("{from}...{to}")),
        _ if git => Selection::Staged,
        _ => Selection::Tracked,
    })
}

fn lines(input: &mut dyn Read) -> Result<Vec<Vec<u8>>> {
    let mut text = Vec::new();
    let read = input.take(INPUT + 1).read_to_end(&mut text);
    read.map_err(|e| Error::new(format!("the hook's standard input cannot be read: {e}")))?;
    if text.len() as u64 > INPUT {
        return Err(Error::new(format!("the hook's standard input is longer than {INPUT} bytes"))
            .remedy("push fewer refs at once"));
    }
    Ok(text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1111111111111111111111111111111111111111";
    const B: &str = "2222222222222222222222222222222222222222";
    const NULL: &str = "0000000000000000000000000000000000000000";

    fn of(name: Option<&str>, args: &[&str], input: &str, env: &[(&str, &str)]) -> Result<Selection> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let variable = |n: &str| env.iter().find(|(k, _)| *k == n).map(|(_, v)| OsString::from(v));
        selection(name.map(OsStr::new), false, &args, &mut input.as_bytes(), &variable)
    }

    fn id(hex: &str) -> ObjectId {
        ObjectId::from_hex(hex.as_bytes()).expect("a name")
    }

    #[test]
    fn every_line_of_a_push_counts_and_deletions_bring_nothing() {
        let input = format!(
            "refs/heads/a {A} refs/heads/a {NULL}\n(delete) {NULL} refs/heads/b {B}\nmain@{{1 day ago}} {B} refs/heads/c {A}\n"
        );
        let got = of(Some("pre-push"), &["origin", "https://example.org/x"], &input, &[]).expect("a push");
        let Selection::Push(push) = got else { panic!("{got:?}") };
        assert_eq!(push.tips, [id(A), id(B)]);
        assert_eq!(push.old, [id(B), id(A)]);
        assert_eq!(push.remote.as_deref(), Some(OsStr::new("origin")));
    }

    #[test]
    fn receiving_has_the_old_object_first() {
        let input = format!("{A} {B} refs/heads/main\n{NULL} {A} refs/tags/x y\n");
        let got = of(Some("pre-receive"), &[], &input, &[]).expect("a push");
        let Selection::Push(push) = got else { panic!("{got:?}") };
        assert_eq!((push.tips, push.old), (vec![id(B), id(A)], vec![id(A)]));
        let got = of(Some("update"), &["refs/heads/main", A, NULL], "", &[]).expect("a deletion");
        assert_eq!(got, Selection::Push(Push { tips: vec![], old: vec![id(A)], remote: None, more: false }));
    }

    #[test]
    fn input_of_another_form_is_an_error() {
        assert!(of(Some("pre-push"), &[], "refs/heads/a xyz refs/heads/a 0\n", &[]).is_err());
        assert!(of(Some("pre-receive"), &[], "garbage\n", &[]).is_err());
        assert!(of(Some("update"), &["refs/heads/main"], "", &[]).is_err());
        assert!(of(Some("post-checkout"), &[], "", &[]).is_err());
    }

    #[test]
    fn frameworks_say_what_they_want_in_the_environment() {
        assert_eq!(of(None, &[], "", &[]).ok(), Some(Selection::Tracked), "run by hand");
        let index = ("GIT_INDEX_FILE", ".git/index");
        assert_eq!(of(None, &[], "", &[index]).ok(), Some(Selection::Staged), "git commits");
        assert_eq!(of(None, &[], "", &[index, ("CI", "true")]).ok(), Some(Selection::Tracked));
        let range = [("PRE_COMMIT_FROM_REF", A), ("PRE_COMMIT_TO_REF", B)];
        assert_eq!(of(None, &[], "", &range).ok(), Some(Selection::Diff(format!("{A}...{B}"))));
        assert_eq!(of(None, &[], "", &range[..1]).ok(), Some(Selection::Tracked));
        let push = |tips: &[&str], old: &[&str]| {
            let ids = |names: &[&str]| names.iter().map(|hex| id(hex)).collect();
            let remote = Some(OsString::from("origin"));
            Some(Selection::Push(Push { tips: ids(tips), old: ids(old), remote, more: true }))
        };
        let origin = ("PRE_COMMIT_REMOTE_NAME", "origin");
        assert_eq!(of(None, &[], "", &[range[0], range[1], origin]).ok(), push(&[B], &[A]));
        let first = [origin, ("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/new")];
        assert_eq!(of(None, &[], "", &first).ok(), push(&[], &[]), "a branch without a range");
        let got = selection(None, true, &[], &mut &b""[..], &|n| (n == index.0).then(|| index.1.into()));
        assert_eq!(got.ok(), Some(Selection::Tracked), "--all");
    }
}
