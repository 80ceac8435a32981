//! Files that nobody made for these tests: the standard library of the Python on this machine, and folders that the
//! environment names.
//!
//! - `FICKGATE_ORDINARY=DIR:DIR cargo test --test ordinary -- --ignored`: folders in which no file may be flagged but
//!   for pickles that stand in `FICKGATE_EXCEPT` (parts of paths, separated by `:`).
//! - `FICKGATE_REAL=DIR cargo test --test ordinary`: a folder of pickles with a `manifest.json` of their kinds and
//!   imports.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::facts::Facts;
use fickgate_engine::judge::judge;
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy::Policy;
use fickgate_engine::rule::{Level, Rule};
use fickgate_engine::scan::scan;
use serde::Deserialize;

/// What a manifest says of one file.
#[derive(Deserialize)]
struct Row {
    file: String,
    kind: String,
    imports: Vec<String>,
}

/// Regular files below a folder, links not followed.
fn files_below(folder: &Path, skip: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !skip.iter().any(|s| path.ends_with(s)) => folders.push(path),
                Ok(kind) if kind.is_file() => files.push(path),
                _ => {}
            }
        }
    }
    files
}

fn facts(path: &Path) -> Option<Facts> {
    let content = Content::new(FileContent::new(File::open(path).ok()?).ok()?);
    Some(scan(&content, &BlobPath::from_path(path), &Limits::default()).expect("a regular file is readable"))
}

/// Scans files, and tells those that would be flagged.
fn flagged(files: &[PathBuf]) -> String {
    let policy = Policy::built_in();
    let mut wrong = String::new();
    for path in files {
        let Some(facts) = facts(path) else { continue };
        for finding in judge(&facts, &BlobPath::from_path(path), None, &policy, &policy.usage()) {
            if finding.level > Level::Note {
                wrong += &format!("\n  {}: {}: {}", path.display(), finding.rule, finding.message);
            }
        }
    }
    wrong
}

#[test]
fn the_standard_library_of_python_is_not_flagged() {
    let ask = "import sysconfig; print(sysconfig.get_paths()['stdlib'])";
    let Ok(output) = Command::new("python3").args(["-c", ask]).output() else {
        eprintln!("SKIPPED: no python3 here");
        return;
    };
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    // `test` has pickles of its own.
    let files = files_below(&folder, &["test", "tests", "site-packages", "dist-packages"]);
    assert!(files.len() > 100, "{} files in {}", files.len(), folder.display());
    let wrong = flagged(&files);
    assert!(wrong.is_empty(), "of {} files:{wrong}", files.len());
}

#[test]
#[ignore = "takes the folders in FICKGATE_ORDINARY"]
fn ordinary_files_are_not_flagged() {
    let folders =
        env::var_os("FICKGATE_ORDINARY").expect("FICKGATE_ORDINARY names folders, separated by `:`");
    let mut files: Vec<PathBuf> =
        env::split_paths(&folders).flat_map(|folder| files_below(&folder, &[])).collect();
    if let Some(except) = env::var_os("FICKGATE_EXCEPT") {
        let parts: Vec<String> = except.to_string_lossy().split(':').map(str::to_owned).collect();
        files.retain(|file| !parts.iter().any(|part| file.to_string_lossy().contains(part)));
    }
    assert!(files.len() >= 5_000, "{} files are too few to tell", files.len());
    let wrong = flagged(&files);
    assert!(wrong.is_empty(), "of {} files:{wrong}", files.len());
}

#[test]
fn real_files_are_read_to_the_end() {
    let Some(folder) = env::var_os("FICKGATE_REAL").map(PathBuf::from) else {
        eprintln!("SKIPPED: FICKGATE_REAL names no folder of real files");
        return;
    };
    let rows: Vec<Row> = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let mut wrong = String::new();
    for row in &rows {
        let facts = facts(&folder.join(&row.file)).expect("the manifest lists files that are there");
        // What loading would do is for the policy; here it matters whether the bytes were understood.
        let noise = |rule: Rule| {
            let deeds = [Rule::ObjectMutation, Rule::ImportUnresolved, Rule::NestedUnresolved];
            rule.level() > Level::Note && !deeds.contains(&rule)
        };
        for fault in facts.faults.iter().filter(|f| noise(f.fault.rule)) {
            wrong += &format!("\n  {} ({}): {}", row.file, row.kind, fault.fault.message);
        }
        for stream in &facts.streams {
            if !stream.stopped() {
                wrong += &format!("\n  {}: not read to the end", row.file);
            }
            for fault in stream.faults.iter().filter(|f| noise(f.rule)) {
                wrong += &format!("\n  {}: {} at {:#x}", row.file, fault.message, fault.offset);
            }
        }
        // The manifest knows the file's own pickles: not those in bytes or base64 inside them, nor TorchScript's
        // tables of source lines. It has names as written or as resolved.
        let inner = ["bytes@", ":serialized:", ".debug_pkl"];
        let own = |member: &str| !inner.iter().any(|part| member.contains(part));
        let (mut resolved, mut written, mut invented) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for stream in &facts.streams {
            for import in &stream.imports {
                let raw = format!("{}.{}", import.raw_module, import.raw_name);
                let listed = |name: &String| row.imports.contains(name);
                if own(&stream.member) && !listed(&raw) && !listed(&import.dotted()) {
                    invented.push(import.dotted());
                }
                resolved.insert(import.dotted());
                written.insert(raw);
            }
        }
        let found = |name: &&String| resolved.contains(*name) || written.contains(*name);
        let missed: Vec<_> = row.imports.iter().filter(|name| !found(name)).collect();
        if !missed.is_empty() || !invented.is_empty() {
            wrong += &format!("\n  {}: misses {missed:?}, invents {invented:?}", row.file);
        }
        if row.kind == "not-pickle" && !facts.streams.is_empty() {
            wrong += &format!("\n  {}: is no pickle", row.file);
        }
    }
    assert!(wrong.is_empty(), "of {} files:{wrong}", rows.len());
}
