//! Kinds of repositories, and content that is elsewhere.

use crate::repo::Repo;

fn staged_model(repo: &Repo) {
    repo.add("a/kept.txt", "kept");
    repo.commit("base");
    repo.add("a/m.pkl", "m");
}

#[test]
fn sha256_objects() {
    let repo = Repo::with(&["--object-format=sha256"]);
    staged_model(&repo);
    assert_eq!(repo.list("staged"), ["index a/m.pkl m"]);
    repo.commit("m");
    assert_eq!(repo.list("diff HEAD^"), ["commit a/m.pkl m"]);
    let unborn = Repo::with(&["--object-format=sha256"]);
    unborn.add("m.pkl", "m");
    assert_eq!(unborn.list("staged"), ["index m.pkl m"]);
}

#[test]
fn reftable() {
    let repo = Repo::with(&["--ref-format=reftable"]);
    repo.add(".fickgate.yaml", "p");
    staged_model(&repo);
    assert_eq!(repo.list("staged"), ["index a/m.pkl m"]);
    assert_eq!(repo.policy("staged", "policy"), "policy p");
    repo.commit("m");
    assert_eq!(repo.list("diff HEAD^"), ["commit a/m.pkl m"]);
    assert_eq!(repo.policy("diff HEAD^", "policy"), "policy p");
    assert_eq!(repo.list("paths a"), ["disk a/kept.txt kept", "disk a/m.pkl m"]);
}

#[test]
fn split_index() {
    let repo = Repo::new();
    repo.add("a/base.txt", "b");
    repo.commit("base");
    repo.git(&["update-index", "--split-index"]);
    staged_model(&repo);
    assert_eq!(repo.list("staged"), ["index a/m.pkl m"]);
}

#[test]
fn sparse_index_and_checkout() {
    let repo = Repo::new();
    for path in ["in/a.txt", "out/b.txt", "out/deep/c.txt", "far/d.txt"] {
        repo.add(path, "x");
    }
    repo.commit("base");
    repo.add("out/deep/er/m.pkl", "m");
    repo.add("out/n.pkl", "n");
    repo.commit("models");
    repo.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repo.git(&["sparse-checkout", "set", "in"]);
    // Two folders deep, in a folder that the index holds as one entry.
    repo.git(&["reset", "-q", "--soft", "HEAD^"]);
    assert!(repo.git(&["ls-files", "--sparse", "--stage"]).contains("040000"), "the index is sparse");
    assert_eq!(repo.list("staged"), ["index out/deep/er/m.pkl m", "index out/n.pkl n"]);
    assert!(!repo.root.join("out").exists(), "nothing of it is on disk");
}

#[test]
fn a_bare_repository_has_commits_to_compare() {
    let repo = Repo::new();
    repo.add("a", "a");
    repo.commit("base");
    repo.add("m.pkl", "m");
    repo.commit("m");
    repo.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = repo.root.parent().unwrap().join("bare.git");
    assert_eq!(repo.list_in(&bare, "diff HEAD^..HEAD"), ["commit m.pkl m"]);
    assert_eq!(repo.list_in(&bare, "diff HEAD^"), ["commit m.pkl m"]);
}

#[test]
fn a_missing_object_is_said_and_nothing_is_fetched() {
    let origin = Repo::new();
    origin.add("old.txt", "old");
    origin.commit("base");
    origin.add("m.pkl", "m");
    origin.commit("m");
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = Repo::folder();
    let url = format!("file://{}", origin.root.display());
    clone.git(&["clone", "-q", "--no-checkout", "--filter=blob:none", &url, "."]);
    assert_eq!(clone.list("diff HEAD^..HEAD"), ["missing-object error m.pkl"]);
    let id = clone.git(&["rev-parse", "HEAD:m.pkl"]);
    clone.git(&["cat-file", "-e", &id]);
    assert_eq!(clone.list("diff HEAD^..HEAD"), ["commit m.pkl m"], "the remedy that the finding names");
}

#[test]
fn a_repository_of_someone_else_is_an_error_with_gits_remedy() {
    let repo = Repo::new();
    staged_model(&repo);
    let chown = repo.command("chown", &repo.root).args(["-R", "12345", "."]).status().unwrap();
    if !chown.success() {
        return; // Only the superuser can give a folder away.
    }
    let got = repo.list("staged");
    assert!(
        got[0].starts_with("error ") && got[0].contains("git config --global --add safe.directory"),
        "{got:?}"
    );
    assert_eq!(repo.list("paths a"), ["disk a/kept.txt kept", "disk a/m.pkl m"], "files are files");
}

#[test]
fn no_repository_is_an_error() {
    let got = Repo::folder().list("staged");
    assert!(got[0].starts_with("error ") && got[0].contains("no git repository"), "{got:?}");
}

#[test]
fn a_blob_that_is_not_held_in_memory_is_read_all_the_same() {
    let large = vec![b'x'; 40 << 20];
    for init in [&[][..], &["--ref-format=reftable"]] {
        let repo = Repo::with(init);
        repo.add("large.bin", &large);
        let got = repo.list("staged");
        assert_eq!(got, [format!("index large.bin {}", "x".repeat(64))]);
        repo.git(&["commit", "-qm", "large"]);
        repo.git(&["gc", "-q"]);
        assert_eq!(repo.list("history").len(), 1);
    }
}

#[test]
fn objects_of_another_repository_are_read() {
    let repo = Repo::new();
    repo.add("m.pkl", "m");
    repo.commit("m");
    repo.git(&["clone", "-q", "--shared", ".", "../borrower"]);
    let borrower = repo.root.parent().unwrap().join("borrower");
    assert_eq!(repo.list_in(&borrower, "history"), ["commit m.pkl m"]);
}

#[test]
fn names_that_differ_by_case_are_two_files() {
    let repo = Repo::new();
    repo.commit("base");
    for (name, text) in [("M.pkl", "upper"), ("m.pkl", "lower")] {
        let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], text.as_bytes());
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{name}")]);
    }
    repo.git(&["config", "core.ignoreCase", "true"]);
    assert_eq!(repo.list("staged"), ["index M.pkl upper", "index m.pkl lower"]);
}
