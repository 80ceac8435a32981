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
fn the_policy_is_the_one_of_the_tip_of_the_base() {
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
    for mode in ["diff main", "diff main...topic", "diff main..topic", "history main..topic"] {
        assert_eq!(repo.policy(mode, "policy"), "policy later", "{mode}");
    }
}

#[test]
fn names_mean_branches_of_the_remote_and_no_tags() {
    let repo = forked();
    repo.add("topic.pkl", "t");
    repo.commit("topic");
    let topic = ["commit topic.pkl t"];
    // Whoever may push a tag would choose what is compared.
    for tag in ["main", "origin/main", "topic"] {
        repo.git(&["tag", tag, if tag == "topic" { "refs/heads/main" } else { "refs/heads/topic" }]);
    }
    assert_eq!(repo.list("diff main...topic"), topic, "both are branches");
    // The remote's branch before the local one, which may be old or somebody's own.
    repo.git(&["remote", "add", "origin", "https://example.invalid/x.git"]);
    repo.git(&["update-ref", "refs/remotes/origin/main", "refs/heads/main"]);
    repo.git(&["branch", "-q", "-f", "main", "refs/heads/topic"]);
    for base in ["main", "origin/main", "refs/remotes/origin/main", "main~0"] {
        assert_eq!(repo.list(&format!("diff {base}...topic")), topic, "{base}");
    }
    // What is judged is the branch that is here.
    repo.git(&["update-ref", "refs/remotes/origin/topic", "refs/remotes/origin/main"]);
    assert_eq!(repo.list("diff main...topic"), topic);
    // One name, two branches: neither is chosen.
    repo.git(&["branch", "-q", "origin/main", "refs/heads/topic"]);
    let error = &repo.list("diff origin/main...topic")[0];
    assert!(error.contains("refs/heads/origin/main and refs/remotes/origin/main"), "{error}");
    assert_eq!(repo.list("diff refs/remotes/origin/main...topic"), topic);
    // A tag is one where it is written as one.
    repo.git(&["tag", "v1", "refs/remotes/origin/main"]);
    let error = &repo.list("diff v1...topic")[0];
    assert!(error.contains("write it as refs/tags/v1"), "{error}");
    assert_eq!(repo.list("diff refs/tags/v1...topic"), topic);
    let short = &repo.git(&["rev-parse", "refs/tags/v1"])[..9];
    repo.git(&["tag", short, "refs/heads/topic"]);
    assert_eq!(repo.list(&format!("diff {short}...topic")), topic, "a short name of a commit, and a tag");
    repo.git(&["branch", "-q", short, "refs/heads/topic"]);
    assert!(repo.list(&format!("diff {short}...topic"))[0].contains("not the same"));
}

#[test]
fn a_range_without_a_commit_is_said_to_be_one() {
    let repo = forked();
    for nothing in ["diff main...topic", "diff main..main", "diff ..", "diff main", "history main..topic"] {
        assert_eq!(repo.nothing(nothing), "nothing", "{nothing}");
    }
    repo.write("m.pkl", "on disk");
    assert_eq!(repo.nothing("diff main"), "something", "the disk has a change");
    repo.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
    for range in ["diff main..topic", "diff topic..main", "diff main...topic", "history main..topic"] {
        assert_eq!(repo.nothing(range), "something", "{range}: no file changed, and that was looked at");
    }
}

#[test]
fn what_differs_from_any_of_several_merge_bases_counts() {
    let repo = Repo::new();
    repo.commit("root");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.add("left.pkl", "l");
    repo.commit("left");
    repo.git(&["checkout", "-q", "main"]);
    repo.add("right.pkl", "r");
    repo.commit("right");
    // Each takes in what the other was: two merge bases, and neither is better.
    repo.git(&["branch", "old"]);
    repo.git(&["merge", "-q", "-m", "x", "topic"]);
    repo.git(&["checkout", "-q", "topic"]);
    repo.git(&["merge", "-q", "-m", "y", "old"]);
    assert_eq!(repo.git(&["merge-base", "--all", "main", "topic"]).lines().count(), 2);
    repo.add("new.pkl", "n");
    repo.commit("new");
    let got = repo.list("diff main...topic");
    assert_eq!(got, ["commit left.pkl l", "commit new.pkl n", "commit right.pkl r"]);
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
