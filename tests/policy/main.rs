//! The policy from the outside: the verbs that show and edit it, and what a change to it may do.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../git/repo.rs"]
#[allow(dead_code)]
mod repo;

use std::fs;

use repo::Repo;

const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
const OURS: &[u8] = b"\x80\x04\x8c\x04ours\x94\x8c\x05Model\x94\x93\x94)\x81\x94}b.";

struct Run {
    code: i32,
    text: String,
}

fn fickgate(repo: &Repo, args: &[&str]) -> Run {
    let output = repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Run { code: output.status.code().unwrap(), text: String::from_utf8(text).unwrap() }
}

fn policy(repo: &Repo) -> String {
    fs::read_to_string(repo.root.join(".fickgate.yaml")).unwrap()
}

#[test]
fn a_change_is_not_judged_by_the_policy_it_brings() {
    let repo = Repo::new();
    fs::write(repo.root.join("readme"), "x").unwrap();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "first"]);
    repo.git(&["checkout", "-qb", "change"]);
    fs::write(repo.root.join("m.pkl"), EVIL).unwrap();
    let entry = "allow:\n  - import: os.system\n    reason: trust me\n";
    fs::write(repo.root.join(".fickgate.yaml"), entry).unwrap();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "second"]);
    for args in [&["--diff", "main"][..], &["--diff", "main..change"], &["--diff", "main...change"]] {
        let run = fickgate(&repo, args);
        assert_eq!(run.code, 1, "{}", run.text);
        for words in ["import-not-allowed", "os.system", "policy-changed", "adds allow os.system"] {
            assert!(run.text.contains(words), "{words}: {}", run.text);
        }
        assert!(run.text.contains("would pass once merged"), "{}", run.text);
    }
    let trusted = fickgate(&repo, &["--diff", "main", "--policy-from", "head"]);
    assert_eq!(trusted.code, 0, "{}", trusted.text);
}

#[test]
fn a_change_that_takes_a_deny_away_or_breaks_the_file_is_told() {
    let repo = Repo::new();
    fs::write(repo.root.join(".fickgate.yaml"), "deny: [ours.Model]\n").unwrap();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "first"]);
    repo.git(&["checkout", "-qb", "change"]);
    repo.git(&["rm", "-q", ".fickgate.yaml"]);
    repo.git(&["commit", "-qm", "second"]);
    let run = fickgate(&repo, &["--diff", "main...change"]);
    assert!(run.code == 0 && run.text.contains("removes deny ours.Model"), "{}", run.text);
    fs::write(repo.root.join(".fickgate.yaml"), "allow: 5\n").unwrap();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "third"]);
    let run = fickgate(&repo, &["--diff", "main...change"]);
    assert!(run.text.contains("policy-changed") && run.text.contains(".fickgate.yaml:1:8"), "{}", run.text);
}

/// An empty dict, which no allowlist would refuse.
const HARMLESS: &[u8] = b"\x80\x04}\x94.";

#[test]
fn where_no_pickles_are_wanted_each_is_an_error_whatever_it_imports() {
    let repo = Repo::new();
    repo.add("readme", "x");
    repo.add(".fickgate.yaml", "pickles: none\nlevels: {unused-allow: note}\n");
    repo.commit("first");
    repo.git(&["checkout", "-qb", "change"]);
    for path in ["m.pkl", "notes.txt"] {
        repo.add(path, HARMLESS);
    }
    let run = fickgate(&repo, &["--staged", "--format", "concise"]);
    assert_eq!((run.code, run.text.matches("error[pickle-not-allowed]").count()), (1, 2), "{}", run.text);
    assert!(run.text.contains(".fickgate.yaml:1"), "{}", run.text);
    // Neither this change nor a layer above takes it back.
    repo.add(".fickgate.yaml", "extends: ml\n");
    repo.commit("second");
    let above = repo.root.parent().expect("a parent").join("above.yaml");
    fs::write(&above, "extends: ml\n").unwrap();
    for more in [&[][..], &["--policy", above.to_str().unwrap(), "--allow", "ours.Model"]] {
        let run = fickgate(&repo, &[&["--diff", "main...change"], more].concat());
        assert!(run.code == 1 && run.text.contains("removes pickles: none"), "{}", run.text);
    }
    assert_eq!(fickgate(&repo, &[]).code, 0, "merged, the other policy holds");
    fs::write(&above, "pickles: none\n").unwrap();
    assert_eq!(fickgate(&repo, &["--policy", above.to_str().unwrap()]).code, 1, "a layer above adds it");
}

