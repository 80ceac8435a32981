//! Tricks with git around content that would be refused if it were looked at.

use std::process::Output;

use crate::repo::Repo;

/// `os.system("echo")`, as protocol 0 spells it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo'\ntR.";
/// A policy that passes over a folder with such files, as a project that tests for them has.
const EXCLUDES: &str = "version: 1\nexclude:\n- tests/**\n";

fn fickgate(repo: &Repo, args: &[&str]) -> Output {
    repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap()
}

fn refused(repo: &Repo, args: &[&str]) {
    let output = fickgate(repo, args);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {text}");
}

fn accepted(repo: &Repo, args: &[&str]) {
    let output = fickgate(repo, args);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
}

#[test]
fn what_is_excluded_at_one_path_is_judged_at_another() {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", EXCLUDES);
    repo.commit("base");
    repo.add("tests/evil.pkl", EVIL);
    repo.commit("a test");
    accepted(&repo, &["--history"]);
    accepted(&repo, &["--diff", "HEAD^"]);
    repo.git(&["mv", "tests/evil.pkl", "model.pkl"]);
    refused(&repo, &["--staged"]);
    repo.commit("a rename");
    refused(&repo, &["--diff", "HEAD^"]);
    refused(&repo, &["--history", "HEAD^..HEAD"]);
    refused(&repo, &["--history", "HEAD~2..HEAD"]);
    refused(&repo, &["--history"]);
}

#[test]
fn a_link_to_what_is_excluded_is_no_way_around() {
    for (link, target) in
        [("model.pkl", "tests/evil.pkl"), ("sub/m.pt", "../tests/evil.pkl"), ("b.bin", "tests/../tests/x")]
    {
        let repo = Repo::new();
        repo.add(".fickgate.yaml", EXCLUDES);
        repo.add("tests/evil.pkl", EVIL);
        repo.commit("base");
        std::fs::create_dir_all(repo.root.join("sub")).unwrap();
        std::os::unix::fs::symlink(target, repo.root.join(link)).unwrap();
        repo.git(&["add", "-A"]);
        refused(&repo, &["--staged"]);
        if repo.root.join(link).exists() {
            refused(&repo, &["."]);
        }
        repo.commit("link");
        refused(&repo, &["--history", "HEAD^..HEAD"]);
    }
}

#[test]
fn a_link_is_judged_as_the_file_that_a_checkout_without_links_makes_of_it() {
    let long = [b"(lp0\n".as_slice(), &b"I1\na".repeat(30_000), b"cos\nsystem\n(S'echo'\ntR."].concat();
    for text in [EVIL, &long, b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04echo\x85R."] {
        for name in ["model.pkl", "notes"] {
            let repo = Repo::new();
            repo.add("a.txt", "a");
            repo.commit("base");
            let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], text);
            let entry = format!("120000,{},{name}", id.trim());
            repo.git(&["update-index", "--add", "--cacheinfo", &entry]);
            refused(&repo, &["--staged"]);
            repo.git(&["commit", "--quiet", "--no-verify", "--message", "a link"]);
            refused(&repo, &["--diff", "HEAD^..HEAD"]);
            refused(&repo, &["--history"]);
        }
    }
}

#[test]
fn the_text_of_an_honest_link_is_a_path() {
    let repo = Repo::new();
    repo.add("store/model.pkl", b"N.");
    repo.commit("base");
    for (name, target) in [
        ("m.pkl", b"store/model.pkl".as_slice()),
        ("x.npz", b"store/."),
        ("l.pt", b"store/\xe9t\xe9.pt"),
        ("deep.zip", &b"store/../".repeat(400)),
    ] {
        let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], target);
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("120000,{},{name}", id.trim())]);
    }
    accepted(&repo, &["--staged"]);
}

