//! Stored bytes and checked-out bytes.

use crate::repo::Repo;

/// Stored, a harmless string. With CRLF line ends the string ends earlier, and what stood in it runs.
fn two_faced() -> Vec<u8> {
    let hidden = b"\x8c\x02os\x8c\x06system\x93.";
    let mut pickle = b"\x80\x04U".to_vec();
    pickle.push(2 * hidden.len() as u8);
    pickle.extend(std::iter::repeat_n(b'\n', hidden.len()));
    pickle.extend(hidden);
    pickle.push(b'.');
    pickle
}

#[test]
fn a_checkout_is_told_byte_by_byte_as_git_makes_it() {
    let contents: &[&[u8]] = &[
        b"plain\ntext\n",
        b"already\r\ncrlf\r\n",
        b"mixed\r\nline\nends",
        b"lone\rreturn\n",
        b"\x80\x02binary\n\0",
        b"controls\x01\x02\n",
        b"a\x1a\n\x1a",
        b"",
        b"$Id$ and $Id: $ and\n$Id: 0123456789012345678901234567890123456789 $",
        b"$Id: two words $ $Idx$ $Id:$ $Id:\n$ $Id",
        b"$Id: a $$Id: b  $ $Id:c$ $Id$$Id$\n",
    ];
    for attributes in [
        "text eol=crlf",
        "text=auto eol=crlf",
        "eol=crlf",
        "ident",
        "ident text eol=crlf",
        "-text eol=crlf ident",
    ] {
        let repo = Repo::new();
        for (n, content) in contents.iter().enumerate() {
            let id = repo.git_with_input(&["hash-object", "-w", "--stdin", "--no-filters"], content);
            repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{n:02}")]);
        }
        repo.write(".gitattributes", format!("* {attributes}\n"));
        repo.git(&["add", ".gitattributes"]);
        let listed = repo.list("staged");
        repo.git(&["checkout-index", "-f", "-a"]);
        for (n, content) in contents.iter().enumerate() {
            let line = listed.iter().find(|l| l.starts_with(&format!("index {n:02} "))).unwrap();
            let told = match line.rsplit_once(" | ") {
                Some((_, checkout)) => checkout.split_once(": ").unwrap().1.to_owned(),
                None => content.escape_ascii().to_string(),
            };
            let real = std::fs::read(repo.root.join(format!("{n:02}"))).unwrap();
            assert_eq!(told, real.escape_ascii().to_string(), "{attributes}: {}", content.escape_ascii());
        }
    }
}

#[test]
fn attributes_come_from_where_the_content_comes_from() {
    let repo = Repo::new();
    repo.add("sub/.gitattributes", "*.pkl text eol=crlf\n");
    repo.write("sub/a.pkl", "a\n");
    repo.git(&["add", "."]);
    let converted = r"sub/a.pkl a\n | CRLF line ends: a\r\n";
    repo.write("sub/.gitattributes", "");
    assert_eq!(repo.list("staged")[1], format!("index {converted}"), "the index, not the disk");
    assert_eq!(repo.list_in(&repo.root.join("sub"), "staged")[1], format!("index {converted}"));
    repo.git(&["commit", "-qm", "a"]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "b"]);
    assert_eq!(repo.list("hook ")[1], format!("index {converted}"));
    assert_eq!(repo.list("history")[1], format!("commit {converted}"));
    repo.git(&["checkout", "-q", "--orphan", "empty"]);
    repo.git(&["rm", "-rqf", "."]);
    repo.commit("empty");
    assert_eq!(repo.list("diff HEAD..main")[1], format!("commit {converted}"), "the commit, not the index");
    repo.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = repo.root.parent().unwrap().join("bare.git");
    assert_eq!(repo.list_in(&bare, "diff HEAD..main")[1], format!("commit {converted}"));
}

