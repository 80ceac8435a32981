//! Pushes from here, and pushes that arrive here.

use std::path::Path;

use crate::list::read;
use crate::repo::Repo;

/// A repository with one commit on `main`, cloned from a bare one that has it too.
fn cloned() -> (Repo, std::path::PathBuf) {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", "base");
    repo.commit("base");
    repo.git(&["clone", "-q", "--bare", ".", "../server.git"]);
    let server = repo.root.parent().unwrap().join("server.git");
    repo.git(&["remote", "add", "origin", server.to_str().unwrap()]);
    repo.git(&["fetch", "-q", "origin"]);
    (repo, server)
}

#[test]
fn a_push_is_what_the_remote_does_not_have() {
    let (repo, _server) = cloned();
    repo.add("m.pkl", "added");
    repo.commit("add");
    repo.git(&["rm", "-q", "m.pkl"]);
    repo.commit("and removed again");
    assert_eq!(repo.list_in_hook("pre-push", &["push", "-q", "origin", "main"]), ["commit m.pkl added"]);
    repo.git(&["fetch", "-q", "origin"]);
    assert!(repo.list_in_hook("pre-push", &["push", "-q", "origin", "main:copy"]).is_empty(), "known there");
}

#[test]
fn every_pushed_ref_counts() {
    let (repo, _server) = cloned();
    repo.git(&["push", "-q", "origin", "main:doomed"]);
    repo.git(&["checkout", "-qb", "one"]);
    repo.add("one.pkl", "1");
    repo.commit("one");
    repo.git(&["checkout", "-q", "-b", "two", "main"]);
    repo.add("two.pkl", "2");
    repo.commit("two");
    let blob = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"3");
    repo.git(&["tag", "three", &blob]);
    let got = repo.list_in_hook("pre-push", &["push", "-q", "origin", "one", "two", "three", ":doomed"]);
    assert_eq!(got.len(), 3, "{got:?}");
    for wanted in ["one.pkl 1", "two.pkl 2", " 3"] {
        assert!(got.iter().any(|l| l.ends_with(wanted)), "{got:?}");
    }
}

#[test]
fn a_push_to_a_url_is_judged_too() {
    let (repo, server) = cloned();
    repo.add("m.pkl", "m");
    repo.commit("add");
    let got = repo.list_in_hook("pre-push", &["push", "-q", server.to_str().unwrap(), "main"]);
    assert!(got.contains(&"commit m.pkl m".to_owned()), "{got:?}");
}

fn install(server: &Path, hook: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = server.join("hooks").join(hook);
    std::fs::create_dir_all(server.join("hooks")).unwrap();
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_receiving_repository_sees_quarantined_objects() {
    for hook in ["pre-receive", "update"] {
        let (repo, server) = cloned();
        let (script, output) = repo.listing_hook(hook);
        // What is refused leaves nothing behind.
        install(&server, hook, &format!("{}exit 1\n", script.replace("exec ", "")));
        let before = repo.git(&["-C", server.to_str().unwrap(), "count-objects", "-v"]);
        repo.add("m.pkl", "m");
        repo.commit("add");
        repo.git(&["rm", "-q", "m.pkl"]);
        repo.commit("remove");
        repo.add("tip.pkl", "t");
        repo.commit("tip");
        assert!(!repo.try_git(&["push", "-q", "origin", "main"]).status.success());
        assert_eq!(read(&output), ["commit m.pkl m", "commit tip.pkl t"], "{hook}");
        if hook == "pre-receive" {
            // Before `update` runs, git has taken the objects out of quarantine already.
            assert_eq!(repo.git(&["-C", server.to_str().unwrap(), "count-objects", "-v"]), before);
        }
    }
}

#[test]
fn what_a_server_fetched_from_a_fork_is_judged_when_a_branch_gets_it() {
    let (repo, server) = cloned();
    let (script, output) = repo.listing_hook("pre-receive");
    install(&server, "pre-receive", &script);
    repo.add("m.pkl", "m");
    repo.commit("add");
    // As for a pull request: no hook runs.
    let here = repo.root.to_str().unwrap();
    repo.git(&["-C", server.to_str().unwrap(), "fetch", "-q", here, "main:refs/pull/1/head"]);
    repo.git(&["push", "-q", "origin", "main:refs/heads/merged"]);
    assert_eq!(read(&output), ["commit m.pkl m"]);
    // What a branch has was judged then.
    repo.git(&["push", "-q", "origin", "main:refs/heads/again"]);
    assert_eq!(read(&output), [""; 0]);
}

#[test]
fn a_receiving_repository_is_judged_by_its_own_policy() {
    let (repo, server) = cloned();
    let (script, output) = repo.listing_hook("pre-receive");
    install(&server, "pre-receive", &script.replace("$LIST_PLACE", "policy"));
    repo.add(".fickgate.yaml", "allow everything");
    repo.commit("policy");
    repo.git(&["push", "-q", "origin", "main"]);
    assert_eq!(read(&output)[0], "policy base");
    // The first push to an empty server has no policy before it.
    repo.git(&["init", "-q", "--bare", "../empty.git"]);
    let empty = repo.root.parent().unwrap().join("empty.git");
    install(&empty, "pre-receive", &script.replace("$LIST_PLACE", "policy"));
    repo.git(&["push", "-q", empty.to_str().unwrap(), "main"]);
    assert_eq!(read(&output)[0], "policy none");
}

#[test]
fn frameworks_get_a_range_or_the_index_or_everything() {
    let (repo, _server) = cloned();
    repo.add("old.pkl", "o");
    repo.commit("old");
    let all = ["index .fickgate.yaml base", "index old.pkl o"];
    assert_eq!(repo.list("hook "), all, "nothing staged: every tracked file");
    repo.add("new.pkl", "n");
    let staged = ["index .fickgate.yaml base", "index new.pkl n", "index old.pkl o"];
    assert_eq!(repo.list("hook "), staged, "run by hand, whatever is staged");
    let under = |variables: &[(&str, &str)]| {
        let (mut command, output) = repo.lister(&repo.root, "hook ");
        assert!(command.envs(variables.iter().copied()).output().unwrap().status.success());
        read(&output)
    };
    assert_eq!(under(&[("GIT_INDEX_FILE", ".git/index")]), ["index new.pkl n"], "git commits");
    let range = [("PRE_COMMIT_FROM_REF", "HEAD^"), ("PRE_COMMIT_TO_REF", "HEAD")];
    assert_eq!(under(&range), ["commit old.pkl o"]);
    repo.git(&["rm", "-qf", "old.pkl", "new.pkl"]);
    repo.commit("removed");
    let (from, to) = (repo.git(&["rev-parse", "HEAD~2"]), repo.git(&["rev-parse", "HEAD"]));
    let pushed = [
        ("PRE_COMMIT_FROM_REF", from.as_str()),
        ("PRE_COMMIT_TO_REF", to.as_str()),
        ("PRE_COMMIT_REMOTE_NAME", "origin"),
    ];
    assert_eq!(under(&pushed), ["commit old.pkl o"], "a push publishes what a later commit removes");
    assert!(under(&pushed[..2]).is_empty());
}