#[test]
fn where_no_pickles_are_wanted_a_pin_keeps_one_and_a_pointer_is_none() {
    let repo = Repo::new();
    repo.write(".fickgate.yaml", "pickles: none\n");
    repo.write("m.pkl", HARMLESS);
    assert_eq!(fickgate(&repo, &[]).code, 1);
    let run = fickgate(&repo, &["allow", "--pin", "m.pkl", "--reason", "from 2019"]);
    assert_eq!(run.code, 0, "{}", run.text);
    let run = fickgate(&repo, &[]);
    assert!(run.code == 0 && run.text.contains("accepted as it is"), "{}", run.text);
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "a".repeat(64));
    repo.add(".gitattributes", "*.pt filter=lfs\n");
    repo.add("w.pt", pointer);
    let run = fickgate(&repo, &["--format", "concise"]);
    assert!(run.text.contains("pointer-unresolved"), "{}", run.text);
    assert!(!run.text.contains("pickle-not-allowed"), "{}", run.text);
    repo.write(".fickgate.yaml", "pickles: some\n");
    let run = fickgate(&repo, &[]);
    assert!(run.code == 2 && run.text.contains(".fickgate.yaml:1:10"), "{}", run.text);
}

#[test]
fn a_policy_in_a_folder_decides_nothing_and_that_is_said() {
    let repo = Repo::new();
    repo.add("team/.fickgate.yaml", "allow:\n  - {import: ours.Model, reason: x}\n");
    repo.add("team/m.pkl", OURS);
    for args in [&[][..], &["--staged"]] {
        let run = fickgate(&repo, args);
        assert_eq!(run.code, 1, "{}", run.text);
        assert!(run.text.contains("note: team/.fickgate.yaml decides nothing"), "{}", run.text);
    }
    let bounded = "allow:\n  - {import: ours.Model, reason: x, paths: ['team/**']}\n";
    repo.add(".fickgate.yaml", bounded);
    let run = fickgate(&repo, &["--staged"]);
    assert!(run.code == 0 && !run.text.contains("note: .fickgate.yaml"), "{}", run.text);
}

#[test]
fn a_change_of_the_policy_is_told_without_what_holds_anyway() {
    let repo = Repo::new();
    repo.add("readme", "x");
    repo.commit("first");
    repo.git(&["checkout", "-qb", "change"]);
    repo.add(
        ".fickgate.yaml",
        "version: 1\nextends: ml\nlevels: {resource-limit: error, not-a-pickle: note}\nallow:\n  \
         - {import: ours.Model, reason: x}\n",
    );
    repo.commit("second");
    let run = fickgate(&repo, &["--diff", "main...change", "--format", "concise"]);
    assert!(run.text.contains("the change edits the policy: it adds allow ours.Model\n"), "{}", run.text);
}

#[test]
fn a_finding_of_a_history_names_the_commit_that_brought_it() {
    let repo = Repo::new();
    repo.add("a.txt", "a");
    repo.commit("base");
    repo.add("m.pkl", EVIL);
    let commit = repo.commit("add");
    repo.git(&["rm", "-q", "m.pkl"]);
    repo.commit("remove");
    let run = fickgate(&repo, &["--history"]);
    assert!(run.text.contains(&format!(", commit {}\n", &commit[..12])), "{}", run.text);
    let run = fickgate(&repo, &["--history", "--format", "json"]);
    assert!(run.text.contains(&format!("\"commit\": \"{commit}\"")), "{}", run.text);
    let run = fickgate(&repo, &["--diff", "HEAD~2..HEAD~1"]);
    assert!(run.code == 1 && !run.text.contains(", commit "), "{}", run.text);
}

