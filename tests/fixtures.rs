//! Every fixture through scan and judge, against the manifests that stand beside them. The manifests
//! are written by hand and checked against CPython's unpicklers by the scripts that make the files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fickgate::content::Content;
use fickgate::finding::Finding;
use fickgate::judge::judge;
use fickgate::limits::Limits;
use fickgate::policy::Policy;
use fickgate::rule::{Level, Rule};
use fickgate::scan::scan;
use fickgate::source::BlobPath;
use serde::Deserialize;

#[derive(Deserialize)]
struct Malicious {
    file: String,
    rules: Vec<String>,
    imports: Vec<String>,
    note: String,
    /// Too large to commit; `make_malicious.py --generate` writes it.
    #[serde(default)]
    generate: bool,
    /// Welcome, and not promised.
    #[serde(default)]
    stretch: bool,
}

#[derive(Deserialize)]
struct Clean {
    file: String,
    imports: Option<Vec<String>>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Findings on a file, and the imports in it.
fn judged(path: &Path) -> (Vec<Finding>, BTreeSet<String>) {
    let content = Content::from_bytes(fs::read(path).unwrap());
    let blob = BlobPath::from_path(Path::new(path.file_name().unwrap()));
    let facts = scan(&content, &blob, &Limits::default()).unwrap();
    let imports = facts.streams.iter().flat_map(|s| s.imports.iter().map(|i| i.dotted())).collect();
    let policy = Policy::built_in();
    (judge(&facts, &blob, None, &policy, &policy.usage()), imports)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|n| n != "manifest.json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn told(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("\n      {} {}: {}", f.rule, f.level.as_str(), f.message)).collect()
}

#[test]
fn malicious_files_are_refused_for_the_right_reason() {
    let folder = folder("malicious");
    let rows: Vec<Malicious> =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert!(rows.len() > 300);
    let mut wrong = String::new();
    for row in rows.iter().filter(|r| !r.generate && !r.stretch) {
        let (findings, imports) = judged(&folder.join(&row.file));
        let errors: Vec<&Finding> = findings.iter().filter(|f| f.level == Level::Error).collect();
        if !errors.iter().any(|f| row.rules.iter().any(|r| r == f.rule.id())) {
            wrong += &format!("\n  {}: want {:?}: {}{}", row.file, row.rules, row.note, told(&findings));
        }
        // What cannot be followed to its imports is refused under another rule than theirs.
        let refused_whole = errors
            .iter()
            .any(|f| f.rule != Rule::ImportNotAllowed && row.rules.iter().any(|r| r == f.rule.id()));
        let missed: Vec<&String> = row.imports.iter().filter(|i| !imports.contains(*i)).collect();
        if !missed.is_empty() && !refused_whole {
            wrong += &format!("\n  {}: misses {missed:?}: {}{}", row.file, row.note, told(&findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn clean_files_pass_with_the_built_in_list() {
    let folder = folder("clean");
    let mut wrong = String::new();
    let files = files_below(&folder);
    assert!(files.len() > 150);
    for file in files {
        let (findings, _) = judged(&file);
        if findings.iter().any(|f| f.level == Level::Error) {
            wrong += &format!("\n  {}{}", file.display(), told(&findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn clean_files_hold_the_imports_their_frameworks_wrote() {
    let folder = folder("clean");
    let rows: Vec<Clean> = serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let mut wrong = String::new();
    for row in rows {
        let Some(want) = row.imports else { continue };
        let (_, found) = judged(&folder.join(&row.file));
        let want: BTreeSet<String> = want.into_iter().collect();
        if want != found {
            let missed: Vec<_> = want.difference(&found).collect();
            let invented: Vec<_> = found.difference(&want).collect();
            wrong += &format!("\n  {}: misses {missed:?}, invents {invented:?}", row.file);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn honest_files_that_rebuild_code_are_refused() {
    for file in files_below(&folder("code")) {
        let (findings, _) = judged(&file);
        assert!(findings.iter().any(|f| f.level == Level::Error), "{}", file.display());
    }
}

#[test]
fn other_files_are_not_flagged() {
    let mut wrong = String::new();
    for file in files_below(&folder("not-pickle")) {
        let (findings, _) = judged(&file);
        if findings.iter().any(|f| f.level > Level::Note) {
            wrong += &format!("\n  {}{}", file.display(), told(&findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
