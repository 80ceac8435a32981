//! Every fixture through scan and judge, against the manifests that stand beside them. The manifests
//! are written by hand and checked against CPython's unpicklers by the scripts that make the files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fickgate_engine::content::Content;
use fickgate_engine::facts::{Facts, Landmarks};
use fickgate_engine::finding::Finding;
use fickgate_engine::judge::judge;
use fickgate_engine::limits::Limits;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy::Policy;
use fickgate_engine::rule::{Level, Rule};
use fickgate_engine::scan::scan;
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

/// Techniques against containers: how their fixtures' names begin, and the rule that every one of them has to be
/// reported under. An empty one: any of those in the manifest will do.
const TECHNIQUES: &[(&str, &str)] = &[
    ("torchzip-plain", "import-not-allowed"),
    ("torchzip-deflated", "import-not-allowed"),
    ("torchzip-local-flag-", "import-not-allowed"),
    ("torchzip-local-name-mismatch", "import-not-allowed"),
    ("torchzip-bad-crc", "import-not-allowed"),
    ("torchzip-corrupt-member-first", "import-not-allowed"),
    ("torchzip-duplicate-", "container-anomaly"),
    ("torchzip-hidden-local-entry", "import-not-allowed"),
    ("torchzip-two-archives", "container-anomaly"),
    ("torchzip-orphan-local-evil", "import-not-allowed"),
    ("torchzip-eocd-in-comment", "container-anomaly"),
    ("torchzip-local-method-mismatch", "import-not-allowed"),
    ("torchzip-local-size-mismatch", "import-not-allowed"),
    ("torchzip-custom-pickle-file", "import-not-allowed"),
    ("torchzip-member-odd-extension", "import-not-allowed"),
    ("torchzip-member-proto0-txt", "import-not-allowed"),
    ("torchzip-unreferenced-storage", "import-not-allowed"),
    ("torchzip-trailing-bytes", "import-not-allowed"),
    ("torchzip-prefixed-by-junk", "import-not-allowed"),
    ("polyglot-lfs-pointer-zip", "import-not-allowed"),
    ("torchzip-bzip2-member", "import-not-allowed"),
    ("torchzip-lzma-member", "import-not-allowed"),
    ("torchzip-zstd-method", "import-not-allowed"),
    ("torchzip-encrypted", "container-unreadable"),
    ("torchzip-central-flag-encrypted", "container-anomaly"),
    ("torchzip-symlink-member", ""),
    ("torchzip-torchscript", "import-not-allowed"),
    ("torchzip-torch-package", "import-not-allowed"),
    ("torchzip-setitem-on-tensor", "import-not-allowed"),
    ("torchlegacy-main", "import-not-allowed"),
    ("torchlegacy-sysinfo", "import-not-allowed"),
    ("torchlegacy-protocol-version", "import-not-allowed"),
    ("torchlegacy-storage-keys", "import-not-allowed"),
    ("torchlegacy-after-storages", "import-not-allowed"),
    ("torchlegacy-magic-computed", "import-not-allowed"),
    ("torchlegacy-not-legacy", "import-not-allowed"),
    ("polyglot-pickle-then-zip", "import-not-allowed"),
    ("polyglot-pickle-then-zip-rel", "import-not-allowed"),
    ("polyglot-tar-name", "import-not-allowed"),
    ("polyglot-gif", "import-not-allowed"),
    ("polyglot-bmp", "import-not-allowed"),
    ("polyglot-gguf", "import-not-allowed"),
    ("polyglot-python-source", "import-not-allowed"),
    ("npy-descr-", "import-not-allowed"),
    ("npy-py2-long-shape", "import-not-allowed"),
    ("npy-zero-length-shape", "import-not-allowed"),
    ("npy-version-2", "import-not-allowed"),
    ("npy-version-3", "import-not-allowed"),
    ("npy-version-9", "container-unreadable"),
    ("joblib-plain", "import-not-allowed"),
    ("joblib-zlib", "import-not-allowed"),
    ("joblib-gzip", "import-not-allowed"),
    ("joblib-bz2", "import-not-allowed"),
    ("joblib-xz", "import-not-allowed"),
    ("joblib-lzma", "import-not-allowed"),
    ("joblib-lz4", "import-not-allowed"),
    ("joblib-zfile", "import-not-allowed"),
    ("joblib-gzip-bad-crc", "import-not-allowed"),
    ("joblib-gzip-truncated", "import-not-allowed"),
    ("double-compressed", "import-not-allowed"),
    ("zstd-compressed", "import-not-allowed"),
    ("joblib-array-object-dtype", "import-not-allowed"),
    ("joblib-payload-after-array", "import-not-allowed"),
    ("joblib-array-fakes-stop", "import-not-allowed"),
    ("joblib-array-swallows-rest", ""),
    ("joblib-external-file", "import-not-allowed"),
    ("zip-of-pickle", "import-not-allowed"),
    ("zip-in-zip", "import-not-allowed"),
    ("zip-wrong-extension", "import-not-allowed"),
    ("mar-archive", "import-not-allowed"),
    ("nemo-archive", "import-not-allowed"),
    ("tar-of-pickle", "import-not-allowed"),
    ("tar-hardlink-member", "import-not-allowed"),
    ("wheel-with-pickle", "import-not-allowed"),
    ("sevenzip-", "container-unreadable"),
    ("rar-magic", "container-unreadable"),
    ("random-bytes-model", "container-unreadable"),
    ("shelve-dumb-second-record", ""),
    ("gzip-header-", "import-not-allowed"),
    ("lzma-begins-like-", "import-not-allowed"),
    ("zlib-narrow-window", "import-not-allowed"),
    ("xz-filter-chain", "stream-malformed"),
    ("tar-checksum-", "import-not-allowed"),
    ("tar-named-", "import-not-allowed"),
    ("tar-sparse-", "container-anomaly"),
    ("tar-size-below-zero", "container-anomaly"),
    ("torchtar-storage-swallows", "container-unreadable"),
    ("zip-offsets-too-large", "import-not-allowed"),
    ("zip-end-out-of-reach-", "import-not-allowed"),
    ("zip-two-zip64-fields", "container-anomaly"),
    ("torchzip-two-zip64-ends", "container-anomaly"),
    ("torchzip-storage-named-pickle", "import-not-allowed"),
    ("hdf5-attribute-", "import-not-allowed"),
    ("lzma-second-stream-", "import-not-allowed"),
    ("shelve-gdbm", "import-not-allowed"),
    ("shelve-berkeley", "import-not-allowed"),
    ("torchzip-in-pickle", "import-not-allowed"),
];

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

