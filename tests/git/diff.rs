//! `--diff`: what changed, up to a commit or up to the disk.

use crate::repo::Repo;

/// `main` with one file, and a branch `topic` that is checked out.
fn forked() -> Repo {
    let repo = Repo::new();
    repo.add("kept.pkl", "kept");
    repo.add("m.pkl", "base");
    repo.commit("base");
    repo.git(&["checkout", "-qb", "topic"]);
    repo
}

#[test]
fn committed_staged_changed_and_new_files_count() {
    let repo = forked();
    repo.add("committed.pkl", "c");
    repo.commit("topic");
    repo.add("staged.pkl", "s");
    repo.write("m.pkl", "unstaged");
    repo.write("new/untracked.pkl", "u");
    repo.write(".gitignore", "ignored.pkl\n");
    repo.write("ignored.pkl", "i");
    repo.git(&["rm", "-q", "kept.pkl"]);
    // What main does meanwhile is no change of this branch.
    repo.git(&["branch", "-q", "-f", "elsewhere", "main"]);
    let expected = [
        r"disk .gitignore ignored.pkl\n",
        "commit committed.pkl c",
        "disk m.pkl unstaged",
        "disk new/untracked.pkl u",
        "index staged.pkl s",
    ];
    assert_eq!(repo.list("diff main"), expected);
    assert_eq!(repo.list_in(&repo.root.join("new"), "diff main"), expected, "the same from a subdirectory");
}

#[test]
fn every_version_of_a_file_is_judged_once() {
    let repo = forked();
    repo.add("m.pkl", "committed");
    repo.commit("topic");
    assert_eq!(repo.list("diff main"), ["commit m.pkl committed"]);
    repo.add("m.pkl", "staged");
    repo.write("m.pkl", "on disk");
    let mut got = repo.list("diff main");
    got.sort_unstable();
    assert_eq!(got, ["commit m.pkl committed", "disk m.pkl on disk", "index m.pkl staged"]);
}

#[test]
fn only_this_side_of_the_fork_counts() {
    let repo = forked();
    repo.add("topic.pkl", "t");
    repo.commit("topic");
    repo.git(&["checkout", "-q", "main"]);
    repo.add("main.pkl", "m");
    repo.commit("main moves on");
    repo.git(&["checkout", "-q", "topic"]);
    assert_eq!(repo.list("diff main"), ["commit topic.pkl t"]);
    assert_eq!(repo.list("diff main...topic"), ["commit topic.pkl t"]);
    assert_eq!(repo.list("diff topic...main"), ["commit main.pkl m"]);
    assert_eq!(repo.list("diff main..topic"), ["commit topic.pkl t"], "a deletion is no content");
}

#[test]
fn ranges_are_about_commits_only() {
    let repo = forked();
    repo.add("committed.pkl", "c");
    repo.commit("topic");
    repo.add("staged.pkl", "s");
    repo.write("untracked.pkl", "u");
    for range in ["diff main..topic", "diff main..", "diff main...", "diff HEAD^..HEAD"] {
        assert_eq!(repo.list(range), ["commit committed.pkl c"], "{range}");
    }
}

#[test]
fn the_policy_is_the_one_of_the_base() {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", "base");
    repo.commit("base");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.add(".fickgate.yaml", "allow everything");
    repo.commit("topic");
    repo.git(&["checkout", "-q", "main"]);
    repo.add(".fickgate.yaml", "later");
    repo.commit("main moves on");
    repo.git(&["checkout", "-q", "topic"]);
    assert_eq!(repo.policy("diff main", "policy"), "policy base");
    assert_eq!(repo.policy("diff main...topic", "policy"), "policy base");
    assert_eq!(repo.policy("diff main..topic", "policy"), "policy later");
}

