//! The pages tell what happens: their transcripts are played, their commands exist, their links lead somewhere, and
//! their lines fit. `FICKGATE_WRITE=1 cargo test --test docs` writes what the commands say.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use fickgate::cli::{Cli, ordered};

#[path = "tables/document.rs"]
mod document;
#[path = "git/repo.rs"]
#[allow(dead_code)]
mod repo;

use repo::Repo;

/// Columns of the transcripts.
const WIDTH: &str = "88";

/// Pages whose transcripts are played, and the files that lie there before.
const PLAYED: [(&str, &[(&str, &str)]); 3] = [
    ("README.md", &[]),
    ("docs/start.md", &[]),
    (
        "docs/adopt.md",
        &[
            ("models/encoder.ckpt", "clean/torch/checkpoint.ckpt"),
            ("models/ranker.pkl", ""),
            ("models/old.pkl", "malicious/nested-computed-bytes.pkl"),
        ],
    ),
];

/// Shell blocks of the other pages by their first words, and what runs them; what nothing runs says why.
const RUN_BY: [(&str, &str, &str); 16] = [
    ("CONTRIBUTING.md", ".ci/run", ".github/workflows/ci.yml"),
    (
        "CONTRIBUTING.md",
        "fickgate explain tests/fixtures",
        "no test: the network, and an environment for each package",
    ),
    ("CONTRIBUTING.md", "python3 allowlists/verify/verify.py", "no test: gigabytes of frameworks"),
    (
        "README.md",
        "cargo install --locked --path .",
        "no test: a release build; .ci/run builds the wheel by the same script",
    ),
    ("README.md", "fickgate", "tests/recipes.rs"),
    ("README.md", "fickgate init --hooks", "tests/recipes.rs"),
    (
        "docs/benchmark.md",
        "python3 bench/efficacy/run.py",
        "no test: other tools, and hours; .ci/run tests its parts",
    ),
    ("docs/ci.md", "fickgate init --hooks", "tests/init.rs"),
    ("docs/ci.md", "echo 'fickgate hook pre-commit'", "tests/hook_managers.rs"),
    ("docs/convert.md", "fickgate convert model.pt", "tests/recipes.rs"),
    (
        "docs/convert.md",
        "python -m venv env",
        "no test: gigabytes of torch; tests/convert holds known values",
    ),
    ("docs/performance.md", "python3 bench/speed/run.py", "no test: speed is measured on a machine at rest"),
    ("docs/soundness.md", "cargo test --test differential", "tests/differential"),
    ("docs/soundness.md", "ENVIRONMENTS/", "no test: hours; .ci/run runs the gate on a part"),
    ("docs/soundness.md", "python3 allowlists/attack/run.py", ".ci/run"),
    (
        "docs/start.md",
        "cargo install --locked --path .",
        "no test: a release build; .ci/run builds the wheel by the same script",
    ),
];

/// `ourcompany.models.Ranker()`, protocol 2.
const OURS: &[u8] = b"\x80\x02courcompany.models\nRanker\n)\x81}X\x05\x00\x00\x00depthK\x03sb.";

#[test]
fn transcripts_are_what_the_commands_say() {
    for (page, files) in PLAYED {
        let folder = Repo::folder();
        for (path, fixture) in files {
            match fixture.is_empty() {
                true => folder.write(path, OURS),
                false => folder.write(path, fs::read(root().join("tests/fixtures").join(fixture)).unwrap()),
            }
        }
        if page == "docs/adopt.md" {
            folder.git(&["init", "-q", "-b", "main"]);
        }
        let mut here = folder.root.clone();
        let text = fs::read_to_string(root().join(page)).unwrap();
        let mut made = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            made += &format!("{line}\n");
            if line != "```console" {
                continue;
            }
            let commands: Vec<&str> =
                lines.by_ref().take_while(|l| *l != "```").filter(|l| l.starts_with("$ ")).collect();
            for command in commands {
                made += &format!("{command}\n{}", play(&folder, &mut here, &command[2..]));
            }
            made += "```\n";
        }
        document::is_made(page, &text, &made);
    }
}

