//! A run in parts, put together again by `fickgate merge`: the report of one run over the same files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "git/repo.rs"]
#[allow(dead_code)]
mod repo;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use repo::Repo;
use serde_json::Value;

/// Pickles that are refused, passed, broken off; what is excluded, accepted and linked; entries of the policy that are
/// used, unused and past their date; a module that stands in another's place.
fn repository() -> Repo {
    let repo = Repo::new();
    for i in 0..12 {
        let model = match i % 4 {
            0 => format!("cos\nsystem\n(S'echo {i}'\ntR."),
            1 => format!("c__main__\nModel{i}\n."),
            2 => format!("ccollections\nOrderedDict\n(I{i}\nt"),
            _ => "ccollections\nOrderedDict\n)R.".to_owned(),
        };
        fs::create_dir_all(repo.root.join(format!("models/{}", i % 3))).unwrap();
        fs::write(repo.root.join(format!("models/{}/{i}.pkl", i % 3)), model).unwrap();
    }
    fs::write(repo.root.join("skipped.pkl"), "cos\nsystem\n.").unwrap();
    fs::write(repo.root.join("collections.py"), "").unwrap();
    let policy = "allow:\n- {import: __main__.Model1, reason: x}\n- {import: __main__.Model5, reason: x}\n\
                  - {import: a.unused, reason: x}\n- {import: a.past, reason: x, expires: 2020-01-01}\n\
                  exclude: [skipped.pkl]\n";
    fs::write(repo.root.join(".fickgate.yaml"), policy).unwrap();
    repo.git(&["add", "."]);
    repo.git(&["commit", "-qm", "models"]);
    repo
}