#[test]
fn changed_attributes_bring_up_the_files_around_them() {
    let repo = Repo::new();
    repo.add("a.pkl", "a\n");
    repo.add("sub/b.pkl", "b\n");
    repo.add("sub/c.pkl", "no line end");
    repo.commit("base");
    repo.add("sub/.gitattributes", "*.pkl text eol=crlf\n");
    let expected = [r"sub/.gitattributes *.pkl text eol=crlf\n", r"sub/b.pkl b\n | CRLF line ends: b\r\n"];
    let got = repo.list("staged");
    assert_eq!(got[..2], expected.map(|l| format!("index {l}")));
    assert_eq!(got[2..], ["unchanged sub/c.pkl"]);
    repo.commit("attributes");
    let got = repo.list("diff HEAD^");
    assert_eq!(got[..2], expected.map(|l| format!("commit {l}")));
    let got = repo.list("history");
    assert!(got.contains(&format!("commit {}", expected[1])), "{got:?}");
    // Taking away what protected a file counts as well.
    repo.add(".gitattributes", "* text eol=crlf\n");
    repo.add("sub/.gitattributes", "* -text\n");
    repo.commit("protected");
    repo.git(&["rm", "-q", "sub/.gitattributes"]);
    assert_eq!(repo.list("staged")[0], format!("index {}", expected[1]));
    assert_eq!(repo.list("staged").len(), 2);
}

#[test]
fn what_other_programs_make_of_a_file_is_not_known() {
    let repo = Repo::new();
    repo.add(
        ".gitattributes",
        "*.pkl filter=crypt\n*.txt filter=crypt\n*.pt working-tree-encoding=UTF-16\n*.bin filter=lfs -text\n",
    );
    for name in ["a.pkl", "b.txt", "c.pt", "d.bin"] {
        let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"x");
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{name}")]);
    }
    assert_eq!(
        repo.list("staged")[1..],
        [
            "index a.pkl x | checkout-differs error",
            "index b.txt x | checkout-differs error",
            r"index c.pt x | another encoding: \xff\xfex\x00",
            "index d.bin x",
        ]
    );
}

