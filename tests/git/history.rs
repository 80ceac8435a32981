//! `--history`: what every commit introduced.

use crate::repo::Repo;

#[test]
fn what_was_added_and_removed_again_is_found() {
    let repo = Repo::new();
    repo.add("a.txt", "a");
    repo.commit("base");
    repo.add("m.pkl", "gone since");
    repo.commit("add");
    repo.git(&["rm", "-q", "m.pkl"]);
    repo.commit("remove");
    repo.git(&["branch", "-q", "side", "HEAD^"]);
    repo.write("untracked.pkl", "u");
    repo.add("staged.pkl", "s");
    assert_eq!(repo.list("history"), ["commit a.txt a", "commit m.pkl gone since"]);
    assert_eq!(repo.list("history HEAD~2..HEAD"), ["commit m.pkl gone since"]);
    assert_eq!(repo.list("history HEAD^..HEAD"), Vec::<String>::new());
}

#[test]
fn a_shallow_history_says_that_it_is_cut() {
    let repo = Repo::new();
    repo.add("m.pkl", "gone since");
    repo.commit("add");
    repo.git(&["rm", "-q", "m.pkl"]);
    repo.add("a.txt", "a");
    repo.commit("remove");
    let url = format!("file://{}", repo.root.display());
    repo.git(&["clone", "-q", "--depth=1", &url, "../clone"]);
    let got = repo.list_in(&repo.root.parent().unwrap().join("clone"), "history");
    assert!(got[0].starts_with("notice this clone is shallow"), "{got:?}");
    assert_eq!(got[1..], ["commit a.txt a"]);
}

#[test]
fn every_blob_counts_once_and_again_under_another_name() {
    let repo = Repo::new();
    repo.add("one.bin", "same");
    repo.commit("one");
    repo.add("moved/one.bin", "same");
    repo.add("three.pt", "same");
    repo.commit("two");
    repo.git(&["rm", "-q", "one.bin"]);
    repo.commit("three");
    let got = repo.list("history");
    assert_eq!(got, ["commit one.bin same", "unchanged moved/one.bin", "commit three.pt same"]);
}

#[test]
fn a_merge_is_judged_for_what_it_brings_itself() {
    let repo = Repo::new();
    repo.add("a", "base");
    repo.commit("base");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.add("a", "theirs");
    repo.commit("theirs");
    repo.git(&["checkout", "-q", "main"]);
    repo.add("b", "ours");
    repo.commit("ours");
    repo.git(&["merge", "-q", "--no-commit", "topic"]);
    repo.add("evil.pkl", "only in the merge");
    repo.add("a", "changed in the merge");
    repo.commit("merge");
    let got = repo.list("history HEAD^..HEAD");
    assert_eq!(
        got,
        ["commit a theirs", "commit a changed in the merge", "commit evil.pkl only in the merge"]
    );
    let tip_only = repo.list("history HEAD^@..HEAD");
    assert!(tip_only[0].starts_with("error unknown revision"), "{tip_only:?}");
    assert_eq!(repo.list("history").len(), 5);
}

#[test]
fn refs_of_every_kind_count() {
    let repo = Repo::new();
    repo.add("a", "a");
    repo.commit("base");
    let blob = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"tagged blob");
    repo.git(&["tag", "-a", "-m", "x", "blob", &blob]);
    repo.add("t.pkl", "tagged tree");
    let tree = repo.git(&["write-tree"]);
    repo.git(&["tag", "tree", &tree]);
    repo.git(&["reset", "-q", "--hard"]);
    repo.add("s.pkl", "stashed");
    repo.git(&["stash", "-q"]);
    repo.git(&["notes", "add", "-m", "noted"]);
    repo.git(&["checkout", "-q", "--detach"]);
    repo.add("d.pkl", "detached");
    repo.commit("detached");
    let got = repo.list("history");
    for wanted in
        ["tagged blob", "t.pkl tagged tree", "s.pkl stashed", r"noted\n", "d.pkl detached", "commit a a"]
    {
        assert!(got.iter().any(|line| line.ends_with(wanted)), "{wanted}: {got:?}");
    }
}

#[test]
fn replaced_and_grafted_commits_hide_nothing() {
    let repo = Repo::new();
    repo.add("a", "a");
    let base = repo.commit("base");
    repo.add("m.pkl", "hidden");
    let hidden = repo.commit("hidden");
    repo.git(&["rm", "-q", "m.pkl"]);
    let tip = repo.commit("tip");
    repo.git(&["replace", "--graft", &tip, &base]);
    repo.write(".git/info/grafts", format!("{hidden} \n{tip} {base}\n"));
    assert!(repo.list("history").contains(&"commit m.pkl hidden".to_owned()));
    assert_eq!(repo.list(&format!("history {base}..{tip}")), ["commit m.pkl hidden"]);
}

#[test]
fn names_of_any_bytes_and_submodules_come_through() {
    let repo = Repo::new();
    repo.commit("base");
    let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"x");
    let mut info = format!("100644 {id} 0\t").into_bytes();
    info.extend(b"\xffnew\nline.pkl\0");
    repo.git_with_input(&["update-index", "-z", "--index-info"], &info);
    for _ in 0..2 {
        let head = repo.git(&["rev-parse", "HEAD"]);
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]);
        repo.git(&["commit", "-qm", "x"]);
    }
    let got = repo.list("history");
    assert_eq!(got, ["skipped sub submodule", r"commit \xffnew\nline.pkl x", "unchanged sub"], "said once");
}

#[test]
fn unknown_ranges_are_errors() {
    let repo = Repo::new();
    repo.commit("base");
    for range in ["history nowhere", "history nowhere..HEAD", "history --all", "history HEAD^{tree}..x"] {
        assert!(repo.list(range)[0].starts_with("error "), "{range}");
    }
    assert!(Repo::new().list("history").is_empty(), "no commit, no history");
}

#[test]
fn a_broken_history_does_not_pass() {
    let repo = Repo::new();
    repo.add("a", "a");
    let base = repo.commit("base");
    repo.add("m.pkl", "m");
    repo.commit("tip");
    std::fs::remove_file(repo.root.join(".git/objects").join(&base[..2]).join(&base[2..])).unwrap();
    let got = repo.list("history");
    assert!(got.iter().any(|l| l.starts_with("failed ") || l.starts_with("error ")), "{got:?}");
}

#[test]
fn ranges_are_judged_by_the_policy_before_them() {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", "base");
    repo.commit("base");
    repo.add(".fickgate.yaml", "tip");
    repo.commit("tip");
    repo.write(".fickgate.yaml", "on disk");
    assert_eq!(repo.policy("history HEAD^..HEAD", "policy"), "policy base");
    assert_eq!(repo.policy("history", "policy"), "policy on disk");
}
