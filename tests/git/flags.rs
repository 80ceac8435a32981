//! Flags that say where the policy is read and how much is read at once.

use std::process::Output;

use crate::repo::Repo;

/// `os.system("echo")`, as protocol 0 spells it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";
/// A policy that allows it.
const ALLOWS: &str = "version: 1\nallow:\n- import: os.system\n  reason: a test\n  use: [call]\n";

fn fickgate(repo: &Repo, args: &[&str]) -> Output {
    repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap()
}

fn code(repo: &Repo, args: &[&str]) -> Option<i32> {
    fickgate(repo, args).status.code()
}

#[test]
fn the_policy_can_be_read_from_elsewhere() {
    let repo = Repo::new();
    repo.commit("base");
    repo.git(&["branch", "base-of-it"]);
    repo.add("evil.pkl", EVIL);
    repo.add(".fickgate.yaml", ALLOWS);
    repo.commit("a change that allows itself");
    let diff = |place: &[&str]| code(&repo, &[&["--diff", "HEAD^..HEAD"], place].concat());
    assert_eq!(diff(&[]), Some(1));
    assert_eq!(diff(&["--policy-from", "base"]), Some(1));
    assert_eq!(diff(&["--policy-from", "head"]), Some(0));
    assert_eq!(diff(&["--policy-from", "index"]), Some(0));
    assert_eq!(diff(&["--policy-from", "worktree"]), Some(0));
    assert_eq!(diff(&["--policy-from", "HEAD^"]), Some(1));
    assert_eq!(diff(&["--policy-from", "base-of-it"]), Some(1));
    assert_eq!(diff(&["--policy-from", "main"]), Some(0));
    for wrong in ["nowhere", "--help", ""] {
        assert_eq!(diff(&[&format!("--policy-from={wrong}")]), Some(2), "{wrong}");
    }
    // What is staged: its index, unless HEAD is to judge.
    repo.git(&["reset", "-q", "--soft", "HEAD^"]);
    assert_eq!(code(&repo, &["--staged"]), Some(0));
    assert_eq!(code(&repo, &["--staged", "--policy-from", "base"]), Some(1));
    assert_eq!(code(&repo, &["hook", "--policy-from", "base", "pre-commit"]), Some(1));
}

#[test]
fn a_place_that_is_not_there_is_an_error() {
    let folder = Repo::folder();
    folder.write("m.pkl", b"\x80\x02}.");
    assert_eq!(code(&folder, &["."]), Some(0));
    assert_eq!(code(&folder, &["--policy-from", "head", "."]), Some(2));
    let repo = Repo::new();
    repo.add("m.pkl", b"\x80\x02}.");
    repo.commit("base");
    repo.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    for (place, wanted) in [("index", 2), ("worktree", 2), ("head", 0)] {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root.join("../bare.git"));
        let output = command.args(["--history", "--policy-from", place]).output().unwrap();
        assert_eq!(output.status.code(), Some(wanted), "{place}");
    }
}

#[test]
fn the_number_of_jobs_changes_nothing_that_is_printed() {
    let repo = Repo::new();
    for index in 0..60 {
        let bytes: &[u8] = if index % 3 == 0 { EVIL } else { b"\x80\x02}." };
        repo.write(format!("d{}/m{index}.pkl", index % 7), [bytes, &[b'\n'; 1], &vec![b' '; index]].concat());
    }
    let one = fickgate(&repo, &["--jobs", "1", "--format", "json", "."]);
    assert_eq!(one.status.code(), Some(1));
    for jobs in ["2", "7", "64"] {
        let many = fickgate(&repo, &["--jobs", jobs, "--format", "json", "."]);
        assert_eq!(one.stdout, many.stdout, "{jobs}");
    }
    for wrong in ["0", "-1", "many"] {
        assert_eq!(code(&repo, &[&format!("--jobs={wrong}")]), Some(2));
    }
}