#[test]
fn a_pickle_that_a_checkout_turns_evil_is_refused() {
    let run = |repo: &Repo, args: &[&str]| {
        let out = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let repo = Repo::new();
    repo.add("m.pkl", two_faced());
    let (code, text) = run(&repo, &["--staged"]);
    assert_eq!(code, Some(0), "as it is stored: {text}");
    repo.commit("model");
    repo.add(".gitattributes", "*.pkl text eol=crlf\n");
    let (code, text) = run(&repo, &["--staged"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("checkout-differs") && text.contains("os.system"), "{text}");
    repo.commit("attributes");
    for mode in [&["--history"][..], &["--diff", "HEAD^"], &["--diff", "HEAD^..HEAD"], &["hook"]] {
        let (code, text) = run(&repo, mode);
        assert_eq!((code, text.contains("checkout-differs")), (Some(1), true), "{mode:?}: {text}");
    }
    // The file that git writes is refused on its own account.
    std::fs::remove_file(repo.root.join("m.pkl")).unwrap();
    repo.git(&["checkout", "m.pkl"]);
    let (code, text) = run(&repo, &["m.pkl"]);
    assert_eq!((code, text.contains("import-not-allowed")), (Some(1), true), "{text}");
}

#[test]
fn honest_files_pass_under_common_attributes() {
    let repo = Repo::new();
    repo.add(
        ".gitattributes",
        "* text=auto\n*.sh text eol=lf\n*.bat text eol=crlf\n*.pt filter=lfs diff=lfs merge=lfs -text\n",
    );
    repo.add("run.bat", "echo\n");
    repo.add("main.py", "import pickle\nprint('$Id$')\n");
    repo.add("two.pkl", b"\x80\x02}q\x00X\x02\x00\x00\x00a\nq\x01K\x01s.");
    // Text, as Python 2 wrote it: a checkout on Windows would break it, which is no danger.
    repo.add("old.pkl", b"(dp0\nS'a'\np1\nI1\ns.");
    let out = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).arg("--staged").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn attributes_count_wherever_git_reads_them() {
    for place in ["info", "user", "home", "folder", "macro"] {
        let repo = Repo::new();
        repo.commit("base");
        let rule = "*.pkl text eol=crlf\n";
        match place {
            "info" => repo.write(".git/info/attributes", rule),
            "user" => {
                repo.write("../mine", rule);
                let mine = repo.root.parent().unwrap().join("mine");
                repo.git(&["config", "core.attributesFile", mine.to_str().unwrap()]);
            }
            "home" => repo.write("../home/xdg/git/attributes", rule),
            "folder" => {
                repo.add("a/b/.gitattributes", rule);
                repo.commit("attributes");
            }
            _ => {
                repo.add(".gitattributes", "[attr]odd text eol=crlf\n");
                repo.add("a/.gitattributes", "*.pkl odd\n");
                repo.commit("attributes");
            }
        }
        repo.add("a/b/m.pkl", two_faced());
        let command = &mut repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let output = command.arg("--staged").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{place}: {text}");
        assert!(text.contains("checkout-differs"), "{place}: {text}");
    }
}

#[test]
fn no_name_and_no_odd_value_makes_an_attribute_weigh_less() {
    // `model` is a pickle in a checkout, and text in git.
    let evil = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R. ";
    let units = evil.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text = char::decode_utf16(units).map(|c| c.expect("no surrogates")).collect::<String>();
    for (attributes, content) in [
        ("model working-tree-encoding=UTF-16LE", text.clone().into_bytes()),
        ("model working-tree-encoding=utf16le", text.into_bytes()),
        ("model working-tree-encoding=SHIFT-JIS", b"x".to_vec()),
        ("model filter=crypt", b"x".to_vec()),
        ("model export-subst", b"$Format:%B$".to_vec()),
        ("model export-subst", b"cos\n$Format:%D$\n)R.".to_vec()),
    ] {
        let repo = Repo::new();
        repo.commit("first");
        repo.write("model", &content);
        let id = repo.git(&["hash-object", "-w", "--no-filters", "model"]);
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},model")]);
        repo.add(".gitattributes", attributes);
        let run = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).arg("--staged").output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        assert!(run.status.code() == Some(1) && text.contains("checkout-differs"), "{attributes}: {text}");
    }
    let repo = Repo::new();
    repo.add("x.dat", "a\n");
    repo.add(".gitattributes", "*.dat text=anything crlf\n");
    assert!(repo.list("staged").contains(&r"index x.dat a\n | CRLF line ends: a\r\n".to_owned()));
    // What versioneer and setuptools-scm write is no pickle, whatever is filled in.
    let repo = Repo::new();
    repo.add("_version.py", format!("\n# {}\nrefnames = \"$Format:%d$\"\n", "x".repeat(600)));
    repo.add(".git_archival.txt", "node: $Format:%H$\nref-names: $Format:%D$\n");
    repo.add(".gitattributes", "_version.py export-subst\n.git_archival.txt export-subst\n");
    let run = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).arg("--staged").output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stdout));
}

// A pickle whose line ends make opcodes of what was the end of a string.
fn shifted() -> Vec<u8> {
    let tail = b"0\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.";
    let size = u8::try_from(2 * tail.len()).expect("short");
    [&b"\x80\x04C"[..], &[size], &vec![b'\n'; tail.len()], tail, b"."].concat()
}

