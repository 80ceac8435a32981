//! `fickgate PATH...`: files and folders on disk.

use crate::repo::Repo;

#[test]
fn outside_of_a_repository_everything_counts() {
    let repo = Repo::folder();
    repo.write("b/x.pkl", "x");
    repo.write("b.txt", "t");
    repo.write(".hidden/y", "y");
    repo.write(".gitignore", "*\n");
    repo.write("m.pkl/data.pkl", "inside a model");
    assert_eq!(
        repo.list("paths"),
        [
            r"disk .gitignore *\n",
            "disk .hidden/y y",
            "disk b.txt t",
            "disk b/x.pkl x",
            "disk m.pkl/data.pkl inside a model",
        ]
    );
    assert_eq!(repo.list("paths b b.txt"), ["disk b.txt t", "disk b/x.pkl x"]);
}

#[test]
fn ignore_rules_spare_untracked_files_only() {
    let repo = Repo::new();
    repo.write("build/tracked.pkl", "t");
    repo.write("build/cache.pkl", "c");
    repo.write("sub/.gitignore", "local.pkl\n");
    repo.write("sub/local.pkl", "l");
    repo.write("sub/untracked.pkl", "u");
    repo.write(".ignore", "*.pkl\n");
    repo.git(&["add", "-f", "build/tracked.pkl"]);
    repo.add(".gitignore", "build/\n");
    repo.commit("base");
    assert_eq!(
        repo.list("paths"),
        [
            r"disk .gitignore build/\n",
            r"disk .ignore *.pkl\n",
            "disk build/tracked.pkl t",
            r"disk sub/.gitignore local.pkl\n",
            "disk sub/untracked.pkl u",
        ]
    );
    let named = ["disk build/cache.pkl c", "disk build/tracked.pkl t"];
    assert_eq!(repo.list("paths build"), named, "a folder that is named is not spared for its own name");
    assert_eq!(repo.list("paths build/cache.pkl"), ["disk build/cache.pkl c"], "named is always scanned");
    let below = repo.list_in(&repo.root.join("sub"), "paths ../build untracked.pkl");
    assert_eq!(below[..2], named, "paths are the repository's");
    assert_eq!(below[2..], ["disk sub/untracked.pkl u"]);
}

#[test]
fn what_is_not_a_regular_file_is_never_opened() {
    let repo = Repo::folder();
    repo.write("a.pkl", "a");
    let fifo = repo.root.join("pipe.pkl");
    assert!(repo.command("mkfifo", &repo.root).arg(&fifo).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(repo.root.join("socket.pkl")).unwrap();
    let expected = ["disk a.pkl a", "skipped pipe.pkl FIFO", "skipped socket.pkl socket"];
    assert_eq!(repo.list("paths"), expected);
    assert_eq!(repo.list("paths pipe.pkl"), ["failed pipe.pkl it is a FIFO, which is never opened"]);
    assert_eq!(repo.list("paths /dev/null"), ["failed /dev/null it is a device, which is never opened"]);
}

#[test]
fn links_lead_to_content_that_is_judged_or_said() {
    let repo = Repo::new();
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, repo.root.join(name)).unwrap();
    repo.write("real.pkl", "r");
    repo.write("hidden/ignored.pkl", "i");
    repo.add(".gitignore", "hidden\n");
    let outside = repo.root.parent().unwrap().join("outside.pkl");
    std::fs::write(&outside, "o").unwrap();
    link("real.pkl", "a-scanned.pkl");
    link("hidden/ignored.pkl", "b-ignored.pkl");
    link("../outside.pkl", "c-outside.pkl");
    link("../outside.pkl", "c-outside.txt");
    link("/dev/zero", "d-device.pkl");
    link("e-loop.pkl", "e-loop.pkl");
    link("hidden", "f-folder");
    link(".git/annex/objects/a/b/K-s1--K/K-s1--K", "g-annexed.bin");
    assert_eq!(
        repo.list("paths"),
        [
            r"disk .gitignore hidden\n",
            "skipped a-scanned.pkl symlink, judged where it leads",
            "disk b-ignored.pkl i",
            "pointer-unresolved error c-outside.pkl",
            "pointer-unresolved error c-outside.txt",
            "skipped d-device.pkl symlink to a device, socket or FIFO",
            "skipped e-loop.pkl symlink that leads nowhere",
            "skipped f-folder symlink to a folder",
            "pointer-unresolved error g-annexed.bin",
            "disk real.pkl r",
        ]
    );
    assert_eq!(repo.list("paths c-outside.pkl"), ["disk c-outside.pkl o"], "a named link is followed");
    assert_eq!(repo.list("paths f-folder/ignored.pkl"), ["disk hidden/ignored.pkl i"]);
}