#[test]
fn a_link_gives_no_file_the_name_of_another_kind() {
    // dbm.dumb keeps a value at the second block of the file, of which nothing but its name tells.
    let value = [&[1u8; 512][..], EVIL].concat();
    let repo = Repo::new();
    repo.add("weights.raw", value);
    repo.commit("base");
    std::os::unix::fs::symlink("weights.raw", repo.root.join("s.dat")).unwrap();
    refused(&repo, &["."]);
    repo.git(&["add", "s.dat"]);
    refused(&repo, &["--staged"]);
    repo.commit("link");
    refused(&repo, &["--history", "HEAD^..HEAD"]);
    // Of the same kind, and of none.
    let honest = Repo::new();
    honest.add("a/data.json", "{}");
    honest.add("blobs/1f2e", b"N.");
    honest.commit("base");
    std::os::unix::fs::symlink("a/data.json", honest.root.join("b.json")).unwrap();
    std::os::unix::fs::symlink("blobs/1f2e", honest.root.join("model.bin")).unwrap();
    honest.git(&["add", "."]);
    accepted(&honest, &["--staged"]);
    accepted(&honest, &["."]);
}

#[test]
fn a_link_into_gits_own_files_is_not_judged_elsewhere() {
    let repo = Repo::new();
    repo.commit("base");
    std::os::unix::fs::symlink(".git/hooks/x.pkl", repo.root.join("m.pkl")).unwrap();
    repo.git(&["add", "-A"]);
    assert_eq!(repo.list("staged"), ["pointer-unresolved error m.pkl"]);
}

/// Writes a tree as it is, past the checks of `git mktree`.
fn tree(repo: &Repo, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(format!("{mode} {name}\0").into_bytes());
        for at in (0..id.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&id[at..at + 2], 16).unwrap());
        }
    }
    repo.git_with_input(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &bytes)
}

fn blob(repo: &Repo, bytes: &[u8]) -> String {
    repo.git_with_input(&["hash-object", "-w", "--stdin"], bytes)
}

#[test]
fn trees_that_git_would_not_write_hide_nothing() {
    let clean = b"\x80\x02}.";
    for odd in ["duplicate", "mode", "dot-git", "slash", "dots", "case"] {
        let repo = Repo::new();
        let (good, bad) = (blob(&repo, clean), blob(&repo, EVIL));
        let base = tree(&repo, &[("100644", "m.pkl", &good)]);
        let entries: Vec<(&str, &str, &str)> = match odd {
            "duplicate" => vec![("100644", "m.pkl", &good), ("100644", "m.pkl", &bad)],
            "mode" => vec![("100664", "m.pkl", &bad)],
            "dot-git" => vec![("100644", ".git", &bad), ("100644", "m.pkl", &good)],
            "slash" => vec![("100644", "a/b.pkl", &bad), ("100644", "m.pkl", &good)],
            "dots" => vec![("100644", "..", &bad), ("100644", "m.pkl", &good)],
            _ => vec![("100644", "M.PKL", &bad), ("100644", "m.pkl", &good)],
        };
        let tip = tree(&repo, &entries);
        let first = repo.git(&["commit-tree", "-m", "base", &base]);
        let second = repo.git(&["commit-tree", "-m", odd, "-p", &first, &tip]);
        repo.git(&["update-ref", "refs/heads/odd", &second]);
        for args in [["--history", "odd"], ["--diff", &format!("{first}..{second}")]] {
            let output = fickgate(&repo, &args);
            assert!(matches!(output.status.code(), Some(1 | 2)), "{odd} {args:?}: {output:?}");
        }
    }
}

#[test]
fn merges_of_every_shape_are_judged() {
    let repo = Repo::new();
    let evil = blob(&repo, EVIL);
    let empty = tree(&repo, &[]);
    let bad = tree(&repo, &[("100644", "m.pkl", &evil)]);
    let commit = |tree: &str, parents: &[&str], name: &str| {
        let mut args = vec!["commit-tree", "-m", name, tree];
        args.extend(parents.iter().flat_map(|p| ["-p", p]));
        repo.git(&args)
    };
    let base = commit(&empty, &[], "base");
    let (a, b) = (commit(&empty, &[&base], "a"), commit(&empty, &[&base], "b"));
    let octopus = commit(&bad, &[&base, &a, &b], "octopus");
    // Git itself drops the second of two equal parents, so the commit is written by hand.
    let text = repo.git(&["cat-file", "commit", &commit(&bad, &[&base], "twins")]);
    let twins = text.replacen("\nauthor", &format!("\nparent {base}\nauthor"), 1) + "\n";
    let twins = repo
        .git_with_input(&["hash-object", "-t", "commit", "-w", "--literally", "--stdin"], twins.as_bytes());
    let root = commit(&bad, &[], "another root");
    let joined = commit(&bad, &[&base, &root], "joined");
    for tip in [&octopus, &twins, &root, &joined] {
        repo.git(&["update-ref", "refs/heads/tip", tip]);
        refused(&repo, &["--history", "tip"]);
        refused(&repo, &["--history", &format!("{base}..{tip}")]);
        refused(&repo, &["--diff", &format!("{base}..{tip}")]);
    }
}

