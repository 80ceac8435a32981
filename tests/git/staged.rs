//! `--staged`: what the commit would contain, whatever the disk says.

use crate::repo::Repo;

#[test]
fn the_index_is_read_and_not_the_disk() {
    let repo = Repo::new();
    repo.add("kept.pkl", "kept");
    repo.add("sub/changed.pkl", "old");
    repo.commit("base");
    repo.add("sub/changed.pkl", "staged");
    repo.write("sub/changed.pkl", "clean on disk");
    repo.add("gone.pkl", "staged and removed");
    std::fs::remove_file(repo.root.join("gone.pkl")).unwrap();
    repo.write("untracked.pkl", "x");
    let expected = ["index gone.pkl staged and removed", "index sub/changed.pkl staged"];
    assert_eq!(repo.list("staged"), expected);
    assert_eq!(repo.list_in(&repo.root.join("sub"), "staged"), expected, "the same from a subdirectory");
}

#[test]
fn nothing_staged_is_nothing() {
    let repo = Repo::new();
    repo.add("a", "a");
    repo.commit("base");
    repo.write("a", "changed");
    assert!(repo.list("staged").is_empty());
}

#[test]
fn before_the_first_commit_everything_staged_counts() {
    let repo = Repo::new();
    repo.add("a.pkl", "a");
    assert_eq!(repo.list("staged"), ["index a.pkl a"]);
    assert_eq!(repo.list_in_hook("pre-commit", &["commit", "-qm", "first"]), ["index a.pkl a"]);
}

#[test]
fn renames_modes_and_types_are_changes_and_deletions_are_not() {
    let repo = Repo::new();
    repo.add("notes.txt", "a pickle under another name");
    repo.add("run.pkl", "mode");
    repo.add("gone.pkl", "gone");
    std::os::unix::fs::symlink("notes.txt", repo.root.join("typed.pkl")).unwrap();
    repo.git(&["add", "typed.pkl"]);
    repo.commit("base");
    repo.git(&["mv", "notes.txt", "model.pkl"]);
    repo.git(&["update-index", "--chmod=+x", "run.pkl"]);
    repo.git(&["rm", "-q", "gone.pkl"]);
    std::fs::remove_file(repo.root.join("typed.pkl")).unwrap();
    repo.add("typed.pkl", "now a file");
    assert_eq!(
        repo.list("staged"),
        ["index model.pkl a pickle under another name", "index run.pkl mode", "index typed.pkl now a file"]
    );
}

#[test]
fn links_and_submodules_are_said_and_not_followed() {
    let repo = Repo::new();
    repo.commit("base");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, repo.root.join(name)).unwrap();
        repo.git(&["add", name]);
    };
    link("model.pkl", "inside.pkl");
    link("../../elsewhere.pkl", "outside.pkl");
    link("/usr/bin/python3", "python");
    link(".git/annex/objects/Wx/9j/SHA256E-s3--00.pt/SHA256E-s3--00.pt", "annexed.pt");
    let head = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},module.pkl")]);
    assert_eq!(
        repo.list("staged"),
        [
            "pointer-unresolved error annexed.pt",
            "skipped inside.pkl symlink, judged where it leads",
            "skipped module.pkl submodule",
            "pointer-unresolved error outside.pkl",
            "pointer-unresolved error python",
        ]
    );
}

#[test]
fn every_side_of_a_conflict_is_judged() {
    let repo = Repo::new();
    repo.add("m.pkl", "base");
    repo.commit("base");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.add("m.pkl", "theirs");
    repo.commit("theirs");
    repo.git(&["checkout", "-q", "main"]);
    repo.add("m.pkl", "ours");
    repo.commit("ours");
    assert!(!repo.try_git(&["merge", "-q", "topic"]).status.success());
    let mut expected = vec!["index m.pkl base", "index m.pkl ours", "index m.pkl theirs"];
    let mut got = repo.list("staged");
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);
}

