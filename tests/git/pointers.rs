//! Content that is not in git: Git LFS, git-annex, DVC.

use crate::repo::Repo;

const OID: &str = "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"; // SHA-256 of "m"
const MD5: &str = "6f8f57715090da2632453988d9a1501b"; // of "m"

fn lfs_pointer() -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 1\n")
}

fn lfs_object(store: &str) -> String {
    format!("{store}/objects/{}/{}/{OID}", &OID[..2], &OID[2..4])
}

#[test]
fn lfs_pointers_are_resolved_in_the_local_store() {
    let repo = Repo::new();
    repo.add("m.pkl", lfs_pointer());
    repo.add("picture.png", lfs_pointer());
    let unresolved = ["pointer-unresolved error m.pkl", "pointer-unresolved error picture.png"];
    assert_eq!(repo.list("staged"), unresolved);
    assert_eq!(repo.list("paths"), unresolved);
    let stored = lfs_object(".git/lfs");
    repo.write(&stored, "m");
    let resolved = ["store m.pkl m", "store picture.png m"];
    assert_eq!(repo.list("staged"), resolved);
    assert_eq!(repo.list("paths"), resolved);
    repo.write(&stored, "M");
    let mismatch = ["pointer-mismatch error m.pkl", "pointer-mismatch error picture.png"];
    assert_eq!(repo.list("staged"), mismatch, "another hash");
    repo.write(&stored, "mm");
    assert_eq!(repo.list("staged"), mismatch, "another size");
}

#[test]
fn lfs_keeps_objects_where_it_is_told_to() {
    let repo = Repo::new();
    repo.add("m.pkl", lfs_pointer());
    repo.git(&["config", "lfs.storage", "../elsewhere"]);
    assert_eq!(repo.list("staged"), ["pointer-unresolved error m.pkl"]);
    repo.write(lfs_object("elsewhere"), "m");
    assert_eq!(repo.list("staged"), ["store m.pkl m"], "relative to the folder of git");
    std::fs::remove_dir_all(repo.root.join("elsewhere")).unwrap();
    let home = repo.root.parent().unwrap().join("home");
    repo.git(&["config", "lfs.storage", "~/store"]);
    repo.write(home.join(lfs_object("store")), "m");
    assert_eq!(repo.list("staged"), ["store m.pkl m"]);
}

#[test]
fn lfs_borrows_objects_and_takes_the_checked_out_file() {
    let repo = Repo::new();
    repo.add("m.pkl", lfs_pointer());
    repo.write("m.pkl", "x");
    assert_eq!(repo.list("staged"), ["pointer-unresolved error m.pkl"], "another version on disk");
    repo.write("m.pkl", "m");
    assert_eq!(repo.list("staged"), ["store m.pkl m"], "what the pointer names lies on disk");
    repo.commit("m");
    assert_eq!(repo.list("history"), ["store m.pkl m"]);
    repo.git(&["clone", "-q", "--no-checkout", "--shared", ".", "../borrower"]);
    repo.write(lfs_object(".git/lfs"), "m");
    let borrower = repo.root.parent().unwrap().join("borrower");
    assert_eq!(repo.list_in(&borrower, "history"), ["store m.pkl m"]);
}

#[test]
fn what_git_lfs_takes_for_a_pointer_is_one() {
    let repo = Repo::new();
    repo.write(lfs_object(".git/lfs"), "m");
    repo.add("before.pkl", format!("\n\u{a0}{}", lfs_pointer()));
    repo.add("behind.pkl", format!("{} \n\n", lfs_pointer()));
    repo.add("two.pkl", format!("{:1024}cos\nsystem\n.", lfs_pointer()));
    let expected = ["store before.pkl m", "store behind.pkl m", "pointer-mismatch error two.pkl"];
    assert_eq!(repo.list("staged"), expected);
    assert_eq!(repo.list("paths"), expected);
}

#[test]
fn a_pointer_with_other_bytes_is_refused() {
    let repo = Repo::new();
    repo.add("m.pkl", lfs_pointer() + "\x01");
    repo.write(lfs_object(".git/lfs"), "m");
    assert_eq!(repo.list("staged"), ["pointer-unresolved error m.pkl"]);
}