#[test]
fn objects_that_only_a_tag_or_a_note_reaches_are_judged() {
    for kind in ["tag of a blob", "tag of a tag", "tree", "note", "stash"] {
        let repo = Repo::new();
        repo.add("a", "a");
        repo.commit("base");
        let evil = blob(&repo, EVIL);
        match kind {
            "tag of a blob" => drop(repo.git(&["tag", "-a", "-m", "t", "t", &evil])),
            "tag of a tag" => {
                repo.git(&["tag", "-a", "-m", "t", "inner", &evil]);
                repo.git(&["tag", "-a", "-m", "t", "outer", "inner"]);
                repo.git(&["tag", "-d", "inner"]);
            }
            "tree" => {
                let inner = tree(&repo, &[("100644", "m.pkl", &evil)]);
                let outer = tree(&repo, &[("40000", "d", &inner)]);
                repo.git(&["update-ref", "refs/odd/tree", &outer]);
            }
            "note" => drop(repo.git(&["notes", "add", "-C", &evil, "HEAD"])),
            _ => {
                repo.write("a", EVIL);
                repo.git(&["stash", "-q"]);
            }
        }
        refused(&repo, &["--history"]);
    }
}

#[test]
fn settings_and_the_environment_leave_nothing_out() {
    let repo = Repo::new();
    repo.add("sub/clean.txt", "x");
    repo.commit("base");
    repo.add("evil.pkl", EVIL);
    for (key, value) in [
        ("diff.relative", "true"),
        ("diff.orderFile", "/dev/null"),
        ("diff.ignoreSubmodules", "all"),
        ("diff.renames", "copies"),
        ("diff.noPrefix", "true"),
        ("core.ignoreCase", "true"),
        ("core.fileMode", "false"),
        ("core.bare", "false"),
        ("core.bigFileThreshold", "1"),
        ("index.threads", "2"),
        ("feature.manyFiles", "true"),
    ] {
        repo.git(&["config", key, value]);
    }
    let sub = repo.root.join("sub");
    for variables in [
        &[][..],
        &[("GIT_DIFF_OPTS", "-u0"), ("GIT_EXTERNAL_DIFF", "true"), ("GIT_LITERAL_PATHSPECS", "1")],
        &[("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "diff.relative"), ("GIT_CONFIG_VALUE_0", "true")],
        &[("GIT_TRACE", "1"), ("GIT_NAMESPACE", "x"), ("GIT_FLUSH", "0"), ("GIT_ICASE_PATHSPECS", "1")],
    ] {
        for args in [&["--staged"][..], &["hook", "pre-commit"], &["--diff", "HEAD"]] {
            let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &sub);
            let output = command.args(args).envs(variables.iter().copied()).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{variables:?} {args:?}: {output:?}");
        }
    }
}

#[test]
fn a_repository_that_the_environment_names_is_the_one_that_is_judged() {
    let repo = Repo::new();
    repo.commit("base");
    repo.add("evil.pkl", EVIL);
    let elsewhere = repo.root.parent().unwrap().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let git = repo.root.join(".git");
    let run = |variables: &[(&str, &std::path::Path)], args: &[&str]| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &elsewhere);
        command.args(args).envs(variables.iter().copied()).output().unwrap().status.code()
    };
    assert_eq!(run(&[("GIT_DIR", &git), ("GIT_WORK_TREE", &repo.root)], &["--staged"]), Some(1));
    assert_eq!(run(&[("GIT_DIR", &git)], &["--staged"]), Some(1));
    assert_eq!(run(&[], &["--staged"]), Some(2));
    // Relative to the current folder.
    let (git_there, there) = (std::path::Path::new("../work/.git"), std::path::Path::new("../work"));
    for args in [&["--staged"][..], &["hook", "--all"], &["--diff", "main"]] {
        assert_eq!(run(&[("GIT_DIR", git_there), ("GIT_WORK_TREE", there)], args), Some(1), "{args:?}");
        let mut here = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let code = here.args(args).env("GIT_WORK_TREE", ".").output().unwrap().status.code();
        assert_eq!(code, Some(1), "{args:?} with a working tree alone");
    }
    // A working tree that lies elsewhere by configuration.
    repo.git(&["config", "core.worktree", elsewhere.to_str().unwrap()]);
    assert_eq!(run(&[("GIT_DIR", &git)], &["--staged"]), Some(1));
    std::fs::write(elsewhere.join("m.pkl"), EVIL).unwrap();
    assert_eq!(run(&[("GIT_DIR", &git)], &["."]), Some(1));
}

