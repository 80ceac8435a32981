//! What a release says of itself: one command writes where the repository lives, and nothing leads to a name that
//! somebody else could take.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What is committed, or about to be, but for tests and measurements.
fn files() -> Vec<String> {
    let listed =
        Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root()).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let ours =
        |name: &&str| !["tests/", "bench/", "fuzz/", "allowlists/"].iter().any(|f| name.starts_with(f));
    listed.lines().filter(ours).filter(|name| root().join(name).is_file()).map(str::to_owned).collect()
}

/// A copy of the tree, as a repository, which a release stamps.
struct Tree(TempDir);

impl Tree {
    fn new() -> Tree {
        let tree = Tree(tempfile::tempdir().unwrap());
        for name in files() {
            let to = tree.path(&name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(root().join(&name), to).unwrap();
        }
        // Which are links into what is not copied.
        let _ = fs::remove_file(tree.path("engine/allowlists"));
        for arguments in [&["init", "-q"][..], &["add", "-A"]] {
            assert!(tree.run("git", arguments).status.success());
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program).args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Files with a text in them.
    fn with(&self, text: &str) -> Vec<String> {
        let found = self.run("git", &["grep", "-lF", text, "--", ":!release/address.py"]);
        String::from_utf8(found.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    fn repositories(&self) -> Vec<String> {
        let manifests = ["Cargo.toml", "engine/Cargo.toml", "python/Cargo.toml"];
        for name in &manifests[1..] {
            assert!(self.text(name).contains("\nrepository.workspace = true\n"), "{name}");
        }
        let text = self.text("Cargo.toml");
        assert!(text.contains("\nrepository.workspace = true\n"));
        text.lines()
            .filter_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"'))
            .map(str::to_owned)
            .collect()
    }
}

#[test]
fn one_command_writes_where_the_repository_lives() {
    let tree = Tree::new();
    let before = tree.repositories();
    let refused =
        ["", "http://github.com/acme/gate", "https://github.com/acme", "git@github.com:acme/gate.git"];
    for address in [&refused[..], &["https://github.com/<OWNER>/gate", "https://github.com/a/b/c"]].concat() {
        let output = tree.run("release/run", &["address", address]);
        assert!(!output.status.success(), "{address}");
        assert_eq!(tree.repositories(), before, "{address}");
    }

    let mut stamped = Vec::new();
    for (address, short) in [
        ("https://github.com/acme/gate.git", "acme/gate"),
        ("https://github.com/acme-2/fickgate/", "acme-2/fickgate"),
    ] {
        let output = tree.run("release/run", &["address", address]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(stamped.is_empty() || said == stamped.join("\n") + "\n", "{said}");
        stamped = said.lines().map(str::to_owned).collect();

        let home = format!("https://github.com/{short}");
        assert_eq!(tree.repositories(), std::slice::from_ref(&home));
        assert_eq!(tree.with("<OWNER>/fickgate"), Vec::<String>::new());
        for name in ["Cargo.toml", "SECURITY.md", "docs/ci.md", "release/run"] {
            assert!(stamped.iter().any(|said| said == name), "{name} is not in {stamped:?}");
        }
        let recipes = tree.text("docs/ci.md");
        assert!(recipes.contains(&format!("uses: {short}@COMMIT")));
        assert!(recipes.contains(&format!("repo: {home}\n")));
        assert!(tree.text("SECURITY.md").contains(&format!("{home}/security/advisories/new")));
        assert!(tree.text("release/run").contains(&format!("--repo {short}`")));
        assert!(!tree.run("git", &["diff", "--quiet"]).status.success());
    }
    assert_eq!(tree.with("acme/gate"), Vec::<String>::new());
    let again = tree.run("release/run", &["address", "https://github.com/acme-2/fickgate"]);
    assert!(again.status.success() && again.stdout.is_empty());
}

/// Who keeps the actions that workflows and recipes use.
const ACTIONS: [&str; 3] = ["actions/", "github/codeql-action/", "rust-lang/crates-io-auth-action"];

#[test]
fn nothing_leads_to_a_name_that_somebody_else_could_take() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let address =
        manifest.lines().find_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"')).unwrap();
    let own = match address.splitn(4, '/').nth(3) {
        Some(name) => name.to_owned(),
        None => "<OWNER>/fickgate".to_owned(),
    };
    let by_name = [
        "pip install",
        "pipx install",
        "pipx run",
        "uvx",
        "uv tool install",
        "cargo install",
        "cargo binstall",
    ];
    let mut uses = 0;
    for name in files() {
        let Ok(text) = fs::read_to_string(root().join(&name)) else { continue };
        for (at, line) in text.lines().enumerate() {
            let place = format!("{name}:{}: {line}", at + 1);
            for command in by_name {
                let said = line.split(command).skip(1).flat_map(str::split_whitespace);
                let ours = |word: &str| word.trim_matches(['`', '"', '\'', ',', '.']).starts_with("fickgate");
                assert!(!said.clone().any(ours) || line.contains(" --path "), "{place}");
            }
            let yaml = Path::new(&name)
                .extension()
                .is_some_and(|ext| ["yml", "yaml", "md"].map(Into::into).contains(&ext.to_owned()));
            let Some(action) =
                yaml.then(|| line.trim_start().trim_start_matches("- ").strip_prefix("uses: ")).flatten()
            else {
                continue;
            };
            uses += 1;
            let word = action.split_whitespace().next().unwrap();
            let (action, version) = word.split_once('@').unwrap_or((word, ""));
            if word == "$/" || (action == own && version == "COMMIT") {
                continue;
            }
            assert!(ACTIONS.iter().any(|known| action.starts_with(known)), "{place}");
            assert!(version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit()), "{place}");
        }
    }
    assert!(uses > 20, "{uses}");
}