#[test]
fn what_help_says_is_what_allows() {
    let repo = Repo::new();
    fs::write(repo.root.join("m.pkl"), OURS).unwrap();
    let run = fickgate(&repo, &[]);
    assert_eq!(run.code, 1, "{}", run.text);
    let command = run.text.split('`').find(|part| part.starts_with("fickgate allow ")).expect("a command");
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    // The placeholder is for a person to fill in.
    let run = fickgate(&repo, &args);
    assert!(run.code == 2 && run.text.contains("WHY stands for your own words"), "{}", run.text);
    let args: Vec<&str> = args.into_iter().map(|arg| if arg == "WHY" { "reviewed" } else { arg }).collect();
    let run = fickgate(&repo, &args);
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(run.text.contains(".fickgate.yaml: allow ours.Model"), "{}", run.text);
    assert_eq!(fickgate(&repo, &[]).code, 0);
    assert!(fickgate(&repo, &args).text.contains("already"));
}

#[test]
fn a_file_brings_its_imports_or_is_pinned() {
    let repo = Repo::new();
    fs::create_dir(repo.root.join("m")).unwrap();
    fs::write(repo.root.join("m/a b.pkl"), OURS).unwrap();
    fs::write(repo.root.join("m/evil.pkl"), EVIL).unwrap();
    fs::write(repo.root.join(".fickgate.yaml"), "# ours\nlevels: {}\n").unwrap();
    let run = fickgate(&repo, &["allow", "m/a b.pkl", "--path", "m/**", "--reason", "ours: reviewed"]);
    assert_eq!(run.code, 0, "{}", run.text);
    let text = policy(&repo);
    assert!(text.starts_with("# ours\nlevels: {}\n") && text.contains("\"ours: reviewed\""), "{text}");
    let refused = fickgate(&repo, &["allow", "m/evil.pkl"]);
    assert!(refused.code == 2 && refused.text.contains("judged unsafe"), "{}", refused.text);
    assert_eq!(policy(&repo), text);
    assert_eq!(fickgate(&repo, &["allow", "os.system"]).code, 2);
    assert_eq!(fickgate(&repo, &["allow", "--pin", "m/evil.pkl", "--force", "--reason", "x"]).code, 0);
    assert_eq!(fickgate(&repo, &[]).code, 0);
    fs::write(repo.root.join("m/evil.pkl"), [EVIL, b"\n"].concat()).unwrap();
    assert_eq!(fickgate(&repo, &[]).code, 1);
}

#[test]
fn a_repository_is_adopted_but_for_what_is_unsafe() {
    let repo = Repo::new();
    fs::write(repo.root.join("a.pkl"), OURS).unwrap();
    fs::write(repo.root.join("b [1].pkl"), OURS).unwrap();
    fs::write(repo.root.join("evil.pkl"), EVIL).unwrap();
    let run = fickgate(&repo, &["allow", "--from-findings"]);
    assert!(run.code == 0 && run.text.contains("evil.pkl"), "{}", run.text);
    assert!(!policy(&repo).contains("os.system"));
    let left = fickgate(&repo, &["--format", "concise"]);
    assert!(left.code == 1 && !left.text.contains("ours.Model"), "{}", left.text);
    assert_eq!(fickgate(&repo, &["allow", "--from-findings", "--pin", "--force", "--reason", "x"]).code, 0);
    assert_eq!(fickgate(&repo, &[]).code, 0);
}

#[test]
fn stale_and_broad_entries_are_told_with_their_line() {
    let repo = Repo::new();
    let text = "allow:\n  - {import: ours.Old, reason: x, expires: 2020-01-01}\n  - {import: ours.more.*, reason: x}\n  - {import: ours.Unused, reason: x}\n";
    fs::write(repo.root.join(".fickgate.yaml"), text).unwrap();
    let run = fickgate(&repo, &["-v", "--format", "concise"]);
    for words in ["expired-allow", "line 2", "broad-allow", "line 3", "unused-allow", "line 4"] {
        assert!(run.text.contains(words), "{words}: {}", run.text);
    }
    assert_eq!(run.code, 0, "{}", run.text);
    assert_eq!(fickgate(&repo, &["--fail-on", "warning"]).code, 1);
    fs::write(repo.root.join(".fickgate.yaml"), format!("{text}levels: {{unused-allow: error}}\n")).unwrap();
    assert_eq!(fickgate(&repo, &[]).code, 1);
    let check = fickgate(&repo, &["policy", "check"]);
    assert!(check.code == 1 && check.text.contains("expired"), "{}", check.text);
}