#[test]
fn a_branch_named_like_an_option_or_a_number_is_only_a_branch() {
    let repo = Repo::new();
    repo.commit("base");
    let base = repo.git(&["rev-parse", "HEAD"]);
    repo.add("evil.pkl", EVIL);
    repo.commit("evil");
    // A ref with the name of another commit: the commit is meant.
    let tip = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["update-ref", &format!("refs/heads/{base}"), &tip]);
    refused(&repo, &["--diff", &base]);
    refused(&repo, &["--diff", &format!("{base}...HEAD")]);
    for rev in ["--all", "-n1", "^HEAD", "HEAD^!", ""] {
        let output = fickgate(&repo, &[&format!("--diff={rev}")]);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{rev}: {output:?}");
    }
}

#[test]
fn archives_that_fill_in_what_commits_say_are_not_vouched_for() {
    let repo = Repo::new();
    repo.commit("base");
    let honest = b"\x80\x02X\x0b\0\0\0$Format:%s$.";
    repo.add("plain.pkl", honest);
    accepted(&repo, &["--staged"]);
    repo.add(".gitattributes", "*.pkl export-subst\nversion.py export-subst\n");
    repo.add("version.py", "v = '$Format:%h$'\n");
    let output = fickgate(&repo, &["--staged"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("checkout-differs") && text.contains("plain.pkl"), "{text}");
    assert!(!text.contains("version.py"), "{text}");
}

/// An object that is not what its name says, in the form that git keeps single objects in.
fn loose(repo: &Repo, name: &str, content: &[u8]) {
    use std::io::Write;
    let path = repo.root.join(".git/objects").join(&name[..2]).join(&name[2..]);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file =
        flate2::write::ZlibEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
    file.write_all(content).unwrap();
    file.finish().unwrap();
}

#[test]
fn objects_that_lie_about_their_size_are_no_pass() {
    let name = "1234567890123456789012345678901234567890";
    for (content, wanted, rule) in [
        // More than is unpacked; more than there is; no blob; nothing.
        (&b"blob 99999999999\0\x80\x02}."[..], 1, "resource-limit"),
        (b"blob 99999999\0\x80\x02}.", 2, ""),
        (b"tree 0\0", 2, ""),
        (b"odd 4\0\x80\x02}.", 2, ""),
        (b"", 2, "corrupt"),
    ] {
        let repo = Repo::new();
        repo.commit("base");
        loose(&repo, name, content);
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{name},m.pkl")]);
        let output = fickgate(&repo, &["--staged"]);
        let text = String::from_utf8_lossy(&output.stdout);
        let shown = content.escape_ascii();
        assert_eq!(output.status.code(), Some(wanted), "{shown}: {text} {output:?}");
        assert!(text.contains(rule), "{shown}: {text}");
    }
}

// Git takes such a folder for a repository of its own, in which nothing is tracked and `.gitignore` holds.
#[test]
fn a_folder_that_looks_like_a_bare_repository_hides_nothing() {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", "deny: [collections.OrderedDict]\n");
    repo.commit("policy");
    repo.git(&["checkout", "-qb", "change"]);
    for (name, text) in [
        ("models/HEAD", "ref: refs/heads/main\n"),
        ("models/objects/info/.keep", ""),
        ("models/refs/heads/.keep", ""),
        ("models/config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"),
        ("models/.gitignore", "*.pkl\n"),
    ] {
        repo.add(name, text);
    }
    repo.add("models/m.pkl", b"\x80\x02ccollections\nOrderedDict\n)R.");
    let run = |folder: &str, args: &[&str]| {
        let output = repo
            .command(env!("CARGO_BIN_EXE_fickgate"), &repo.root.join(folder))
            .args(args)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.code() == Some(1) && text.contains("models/m.pkl"),
            "{folder} {args:?}: {text}"
        );
    };
    run("", &["models"]);
    run("models", &[]);
    run("models", &["--staged"]);
    run("models", &["hook", "pre-commit"]);
    repo.commit("models");
    run("models", &["--diff", "main"]);
    run("models", &["--history", "main..change"]);
    run("models/refs", &["hook", "--all"]);
}

