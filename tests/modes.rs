//! The same files through the three modes of the gate, with the real `git`: the same findings.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A repository in a folder of its own, with nothing of the machine's settings.
struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Repository(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "-b", "main"]);
        fs::write(repository.path("README"), "a\n").unwrap();
        repository.git(&["add", "."]);
        repository.git(&["commit", "-q", "-m", "first"]);
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).env_clear();
        for keep in ["PATH", "SYSTEMROOT", "TEMP", "TMPDIR"] {
            if let Some(value) = std::env::var_os(keep) {
                command.env(keep, value);
            }
        }
        command.env("HOME", self.0.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "a")
                .env(format!("GIT_{role}_EMAIL"), "a@example.invalid");
        }
        command
    }

    fn git(&self, args: &[&str]) {
        let output = self.command("git").args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn fickgate(&self, args: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_fickgate")).args(args).output().unwrap()
    }

    /// Exit code, and the rules found for each file.
    fn verdicts(&self, args: &[&str]) -> (i32, BTreeMap<String, Vec<String>>) {
        let output = self.fickgate(&[&["--format", "json"], args].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        let mut verdicts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for finding in report["findings"].as_array().unwrap() {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let said = format!("{} {} {}", text("rule"), text("member"), text("import"));
            verdicts.entry(text("path")).or_default().push(said);
        }
        (output.status.code().unwrap(), verdicts)
    }
}

fn copy_below(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_below(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

fn three_modes(fixtures: &str) -> (i32, BTreeMap<String, Vec<String>>) {
    let repository = Repository::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixtures);
    copy_below(&fixtures, &repository.path("models"));
    let by_path = repository.verdicts(&["models"]);
    assert_eq!(by_path, repository.verdicts(&["--diff", "main"]), "untracked files of a diff");
    repository.git(&["checkout", "-q", "-b", "models"]);
    repository.git(&["add", "-f", "models"]);
    assert_eq!(by_path, repository.verdicts(&["--staged"]), "staged files");
    repository.git(&["commit", "-q", "-m", "models"]);
    assert_eq!(by_path, repository.verdicts(&["--diff", "main"]), "commits of a diff");
    assert_eq!(by_path, repository.verdicts(&["--diff", "main..models"]), "a range");
    assert_eq!(repository.verdicts(&["--staged"]), (0, BTreeMap::new()), "nothing is staged any more");
    by_path
}

#[test]
fn malicious_files_are_refused_in_every_mode() {
    let (code, verdicts) = three_modes("malicious");
    assert_eq!(code, 1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/malicious");
    let rows: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    // Made on demand, or welcome and not promised: see the fixtures' README.
    let promised = |row: &&serde_json::Value| row["generate"].is_null() && row["stretch"].is_null();
    for row in rows.as_array().unwrap().iter().filter(promised) {
        let name = row["file"].as_str().unwrap();
        assert!(verdicts.contains_key(&format!("models/{name}")), "{name}");
    }
}

#[test]
fn clean_files_pass_in_every_mode() {
    let (code, _) = three_modes("clean");
    assert_eq!(code, 0);
}

/// Without an index of what was found, and with a look at the whole list for every pickle, this test would
/// not come to its end.
#[test]
fn tens_of_thousands_of_findings_in_one_file() {
    let many: usize = 90_000;
    let named = |i: usize, end: &str| format!("cm{i}\nn{i}\n{end}");
    let repository = Repository::new();
    let in_one = format!("({}t.", (0..many).map(|i| named(i, "")).collect::<String>());
    fs::write(repository.path("in-one.pkl"), in_one).unwrap();
    fs::write(repository.path(".gitattributes"), "in-one.pkl text eol=crlf\n").unwrap();
    fs::write(repository.path("stacked.pkl"), (0..many).map(|i| named(i, ".")).collect::<String>()).unwrap();
    repository.git(&["add", "."]);
    let (code, verdicts) = repository.verdicts(&["--staged"]);
    assert_eq!(code, 1);
    let denied = |file: &str| {
        let all = verdicts[file].iter().filter(|said| said.starts_with("import-not-allowed "));
        all.count()
    };
    assert_eq!((denied("in-one.pkl"), denied("stacked.pkl")), (many, many));
    assert!(verdicts["in-one.pkl"].iter().any(|said| said.starts_with("checkout-differs ")));
}