#[test]
fn annexed_files_are_judged_where_they_are_here() {
    let repo = Repo::new();
    let key = format!("SHA256E-s1--{OID}.pkl");
    let target = format!(".git/annex/objects/0v/7G/{key}/{key}");
    std::os::unix::fs::symlink(&target, repo.root.join("link.pkl")).unwrap();
    repo.git(&["add", "link.pkl"]);
    repo.add("unlocked.pkl", format!("/annex/objects/{key}\n"));
    let unresolved = ["pointer-unresolved error link.pkl", "pointer-unresolved error unlocked.pkl"];
    assert_eq!(repo.list("staged"), unresolved);
    assert_eq!(repo.list("paths"), unresolved);
    // The lower-case folders that bare repositories use, by the MD5 of the key.
    repo.write("key", &key);
    let sum = repo.command("md5sum", &repo.root).arg("key").output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    std::fs::remove_file(repo.root.join("key")).unwrap();
    let stored = format!(".git/annex/objects/{}/{}/{key}/{key}", &sum[..3], &sum[3..6]);
    repo.write(&stored, "m");
    assert_eq!(repo.list("staged"), ["store link.pkl m", "store unlocked.pkl m"]);
    repo.write(&stored, "M");
    assert_eq!(
        repo.list("staged"),
        ["pointer-mismatch error link.pkl", "pointer-mismatch error unlocked.pkl"]
    );
}

#[test]
fn outputs_of_dvc_are_judged_from_cache_or_disk() {
    let repo = Repo::new();
    repo.write(".dvc/config", "");
    repo.add("models/m.pkl.dvc", format!("outs:\n- md5: {MD5}\n  size: 1\n  hash: md5\n  path: m.pkl\n"));
    repo.add(
        "dvc.lock",
        format!("stages:\n  t:\n    outs:\n    - path: out.bin\n      hash: md5\n      md5: {MD5}\n"),
    );
    repo.add("models/.gitignore", "/m.pkl\n");
    let files = |got: Vec<String>| -> Vec<String> {
        got.into_iter()
            .filter(|l| !l.contains("gitignore") && !l.contains("dvc.lock ") && !l.contains(".dvc"))
            .collect()
    };
    let unresolved = ["pointer-unresolved error models/m.pkl", "pointer-unresolved error out.bin"];
    assert_eq!(files(repo.list("staged")), unresolved);
    repo.write("models/m.pkl", "m");
    assert_eq!(files(repo.list("staged")), ["store models/m.pkl m", unresolved[1]]);
    repo.write("models/m.pkl", "changed on disk");
    assert_eq!(files(repo.list("staged")), unresolved);
    assert_eq!(
        files(repo.list("paths")),
        ["disk models/m.pkl changed on disk", unresolved[1]],
        "the file on disk, though git ignores it"
    );
    let stored = format!(".dvc/cache/files/md5/{}/{}", &MD5[..2], &MD5[2..]);
    repo.write(&stored, "m");
    let resolved = ["store models/m.pkl m", "store out.bin m"];
    assert_eq!(files(repo.list("staged")), resolved);
    repo.write(&stored, "M");
    assert_eq!(
        files(repo.list("staged")),
        ["pointer-mismatch error models/m.pkl", "pointer-mismatch error out.bin"]
    );
    std::fs::rename(repo.root.join(".dvc/cache"), repo.root.join("moved")).unwrap();
    repo.write(stored.replace(".dvc/cache", "moved"), "m");
    repo.write(".dvc/config", "[cache]\n    dir = ../moved\n");
    assert_eq!(files(repo.list("staged")), resolved);
    repo.commit("m");
    assert_eq!(files(repo.list("history"))[..], ["store out.bin m", "store models/m.pkl m"]);
}