#[test]
fn a_broken_object_is_named_as_corrupt_and_waited_for_by_nobody() {
    let repo = Repo::new();
    let id = {
        repo.add("m.pkl", b"cos\nsystem\n(S'true'\ntR.");
        repo.commit("first");
        repo.git(&["rev-parse", "HEAD:m.pkl"])
    };
    let path = repo.root.join(".git/objects").join(&id[..2]).join(&id[2..]);
    let whole = std::fs::read(&path).unwrap();
    let run = |env: &[(&str, &str)]| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let output = command.args(["--history"]).envs(env.iter().copied()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    std::fs::remove_file(&path).unwrap();
    for broken in [&whole[..0], &whole[..10], &whole[..whole.len() - 1], b"x", &[&whole[..], b"x"].concat()] {
        std::fs::write(&path, broken).unwrap();
        let (code, text) = run(&[]);
        assert!(code == Some(2) && text.contains("corrupt"), "{} bytes: {text}", broken.len());
    }
    std::fs::remove_file(&path).unwrap();
    let (code, text) = run(&[]);
    assert!(code == Some(1) && text.contains("missing-object"), "{text}");
    // A blob that goes through a temporary file, and no folder to make one in.
    std::fs::write(&path, &whole).unwrap();
    let noise: Vec<u8> =
        (0..12_000_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect();
    repo.add("big.bin", noise);
    repo.commit("big");
    for packed in [false, true] {
        if packed {
            repo.git(&["repack", "-qad"]);
        }
        let (code, text) = run(&[("TMPDIR", "/nonexistent")]);
        assert!(code == Some(2) && text.contains("big.bin"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_brings_nothing_that_is_excluded_in_it() {
    let repo = Repo::new();
    repo.add(".fickgate.yaml", "exclude: ['legacy/*.pkl']\n");
    repo.add("legacy/m.pkl", b"cos\nsystem\n(S'true'\ntR.");
    repo.commit("base");
    repo.git(&["checkout", "-qb", "change"]);
    std::os::unix::fs::symlink("legacy", repo.root.join("models")).unwrap();
    repo.git(&["add", "-A"]);
    let refused = |args: &[&str]| {
        let output = fickgate(&repo, args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(1) && text.contains("pointer-unresolved"), "{args:?}: {text}");
    };
    refused(&["--staged"]);
    refused(&[]);
    repo.commit("link");
    refused(&["--diff", "main"]);
    refused(&["--history", "main..change"]);
}

#[cfg(unix)]
#[test]
fn reports_do_not_leave_the_working_tree_through_links() {
    let repo = Repo::new();
    repo.add("m.pkl", b"\x80\x02}.");
    let outside = repo.root.parent().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("victim"), "precious").unwrap();
    std::os::unix::fs::symlink(outside.join("victim"), repo.root.join("report.json")).unwrap();
    std::os::unix::fs::symlink(&outside, repo.root.join("reports")).unwrap();
    std::fs::create_dir(repo.root.join("own")).unwrap();
    let link = repo.root.parent().unwrap().join("link");
    std::os::unix::fs::symlink(&repo.root, &link).unwrap();
    let through = format!("{}/reports/victim", link.display());
    for path in ["report.json", "reports/victim", "own/../reports/victim", through.as_str()] {
        let output = fickgate(&repo, &["m.pkl", "--report", &format!("json={path}")]);
        assert_eq!(output.status.code(), Some(2), "{path}");
    }
    assert_eq!(std::fs::read_to_string(outside.join("victim")).unwrap(), "precious");
    for path in ["own/report.json", "../outside/report.json"] {
        assert_eq!(fickgate(&repo, &["m.pkl", "--report", &format!("json={path}")]).status.code(), Some(0));
    }
}

#[cfg(unix)]
#[test]
fn standard_input_and_pipes_of_a_shell_are_read() {
    let repo = Repo::new();
    repo.write("m.pkl", b"cos\nsystem\n(S'true'\ntR.");
    let binary = env!("CARGO_BIN_EXE_fickgate");
    for line in
        ["\"$0\" - <m.pkl", "cat m.pkl | \"$0\" /dev/stdin", "cat m.pkl | \"$0\" -", "\"$0\" <(cat m.pkl)"]
    {
        let output = repo.command("bash", &repo.root).args(["-c", line, binary]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(1) && text.contains("os.system"), "{line}: {text}");
    }
    let output =
        repo.command("bash", &repo.root).args(["-c", "\"$0\" explain - <m.pkl", binary]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("from os import system"));
}

#[cfg(target_os = "linux")]
#[test]
fn few_threads_and_descriptors_are_enough() {
    let repo = Repo::new();
    for index in 0..40 {
        repo.write(format!("{index}.pkl"), format!("cos\nsystem\n(S'{index}'\ntR."));
    }
    repo.git(&["add", "-A"]);
    let binary = env!("CARGO_BIN_EXE_fickgate");
    let line = "ulimit -n 24; exec \"$0\" --staged --jobs 64 --format concise";
    let output = repo.command("bash", &repo.root).args(["-c", line, binary]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && text.matches("import-not-allowed").count() == 40, "{text}");
}

#[test]
fn what_git_keeps_for_itself_is_reached_through_no_link() {
    let repo = Repo::new();
    repo.add("ok", "text");
    repo.commit("base");
    std::fs::create_dir(repo.root.join("real")).unwrap();
    for (target, code) in [(".git", 2), (".git/objects", 2), ("..", 2), ("real", 0)] {
        let link = repo.root.join("link");
        std::os::unix::fs::symlink(target, &link).unwrap();
        let output = fickgate(&repo, &["."]);
        let text = String::from_utf8_lossy(&output.stdout);
        let unresolved = text.contains("pointer-unresolved");
        assert_eq!(
            (output.status.code(), unresolved),
            (Some(i32::from(code > 0)), code > 0),
            "{target}: {text}"
        );
        std::fs::remove_file(link).unwrap();
    }
}

#[test]
fn no_report_is_written_over_a_tracked_file() {
    let repo = Repo::new();
    repo.add("sub/report.json", "mine");
    repo.commit("base");
    for folder in ["", "sub"] {
        let to = if folder.is_empty() { "json=sub/report.json" } else { "json=report.json" };
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root.join(folder));
        let output = command.args(["--report", to]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    assert_eq!(std::fs::read(repo.root.join("sub/report.json")).unwrap(), b"mine");
    assert_eq!(fickgate(&repo, &["--report", "json=sub/other.json"]).status.code(), Some(0));
    // A second run writes over the first one's.
    assert_eq!(fickgate(&repo, &["--report", "json=sub/other.json"]).status.code(), Some(0));
}

/// A generator of damage that gives the same for the same seed.
struct Damage(u64);

impl Damage {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

/// Objects and packs that are cut and whose bits are turned, read with libgit2 and through `git cat-file`: what was
/// stored, or exit code 2; never another content, a pass, or no end. `FICKGATE_DAMAGE=SEED,ROUNDS` runs more of them:
/// `FICKGATE_DAMAGE=7,2000 cargo test --test git -- damaged --nocapture`.
#[test]
fn damaged_objects_and_packs_are_no_pass() {
    let asked = std::env::var("FICKGATE_DAMAGE").unwrap_or_default();
    let (seed, rounds) = asked.split_once(',').unwrap_or(("1", "12"));
    let (seed, rounds): (u64, usize) = (seed.parse().expect("a seed"), rounds.parse().expect("a number"));
    for format in ["sha1", "sha256"] {
        for packed in [false, true] {
            let repo = Repo::with(&["--object-format", format]);
            // Content that does not compress away, refused when whole, and a second version for a delta.
            let evil = b"cos\nsystem\n(S'true'\ntR.";
            let noise: Vec<u8> =
                (0..3000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
            repo.add("m.pkl", [&evil[..], &noise].concat());
            repo.commit("one");
            repo.add("m.pkl", [&evil[..], &noise, b"more"].concat());
            repo.commit("two");
            let id = repo.git(&["rev-parse", "HEAD:m.pkl"]);
            let objects = repo.root.join(".git/objects");
            let path = match packed {
                false => objects.join(&id[..2]).join(&id[2..]),
                true => {
                    repo.git(&["repack", "-qadf"]);
                    let packs = std::fs::read_dir(objects.join("pack")).unwrap();
                    let mut packs = packs.map(|entry| entry.unwrap().path());
                    packs.find(|path| path.extension().is_some_and(|end| end == "pack")).expect("a pack")
                }
            };
            let whole = std::fs::read(&path).unwrap();
            let mut damage = Damage(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            for round in 0..rounds {
                let mut broken = whole.clone();
                match damage.next(3) {
                    0 => broken.truncate(damage.next(whole.len())),
                    1 => broken[damage.next(whole.len())] ^= 1 << damage.next(8),
                    _ => {
                        let (from, len) = (damage.next(whole.len()), damage.next(64));
                        broken.iter_mut().skip(from).take(len).for_each(|byte| *byte = 0);
                    }
                }
                std::fs::remove_file(&path).unwrap();
                std::fs::write(&path, &broken).unwrap();
                let output = fickgate(&repo, &["--diff", "HEAD~1..HEAD"]);
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8_lossy(&text);
                let code = output.status.code();
                assert!(
                    code == Some(2) || (code == Some(1) && text.contains("os.system")),
                    "{format}, packed {packed}, seed {seed}, round {round}: {code:?}: {text}"
                );
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::new();
    let temporary = repo.root.parent().unwrap().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    // It goes through a temporary file.
    let noise: Vec<u8> =
        (0..9_000_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    repo.add("big.bin", noise);
    repo.commit("big");
    repo.git(&["repack", "-qad"]);
    // A git that hands out half of it, says so, and then nothing until nobody asks any more.
    let folder = repo.root.parent().unwrap().join("programs");
    std::fs::create_dir(&folder).unwrap();
    let said = folder.join("said");
    let path = std::env::var("PATH").unwrap();
    let script = format!(
        "#!/bin/sh\nPATH='{path}'\ncase \" $* \" in\n*' cat-file --batch '*) git \"$@\" | {{ head -c 18000000; \
         echo $$ > '{said}.new'; mv '{said}.new' '{said}'; cat > /dev/null; }} ;;\n*) exec git \"$@\" ;;\nesac\n",
        said = said.display()
    );
    std::fs::write(folder.join("git"), script).unwrap();
    std::fs::set_permissions(folder.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = repo
        .command(env!("CARGO_BIN_EXE_fickgate"), &repo.root)
        .args(["--history", "--jobs", "2"])
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("TMPDIR", &temporary)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !said.exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it asks git for the file");
        std::thread::yield_now();
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let ended = child.wait().unwrap();
    assert!(killed.success() && (ended.code() != Some(0)), "{ended:?}");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "no file with a name is ever made there");
    // Git ends by itself where nobody reads what it writes, or where nobody asks any more.
    let there = format!("/proc/{}/stat", std::fs::read_to_string(&said).unwrap().trim());
    let gone = |stat: std::io::Result<String>| stat.is_err() || stat.is_ok_and(|s| s.contains(") Z "));
    while !gone(std::fs::read_to_string(&there)) {
        std::thread::yield_now();
    }
    assert!(!repo.root.join(".git/index.lock").exists());
}
