//! Submodules: said by default, judged by their commits on request.

use std::process::Output;

use crate::repo::Repo;

/// `os.system("echo")`, as protocol 0 spells it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";

fn fickgate(repo: &Repo, args: &[&str]) -> Output {
    repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap()
}

fn code(repo: &Repo, args: &[&str]) -> Option<i32> {
    fickgate(repo, args).status.code()
}

/// A repository with a submodule `lib/inner`, which has a submodule `deep` with an evil model.
fn nested() -> Repo {
    let repo = Repo::new();
    let add = |folder: &str, url: &str, path: &str| {
        repo.git(&[
            "-C",
            folder,
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            url,
            path,
        ]);
    };
    for (name, bytes) in [("deep", EVIL), ("inner", b"\x80\x02}.")] {
        repo.git(&["init", "-q", "-b", "main", &format!("../{name}")]);
        repo.write(format!("../{name}/{name}.pkl"), bytes);
        repo.git(&["-C", &format!("../{name}"), "add", "-A"]);
        repo.git(&["-C", &format!("../{name}"), "commit", "-qm", name]);
    }
    let parent = repo.root.parent().unwrap().display().to_string();
    add("../inner", &format!("{parent}/deep"), "deep");
    repo.git(&["-C", "../inner", "commit", "-qm", "deep"]);
    repo.commit("base");
    add(".", &format!("{parent}/inner"), "lib/inner");
    repo.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "update",
        "--init",
        "--recursive",
    ]);
    repo
}

#[test]
fn the_commits_of_submodules_are_judged_on_request() {
    let repo = nested();
    let report = |args: &[&str]| {
        let output = fickgate(&repo, args);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = report(&["--staged", "-v"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("submodule"), "{text}");
    let evil = "lib/inner/deep/deep.pkl";
    let (code, text) = report(&["--staged", "--recurse-submodules"]);
    assert!(code == Some(1) && text.contains(evil), "{text}");
    let (code, text) = report(&["hook", "--recurse-submodules", "pre-commit"]);
    assert!(code == Some(1) && text.contains(evil), "{text}");
    repo.commit("submodules");
    for args in [["--diff", "HEAD^..HEAD"], ["--diff", "HEAD^"], ["--history", "HEAD^..HEAD"]] {
        let (code, text) = report(&args);
        assert_eq!(code, Some(0), "{args:?} {text}");
        let (code, text) = report(&[&args[..], &["--recurse-submodules"]].concat());
        assert!(code == Some(1) && text.contains(evil), "{args:?} {text}");
    }
    // On disk they are folders like any other.
    let (code, text) = report(&["."]);
    assert!(code == Some(1) && text.contains(evil), "{text}");
}

#[test]
fn a_submodule_that_is_not_here_cannot_be_judged() {
    let repo = nested();
    repo.commit("submodules");
    repo.git(&["clone", "-q", ".", "../bare-clone"]);
    let clone = repo.root.parent().unwrap().join("bare-clone");
    let run =
        |args: &[&str]| repo.command(env!("CARGO_BIN_EXE_fickgate"), &clone).args(args).output().unwrap();
    assert_eq!(run(&["--diff", "HEAD^..HEAD"]).status.code(), Some(0));
    let output = run(&["--diff", "HEAD^..HEAD", "--recurse-submodules"]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("git submodule update --init"), "{text}");
}

#[test]
fn a_submodule_that_was_put_away_is_read_where_git_keeps_it() {
    let repo = nested();
    repo.commit("submodules");
    repo.git(&["submodule", "--quiet", "deinit", "-f", "lib/inner"]);
    assert!(!repo.root.join("lib/inner/.git").exists());
    let output = fickgate(&repo, &["--diff", "HEAD^..HEAD", "--recurse-submodules", "-v"]);
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // Its own submodule lies deeper than git looks for it without a checkout.
    assert_ne!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("lib/inner/inner.pkl"), "{text}");
}

#[test]
fn a_link_to_its_own_repository_is_only_a_name() {
    let repo = Repo::new();
    repo.add("evil.pkl", EVIL);
    let own = repo.commit("base");
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{own},itself")]);
    assert_eq!(code(&repo, &["--staged"]), Some(0));
    assert_eq!(code(&repo, &["--staged", "--recurse-submodules"]), Some(2), "nothing is there to read");
}

#[test]
fn the_attributes_of_a_submodule_are_those_of_its_commit() {
    let repo = Repo::new();
    repo.git(&["init", "-q", "-b", "main", "../lib"]);
    // Stored, text; in a checkout, a pickle.
    let units = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R. ";
    let units = units.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text = char::decode_utf16(units).map(|c| c.expect("no surrogates")).collect::<String>();
    repo.write("../lib/m.dat", &text);
    let id = repo.git(&["-C", "../lib", "hash-object", "-w", "--no-filters", "m.dat"]);
    repo.git(&["-C", "../lib", "update-index", "--add", "--cacheinfo", &format!("100644,{id},m.dat")]);
    repo.write("../lib/.gitattributes", "*.dat working-tree-encoding=UTF-16LE\n");
    repo.git(&["-C", "../lib", "add", ".gitattributes"]);
    repo.git(&["-C", "../lib", "commit", "-qm", "lib"]);
    repo.commit("base");
    let url = format!("{}/lib", repo.root.parent().unwrap().display());
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib"]);
    let output = fickgate(&repo, &["--staged", "--recurse-submodules"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && text.contains("checkout-differs"), "{text}");
    // Where no case is told apart, these count for `models/m.dat`.
    repo.git(&["-C", "lib", "rm", "-q", "--cached", ".gitattributes", "m.dat"]);
    let rules = repo.git_with_input(&["-C", "lib", "hash-object", "-w", "--stdin"], b"*.dat ident\n");
    for (id, path) in [(&id, "models/m.dat"), (&rules, "Models/.gitattributes")] {
        let info = format!("100644,{id},{path}");
        repo.git(&["-C", "lib", "update-index", "--add", "--cacheinfo", &info]);
    }
    repo.git(&["-C", "lib", "commit", "-qm", "two spellings"]);
    repo.git(&["add", "lib"]);
    let output = fickgate(&repo, &["--staged", "--recurse-submodules"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.contains("lib/models/m.dat") && text.contains("tell no case apart");
    assert!(output.status.code() == Some(1) && told, "{text}");
    // So do those behind a link of that name, which this commit does not have.
    repo.git(&["-C", "lib", "rm", "-q", "--cached", "Models/.gitattributes"]);
    let link = repo.git_with_input(&["-C", "lib", "hash-object", "-w", "--stdin"], b"elsewhere");
    repo.git(&["-C", "lib", "update-index", "--add", "--cacheinfo", &format!("120000,{link},MODELS")]);
    repo.git(&["-C", "lib", "commit", "-qm", "a link"]);
    repo.git(&["add", "lib"]);
    let output = fickgate(&repo, &["--staged", "--recurse-submodules"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.contains("lib/models/m.dat") && text.contains("tell no case apart");
    assert!(output.status.code() == Some(1) && told, "{text}");
}