/// What `pre-push` says of new branches at these commits.
fn pushed(repo: &Repo, tips: &[String]) -> (Option<i32>, String) {
    let zeros = "0".repeat(40);
    let lines: String = tips.iter().map(|tip| format!("refs/heads/x {tip} refs/heads/x {zeros}\n")).collect();
    let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
    let mut child = command
        .args(["hook", "pre-push", "origin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_commit_of_a_push_has_the_attributes_that_were_there() {
    let repo = Repo::new();
    repo.git(&["remote", "add", "origin", "https://example.invalid/x.git"]);
    repo.add("there.dat", shifted());
    let base = repo.commit("base");
    repo.git(&["update-ref", "refs/remotes/origin/main", &base]);
    // Many refs, and the attributes are in one of the last.
    let mut tips = Vec::new();
    for index in 0..12 {
        repo.git(&["checkout", "-q", "-b", &format!("topic{index}"), &base]);
        repo.add("x", format!("{index}"));
        if index == 10 {
            repo.add("m.dat", shifted());
            repo.add(".gitattributes", "m.dat crlf\n");
        }
        tips.push(repo.commit("topic"));
    }
    let (code, text) = pushed(&repo, &tips);
    assert!(code == Some(1) && text.contains("checkout-differs") && text.contains("m.dat"), "{text}");
    // Attributes alone change what a file that was there before is.
    repo.git(&["checkout", "-q", "-b", "attributes", &base]);
    repo.add(".gitattributes", "*.dat crlf\n");
    let tip = repo.commit("attributes");
    let (code, text) = pushed(&repo, std::slice::from_ref(&tip));
    assert!(code == Some(1) && text.contains("there.dat"), "{text}");
    // They came with another push, and the model comes now.
    repo.git(&["update-ref", "refs/remotes/origin/main", &tip]);
    repo.add("m.dat", shifted());
    let added = repo.commit("model");
    repo.git(&["rm", "-q", ".gitattributes"]);
    let tip = repo.commit("gone");
    assert_ne!(added, tip);
    let (code, text) = pushed(&repo, &[tip]);
    assert!(code == Some(1) && text.contains("m.dat"), "what was true of a commit in between: {text}");
}

#[test]
fn attributes_that_become_a_link_or_a_submodule_are_gone() {
    let repo = Repo::new();
    repo.add("models/m.dat", "raw");
    repo.add(".gitattributes", "*.dat working-tree-encoding=UTF-16LE\n");
    repo.add("models/.gitattributes", "*.dat -working-tree-encoding\n");
    let base = repo.commit("base");
    let link = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"elsewhere");
    for (mode, id) in [("120000", &link), ("160000", &base)] {
        repo.git(&["checkout", "-qfB", "topic", "main"]);
        let info = format!("{mode},{id},models/.gitattributes");
        repo.git(&["update-index", "--cacheinfo", &info]);
        let staged = repo.list("staged");
        assert!(staged.iter().any(|line| line.contains("models/m.dat")), "{mode}: {staged:?}");
        repo.commit("another kind");
        let changed = repo.list("diff main...topic");
        assert!(changed.iter().any(|line| line.contains("models/m.dat")), "{mode}: {changed:?}");
    }
}

#[test]
fn a_link_gives_attributes_too() {
    let repo = Repo::new();
    repo.add("m.dat", "text");
    repo.commit("base");
    let put = |mode: &str, bytes: &[u8], path: &str| {
        let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], bytes);
        repo.git(&["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{path}")]);
    };
    let units = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R. ";
    let units = units.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text = char::decode_utf16(units).map(|c| c.expect("no surrogates")).collect::<String>();
    // A clone takes the target of the link, as it is in the index, for lines of attributes.
    put("120000", b"m.dat working-tree-encoding=UTF-16LE", ".gitattributes");
    put("100644", text.as_bytes(), "m.dat");
    let expect = |mode: &[&str]| {
        let (code, said) = run(&repo, mode);
        let told = said.contains("os.system") && said.contains("symbolic link");
        assert!(code == Some(1) && told, "{mode:?}: {said}");
    };
    expect(&["--staged"]);
    repo.commit("link");
    for mode in [&["--diff", "main~1..main"][..], &["--history", "main~1..main"], &["--history"]] {
        expect(mode);
    }
}

/// What `fickgate` says of a repository: its exit code and its report.
fn run(repo: &Repo, args: &[&str]) -> (Option<i32>, String) {
    let out = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap();
    (
        out.status.code(),
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr),
    )
}

