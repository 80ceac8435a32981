//! Whose policy judges: a change never brings the policy that it is judged by, however it goes about it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "git/repo.rs"]
#[allow(dead_code)]
mod repo;

use std::fs;

use repo::Repo;
use sha2::{Digest, Sha256};

const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
const ALLOW: &str = "allow:\n  - {import: os.system, kind: function, reason: trust me}\n";

struct Run {
    code: i32,
    text: String,
}

fn fickgate(repo: &Repo, args: &[&str]) -> Run {
    fickgate_in(repo, "", args)
}

fn fickgate_in(repo: &Repo, folder: &str, args: &[&str]) -> Run {
    let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root.join(folder));
    let output = command.args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Run { code: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
}

fn write(repo: &Repo, path: &str, bytes: impl AsRef<[u8]>) {
    let path = repo.root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn commit(repo: &Repo) {
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-qm", "x"]);
}

/// A repository whose branch `main` has these files, on a branch `change`.
fn based_on(files: &[(&str, &str)]) -> Repo {
    let repo = Repo::new();
    write(&repo, "readme", "x");
    for (path, text) in files {
        write(&repo, path, text);
    }
    commit(&repo);
    repo.git(&["checkout", "-qb", "change"]);
    repo
}

/// Judges the change as CI does, and expects the malicious model to be refused.
fn refused(repo: &Repo, what: &str) -> String {
    for args in [&["--diff", "main"][..], &["--diff", "main...change"], &["--diff", "main..change"]] {
        let run = fickgate(repo, args);
        assert!(run.code == 1 && run.text.contains("import-not-allowed"), "{what} {args:?}: {}", run.text);
    }
    fickgate(repo, &["--diff", "main"]).text
}

#[test]
fn a_change_is_refused_whatever_it_does_to_the_policy() {
    let strict = "extends: none\ndeny: [a.B]\nlevels: {hidden-pickle: error}\n";
    let pin: String = Sha256::digest(EVIL).iter().map(|b| format!("{b:02x}")).collect();
    let pin = format!("files:\n  - {{sha256: {pin}, path: m.pkl, reason: x}}\n");
    for (what, base, name, text) in [
        ("an entry", None, ".fickgate.yaml", ALLOW),
        ("an entry in .github", None, ".github/fickgate.yaml", ALLOW),
        ("an entry beside others", Some(strict), ".fickgate.yaml", ALLOW),
        ("an exclude", Some(strict), ".fickgate.yaml", "exclude: ['*.pkl']\n"),
        ("a pin", Some(strict), ".fickgate.yaml", &pin),
        ("lower levels", Some(strict), ".fickgate.yaml", "levels: {hidden-pickle: note}\n"),
        ("a wider base", Some(strict), ".fickgate.yaml", "extends: [ml]\n"),
        ("a policy that breaks", Some(strict), ".fickgate.yaml", "allow: 5\n"),
        ("a pattern", None, ".fickgate.yaml", "allow:\n  - {import: posix.**, reason: x}\n"),
    ] {
        let repo = based_on(&base.map(|text| (".fickgate.yaml", text)).into_iter().collect::<Vec<_>>());
        write(&repo, "m.pkl", EVIL);
        write(&repo, name, text);
        commit(&repo);
        let text = refused(&repo, what);
        assert!(text.contains("policy-changed"), "{what}: {text}");
    }
}

#[test]
fn policies_under_other_names_and_in_other_folders_decide_nothing() {
    for name in [".FickGate.yaml", "m/.fickgate.yaml", "fickgate.yaml", "policy/.github/fickgate.yaml"] {
        let repo = based_on(&[]);
        write(&repo, "m/m.pkl", EVIL);
        write(&repo, name, ALLOW);
        commit(&repo);
        refused(&repo, name);
        assert_eq!(fickgate(&repo, &[]).code, 1, "{name}");
        assert_eq!(fickgate_in(&repo, "m", &[]).code, 1, "{name}");
    }
}

#[test]
fn a_name_that_is_nearly_right_is_an_error_and_not_passed_over() {
    for name in [".fickgate.yml", ".github/fickgate.yml", ".github/.fickgate.yaml"] {
        let repo = based_on(&[(name, "deny: [collections.OrderedDict]\n")]);
        for args in [&[][..], &["--staged"], &["--diff", "main"]] {
            let run = fickgate(&repo, args);
            assert!(run.code == 2 && run.text.contains("name it .fickgate.yaml"), "{name}: {}", run.text);
        }
    }
}

#[test]
fn moving_or_deleting_the_policy_frees_nobody() {
    let deny = "deny: [collections.OrderedDict]\nallow:\n  - {import: ours.Model, reason: x}\n";
    let model = b"\x80\x02ccollections\nOrderedDict\n)R.";
    for args in [
        &["mv", ".fickgate.yaml", ".github/fickgate.yaml"][..],
        &["mv", ".fickgate.yaml", "old.yaml"],
        &["rm", "-q", ".fickgate.yaml"],
    ] {
        let repo = based_on(&[(".fickgate.yaml", deny), (".github/x", "x")]);
        write(&repo, "m.pkl", model);
        repo.git(args);
        commit(&repo);
        let text = refused(&repo, &args.join(" "));
        assert!(text.contains("policy-changed"), "{text}");
        let moved = args.contains(&".github/fickgate.yaml");
        assert_eq!(text.contains("leaves every line as it was"), moved, "{text}");
        assert_eq!(text.contains("would pass once merged"), !moved, "{text}");
    }
}

#[test]
fn two_policies_are_an_error_and_a_change_that_brings_the_second_is_told() {
    let repo = based_on(&[(".fickgate.yaml", "deny: [a.B]\n")]);
    write(&repo, ".github/fickgate.yaml", ALLOW);
    write(&repo, "m.pkl", EVIL);
    commit(&repo);
    let text = refused(&repo, "a second policy");
    assert!(text.contains("there are two policy files") && !text.contains("would pass"), "{text}");
    let run = fickgate(&repo, &[]);
    assert!(run.code == 2 && run.text.contains("move everything into .fickgate.yaml"), "{}", run.text);
}

#[cfg(unix)]
#[test]
fn links_folders_and_submodules_are_no_policy() {
    let link = based_on(&[]);
    write(&link, "p.yaml", ALLOW);
    write(&link, "m.pkl", EVIL);
    std::os::unix::fs::symlink("p.yaml", link.root.join(".fickgate.yaml")).unwrap();
    commit(&link);
    assert!(refused(&link, "a link").contains("symbolic link"));

    let folder = based_on(&[]);
    write(&folder, ".fickgate.yaml/x", ALLOW);
    write(&folder, "m.pkl", EVIL);
    commit(&folder);
    assert!(refused(&folder, "a folder").contains("where a file is wanted"));

    for name in [".fickgate.yaml", ".github"] {
        let submodule = based_on(&[]);
        let id = submodule.git(&["rev-parse", "HEAD"]);
        write(&submodule, "m.pkl", EVIL);
        submodule.git(&["add", "-A"]);
        submodule.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{id},{name}")]);
        submodule.git(&["commit", "-qm", "x"]);
        let text = refused(&submodule, "a submodule");
        assert_eq!(text.contains("where a file is wanted"), name == ".fickgate.yaml", "{text}");
        // Where it is what judges, it is an error: passing over it would drop what it denies.
        let run = fickgate(&submodule, &["--staged"]);
        assert_eq!(run.code, if name == ".github" { 0 } else { 2 }, "{name}: {}", run.text);
    }
    for linked in [link, folder] {
        assert_eq!(fickgate(&linked, &["--staged"]).code, 2);
        assert_eq!(fickgate(&linked, &["--diff", "change"]).code, 2);
    }
}

#[test]
fn attributes_and_filters_do_not_touch_the_policy() {
    let repo = based_on(&[(".fickgate.yaml", "deny: [a.B]\n")]);
    repo.git(&["config", "filter.swap.smudge", "echo 'exclude: [\"*.pkl\"]'"]);
    repo.git(&["config", "filter.swap.clean", "cat"]);
    write(&repo, ".gitattributes", "*.yaml filter=swap\n");
    write(&repo, "m.pkl", EVIL);
    commit(&repo);
    refused(&repo, "a filter");
    let staged = based_on(&[(".fickgate.yaml", "deny: [a.B]\n"), (".gitattributes", "*.yaml filter=swap\n")]);
    write(&staged, "m.pkl", EVIL);
    staged.git(&["add", "m.pkl"]);
    write(&staged, ".fickgate.yaml", ALLOW);
    let run = fickgate(&staged, &["--staged"]);
    assert!(run.code == 1, "the index has another policy: {}", run.text);
}

#[test]
fn a_merge_brings_no_policy_either() {
    let repo = based_on(&[]);
    write(&repo, "a", "a");
    commit(&repo);
    repo.git(&["checkout", "-q", "main"]);
    write(&repo, "b", "b");
    commit(&repo);
    repo.git(&["checkout", "-q", "change"]);
    repo.git(&["merge", "-q", "--no-commit", "--no-ff", "main"]);
    write(&repo, ".fickgate.yaml", ALLOW);
    write(&repo, "m.pkl", EVIL);
    commit(&repo);
    let text = refused(&repo, "a merge commit");
    assert!(text.contains("adds allow os.system"), "{text}");
}

#[test]
fn every_place_that_a_policy_is_read_from_can_be_named() {
    let repo = based_on(&[(".fickgate.yaml", "deny: [a.B]\n")]);
    write(&repo, "m.pkl", EVIL);
    write(&repo, ".fickgate.yaml", ALLOW);
    commit(&repo);
    let head = repo.git(&["rev-parse", "HEAD"]);
    write(&repo, ".fickgate.yaml", "deny: [index.X]\n");
    repo.git(&["add", "-A"]);
    write(&repo, ".fickgate.yaml", "deny: [disk.X]\n");
    for (from, code, deny) in [
        ("base", 1, "a.B"),
        ("main", 1, "a.B"),
        ("HEAD^", 1, "a.B"),
        ("head", 0, ""),
        (&head, 0, ""),
        ("index", 1, "index.X"),
        ("worktree", 1, "disk.X"),
    ] {
        let run = fickgate(&repo, &["--diff", "main...HEAD", "--policy-from", from]);
        assert_eq!(run.code, code, "{from}: {}", run.text);
        // `policy show` has no change to judge: there the base is the head.
        if from != "base" {
            let shown = fickgate(&repo, &["policy", "show", "--policy-from", from]);
            assert!(
                shown.text.contains(&format!("deny     {deny}")) != deny.is_empty(),
                "{from}: {}",
                shown.text
            );
        }
    }
    let run = fickgate(&repo, &["--diff", "main", "--policy-from", "nowhere"]);
    assert!(run.code == 2 && run.text.contains("nowhere"), "{}", run.text);
}

#[test]
fn a_file_given_with_policy_is_not_the_changes_own_either() {
    let repo = based_on(&[("ci/org.yaml", "deny: [a.B]\n")]);
    write(&repo, "m.pkl", EVIL);
    write(&repo, "ci/org.yaml", ALLOW);
    write(&repo, "ci/new.yaml", ALLOW);
    commit(&repo);
    let full = repo.root.join("ci/org.yaml");
    for path in ["ci/org.yaml", "./ci/../ci/org.yaml", full.to_str().unwrap(), "ci/new.yaml"] {
        let run = fickgate(&repo, &["--diff", "main...change", "--policy", path]);
        assert!(run.code == 1 && run.text.contains("adds allow os.system"), "{path}: {}", run.text);
        let run = fickgate(&repo, &["--diff", "main...change", "--policy", path, "--policy-from", "head"]);
        assert_eq!(run.code, 0, "{path}: {}", run.text);
    }
    let run = fickgate_in(&repo, "ci", &["--diff", "main...change", "--policy", "org.yaml"]);
    assert_eq!(run.code, 1, "{}", run.text);
    // What lies in the working tree can come from whatever the change ran; outside it is the runner's own.
    write(&repo, "ci/fetched.yaml", ALLOW);
    for (mode, range) in [("--diff", "main...change"), ("--history", "main..change")] {
        for path in ["ci/fetched.yaml", "ci/none.yaml"] {
            let run = fickgate(&repo, &[mode, range, "--policy", path]);
            assert!(
                run.code == 2 && run.text.contains("outside of the working tree"),
                "{path}: {}",
                run.text
            );
        }
    }
    let outside = repo.root.parent().unwrap().join("org.yaml");
    fs::write(&outside, ALLOW).unwrap();
    assert_eq!(fickgate(&repo, &["--diff", "main...change", "--policy", outside.to_str().unwrap()]).code, 0);
    // No change: what is on disk is what was asked for.
    assert_eq!(fickgate(&repo, &["m.pkl", "--policy", "ci/fetched.yaml"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_policy_in_a_submodule_or_behind_a_link_is_not_the_changes_either() {
    let inner = Repo::new();
    write(&inner, "org.yaml", "version: 1\n");
    commit(&inner);
    let repo = based_on(&[]);
    let url = inner.root.to_str().unwrap();
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "org"]);
    commit(&repo);
    repo.git(&["checkout", "-qB", "change"]);
    write(&repo, "org/org.yaml", ALLOW);
    write(&repo, "m.pkl", EVIL);
    repo.git(&["-C", "org", "commit", "-qam", "x"]);
    commit(&repo);
    let link = repo.root.parent().unwrap().join("link.yaml");
    std::os::unix::fs::symlink(repo.root.join("org/org.yaml"), &link).unwrap();
    for path in ["org/org.yaml", link.to_str().unwrap()] {
        assert_eq!(fickgate(&repo, &["--diff", "main...change", "--policy", path]).code, 2, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn a_linked_policy_is_refused_on_disk_as_in_git() {
    let repo = based_on(&[]);
    write(&repo, "m.pkl", EVIL);
    commit(&repo);
    let outside = repo.root.parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    let expect = |what: &str| {
        let run = fickgate(&repo, &[]);
        assert!(run.code == 2 && run.text.contains("symbolic link"), "{what}: {}", run.text);
    };
    std::os::unix::fs::symlink(outside.join("fickgate.yaml"), repo.root.join(".fickgate.yaml")).unwrap();
    expect("a link that leads nowhere: its `deny` would be gone without a word");
    fs::write(outside.join("fickgate.yaml"), ALLOW).unwrap();
    expect("a link out of the repository");
    fs::remove_file(repo.root.join(".fickgate.yaml")).unwrap();
    std::os::unix::fs::symlink(&outside, repo.root.join(".github")).unwrap();
    expect("a linked folder");
    fs::remove_file(repo.root.join(".github")).unwrap();
    assert_eq!(fickgate(&repo, &[]).code, 1);
}

#[test]
fn a_policy_that_an_old_commit_has_does_not_come_back() {
    let repo = based_on(&[(".fickgate.yaml", "exclude: ['legacy/**']\n")]);
    write(&repo, "legacy/m.pkl", EVIL);
    commit(&repo);
    repo.git(&["checkout", "-q", "main"]);
    write(&repo, ".fickgate.yaml", "deny: [a.B]\n");
    commit(&repo);
    repo.git(&["checkout", "-q", "change"]);
    for args in [["--diff", "main"], ["--diff", "main...change"], ["--history", "main..change"]] {
        assert_eq!(fickgate(&repo, &args).code, 1, "{args:?}");
    }
    // Under a framework in CI, all files are judged by the base that CI names.
    let hook = |env: &[(&str, &str)]| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let output = command.arg("hook").envs(env.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = hook(&[]);
    assert!(code == Some(0) && text.contains("by its own policy"), "{text}");
    for name in ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CHANGE_TARGET"] {
        assert_eq!(hook(&[("CI", "true"), (name, "main")]).0, Some(1), "{name}");
        assert_eq!(hook(&[("CI", "true"), (name, "nowhere")]).0, Some(2), "{name}: the base is not here");
    }
}

#[test]
fn a_policy_that_would_not_be_read_once_merged_is_an_error() {
    let base = "deny: [a.B]\nlevels: {not-a-pickle: note}\n";
    for (what, remove, name, text) in [
        ("broken YAML", false, ".fickgate.yaml", "bogus: ["),
        ("a second policy", false, ".github/fickgate.yaml", "version: 1\n"),
        ("another name", true, ".fickgate.yml", base),
        ("a folder", true, ".fickgate.yaml/x", "x"),
        ("no text", true, ".fickgate.yaml", "\u{0}"),
    ] {
        let repo = based_on(&[(".fickgate.yaml", base)]);
        if remove {
            repo.git(&["rm", "-q", ".fickgate.yaml"]);
        }
        write(&repo, name, text);
        commit(&repo);
        for args in [["--diff", "main"], ["--diff", "main..change"], ["--history", "main..change"]] {
            let run = fickgate(&repo, &args);
            assert!(run.code == 1 && run.text.contains("error[policy-changed]"), "{what}: {}", run.text);
        }
    }
    // Both sides are right, and what git makes of them is not.
    let repo = based_on(&[(".fickgate.yaml", "deny: [a.B]\n#\n#\n#\n#\n#\n#\n#\nexclude: ['x/**']\n")]);
    write(&repo, ".fickgate.yaml", "deny: [a.B]\n#\n#\n#\n#\n#\n#\n#\nexclude: ['x/**']\nfiles: []\n");
    commit(&repo);
    repo.git(&["checkout", "-q", "main"]);
    write(&repo, ".fickgate.yaml", "files: []\ndeny: [a.B]\n#\n#\n#\n#\n#\n#\n#\nexclude: ['x/**']\n");
    commit(&repo);
    repo.git(&["checkout", "-q", "change"]);
    let run = fickgate(&repo, &["--diff", "main"]);
    assert!(run.code == 1 && run.text.contains("error[policy-changed]"), "{}", run.text);
    // The other side has a policy by now.
    let repo = based_on(&[]);
    write(&repo, ".github/fickgate.yaml", "deny: [a.B]\n");
    commit(&repo);
    repo.git(&["checkout", "-q", "main"]);
    write(&repo, ".fickgate.yaml", "deny: [a.B]\n");
    commit(&repo);
    let run = fickgate(&repo, &["--diff", "main...change"]);
    assert!(run.code == 1 && run.text.contains("two policy files"), "{}", run.text);
}

#[test]
fn a_range_of_nothing_is_no_pass_in_ci() {
    let repo = based_on(&[]);
    for range in ["main", "main..change", "main...change", ".."] {
        assert!(fickgate(&repo, &["--diff", range]).text.contains("nothing was compared"), "{range}");
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let output = command.args(["--diff", range]).env("CI", "true").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{range}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_policy_file_leads_nowhere() {
    let repo = based_on(&[("ci/org.yaml", "deny: [a.B]\n")]);
    write(&repo, "m.pkl", EVIL);
    write(&repo, "evil/org.yaml", ALLOW);
    repo.git(&["rm", "-q", "-r", "ci"]);
    std::os::unix::fs::symlink("evil", repo.root.join("ci")).unwrap();
    commit(&repo);
    let run = fickgate(&repo, &["--diff", "main...change", "--policy", "ci/org.yaml"]);
    assert!(run.code == 1 && run.text.contains("import-not-allowed"), "{}", run.text);
}

#[test]
fn a_commit_is_told_what_it_changes_of_the_policy() {
    let repo = based_on(&[(".fickgate.yaml", "deny: [a.B]\n")]);
    write(&repo, "readme", "y");
    repo.git(&["add", "-A"]);
    assert!(!fickgate(&repo, &["--staged"]).text.contains("policy-changed"));
    write(&repo, "m.pkl", EVIL);
    write(&repo, ".fickgate.yaml", ALLOW);
    repo.git(&["add", "-A"]);
    for args in [&["--staged"][..], &["hook", "pre-commit"]] {
        let run = fickgate(&repo, args);
        assert_eq!(run.code, 0, "{}", run.text);
        for words in
            ["policy-changed", "adds allow os.system", "removes deny a.B", "with this commit", "broad-allow"]
        {
            assert!(run.text.contains(words), "{words}: {}", run.text);
        }
    }
    let run = fickgate(&repo, &["--staged", "--policy-from", "base"]);
    assert!(run.code == 1 && run.text.contains("would pass once merged"), "{}", run.text);
    // In a repository without a commit there is nothing to compare with but an empty tree.
    let first = Repo::new();
    write(&first, ".fickgate.yaml", "deny: [a.B]\n");
    first.git(&["add", "-A"]);
    let run = fickgate(&first, &["--staged"]);
    assert!(run.code == 0 && run.text.contains("adds deny a.B"), "{}", run.text);
}
