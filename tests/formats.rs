//! One run, told in every format: the same findings and the same exit code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const FORMATS: [&str; 9] =
    ["human", "concise", "github", "json", "sarif", "gitlab", "junit", "summary", "outputs"];

/// A finding as every format names it: path and rule.
type Named = (String, String);

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fickgate"));
    for variable in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(variable);
    }
    command.env("HOME", folder).env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap());
    command.current_dir(folder).args(args).output().unwrap()
}

/// A folder with some files of the fixtures.
fn folder_of(kind: &str, wanted: fn(&str) -> bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind);
    fs::create_dir(folder.path().join("models")).unwrap();
    for entry in fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_file() && wanted(name) {
            fs::copy(&path, folder.path().join("models").join(name)).unwrap();
        }
    }
    folder
}

/// What stands between `before` and `after`, each time.
fn between<'t>(text: &'t str, before: &'t str, after: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

/// What follows `error[`, `warning[` or `note[` at the start of a line.
fn after_level(line: &str) -> Option<&str> {
    ["error[", "warning[", "note["].iter().find_map(|level| line.strip_prefix(level))
}

fn unquoted(uri: &str) -> String {
    assert!(!uri.contains('%'), "a name of this corpus that has to be quoted: {uri}");
    uri.to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The findings that a report names, sorted. `None` where the format only counts them.
fn named(format: &str, report: &str) -> Option<Vec<Named>> {
    let document = || serde_json::from_str::<Value>(report).unwrap();
    let pair = |(path, rule): (&str, &str)| (path.to_owned(), rule.to_owned());
    let mut found: Vec<Named> = match format {
        "json" => document()["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (text(&f["path"]), text(&f["rule"])))
            .collect(),
        "sarif" => document()["runs"][0]["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| {
                let location = &r["locations"][0]["physicalLocation"]["artifactLocation"];
                (unquoted(location["uri"].as_str().unwrap()), text(&r["ruleId"]))
            })
            .collect(),
        "gitlab" => document()
            .as_array()
            .unwrap()
            .iter()
            .map(|i| (text(&i["location"]["path"]), text(&i["check_name"])))
            .collect(),
        "junit" => between(report, "<testcase classname=\"", ">")
            .map(|case| case.split_once("\" name=\"").unwrap())
            .filter(|(class, _)| *class != "fickgate")
            .map(|(class, name)| pair((class, name.trim_end_matches('"'))))
            .collect(),
        // A block for each, its rule before the place; where there are many, a line for each further one.
        "human" | "github" | "concise" => {
            let mut lines = report.lines();
            let mut found = Vec::new();
            while let Some(line) = lines.next() {
                let (place, rest) = match (after_level(line), line.split_once(": ")) {
                    (Some(rest), _) => (lines.find_map(|line| line.split_once("--> ")).unwrap().1, rest),
                    (None, Some((place, said))) if after_level(said).is_some() => {
                        (place, after_level(said).unwrap())
                    }
                    _ => continue,
                };
                found.push(pair((
                    place.split([' ', '!', ':']).next().unwrap(),
                    rest.split(']').next().unwrap(),
                )));
            }
            found
        }
        "summary" => report
            .lines()
            .filter(|line| ["| 🔴 ", "| 🟡 ", "| 🔵 "].iter().any(|mark| line.starts_with(mark)))
            .map(|line| {
                let rule = line.split(" | ").nth(1).unwrap();
                pair((between(line, "<code>", "<").next().unwrap().split("&#33;").next().unwrap(), rule))
            })
            .collect(),
        _ => return None,
    };
    found.sort();
    Some(found)
}

#[test]
fn every_format_tells_the_same_findings_with_the_same_exit_code() {
    // Members of archives stand behind `!`, which the parsers above cut off.
    let folder =
        folder_of("malicious", |name| name.starts_with(['a', 'b', 'c']) && !name.contains(['%', ' ']));
    let expected =
        named("json", &String::from_utf8(run(folder.path(), &["--format", "json"]).stdout).unwrap()).unwrap();
    assert!(expected.len() > 60, "{}", expected.len());
    for format in FORMATS {
        let output = run(folder.path(), &["-v", "--format", format, "models"]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        let report = String::from_utf8(output.stdout).unwrap();
        match named(format, &report) {
            Some(found) => {
                let differ: Vec<_> = found.iter().zip(&expected).filter(|(a, b)| a != b).take(2).collect();
                assert_eq!((found.len(), differ), (expected.len(), vec![]), "{format}");
            }
            None => assert!(report.contains(&format!("findings={}\n", expected.len())), "{format}: {report}"),
        }
    }
}

#[test]
fn nothing_found_and_nothing_done_have_one_exit_code_in_every_format() {
    let clean = folder_of("clean", |name| name.ends_with(".pkl"));
    for format in FORMATS {
        let output = run(clean.path(), &["--format", format, "models"]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{format}: {told}");
        assert_eq!(named(format, &told).unwrap_or_default(), [], "{format}");
        let missing = run(clean.path(), &["--format", format, "no-such-folder"]);
        assert_eq!(missing.status.code(), Some(2), "{format}");
    }
}

#[test]
fn several_reports_of_one_run_are_those_of_one_run_each() {
    let folder = folder_of("malicious", |name| name.starts_with("append"));
    let wanted: Vec<String> =
        FORMATS.iter().map(|format| format!("--report={format}=out.{format}")).collect();
    let args: Vec<&str> = wanted.iter().map(String::as_str).chain(["models"]).collect();
    assert_eq!(run(folder.path(), &args).status.code(), Some(1));
    for format in FORMATS {
        let alone = String::from_utf8(run(folder.path(), &["--format", format, "models"]).stdout).unwrap();
        let file = fs::read_to_string(folder.path().join(format!("out.{format}"))).unwrap();
        // The word that workflow commands resume with is drawn anew each time.
        let settled = |text: &str| match between(text, "::stop-commands::", "\n").next() {
            Some(word) => text.replace(word, "WORD"),
            None => text.to_owned(),
        };
        assert_eq!(settled(&file), settled(&alone), "{format}");
    }
}