#[test]
fn every_text_is_judged_as_git_for_windows_writes_it() {
    let text = [shifted(), b"# ".to_vec(), vec![b'x'; 2000]].concat();
    let repo = Repo::new();
    repo.commit("base");
    repo.add("m.dat", &text);
    for mode in [&["--staged"][..], &["hook", "pre-commit"], &["hook", "--all"]] {
        let (code, said) = run(&repo, mode);
        assert!(code == Some(1) && said.contains("core.autocrlf"), "{mode:?}: {said}");
    }
    repo.commit("model");
    for mode in [&["--diff", "main~1..main"][..], &["--history"]] {
        let (code, said) = run(&repo, mode);
        assert!(code == Some(1) && said.contains("core.autocrlf"), "{mode:?}: {said}");
    }
    // That is what such a machine has.
    repo.git(&["-c", "core.autocrlf=true", "clone", "-q", ".", "../windows"]);
    let windows = std::fs::read(repo.root.join("../windows/m.dat")).unwrap();
    assert_ne!(windows, text);
    repo.write("as-there.dat", &windows);
    assert_eq!(run(&repo, &["as-there.dat"]).0, Some(1));
}

#[test]
fn attributes_are_matched_as_on_systems_that_tell_no_case_apart() {
    let units = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R. ";
    let units = units.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text = char::decode_utf16(units).map(|c| c.expect("no surrogates")).collect::<String>();
    let repo = Repo::new();
    repo.commit("base");
    repo.write("model", &text);
    let id = repo.git(&["hash-object", "-w", "--no-filters", "model"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},model")]);
    repo.add(".gitattributes", "MODEL working-tree-encoding=UTF-16LE\n");
    let (code, said) = run(&repo, &["--staged"]);
    assert!(code == Some(1) && said.contains("checkout-differs"), "{said}");
    repo.commit("model");
    let (code, said) = run(&repo, &["--history", "main~1..main"]);
    assert!(code == Some(1) && said.contains("checkout-differs"), "{said}");
    // Names that such systems take for that of attributes or of the policy.
    for name in
        [".GitAttributes", "models/.GITATTRIBUTES", "GITATT~1", ".git\u{200c}attributes", ".FickGate.yaml"]
    {
        let repo = Repo::new();
        repo.commit("base");
        let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"version: 1\n");
        let git = ["-c", "core.protectHFS=false", "-c", "core.protectNTFS=false"];
        let info = format!("100644,{id},{name}");
        repo.git(&[&git[..], &["update-index", "--add", "--cacheinfo", &info]].concat());
        let (code, said) = run(&repo, &["--staged"]);
        assert!(code == Some(1) && said.contains("tell no case apart"), "{name}: {said}");
        repo.commit("named");
        for mode in [&["--diff", "main~1..main"][..], &["--history", "main~1..main"], &["hook", "--all"]] {
            assert_eq!(run(&repo, mode).0, Some(1), "{name}: {mode:?}");
        }
    }
}

#[test]
fn attributes_count_for_a_folder_however_it_is_spelled() {
    let rules = ("Models/.gitattributes", "*.dat working-tree-encoding=UTF-16LE\n");
    let file = ("models/deep/m.dat", "text");
    for (first, second) in [(rules, file), (file, rules)] {
        let repo = Repo::new();
        repo.commit("nothing");
        let add = |(path, text): (&str, &str)| {
            let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], text.as_bytes());
            repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{path}")]);
        };
        let modes = |judged: &[&[&str]]| {
            for mode in judged {
                let (code, said) = run(&repo, mode);
                let told = said.contains("checkout-differs") && said.contains(second.0);
                assert!(code == Some(1) && told, "{second:?} {mode:?}: {said}");
            }
        };
        add(first);
        repo.commit("first");
        assert_eq!(run(&repo, &["--diff", "main~1..main"]).0, Some(0), "{first:?} by itself");
        add(second);
        modes(&[&["--staged"], &["hook", "--all"]]);
        repo.commit("second");
        modes(&[&["--diff", "main~1..main"], &["--history", "main~1..main"], &["--history", "main~2..main"]]);
        // One spelling, as after a folder is renamed.
        let lower = first.0.to_lowercase();
        repo.git(&["rm", "-q", "--cached", "-r", first.0]);
        add((&lower, first.1));
        repo.git(&["rm", "-q", "--cached", "-r", second.0]);
        add((&second.0.to_lowercase(), "-text\n"));
        let (code, said) = run(&repo, &["--staged"]);
        assert!(code == Some(0) || !said.contains("tell no case apart"), "{said}");
    }
}