fn run(repo: &Repo, args: &[&str]) -> Output {
    repo.command(env!("CARGO_BIN_EXE_fickgate"), &repo.root).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Reports of all parts, outside of the repository.
fn parts(repo: &Repo, folder: &Path, args: &[&str], format: &str, count: usize) -> Vec<PathBuf> {
    let part = |index| {
        let output =
            run(repo, &[args, &["--shard", &format!("{index}/{count}"), "--format", format]].concat());
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        let file = folder.join(format!("{index}.{format}"));
        fs::write(&file, output.stdout).unwrap();
        file
    };
    (1..=count).map(part).collect()
}

fn merge(repo: &Repo, reports: &[PathBuf], args: &[&str]) -> Output {
    let reports: Vec<&str> = reports.iter().map(|report| report.to_str().unwrap()).collect();
    run(repo, &[&["merge"], args, &reports].concat())
}

#[test]
fn all_shards_together_are_one_run() {
    let repo = repository();
    let folder = tempfile::tempdir().unwrap();
    for (args, count) in [(&[] as &[&str], 1), (&[], 4), (&["models"], 3), (&["--history"], 5)] {
        for format in ["json", "jsonl"] {
            let reports = parts(&repo, folder.path(), args, format, count);
            for out in ["json", "sarif", "gitlab", "junit", "concise"] {
                let whole = run(&repo, &[args, &["--format", out]].concat());
                let merged = merge(&repo, &reports, &["--format", out]);
                let (merged_text, whole_text) = (text(&merged.stdout), text(&whole.stdout));
                for (here, there) in merged_text.lines().zip(whole_text.lines()) {
                    assert_eq!(here, there, "{args:?} {format} {out}");
                }
                assert_eq!(merged_text.len(), whole_text.len(), "{args:?} {format} {out}");
                assert_eq!((merged.status.code(), text(&merged.stderr)), (Some(1), String::new()));
            }
        }
    }
}

#[test]
fn every_file_is_in_one_shard_wherever_it_is_scanned_from() {
    let repo = repository();
    let paths = |args: &[&str]| -> Vec<String> {
        let output = run(&repo, &[args, &["--format", "json"]].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let mut paths: Vec<String> = findings
            .map(|f| f["path"].as_str().unwrap().to_owned())
            .filter(|p| p.starts_with("models"))
            .collect();
        paths.dedup();
        paths
    };
    let mut together = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let here = paths(&["--shard", shard]);
        assert!(here.len() < 9, "{shard} has all of it");
        // Whatever else there is, and in whichever order it is named.
        assert_eq!(paths(&["--shard", shard, "models/2", "models/0", "models/1"]), here);
        together.extend(here);
    }
    together.sort();
    assert_eq!(together, paths(&[]));
}

#[test]
fn a_shard_that_is_missing_or_was_broken_off_is_no_clean_run() {
    let repo = repository();
    let folder = tempfile::tempdir().unwrap();
    let reports = parts(&repo, folder.path(), &[], "jsonl", 3);
    let refused = |reports: &[PathBuf], says: &str| {
        let output = merge(&repo, reports, &["--format", "json"]);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
        assert!(said.contains(says) && said.contains("help: "), "{said}");
    };
    refused(&reports[..2], "1 are missing: 3");
    refused(&[folder.path().join("nothing")], "cannot read the report");

    let whole = fs::read_to_string(&reports[1]).unwrap();
    let cut = folder.path().join("cut");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    refused(&[reports[0].clone(), cut.clone(), reports[2].clone()], "no whole report");
    let lines: Vec<&str> = whole.lines().collect();
    fs::write(&cut, lines[..lines.len() - 1].join("\n")).unwrap();
    refused(&[reports[0].clone(), cut.clone(), reports[2].clone()], "the run was broken off");
    fs::write(&cut, lines[1..].join("\n")).unwrap();
    refused(&[reports[0].clone(), cut.clone(), reports[2].clone()], "counts something else");

    // A shard that was scanned twice counts once, unless it says something else.
    let again = [&reports[..], &reports[..1]].concat();
    let once = merge(&repo, &reports, &["--format", "json"]);
    assert_eq!(merge(&repo, &again, &["--format", "json"]).stdout, once.stdout);
    fs::write(repo.root.join("models/0/0.pkl"), "cos\npopen\n.").unwrap();
    let other = tempfile::tempdir().unwrap();
    let changed = parts(&repo, other.path(), &[], "jsonl", 3);
    refused(&[&reports[..], &changed[..]].concat(), "say different things");

    // Of other files: no part of the same run.
    fs::write(repo.root.join("models/more.pkl"), "N.").unwrap();
    let more = parts(&repo, other.path(), &[], "jsonl", 3);
    refused(&[reports[0].clone(), reports[1].clone(), more[2].clone()], "missing");
}

#[test]
fn the_matrix_of_the_documentation_comes_to_one_report() {
    let repo = repository();
    let page = include_str!("../docs/ci.md").split("## In parts").nth(1).unwrap();
    let commands: Vec<&str> =
        page.lines().filter_map(|line| line.trim().strip_prefix("- run: fickgate ")).collect();
    let [scan, merge] = commands[..] else { panic!("{commands:?}") };
    let shell = |command: &str| {
        let line = format!("\"$FICKGATE\" {command}");
        let mut shell = repo.command("sh", &repo.root);
        shell
            .args(["-c", &line])
            .env("FICKGATE", env!("CARGO_BIN_EXE_fickgate"))
            .output()
            .unwrap()
            .status
            .code()
    };
    let shards = repo.root.join("../shards");
    fs::create_dir(&shards).unwrap();
    for shard in 1..=4 {
        let scan = scan.replace("${{ matrix.shard }}", &shard.to_string());
        assert_eq!(shell(&scan), Some(0), "{scan}");
    }
    let merge = merge.replace("shards/", "../");
    assert_eq!(shell(&merge), Some(1), "{merge}");
    let whole = run(&repo, &["--history", "--format", "sarif"]);
    assert_eq!(fs::read(repo.root.join("fickgate.sarif")).unwrap(), whole.stdout);
    fs::remove_file(repo.root.join("../shard-3.json")).unwrap();
    assert_eq!(shell(&merge), Some(2));
}

#[test]
fn reports_of_runs_with_nothing_in_common_are_put_together_too() {
    let repo = repository();
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = ["models/0", "models/1"]
        .map(|part| {
            let file = folder.path().join(part.replace('/', "-"));
            fs::write(&file, run(&repo, &[part, "--format", "json"]).stdout).unwrap();
            file
        })
        .into();
    let merged = merge(&repo, &files, &["--format", "json"]);
    let whole = run(&repo, &["models/0", "models/1", "--format", "json"]);
    let (merged, whole): (Value, Value) =
        (serde_json::from_slice(&merged.stdout).unwrap(), serde_json::from_slice(&whole.stdout).unwrap());
    assert_eq!(merged["summary"]["blobs"], whole["summary"]["blobs"]);
    assert_eq!(merge(&repo, &files, &["--exit-zero"]).status.code(), Some(0));
}