#[test]
fn why_and_show_name_the_line_that_decides() {
    let repo = Repo::new();
    let text = "allow:\n  - {import: ours.Model, reason: reviewed}\ndeny: [numpy.dtype]\nlevels: {unused-allow: error}\nextends: [ml, -torch]\n";
    fs::write(repo.root.join(".fickgate.yaml"), text).unwrap();
    for (import, code, words) in [
        ("ours.Model", 0, ".fickgate.yaml:2 (repository)"),
        ("numpy.dtype", 1, "denied by .fickgate.yaml:3"),
        ("os.system", 1, "allowlists/refused.yaml:"),
        ("__builtin__.set", 0, "builtins.set"),
        ("ours.Nobody", 1, "no list has it"),
    ] {
        let run = fickgate(&repo, &["policy", "why", import]);
        assert!(run.code == code && run.text.contains(words), "{import}: {}", run.text);
    }
    let shown = fickgate(&repo, &["policy", "show", "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.text).unwrap();
    assert_eq!(shown["levels"][0]["line"], 4);
    assert!(shown["extends"]["lists"].as_array().unwrap().iter().all(|list| *list != "torch"));
    let entries = shown["entries"].as_array().unwrap();
    let own = entries.iter().find(|e| e["import"] == "ours.Model").unwrap();
    assert_eq!((&own["layer"], &own["line"]), (&"repository".into(), &2.into()));
    assert!(entries.iter().any(|e| e["import"] == "numpy.ndarray" && e["layer"] == "built-in"));
    let shown = fickgate(&repo, &["policy", "show"]).text;
    for words in [
        "deny     numpy.dtype  .fickgate.yaml:3",
        "level    unused-allow: error  .fickgate.yaml:4",
        "extends  accelerate",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn the_schema_has_the_rules_and_lets_lower_what_may_be_lowered() {
    use fickgate_engine::rule::Rule;
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../docs/policy.schema.json")).unwrap();
    let levels = schema["properties"]["levels"]["properties"].as_object().unwrap();
    assert_eq!(levels.len(), Rule::ALL.len());
    for rule in Rule::ALL {
        assert_eq!(levels[rule.id()].get("$ref").is_some(), rule.may_be_lowered(), "{rule}");
    }
}

/// The keys of the schema, and those the parser names when it meets one that it does not know.
#[test]
fn the_schema_has_the_keys_that_the_parser_has() {
    let repo = Repo::new();
    let schema: serde_json::Value =
        serde_json::from_str(&fickgate(&repo, &["policy", "schema"]).text).unwrap();
    let properties = &schema["properties"];
    for (keys, text) in [
        (properties, "QQQQQQQQ: 1\n"),
        (&properties["allow"]["items"]["properties"], "allow: [{QQQQQQQQ: 1}]\n"),
        (&properties["files"]["items"]["properties"], "files: [{QQQQQQQQ: 1}]\n"),
    ] {
        fs::write(repo.root.join("p.yaml"), text).unwrap();
        let run = fickgate(&repo, &["policy", "check", "p.yaml"]);
        let known = run.text.split("the keys here are ").nth(1).unwrap_or_else(|| panic!("{}", run.text));
        let known: std::collections::BTreeSet<&str> =
            known.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && *w != "and").collect();
        let keys: std::collections::BTreeSet<&str> =
            keys.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(known, keys, "{}", run.text);
    }
}

#[test]
fn every_format_says_where_each_decision_stands() {
    let repo = Repo::new();
    let model = |name: &str| format!("cours\n{name}\n)R.");
    for name in ["Denied", "Narrow", "Old", "Else"] {
        fs::write(repo.root.join(format!("{name}.pkl")), model(name)).unwrap();
    }
    fs::write(repo.root.join("evil.pkl"), EVIL).unwrap();
    fs::create_dir(repo.root.join("out")).unwrap();
    fs::write(repo.root.join("out/evil.pkl"), EVIL).unwrap();
    fs::write(repo.root.join("pinned.pkl"), [EVIL, b"\n"].concat()).unwrap();
    let run = fickgate(&repo, &["allow", "--pin", "pinned.pkl", "--force", "--reason", "x"]);
    assert_eq!(run.code, 0, "{}", run.text);
    // Lines 1 to 5 are the pin's.
    let more = "allow:\n- {import: ours.Narrow, use: state, reason: x}\n- {import: ours.Old, use: call, expires: 2020-01-01, reason: x}\n- {import: ours.Else, use: call, paths: x/**, reason: x}\ndeny: ours.Denied\nexclude: out/**\n";
    fs::write(repo.root.join(".fickgate.yaml"), policy(&repo) + more).unwrap();
    for format in ["human", "concise", "github", "json", "sarif", "gitlab", "junit", "summary"] {
        let run = fickgate(&repo, &["-v", "--format", format]);
        assert_eq!(run.code, 1, "{}", run.text);
        let text = run.text.replace("&#58;", ":").replace("&#40;", "(").replace("&#41;", ")");
        let has = |line: usize, layer: &str, file: &str| match format {
            "json" => {
                text.contains(&format!("{file}:{line} ({layer})"))
                    || text.replace(char::is_whitespace, "").contains(&format!(
                        "\"layer\":\"{}\",\"source\":\"{file}\",\"line\":{line}",
                        layer.replace(' ', "")
                    ))
            }
            _ => text.contains(&format!("{file}:{line} ({layer})")),
        };
        for line in [3, 7, 8, 9, 10, 11] {
            assert!(has(line, "repository", ".fickgate.yaml"), "{format} {line}: {}", run.text);
        }
        assert!(text.contains("allowlists/refused.yaml"), "{format}: {}", run.text);
    }
    let sarif: serde_json::Value =
        serde_json::from_str(&fickgate(&repo, &["--format", "sarif"]).text).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let of = |rule: &str| results.iter().find(|r| r["ruleId"] == rule).unwrap();
    assert_eq!(of("expired-allow")["properties"]["entry"]["layer"], "repository");
    assert_eq!(of("expired-allow")["locations"][0]["physicalLocation"]["region"]["startLine"], 8);
    for (file, place) in [
        ("pinned.pkl", "allowlists/refused.yaml:"),
        ("Denied.pkl", "[.fickgate.yaml:10 (repository)]"),
        ("Narrow.pkl", "[.fickgate.yaml:7 (repository)]"),
    ] {
        let explained = fickgate(&repo, &["explain", file]).text;
        assert!(explained.contains(place), "{explained}");
    }
    let explained = fickgate(&repo, &["explain", "Else.pkl", "--allow", "ours.Else"]).text;
    assert!(explained.contains("allowed by --allow (command line)"), "{explained}");
    // A layer above says so as well.
    fs::write(repo.root.join("org.yaml"), "deny: [ours.Narrow]\n").unwrap();
    let run = fickgate(&repo, &["--policy", "org.yaml", "--format", "concise"]);
    assert!(run.text.contains("[org.yaml:1 (command line)]"), "{}", run.text);
}

#[test]
fn stale_pins_and_names_that_look_like_others_are_told() {
    let repo = Repo::new();
    let text = format!(
        "files:\n  - {{sha256: {}, path: gone.pkl, reason: x}}\n  - {{sha256: {}, reason: x, expires: 2020-01-01}}\nallow:\n  - {{import: \u{43e}urs.Model, reason: x}}\n  - {{import: \u{43c}\u{43e}\u{434}\u{435}\u{43b}\u{438}.Model, reason: x}}\n",
        "0".repeat(64),
        "1".repeat(64)
    );
    fs::write(repo.root.join(".fickgate.yaml"), text).unwrap();
    let run = fickgate(&repo, &["-v", "--format", "concise"]);
    for words in [
        "unused-allow]: line 2: `gone.pkl`",
        "expired-allow]: line 3: the hash 111111111111",
        "line 5",
        "U+043E",
    ] {
        assert!(run.text.contains(words), "{words}: {}", run.text);
    }
    assert_eq!(run.text.matches("alphabets").count(), 1, "{}", run.text);
}

#[test]
fn allowing_twice_adds_once() {
    let repo = Repo::new();
    fs::write(repo.root.join("m.pkl"), b"cours\nmake\n)R.").unwrap();
    for args in [
        &["allow", "ours.make", "--use", "call", "--reason", "x"][..],
        &["allow", "m.pkl", "--reason", "x"],
        &["allow", "--pin", "m.pkl", "--reason", "x"],
        &["allow", "--from-findings"],
        &["allow", "ours.Other", "--path", "a/**", "--path", "b/**", "--expires", "2999-01-01"],
    ] {
        let first = fickgate(&repo, args);
        assert_eq!(first.code, 0, "{args:?}: {}", first.text);
        let text = policy(&repo);
        let second = fickgate(&repo, args);
        assert_eq!((second.code, policy(&repo)), (0, text), "{args:?}: {}", second.text);
        assert!(second.text.contains("already"), "{args:?}: {}", second.text);
    }
    // Another use of the same entry is for a person to decide.
    let wider = fickgate(&repo, &["allow", "ours.make", "--use", "call,state"]);
    assert!(wider.code == 2 && wider.text.contains("write `use: [call, state]`"), "{}", wider.text);
    let expired = "allow:\n  - {import: a.B, reason: x, expires: 2020-01-01}\n";
    fs::write(repo.root.join(".fickgate.yaml"), expired).unwrap();
    let again = fickgate(&repo, &["allow", "a.B"]);
    assert!(again.code == 2 && again.text.contains("later `expires`"), "{}", again.text);
    assert_eq!(policy(&repo), expired);
}

#[test]
fn what_cannot_be_allowed_is_told_and_nothing_is_written() {
    let repo = Repo::new();
    fs::create_dir(repo.root.join("folder")).unwrap();
    for (args, words) in [
        (&["allow", "os.system"][..], "judged unsafe"),
        (&["allow", "builtins.*"], "standard library"),
        (&["allow", "numpy.core.*"], "judges one by one"),
        (&["allow", "*"], "an import is written"),
        (&["allow", "a.*.b"], "character that no module name has"),
        (&["allow", "a.b.**"], "for `deny`"),
        (&["allow", "a..b"], "empty part"),
        (&["allow", "a.b "], "no name has"),
        (&["allow", "a.b\n.c"], "no module name has"),
        (&["allow", "a\u{200b}.b"], "no module name has"),
        (&["allow", "__main__.*"], "may not stand for"),
        (&["allow", "ours.__init__.*"], "may not stand for"),
        (&["allow", "os.system", "--force", "--reason", " "], "--reason is empty"),
        (&["allow", "a.B", "--path", "../x"], "the new entry:4:"),
        (&["allow", "a.B", "--use", "cal"], "--use cal"),
        (&["allow", "a.B", "--expires", "2020-01-01"], "not a day to come"),
        (&["allow", "a.B", "--expires", "2027-02-30"], "not a day to come"),
        (&["allow", "m/none.pkl"], "there is no file"),
        (&["allow", "folder"], "is a folder"),
    ] {
        let run = fickgate(&repo, args);
        assert!(run.code == 2 && run.text.contains(words), "{args:?}: {}", run.text);
        assert!(!repo.root.join(".fickgate.yaml").exists(), "{args:?}");
    }
    let bare = Repo::with(&["--bare"]);
    let run = fickgate(&bare, &["allow", "a.B"]);
    assert!(run.code == 2 && run.text.contains("bare repository"), "{}", run.text);
}

#[cfg(unix)]
#[test]
fn the_file_keeps_its_mode_and_a_link_is_not_written_through() {
    use std::os::unix::fs::PermissionsExt as _;
    let repo = Repo::new();
    let path = repo.root.join(".fickgate.yaml");
    fs::write(&path, "version: 1\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(fickgate(&repo, &["allow", "a.B"]).code, 0);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    fs::rename(&path, repo.root.join("other.yaml")).unwrap();
    for target in ["other.yaml", "nowhere.yaml"] {
        std::os::unix::fs::symlink(target, &path).unwrap();
        let run = fickgate(&repo, &["allow", "a.C"]);
        assert!(run.code == 2 && run.text.contains("symbolic link"), "{}", run.text);
        fs::remove_file(&path).unwrap();
    }
    assert!(!fs::read_to_string(repo.root.join("other.yaml")).unwrap().contains("a.C"));
}

#[test]
fn a_repository_with_odd_names_and_old_commits_is_adopted() {
    let repo = Repo::new();
    fs::write(repo.root.join("old.pkl"), EVIL).unwrap();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "first"]);
    repo.git(&["rm", "-q", "old.pkl"]);
    let mut names = vec!["a b.pkl", "[x].pkl", "!x.pkl", " y.pkl", "{z}.pkl", "ü.pkl"];
    if cfg!(unix) {
        names.extend(["back\\slash.pkl", "star*.pkl", "line\nfeed.pkl"]);
    }
    for name in &names {
        fs::write(repo.root.join(name), OURS).unwrap();
    }
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "second"]);
    let run = fickgate(&repo, &["allow", "--from-findings"]);
    assert_eq!(run.code, 0, "{}", run.text);
    let run = fickgate(&repo, &[]);
    assert_eq!(run.code, 0, "{}", run.text);
    // What only old commits have is no part of what is adopted.
    assert!(!policy(&repo).contains("os.system"));
    assert_eq!(fickgate(&repo, &["--history"]).code, 1);
    for name in &names {
        let run = fickgate(&repo, &["allow", "--pin", name]);
        assert_eq!(run.code, 0, "{name}: {}", run.text);
    }
    assert_eq!(fickgate(&repo, &["policy", "check"]).code, 0);
}