#[test]
fn attributes_count_for_a_folder_by_each_name_that_systems_give_it() {
    for (ruled, plain) in [
        ("caf\u{e9}", "cafe\u{301}"),
        ("CAFE\u{301}", "caf\u{e9}"),
        ("AAALON~1", "AAALONGNAME"),
        ("deep/long folder", "deep/LONGFO~1"),
    ] {
        let repo = Repo::new();
        repo.commit("nothing");
        let add = |path: &str, text: &[u8]| {
            let id = repo.git_with_input(&["hash-object", "-w", "--stdin"], text);
            repo.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{path}")]);
        };
        add(&format!("{plain}/m.dat"), b"text");
        repo.commit("file");
        add(&format!("{ruled}/.gitattributes"), b"*.dat working-tree-encoding=UTF-16LE\n");
        let refused = |mode: &[&str]| {
            let (code, said) = run(&repo, mode);
            assert!(code == Some(1) && said.contains("checkout-differs"), "{ruled} {mode:?}: {said}");
        };
        refused(&["--staged"]);
        refused(&["hook", "--all"]);
        repo.commit("rules");
        refused(&["--diff", "main~1..main"]);
        refused(&["--history", "main~1..main"]);
        // Without attributes they are folders like any other.
        repo.git(&["rm", "-q", "--cached", &format!("{ruled}/.gitattributes")]);
        add(&format!("{ruled}/other"), b"text");
        assert_eq!(run(&repo, &["--staged"]).0, Some(0), "{ruled}");
    }
}

#[test]
fn lines_of_attributes_that_only_some_programs_read_are_refused() {
    let repo = Repo::new();
    repo.commit("base");
    for (padding, expected) in [(2000, 0), (2100, 1)] {
        repo.add("models/.gitattributes", format!("*.dat {} text eol=crlf\n", "x".repeat(padding)));
        let (code, said) = run(&repo, &["--staged"]);
        assert!(code == Some(expected) && said.contains("lines this long") == (expected == 1), "{said}");
    }
    repo.commit("long");
    for mode in [&["--diff", "main~1..main"][..], &["--history"], &["hook", "--all"]] {
        assert_eq!(run(&repo, mode).0, Some(1), "{mode:?}");
    }
}

/// A PATH with a git that does something before it is the real one.
fn git_that(repo: &Repo, does: &str) -> String {
    let bin = repo.root.join("../bin");
    std::fs::create_dir(&bin).unwrap();
    let real = repo.command("sh", &repo.root).args(["-c", "command -v git"]).output().unwrap().stdout;
    let real = String::from_utf8(real).unwrap();
    std::fs::write(bin.join("git"), format!("#!/bin/sh\n{does}\nexec '{}' \"$@\"\n", real.trim())).unwrap();
    std::fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_git_that_reads_attributes_from_no_commit_tells_them_all_the_same() {
    let repo = Repo::new();
    // Before 2.40 the option is not known.
    let path = git_that(&repo, "case \"$*\" in *--source=*) exit 129 ;; esac");
    let temporary = repo.root.join("../temporary");
    std::fs::create_dir(&temporary).unwrap();
    repo.add("m.dat", shifted());
    let base = repo.commit("base");
    repo.add(".gitattributes", "*.dat text eol=crlf\n");
    let refused = |args: &[&str]| {
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let output = command.args(args).env("PATH", &path).env("TMPDIR", &temporary).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.code() == Some(1) && said.contains("checkout-differs"), "{args:?}: {said}");
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "{args:?}");
    };
    refused(&["--staged"]);
    let rules = repo.commit("rules");
    // What is checked out is not what is judged.
    repo.git(&["checkout", "-q", &base]);
    refused(&["--diff", &format!("{base}..{rules}")]);
    refused(&["--history", &format!("{base}..{rules}")]);
    refused(&["--history"]);
}