#[test]
fn an_unknown_revision_names_the_fetch_that_gets_it() {
    let repo = forked();
    let unknown = repo.list("diff nowhere");
    assert!(unknown[0].starts_with("error unknown revision: nowhere"), "{unknown:?}");
    repo.git(&["remote", "add", "origin", "https://example.invalid/x.git"]);
    let unknown = repo.list("diff origin/release");
    assert!(
        unknown[0].contains("git fetch origin release:refs/remotes/origin/release"),
        "the exact command: {unknown:?}"
    );
    for odd in ["diff --output=x", "diff -h", "diff \u{1b}[31m", "diff main^{tree}"] {
        assert!(repo.list(odd)[0].starts_with("error "), "{odd:?}");
    }
    assert!(!repo.root.join("x").exists());
}

#[test]
fn unrelated_histories_have_no_base() {
    let repo = forked();
    repo.git(&["checkout", "-q", "--orphan", "island"]);
    repo.git(&["rm", "-rfq", "."]);
    repo.add("i.pkl", "i");
    repo.commit("island");
    let got = repo.list("diff main");
    assert!(got[0].contains("no common history") && got[0].contains("fickgate --diff main..HEAD"), "{got:?}");
    assert_eq!(repo.list("diff main..HEAD"), ["commit i.pkl i"]);
}

#[test]
fn an_unborn_head_has_nothing_to_compare() {
    let repo = Repo::new();
    let got = repo.list("diff HEAD");
    assert!(got[0].contains("HEAD has no commit yet") && got[0].contains("--staged"), "{got:?}");
}

/// A clone as a pull request's check has it: `refs/pull/1/merge`, at some depth.
fn pull_request(depth: Option<u32>) -> (Repo, Repo) {
    let origin = forked();
    origin.add("evil.pkl", "brought");
    origin.commit("topic");
    origin.git(&["checkout", "-q", "main"]);
    origin.add("main.pkl", "main only");
    origin.commit("main moves on");
    origin.git(&["checkout", "-q", "--detach"]);
    origin.git(&["merge", "-q", "--no-ff", "--no-edit", "topic"]);
    origin.git(&["update-ref", "refs/pull/1/merge", "HEAD"]);
    origin.git(&["checkout", "-q", "main"]);
    let clone = Repo::new();
    clone.git(&["remote", "add", "origin", &format!("file://{}", origin.root.display())]);
    let depth = depth.map(|d| format!("--depth={d}"));
    let mut fetch = vec!["fetch", "-q", "--no-tags"];
    fetch.extend(depth.as_deref());
    fetch.extend(["origin", "+refs/pull/1/merge:refs/remotes/pull/1/merge"]);
    clone.git(&fetch);
    clone.git(&["checkout", "-q", "--detach", "refs/remotes/pull/1/merge"]);
    (origin, clone)
}

#[test]
fn a_pull_request_shows_its_effect_at_every_depth() {
    for depth in [Some(2), Some(50), None] {
        let (_origin, clone) = pull_request(depth);
        assert_eq!(clone.list("diff HEAD^1..HEAD"), ["commit evil.pkl brought"], "depth {depth:?}");
    }
    let (_origin, clone) = pull_request(Some(1));
    let got = clone.list("diff HEAD^1..HEAD");
    assert!(got[0].starts_with("error unknown revision: HEAD^1"), "{got:?}");
}

#[test]
fn a_shallow_clone_without_merge_base_compares_the_tips() {
    let (origin, clone) = pull_request(Some(1));
    let got = clone.list("diff origin/main");
    assert!(
        got[0].contains("git fetch --no-tags --depth=1 origin main:refs/remotes/origin/main"),
        "the exact command: {got:?}"
    );
    clone.git(&["fetch", "-q", "--no-tags", "--depth=1", "origin", "main:refs/remotes/origin/main"]);
    let got = clone.list("diff origin/main");
    assert!(got[0].starts_with("notice no merge base with origin/main"), "{got:?}");
    assert_eq!(got[1..], ["commit evil.pkl brought"]);
    drop(origin);
}

#[test]
fn other_repositories_inside_are_said() {
    let repo = forked();
    repo.git(&["init", "-q", "inner"]);
    repo.write("inner/x.pkl", "x");
    assert_eq!(repo.list("diff main"), ["skipped inner another repository inside this one"]);
}