#[test]
fn tracked_files_behind_a_link_are_not_followed_out() {
    let repo = Repo::new();
    repo.add("models/a.pkl", "a");
    repo.commit("base");
    std::fs::remove_dir_all(repo.root.join("models")).unwrap();
    std::os::unix::fs::symlink("/usr", repo.root.join("models")).unwrap();
    assert_eq!(repo.list("paths"), ["pointer-unresolved error models"]);
}

#[test]
fn a_missing_path_is_named_and_the_others_are_judged() {
    let repo = Repo::folder();
    repo.write("a.pkl", "a");
    assert_eq!(
        repo.list("paths nowhere.pkl a.pkl"),
        ["disk a.pkl a", "failed nowhere.pkl no such file or folder"]
    );
}

#[test]
fn an_unreadable_file_is_named_and_the_others_are_judged() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::folder();
    repo.write("a.pkl", "a");
    repo.write("closed/x.pkl", "x");
    repo.write("b.pkl", "b");
    for path in ["a.pkl", "closed"] {
        std::fs::set_permissions(repo.root.join(path), std::fs::Permissions::from_mode(0o0)).unwrap();
    }
    let got = repo.list("paths");
    std::fs::set_permissions(repo.root.join("closed"), std::fs::Permissions::from_mode(0o755)).unwrap();
    if got.contains(&"disk a.pkl a".to_owned()) {
        return; // The superuser can read everything.
    }
    assert_eq!(
        got,
        ["failed a.pkl Permission denied (os error 13)", "disk b.pkl b", "failed closed permission denied"]
    );
}

#[test]
fn ignore_rules_of_repositories_inside_hide_nothing() {
    let repo = Repo::new();
    repo.add(".gitignore", "*.tmp\n");
    repo.git(&["init", "-q", "inner"]);
    repo.write("inner/.gitignore", "secret.pkl\n");
    repo.write("inner/secret.pkl", "s");
    repo.write("inner/x.tmp", "x");
    repo.write("inner/tracked.pkl", "t");
    assert_eq!(
        repo.list("paths"),
        [
            r"disk .gitignore *.tmp\n",
            r"disk inner/.gitignore secret.pkl\n",
            "disk inner/secret.pkl s",
            "disk inner/tracked.pkl t",
            "disk inner/x.tmp x"
        ]
    );
}

#[test]
fn names_of_any_bytes_come_through() {
    use std::os::unix::ffi::OsStrExt;
    let repo = Repo::new();
    repo.write(std::ffi::OsStr::from_bytes(b"caf\xe9\n.pkl"), "x");
    assert_eq!(repo.list("paths"), [r"disk caf\xe9\n.pkl x"]);
    repo.git(&["add", "-A"]);
    repo.write(".gitignore", "*\n");
    assert_eq!(repo.list("paths"), [r"disk caf\xe9\n.pkl x"], "tracked, though ignored");
}

#[test]
fn the_policy_is_the_one_on_disk() {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", "staged");
    repo.write(".fickgate.yaml", "on disk");
    assert_eq!(repo.policy("paths", "policy"), "policy on disk");
    assert_eq!(Repo::folder().policy("paths", "policy"), "policy none");
}
