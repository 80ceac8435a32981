//! Every kind of repository that git makes here, against every mode: an evil model is refused, and the
//! honest repository before it passes.

use std::path::{Path, PathBuf};

use crate::repo::Repo;

/// `os.system("echo")`, as protocol 0 spells it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";
/// `{}`.
const CLEAN: &[u8] = b"\x80\x02}.";

/// How a repository is made, and what is done to it once it has a commit.
struct Kind {
    name: &'static str,
    init: &'static [&'static str],
    then: &'static [&'static [&'static str]],
}

const KINDS: &[Kind] = &[
    Kind { name: "sha256", init: &["--object-format=sha256"], then: &[] },
    Kind { name: "reftable", init: &["--ref-format=reftable"], then: &[] },
    Kind {
        name: "reftable of sha256",
        init: &["--object-format=sha256", "--ref-format=reftable"],
        then: &[],
    },
    Kind { name: "separate folder", init: &["--separate-git-dir=../apart"], then: &[] },
    Kind { name: "split index", init: &[], then: &[&["update-index", "--split-index"]] },
    Kind { name: "index version 4", init: &[], then: &[&["update-index", "--index-version", "4"]] },
    Kind { name: "untracked cache", init: &[], then: &[&["update-index", "--force-untracked-cache"]] },
    Kind { name: "detached", init: &[], then: &[&["checkout", "-q", "--detach"]] },
    Kind { name: "packed", init: &[], then: &[&["gc", "-q"], &["pack-refs", "--all"]] },
    Kind {
        name: "many packs",
        init: &[],
        then: &[&["repack", "-q"], &["multi-pack-index", "write"], &["commit-graph", "write", "--reachable"]],
    },
    Kind {
        name: "extensions",
        init: &[],
        then: &[
            &["config", "core.repositoryFormatVersion", "1"],
            &["config", "extensions.preciousObjects", "true"],
            &["config", "extensions.worktreeConfig", "true"],
        ],
    },
    Kind {
        name: "partial clone",
        init: &[],
        then: &[
            &["config", "core.repositoryFormatVersion", "1"],
            &["config", "extensions.partialClone", "origin"],
            &["config", "remote.origin.url", "../nowhere"],
        ],
    },
    Kind { name: "sparse", init: &[], then: &[&["sparse-checkout", "set", "--no-cone", "/only"]] },
    Kind {
        name: "sparse index",
        init: &[],
        then: &[&["sparse-checkout", "set", "--cone", "--sparse-index", "only"]],
    },
    Kind { name: "case folding", init: &[], then: &[&["config", "core.ignoreCase", "true"]] },
    Kind {
        name: "assumed unchanged",
        init: &[],
        then: &[&["update-index", "--assume-unchanged", "d/m.pkl"]],
    },
];

fn code(repo: &Repo, folder: &Path, args: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let file = repo.root.parent().unwrap().join("input");
    std::fs::write(&file, input).unwrap();
    let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), folder);
    let output = command.args(args).stdin(std::fs::File::open(&file).unwrap()).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// Every mode that covers what is staged, then every one that covers the last commit.
fn modes(repo: &Repo, kind: &str, folder: &Path, evil: bool) {
    let wanted = Some(i32::from(evil));
    let expect = |args: &[&str], input: &[u8]| {
        let (code, text) = code(repo, folder, args, input);
        assert_eq!(code, wanted, "{kind}: {args:?}: {text}");
        assert!(!text.contains("0 blobs"), "{kind}: {args:?} looked at nothing: {text}");
    };
    for args in [&["--staged"][..], &["hook", "pre-commit"], &["hook"], &["--diff", "HEAD"]] {
        expect(args, b"");
    }
    repo.git(&["-C", folder.to_str().unwrap(), "commit", "-q", "-m", "next"]);
    let [tip, base] =
        ["HEAD", "HEAD^"].map(|rev| repo.git(&["-C", folder.to_str().unwrap(), "rev-parse", rev]));
    let null = "0".repeat(tip.len());
    expect(&["--diff", "HEAD^..HEAD"], b"");
    expect(&["--diff", "HEAD^"], b"");
    expect(&["--history"], b"");
    expect(&["--history", "HEAD^..HEAD"], b"");
    expect(&["hook", "pre-push", "origin", "url"], format!("refs/x {tip} refs/x {base}\n").as_bytes());
    expect(&["hook", "pre-push", "origin", "url"], format!("refs/x {tip} refs/x {null}\n").as_bytes());
}

fn stage(folder: &Path, repo: &Repo, bytes: &[u8]) {
    let file = repo.root.parent().unwrap().join("bytes");
    std::fs::write(&file, bytes).unwrap();
    let at = folder.to_str().unwrap();
    let id = repo.git(&["-C", at, "hash-object", "-w", "--no-filters", file.to_str().unwrap()]);
    repo.git(&["-C", at, "update-index", "--add", "--cacheinfo", &format!("100644,{id},d/m.pkl")]);
}

#[test]
fn every_kind_of_repository_is_judged_in_every_mode() {
    for kind in KINDS {
        let repo = Repo::with(kind.init);
        repo.add("only/x.txt", "x");
        repo.add("d/m.pkl", b"\x80\x02].");
        repo.commit("base");
        for args in kind.then {
            repo.git(args);
        }
        for (bytes, evil) in [(CLEAN, false), (EVIL, true)] {
            stage(&repo.root, &repo, bytes);
            modes(&repo, kind.name, &repo.root, evil);
        }
    }
}

#[test]
fn linked_working_trees_are_judged_by_their_own_index() {
    for options in [&[][..], &["-c", "worktree.useRelativePaths=true"]] {
        let repo = Repo::new();
        repo.add("d/m.pkl", b"\x80\x02].");
        repo.commit("base");
        let args = [options, &["worktree", "add", "-q", "-b", "side", "../linked"]].concat();
        repo.git(&args);
        let linked: PathBuf = repo.root.parent().unwrap().join("linked");
        stage(&linked, &repo, EVIL);
        assert_eq!(code(&repo, &repo.root, &["--staged"], b"").0, Some(0));
        modes(&repo, "worktree", &linked, true);
    }
}

#[test]
fn a_push_that_only_deletes_brings_nothing() {
    let repo = Repo::new();
    repo.add("m.pkl", EVIL);
    let tip = repo.commit("evil, and there already");
    let null = "0".repeat(tip.len());
    for (args, input) in [
        (&["hook", "pre-push", "origin", "url"][..], format!("(delete) {null} refs/heads/x {tip}\n")),
        (&["hook", "pre-receive"], format!("{tip} {null} refs/heads/x\n")),
        (&["hook", "update", "refs/heads/x", &tip, &null], String::new()),
        (&["hook", "pre-push", "origin", "url"], String::new()),
    ] {
        let (code, text) = code(&repo, &repo.root, args, input.as_bytes());
        assert_eq!(code, Some(0), "{args:?}: {text}");
    }
    // Something that is not here cannot be vouched for.
    let unknown = "1".repeat(tip.len());
    let line = format!("refs/x {unknown} refs/x {null}\n");
    assert_eq!(code(&repo, &repo.root, &["hook", "pre-push", "o", "u"], line.as_bytes()).0, Some(2));
}