/// What a shell prints for one line, both streams, and where it is then.
fn play(folder: &Repo, here: &mut PathBuf, line: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap().to_owned();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let script = format!("{{ {line}\n}} 2>&1; pwd -P >\"$HOME/pwd\"");
    let output = folder
        .command("sh", here)
        .args(["-c", &script])
        .env("PATH", path)
        .env("COLUMNS", WIDTH)
        .output()
        .unwrap();
    let home = folder.root.parent().unwrap().join("home");
    *here = PathBuf::from(fs::read_to_string(home.join("pwd")).unwrap().trim_end());
    let text = String::from_utf8(output.stdout).unwrap();
    // Where the run took place is nobody's business.
    text.replace(&format!("{}/", folder.root.display()), "")
}

#[test]
fn commands_of_the_pages_are_commands() {
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut fenced = false;
        for (at, line) in text.lines().enumerate() {
            if line.starts_with("```") {
                fenced = !fenced && ["```console", "```sh"].contains(&line);
                continue;
            }
            let line = line.trim_start();
            let command = line.strip_prefix("$ ").unwrap_or(line);
            let Some(command) =
                command.strip_prefix("fickgate").filter(|rest| rest.is_empty() || rest.starts_with(' '))
            else {
                continue;
            };
            if !fenced || command.contains('$') {
                continue;
            }
            let command = command.split(" #").next().unwrap();
            let words = std::iter::once("fickgate".to_owned()).chain(shell_words(command));
            let args = ordered(words.map(Into::into));
            if let Err(error) = Cli::try_parse_from(args) {
                panic!("{}:{}: fickgate{command}: {error}", page.display(), at + 1);
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} commands");
}

#[test]
fn every_shell_block_is_run_or_says_why_not() {
    let mut blocks = Vec::new();
    for page in pages() {
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(&page).unwrap();
        let mut lines = text.lines().map(str::trim_start);
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```").filter(|language| !language.is_empty()) else {
                continue;
            };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let played = language == "console" && PLAYED.iter().any(|(page, _)| *page == name);
            if ["sh", "console", "bash", "shell"].contains(&language) && !played {
                let first = block.first().unwrap();
                let command =
                    first.strip_prefix("$ ").unwrap_or(first).split(" #").next().unwrap().trim_end();
                blocks.push((name.clone(), command.to_owned()));
            }
        }
    }
    let is = |(page, command): &(String, String), row: &(&str, &str, &str)| {
        // A command in full, or the beginning of one with arguments.
        page == row.0 && (command == row.1 || (row.1 != "fickgate" && command.starts_with(row.1)))
    };
    for block in &blocks {
        assert!(RUN_BY.iter().any(|row| is(block, row)), "{block:?} is run by nothing that is named");
    }
    for row in &RUN_BY {
        assert!(blocks.iter().any(|block| is(block, row)), "{row:?} is no block any more");
        assert!(row.2.starts_with("no test: ") || root().join(row.2).exists(), "{row:?}");
    }
}

/// Words as a shell splits them, for quotes of both kinds.
fn shell_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn links_lead_somewhere_and_lines_fit() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        let mut fenced = false;
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            if fenced {
                continue;
            }
            // Each landing adds to the changelog, which is wrapped when a release gets its section.
            if name != "CHANGELOG.md" && line.chars().count() > 120 && !line.starts_with('|') {
                wrong.push(format!("{name}:{}: {} characters", at + 1, line.chars().count()));
            }
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if target.contains("://") {
                    continue;
                }
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let led = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
                let known = led.exists()
                    && (anchor.is_empty() || anchors(&fs::read_to_string(&led).unwrap()).contains(anchor));
                if !known {
                    wrong.push(format!("{name}:{}: {target} leads nowhere", at + 1));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "in {} pages", pages().len());
}

#[test]
fn every_page_is_in_the_book() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for page in pages().iter().filter(|page| page.starts_with(root().join("docs"))) {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("]({name})")), "{name}");
    }
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        title.chars().filter(|c| kept(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(heading).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let of = |folder: PathBuf| {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| file.extension().is_some_and(|ext| ext == "md")).collect::<Vec<_>>()
    };
    let mut pages = of(root());
    pages.extend(of(root().join("docs")));
    pages.push(root().join("allowlists/README.md"));
    pages.sort();
    pages
}