#[test]
fn a_module_of_the_repository_that_takes_an_allowlisted_ones_place_is_told() {
    let model = b"\x80\x02cfractions\nFraction\nX\x03\x00\x00\x001/2\x85R.";
    for (name, told) in [
        ("fractions.py", true),
        ("fractions/__init__.py", true),
        ("fractions.so", true),
        ("fractions/x.py", false),
        ("lib/fractions.py", false),
        ("Fractions.py", false),
        ("decimal.py", false),
    ] {
        let repo = Repo::new();
        fs::write(repo.root.join("readme"), "x").unwrap();
        repo.git(&["add", "."]);
        repo.git(&["commit", "-qm", "first"]);
        repo.git(&["checkout", "-qb", "change"]);
        fs::write(repo.root.join("m.pkl"), model).unwrap();
        let path = repo.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x = 1\n").unwrap();
        for (args, staged) in [(&[][..], false), (&["--staged"], true), (&["--diff", "main"], true)] {
            if staged {
                repo.git(&["add", "-A"]);
            }
            if args.contains(&"--diff") {
                repo.git(&["commit", "-qm", "second"]);
            }
            let run = fickgate(&repo, args);
            assert_eq!(run.code, 0, "{name} {args:?}: {}", run.text);
            assert_eq!(run.text.contains("shadowed-module"), told, "{name} {args:?}: {}", run.text);
        }
    }
}

#[test]
fn what_weights_only_needs_is_imported_as_python_finds_it() {
    let repo = Repo::new();
    let fixture = |name: &str| {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/clean")
            .join(name)
            .display()
            .to_string()
    };
    // torch.optim deletes its submodules from its attributes: `torch.optim.adam.Adam` finds nothing.
    let call =
        fickgate(&repo, &["explain", "--safe-globals", &fixture("frameworks/torch-optimizers.pt")]).text;
    assert!(call.contains("from torch.optim.adam import Adam\n"), "{call}");
    assert!(call.contains("    (Adam, \"torch.optim.adam.Adam\"),\n"), "{call}");
    // torch.load takes no pickle that torch.save did not write.
    let plain = fickgate(&repo, &["explain", "--safe-globals", &fixture("near-miss/stdlib-protocol-2.pkl")]);
    assert!(plain.text.contains("not written by torch.save"), "{}", plain.text);
}
