//! The built-in list against the stored report of `allowlists/verify/verify.py`, so that neither can
//! go stale: each entry was found in a real package, or says where its code was read.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use fickgate_engine::policy::{Kind, builtin};

/// One line of `report.tsv`.
struct Row<'r> {
    environment: &'r str,
    kind: &'r str,
    hooks: &'r str,
}

fn report() -> BTreeMap<String, Row<'static>> {
    let mut rows = BTreeMap::new();
    for line in include_str!("../allowlists/verify/report.tsv").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        if let [import, environment, kind, _, hooks] = columns[..] {
            rows.insert(import.to_owned(), Row { environment, kind, hooks });
        }
    }
    rows.remove("import");
    rows
}

#[test]
fn every_entry_was_verified_or_says_where_it_was_read() {
    let report = report();
    let mut wrong = BTreeSet::new();
    for entry in builtin::entries() {
        match report.get(&entry.import()) {
            None => drop(wrong.insert(format!("{}: not in report.tsv", entry.import()))),
            Some(row) if row.environment == "historical" && matches!(row.hooks, "" | "MISSING") => {
                wrong.insert(format!("{}: in no environment, and without `historical`", entry.import()));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "run allowlists/verify/verify.py:\n{wrong:#?}");
}

#[test]
fn the_report_has_no_entry_that_the_list_lost() {
    let listed: BTreeSet<String> = builtin::entries().map(|e| e.import()).collect();
    let lost: Vec<String> = report().into_keys().filter(|import| !listed.contains(import)).collect();
    assert!(lost.is_empty(), "run allowlists/verify/verify.py: {lost:?}");
}

#[test]
fn what_is_listed_as_a_class_was_found_to_be_one() {
    let report = report();
    let mut wrong = Vec::new();
    for entry in builtin::entries().filter(|e| e.kind == Kind::Class) {
        let row = &report[&entry.import()];
        if !matches!(row.environment, "historical" | "torchscript") && row.kind != "class" {
            wrong.push(format!("{} is a {}", entry.import(), row.kind));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A reason with the entry's own name and all numbers taken out.
fn pattern(import: &str, reason: &str) -> String {
    let name = import.rsplit(['.', ':']).next().unwrap();
    reason.replace(name, "_").chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[test]
fn reasons_are_notes_and_no_formula() {
    let mut same: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in builtin::entries() {
        same.entry(pattern(&entry.import(), &entry.reason)).or_default().push(entry.import());
    }
    let formulas: Vec<_> = same.values().filter(|imports| imports.len() > 4).collect();
    assert!(formulas.is_empty(), "these share one sentence but for their names: {formulas:#?}");
}

/// Exit code of the gate over one clean fixture under a policy of one line.
fn gate(extends: &str, fixture: &str) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, format!("version: 1\nextends: {extends}\n")).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut gate = std::process::Command::new(env!("CARGO_BIN_EXE_fickgate"));
    gate.current_dir(folder.path())
        .arg("--policy")
        .arg(policy)
        .arg(root.join("tests/fixtures/clean").join(fixture));
    gate.output().unwrap().status.code()
}

#[test]
fn what_trusts_native_memory_can_be_left_out() {
    // A tree's child indices and a table's column positions reach compiled loops as they are; a
    // linear model is numbers.
    for fixture in ["sklearn/decision-tree.pkl", "frameworks/rdkit-molecules.pkl"] {
        assert_eq!(gate("[ml]", fixture), Some(0), "{fixture}");
        assert_eq!(gate("[ml, -native-memory]", fixture), Some(1), "{fixture}");
    }
    assert_eq!(gate("[ml, -native-memory]", "sklearn/linear-regression.pkl"), Some(0));
}