#[test]
fn an_intent_to_add_is_no_part_of_a_commit() {
    let repo = Repo::new();
    repo.commit("base");
    repo.write("later.pkl", "later");
    repo.git(&["add", "-N", "later.pkl"]);
    assert!(repo.list("staged").is_empty());
}

#[test]
fn ignored_but_staged_counts() {
    let repo = Repo::new();
    repo.add(".gitignore", "*.pkl\n");
    repo.commit("base");
    repo.add("sneaky.pkl", "x");
    assert_eq!(repo.list("staged"), ["index sneaky.pkl x"]);
}

#[test]
fn assumptions_about_the_disk_change_nothing() {
    let repo = Repo::new();
    repo.add("a.pkl", "old");
    repo.add("b.pkl", "old");
    repo.commit("base");
    repo.add("a.pkl", "new");
    repo.add("b.pkl", "new");
    repo.git(&["update-index", "--skip-worktree", "a.pkl"]);
    repo.git(&["update-index", "--assume-unchanged", "b.pkl"]);
    std::fs::remove_file(repo.root.join("a.pkl")).unwrap();
    assert_eq!(repo.list("staged"), ["index a.pkl new", "index b.pkl new"]);
}

#[test]
fn paths_of_any_bytes_come_through() {
    let repo = Repo::new();
    repo.commit("base");
    let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"x");
    let mut info = Vec::new();
    for name in
        [&b"caf\xe9\xff.pkl"[..], b"new\nline.pkl", b"tab\t\"quote\".pkl", b"::error::.pkl", b" \x1b[31m.pkl"]
    {
        info.extend(format!("100644 {id} 0\t").as_bytes());
        info.extend(name);
        info.push(0);
    }
    repo.git_with_input(&["update-index", "-z", "--index-info"], &info);
    assert_eq!(
        repo.list("staged"),
        [
            r"index  \x1b[31m.pkl x",
            r"index ::error::.pkl x",
            r"index caf\xe9\xff.pkl x",
            r"index new\nline.pkl x",
            r#"index tab\t\"quote\".pkl x"#,
        ]
    );
}

#[test]
fn the_settings_of_the_user_hide_nothing() {
    let repo = Repo::new();
    repo.add("a.txt", "same content in both");
    repo.add(".gitattributes", "* -diff diff=quiet\n");
    repo.commit("base");
    for (key, value) in [
        ("diff.renames", "copies"),
        ("diff.external", "/bin/true"),
        ("diff.relative", "true"),
        ("diff.ignoreSubmodules", "all"),
        ("diff.orderFile", "/nowhere"),
        ("core.quotePath", "true"),
        ("core.pager", "false"),
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.quiet.textconv", "/bin/true"),
    ] {
        repo.git(&["config", key, value]);
    }
    repo.git(&["mv", "a.txt", "b.pkl"]);
    std::fs::create_dir(repo.root.join("sub")).unwrap();
    let got = repo.list_in(&repo.root.join("sub"), "staged");
    assert_eq!(got, ["index b.pkl same content in both"]);
}

#[test]
fn replaced_objects_are_read_as_they_are() {
    let repo = Repo::new();
    repo.commit("base");
    repo.add("m.pkl", "what the commit would hold");
    let real = repo.git(&["rev-parse", ":m.pkl"]);
    let fake = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"something harmless");
    repo.git(&["replace", &real, &fake]);
    assert_eq!(repo.list("staged"), ["index m.pkl what the commit would hold"]);
}