#[test]
fn git_is_asked_twice_for_attributes_only_where_case_can_make_a_difference() {
    let repo = Repo::new();
    let log = repo.root.join("../asked");
    let path = git_that(&repo, &format!("printf '%s\\n' \"$*\" >>'{}'", log.display()));
    let asked = |name: &str| {
        repo.add(name, b"\x80\x02}.");
        let _ = std::fs::remove_file(&log);
        let mut command = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root);
        let status = command.args(["hook", "pre-commit"]).env("PATH", &path).status().unwrap();
        assert!(status.success(), "{name}");
        let text = std::fs::read_to_string(&log).unwrap();
        repo.git(&["rm", "-q", "-f", "--cached", name]);
        text.lines().filter(|line| line.contains("check-attr")).count()
    };
    repo.commit("base");
    assert_eq!(asked("m.pkl"), 0, "nothing gives attributes");
    for (rules, small, capital) in
        [("# Line Ends\n* text=auto\n", 1, 1), ("*.txt text\n", 1, 2), ("*.TXT text\n", 2, 2)]
    {
        repo.add(".gitattributes", rules);
        repo.commit("rules");
        assert_eq!((asked("m.pkl"), asked("M.pkl")), (small, capital), "{rules}");
    }
}

#[test]
fn attributes_that_go_away_in_a_history_bring_up_what_they_protected() {
    let repo = Repo::new();
    repo.add("models/m.dat", shifted());
    repo.add(".gitattributes", "*.dat text eol=crlf\n");
    repo.add("models/.gitattributes", "*.dat -text\n");
    let base = repo.commit("base");
    let listed = |range: &str| repo.list(&format!("history {range}"));
    let converted =
        |lines: &[String]| lines.iter().any(|l| l.contains("models/m.dat") && l.contains("CRLF line ends:"));
    let link = repo.git_with_input(&["hash-object", "-w", "--stdin"], b"elsewhere");
    for kind in ["removed", "moved", "link", "submodule"] {
        repo.git(&["checkout", "-qfB", "topic", "main"]);
        match kind {
            "removed" => drop(repo.git(&["rm", "-qf", "models/.gitattributes"])),
            "moved" => drop(repo.git(&["mv", "models/.gitattributes", "models/attributes"])),
            "link" => drop(repo.git(&[
                "update-index",
                "--cacheinfo",
                &format!("120000,{link},models/.gitattributes"),
            ])),
            _ => drop(repo.git(&[
                "update-index",
                "--cacheinfo",
                &format!("160000,{base},models/.gitattributes"),
            ])),
        }
        repo.commit(kind);
        assert!(converted(&listed("main..topic")), "{kind}: {:?}", listed("main..topic"));
        // Also where a later commit puts it back.
        repo.git(&["update-index", "--force-remove", "models/.gitattributes"]);
        repo.commit("gone for sure");
        repo.git(&["checkout", "-qf", "main", "--", "models"]);
        repo.commit("back");
        assert!(converted(&listed("main..topic")), "{kind}, and back: {:?}", listed("main..topic"));
        assert!(converted(&listed("topic")), "{kind}, from the beginning");
    }
}

#[test]
fn a_merge_joins_attributes_of_one_side_with_files_of_the_other() {
    let repo = Repo::new();
    let base = repo.commit("base");
    repo.git(&["checkout", "-q", "-b", "files"]);
    repo.add("m.dat", shifted());
    let files = repo.commit("files");
    repo.git(&["checkout", "-q", "-b", "attributes", &base]);
    repo.add(".gitattributes", "*.dat text eol=crlf\n");
    let attributes = repo.commit("attributes");
    repo.git(&["merge", "-q", "--no-edit", "files"]);
    // Both sides are there already; what is new is that they are together.
    for (name, commit) in [("files", files), ("attributes", attributes)] {
        repo.git(&["update-ref", &format!("refs/remotes/origin/{name}"), &commit]);
    }
    let (code, text) = pushed(&repo, &[repo.git(&["rev-parse", "HEAD"])]);
    assert!(code == Some(1) && text.contains("m.dat"), "{text}");
}