/// What is known of a file where so many bytes of old values are kept.
fn facts_of(path: &Path, kept: usize) -> Facts {
    let content = Content::from_bytes(fs::read(path).unwrap());
    let blob = BlobPath::from_path(Path::new(path.file_name().unwrap()));
    let mut facts = scan(&content, &blob, &Limits { kept, ..Limits::default() }).unwrap();
    facts.streams.iter_mut().for_each(|stream| stream.landmarks = Landmarks::default());
    facts
}

#[test]
fn what_a_machine_lets_go_of_changes_nothing() {
    for path in files_below(&folder("")) {
        let all = format!("{:?}", facts_of(&path, usize::MAX));
        for kept in [64, 4096] {
            assert_eq!(all, format!("{:?}", facts_of(&path, kept)), "{}, {kept}", path.display());
        }
    }
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
        let (_, mut found) = judged(&folder.join(&row.file));
        let want: BTreeSet<String> = want.into_iter().collect();
        // The census does not look into bytes that torch unpickles in turn.
        if want.contains("torch.storage._load_from_bytes") {
            found.retain(|i| want.contains(i) || !i.starts_with("torch."));
        }
        // What `getattr` takes of an import is one more, which no unpickler asks for by name.
        if want.contains("builtins.getattr") {
            let of = |owner: &String, name: &str| {
                name.strip_prefix(owner.as_str()).is_some_and(|rest| rest.starts_with('.'))
            };
            found.retain(|i| want.contains(i) || !want.iter().any(|owner| of(owner, i)));
        }
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

#[test]
fn techniques_against_containers_are_refused_under_the_stated_rule() {
    let folder = folder("malicious");
    let rows: Vec<Malicious> =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let mut wrong = String::new();
    for (technique, rule) in TECHNIQUES {
        let files: Vec<_> =
            rows.iter().filter(|row| row.file.starts_with(technique) && !row.generate).collect();
        if files.is_empty() {
            wrong += &format!("\n  {technique}: no fixture");
        }
        for row in files {
            let (findings, _) = judged(&folder.join(&row.file));
            let reported = |f: &Finding| {
                let wanted =
                    f.rule.id() == *rule || (rule.is_empty() && row.rules.iter().any(|r| r == f.rule.id()));
                wanted && f.level == Level::Error
            };
            if !findings.iter().any(reported) {
                wrong += &format!("\n  {}: want {rule:?}{}", row.file, told(&findings));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