#[test]
fn folders_of_dvc_are_taken_apart() {
    let repo = Repo::new();
    let list = format!(r#"[{{"md5": "{MD5}", "relpath": "deep/m.pkl"}}]"#);
    repo.write(".dvc/list", &list);
    let sum = repo.command("md5sum", &repo.root).arg(".dvc/list").output().unwrap().stdout;
    let sum = String::from_utf8(sum[..32].to_vec()).unwrap();
    repo.add("data.dvc", format!("outs:\n- md5: {sum}.dir\n  hash: md5\n  path: data\n"));
    assert_eq!(repo.list("staged")[0], "pointer-unresolved error data");
    repo.write(format!(".dvc/cache/files/md5/{}/{}.dir", &sum[..2], &sum[2..]), &list);
    repo.write(format!(".dvc/cache/files/md5/{}/{}", &MD5[..2], &MD5[2..]), "m");
    assert_eq!(repo.list("staged")[1], "store data/deep/m.pkl m");
}

#[test]
fn lfs_fetches_only_when_the_user_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::new();
    repo.add("m.pkl", lfs_pointer());
    // Stands in for Git LFS: notes the pointer it is given, and downloads into the store.
    let tools = repo.root.parent().unwrap().join("tools");
    let stored = repo.root.join(lfs_object(".git/lfs"));
    let script = format!(
        "#!/bin/sh\ncat >'{0}/asked'\nmkdir -p '{1}'\nprintf m >'{2}'\nprintf m\n",
        tools.display(),
        stored.parent().unwrap().display(),
        stored.display()
    );
    std::fs::create_dir(&tools).unwrap();
    std::fs::write(tools.join("git-lfs"), script).unwrap();
    std::fs::set_permissions(tools.join("git-lfs"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let list = || {
        let (mut command, output) = repo.lister(&repo.root, "staged");
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        assert!(command.env("PATH", path).output().unwrap().status.success());
        crate::list::read(&output)
    };
    assert_eq!(list(), ["pointer-unresolved error m.pkl"]);
    // What a commit brings has no say.
    repo.add(".lfsconfig", "[fickgate]\n\tlfs = fetch\n");
    repo.git(&["config", "fickgate.lfs", "no"]);
    assert!(list().contains(&"pointer-unresolved error m.pkl".to_owned()));
    assert!(!tools.join("asked").exists());
    repo.git(&["config", "fickgate.lfs", "fetch"]);
    assert!(list().contains(&"store m.pkl m".to_owned()));
    assert_eq!(std::fs::read_to_string(tools.join("asked")).unwrap(), lfs_pointer());
}

#[test]
fn what_dvc_reads_and_was_not_read_here_is_refused() {
    let md5 = "a304afb96060aad90176268345e10355";
    let out = format!("outs:\n- md5: {md5}\n  size: 7\n  hash: md5\n  path: model.pkl\n");
    let long = format!("{out}{}", "# pad\n".repeat(900_000));
    for (what, name, text) in [
        ("plain", "model.pkl.dvc", out.as_str()),
        ("too long to be read", "model.pkl.dvc", long.as_str()),
        ("a folder", "models.dvc", "outs:\n- md5: a304afb96060aad90176268345e10355.dir\n  path: models\n"),
        (
            "files",
            "models.dvc",
            "outs:\n- path: models\n  files:\n  - {relpath: m.pkl, md5: a304afb96060aad90176268345e10355}\n",
        ),
        ("a version in a cloud", "data.dvc", "outs:\n- path: data\n  cloud: {s3: {version_id: x}}\n"),
        ("absolute", "data.dvc", "outs:\n- {md5: a304afb96060aad90176268345e10355, path: /tmp/data}\n"),
        (
            "out of the repository",
            "data.dvc",
            "outs:\n- {md5: a304afb96060aad90176268345e10355, path: ../../data}\n",
        ),
        ("nothing", "notes.dvc", ""),
    ] {
        let repo = Repo::new();
        repo.add(name, text);
        let got = repo.list("staged");
        assert!(got.iter().any(|line| line.starts_with("pointer-unresolved error ")), "{what}: {got:?}");
    }
    #[cfg(unix)]
    {
        let repo = Repo::new();
        repo.add("meta.yaml", &out);
        std::os::unix::fs::symlink("meta.yaml", repo.root.join("model.pkl.dvc")).unwrap();
        repo.git(&["add", "-A"]);
        let refused = "pointer-unresolved error model.pkl".to_owned();
        assert!(repo.list("staged").contains(&refused) && repo.list("paths").contains(&refused));
    }
}

#[test]
fn every_name_of_a_pointer_weighs_the_same() {
    let repo = Repo::new();
    let oid = "7".repeat(64);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
    let names =
        ["m.pkl", "m.pdparams", "m.jbl", "m.th", "m.dat", "model", "a.png", "m.pkl.bak", "m.safetensors"];
    for name in names {
        repo.add(name, &pointer);
    }
    repo.add("extended", pointer.replace("oid", &format!("ext-0-FOO sha256:{oid}\noid")));
    let got = repo.list("staged");
    assert_eq!(got.len(), names.len() + 1);
    assert!(got.iter().all(|line| line.starts_with("pointer-unresolved error ")), "{got:?}");
}