#[cfg(unix)]
/// Attributes of two folders that say something together alone: a macro, and who uses it.
const MACRO: (&str, &str) = (".gitattributes", "[attr]win text eol=crlf\n");
const USED: (&str, &str) = ("models/.gitattributes", "*.dat win\n");

#[test]
fn a_merge_in_the_middle_of_a_push_joins_attributes_of_both_sides() {
    let repo = Repo::new();
    repo.add("models/m.dat", shifted());
    let base = repo.commit("base");
    repo.git(&["update-ref", "refs/remotes/origin/main", &base]);
    for (branch, (path, text)) in [("one", MACRO), ("two", USED)] {
        repo.git(&["checkout", "-q", "-b", branch, &base]);
        repo.add(path, text);
        let (code, said) = pushed(&repo, &[repo.commit(branch)]);
        assert_eq!(code, Some(0), "{branch} by itself: {said}");
    }
    repo.git(&["merge", "-q", "--no-edit", "one"]);
    repo.git(&["rm", "-q", "models/.gitattributes"]);
    let tip = repo.commit("taken back");
    let (code, said) = pushed(&repo, &[tip]);
    assert!(code == Some(1) && said.contains("checkout-differs"), "{said}");
    assert_eq!(run(&repo, &["--history"]).0, Some(1));
}

#[test]
fn attributes_that_come_back_in_other_company_are_met_again() {
    let repo = Repo::new();
    repo.add("models/m.dat", shifted());
    repo.add(MACRO.0, MACRO.1);
    let base = repo.commit("base");
    let steps: [(&str, Option<&str>); 4] =
        [(MACRO.0, None), (USED.0, Some(USED.1)), (MACRO.0, Some(MACRO.1)), (USED.0, None)];
    // What was there before the push is not new in it, nor is what it brings a second time.
    for (path, text) in steps {
        match text {
            Some(text) => repo.add(path, text),
            None => drop(repo.git(&["rm", "-q", path])),
        }
        repo.commit(path);
    }
    repo.git(&["update-ref", "refs/remotes/origin/main", &base]);
    let (code, said) = pushed(&repo, &[repo.git(&["rev-parse", "HEAD"])]);
    assert!(code == Some(1) && said.contains("checkout-differs"), "{said}");
    // From nothing, the macro is listed with the first commit.
    let (code, said) = run(&repo, &["--history"]);
    assert!(code == Some(1) && said.contains("checkout-differs"), "{said}");
}

#[test]
fn a_server_refuses_a_push_that_only_takes_attributes_away() {
    let repo = Repo::new();
    let server = repo.root.parent().unwrap().join("server.git");
    repo.git(&["init", "-q", "--bare", "-b", "main", server.to_str().unwrap()]);
    repo.add("models/m.dat", shifted());
    repo.add(".gitattributes", "*.dat text eol=crlf\n");
    repo.add("models/.gitattributes", "*.dat -text\n");
    repo.commit("base");
    repo.git(&["push", "-q", server.to_str().unwrap(), "main"]);
    let hook = server.join("hooks/pre-receive");
    std::fs::write(&hook, format!("#!/bin/sh\nexec '{}' hook pre-receive\n", env!("CARGO_BIN_EXE_fickgate")))
        .unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    repo.git(&["rm", "-q", "models/.gitattributes"]);
    repo.commit("attributes go away");
    let pushed = repo.try_git(&["push", "-q", server.to_str().unwrap(), "main"]);
    let said = String::from_utf8_lossy(&pushed.stderr);
    assert!(!pushed.status.success() && said.contains("checkout-differs"), "{said}");
}