#[test]
fn commits_of_every_kind_show_their_own_index() {
    let repo = Repo::new();
    repo.add("a.pkl", "a1");
    repo.add("b.pkl", "b1");
    repo.commit("base");
    repo.add("a.pkl", "a2");
    assert_eq!(repo.list_in_hook("pre-commit", &["commit", "-qm", "plain"]), ["index a.pkl a2"]);
    repo.write("b.pkl", "b2");
    assert_eq!(repo.list_in_hook("pre-commit", &["commit", "-qam", "all"]), ["index b.pkl b2"]);
    repo.add("a.pkl", "a3");
    repo.write("b.pkl", "b3");
    let partial = repo.list_in_hook("pre-commit", &["commit", "-qm", "partial", "b.pkl"]);
    assert_eq!(partial, ["index b.pkl b3"], "only the named path is committed");
    let amended = repo.list_in_hook("pre-commit", &["commit", "-q", "--amend", "-m", "amended"]);
    assert_eq!(amended, ["index a.pkl a3"]);
}

#[test]
fn commits_from_a_subdirectory_and_a_linked_worktree() {
    let repo = Repo::new();
    repo.add("sub/a.pkl", "a1");
    repo.commit("base");
    repo.write("sub/a.pkl", "a2");
    let sub = repo.root.join("sub");
    let sub = sub.to_str().unwrap();
    assert_eq!(repo.list_in_hook("pre-commit", &["-C", sub, "commit", "-qam", "x"]), ["index sub/a.pkl a2"]);
    repo.git(&["worktree", "add", "-q", "-b", "other", "../other"]);
    let other = repo.root.parent().unwrap().join("other");
    std::fs::write(other.join("sub/a.pkl"), "a3").unwrap();
    let listed = repo.list_in_hook("pre-commit", &["-C", other.to_str().unwrap(), "commit", "-qam", "there"]);
    assert_eq!(listed, ["index sub/a.pkl a3"]);
}

#[test]
fn a_merge_shows_what_it_brings() {
    let repo = Repo::new();
    repo.commit("base");
    repo.git(&["checkout", "-qb", "topic"]);
    repo.add("m.pkl", "m");
    repo.commit("theirs");
    repo.git(&["checkout", "-q", "main"]);
    repo.add("other.txt", "o");
    repo.commit("ours");
    let listed = repo.list_in_hook("pre-merge-commit", &["merge", "-q", "--no-edit", "topic"]);
    assert_eq!(listed, ["index m.pkl m"]);
}

#[test]
fn the_policy_is_the_one_in_the_index() {
    let repo = Repo::new();
    repo.add("a", "a");
    repo.commit("base");
    assert_eq!(repo.policy("staged", "policy"), "policy none");
    repo.add(".fickgate.yaml", "first");
    assert_eq!(repo.policy("staged", "policy"), "policy first");
    repo.commit("policy");
    repo.write(".fickgate.yaml", "on disk");
    assert_eq!(repo.policy("staged", "policy"), "policy first", "unchanged in the index");
    repo.git(&["add", ".fickgate.yaml"]);
    assert_eq!(repo.policy("staged", "policy"), "policy on disk");
    assert_eq!(repo.policy("staged", "HEAD"), "policy first");
    repo.git(&["rm", "-q", "-f", "--cached", ".fickgate.yaml"]);
    assert_eq!(repo.policy("staged", "policy"), "policy none");
    assert_eq!(repo.policy("staged", "worktree"), "policy on disk");
}

#[test]
fn an_index_that_is_not_there_is_no_pass_in_ci() {
    let repo = Repo::new();
    repo.commit("nothing");
    let run = |folder: &std::path::Path, ci: bool| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), folder);
        if ci {
            command.env("CI", "true");
        }
        command.args(["hook", "--all"]).output().unwrap().status.code()
    };
    assert_eq!(run(&repo.root, true), Some(0), "there is nothing at all");
    repo.add("evil.pkl", "cos\nsystem\n(S'true'\ntR.");
    repo.commit("evil");
    repo.git(&["clone", "-q", "--no-checkout", ".", "../bare-looking"]);
    let clone = repo.root.join("../bare-looking");
    assert_eq!((run(&repo.root, true), run(&clone, true)), (Some(1), Some(2)));
    // By hand it is said.
    assert_eq!(run(&clone, false), Some(0));
}
