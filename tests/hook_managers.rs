//! The recipes of `docs/ci.md` for husky and lefthook, run by the real programs.
//!
//! Both have to be on the PATH, from npm: `cargo test --test hook_managers -- --ignored`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "git/repo.rs"]
#[allow(dead_code)]
mod repo;

use std::fs;
use std::path::Path;
use std::process::Output;

use repo::Repo;

const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
const CLEAN: &[u8] = b"\x80\x04]\x94K\x01a.";

/// The code block below a heading of the documentation.
fn recipe(heading: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let part = page.split(&format!("### {heading}\n")).nth(1).expect("a heading");
    let block = part.split("```").nth(1).expect("a code block");
    block.split_once('\n').expect("a language").1.to_owned()
}

fn run(repo: &Repo, program: &str, args: &[&str]) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    repo.command(program, &repo.root).args(args).env("PATH", path).output().unwrap()
}

fn done(repo: &Repo, program: &str, args: &[&str]) {
    let output = run(repo, program, args);
    assert!(output.status.success(), "{program} {args:?}: {}", text(&output));
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A malicious commit and a malicious push are refused, clean ones pass.
fn refuses_and_passes(repo: &Repo) {
    let commit = |name: &str, bytes: &[u8]| {
        fs::write(repo.root.join(name), bytes).unwrap();
        repo.git(&["add", name]);
        run(repo, "git", &["commit", "-qm", name])
    };
    let clean = commit("clean.pkl", CLEAN);
    assert!(clean.status.success(), "{}", text(&clean));
    let evil = commit("evil.pkl", EVIL);
    assert!(!evil.status.success() && text(&evil).contains("os.system"), "{}", text(&evil));
    repo.git(&["commit", "-qnm", "evil"]);
    repo.git(&["init", "-q", "--bare", "../remote"]);
    let push = run(repo, "git", &["push", "-q", "../remote", "main"]);
    assert!(!push.status.success() && text(&push).contains("os.system"), "{}", text(&push));
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let push = run(repo, "git", &["push", "-q", "../remote", "main"]);
    assert!(push.status.success(), "{}", text(&push));
}

#[test]
#[ignore = "needs husky"]
fn husky_runs_the_recipe() {
    let repo = Repo::new();
    fs::write(repo.root.join("package.json"), "{}").unwrap();
    done(&repo, "husky", &[]);
    done(&repo, "sh", &["-ec", &recipe("husky")]);
    refuses_and_passes(&repo);
}

#[test]
#[ignore = "needs lefthook"]
fn lefthook_runs_the_recipe() {
    let repo = Repo::new();
    fs::write(repo.root.join("lefthook.yml"), recipe("lefthook")).unwrap();
    done(&repo, "lefthook", &["install"]);
    refuses_and_passes(&repo);
}
