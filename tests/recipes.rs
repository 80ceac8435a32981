//! The recipes of `docs/ci.md` and the commands of `README.md`, run as they stand there, in clones like those that the
//! services make and with the variables that they document.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "git/repo.rs"]
#[allow(dead_code)]
mod repo;

use std::fs;
use std::path::{Path, PathBuf};

use repo::Repo;

const EVIL: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
const CLEAN: &[u8] = b"\x80\x04]\x94K\x01a.";
const LETS_IN: &str = "allow:\n  - {import: os.system, use: [call], reason: ours}\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The part of a page below a heading, to the next one of its depth.
fn part(page: &str, heading: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let depth = heading.split_once(' ').unwrap().0;
    let (_, below) = text.split_once(&format!("\n{heading}\n")).expect(heading);
    below.split(&format!("\n{depth} ")).next().unwrap().to_owned()
}

/// What a shell prints for these lines, both streams, with its exit code.
fn shell(repo: &Repo, folder: &Path, lines: &str, env: &[(&str, &str)]) -> (i32, String) {
    let own = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let mut command = repo.command("sh", folder);
    command.args(["-ec", &format!("{{ {lines}\n}} 2>&1")]).env("PATH", path).envs(env.iter().copied());
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a pull request brings, and whether a gate that is judged by the base lets it in.
const CHANGES: [(&str, &[u8], &str, bool); 3] =
    [("clean", CLEAN, "", true), ("evil", EVIL, "", false), ("lets itself in", EVIL, LETS_IN, false)];

/// A server with a branch `main` and a change of it as `refs/change/head`, and as merged in `refs/change/merge`.
fn server(bytes: &[u8], policy: &str) -> Repo {
    let repo = Repo::new();
    repo.add("first.pkl", CLEAN);
    repo.commit_unchecked("first");
    repo.git(&["checkout", "-q", "-b", "change"]);
    repo.add("model.pkl", bytes);
    if !policy.is_empty() {
        repo.add(".fickgate.yaml", policy);
    }
    repo.commit_unchecked("change");
    repo.git(&["update-ref", "refs/change/head", "HEAD"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.add("second.pkl", CLEAN);
    repo.commit_unchecked("second");
    repo.git(&["checkout", "-q", "--detach"]);
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "refs/change/head"]);
    repo.git(&["update-ref", "refs/change/merge", "HEAD"]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&["branch", "-q", "-D", "change"]);
    repo
}

/// A clone of some refs of it, with one of them checked out and no branch.
fn clone(repo: &Repo, refs: &[&str], head: &str) -> PathBuf {
    let folder = repo.root.parent().unwrap().join("clone");
    fs::create_dir(&folder).unwrap();
    let git = |arguments: &[&str]| {
        let output = repo.command("git", &folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["remote", "add", "origin", &repo.root.to_string_lossy()]);
    git(&[&["fetch", "-q", "origin", &format!("+{head}:refs/built")][..], refs].concat());
    git(&["checkout", "-q", "--detach", "refs/built"]);
    folder
}

/// Every change, built by a recipe in its clone, with the reports that it has to leave.
fn builds(lines: &str, refs: &[&str], head: &str, env: &[(&str, &str)], reports: &[&str]) {
    for (name, bytes, policy, passes) in CHANGES {
        let repo = server(bytes, policy);
        let folder = clone(&repo, refs, head);
        let (code, text) = shell(&repo, &folder, lines, env);
        assert_eq!(code, i32::from(!passes), "{name}: {lines}: {text}");
        assert_eq!(text.contains("os.system"), !passes, "{name}: {text}");
        for report in reports {
            let text = fs::read_to_string(folder.join(report)).unwrap();
            assert_eq!(text.contains("os.system"), !passes, "{name}: {report}: {text}");
        }
    }
}

const BRANCHES: &str = "+refs/heads/*:refs/remotes/origin/*";

#[test]
fn gitlab() {
    let recipe = part("docs/ci.md", "## GitLab");
    assert!(recipe.contains("GIT_DEPTH: 0"), "with a depth, the runner fetches no other branch");
    let lines: Vec<&str> = recipe.lines().filter_map(|line| line.strip_prefix("    - fickgate ")).collect();
    let [line] = lines[..] else { panic!("{lines:?}") };
    let env = [("CI", "true"), ("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")];
    builds(&format!("fickgate {line}"), &[BRANCHES], "refs/change/head", &env, &["fickgate.json"]);
}

#[test]
fn jenkins() {
    let recipe = part("docs/ci.md", "## Jenkins");
    let step = |line: &str| Some(line.trim().strip_prefix("sh '")?.strip_suffix('\'')?.to_owned());
    let lines: Vec<String> = recipe.lines().filter_map(step).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let env = [("JENKINS_URL", "http://localhost/"), ("CHANGE_ID", "7"), ("CHANGE_TARGET", "main")];
    for head in ["refs/change/head", "refs/change/merge"] {
        builds(&lines.join("\n"), &[], head, &env, &["fickgate.xml", "fickgate.html"]);
    }
}

#[test]
fn azure_pipelines() {
    let recipe = part("docs/ci.md", "## Azure Pipelines");
    assert!(recipe.contains("fetchDepth: 0"), "with a depth, no other branch is fetched");
    let lines: Vec<&str> = recipe.lines().filter_map(|line| line.trim().strip_prefix("- bash: ")).collect();
    let [line] = lines[..] else { panic!("{lines:?}") };
    let env = [("TF_BUILD", "True"), ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main")];
    builds(line, &[BRANCHES], "refs/change/merge", &env, &["fickgate.xml"]);
}

#[test]
fn parts_on_several_machines() {
    let recipe = part("docs/ci.md", "## In parts");
    let steps: Vec<&str> =
        recipe.lines().filter_map(|line| line.trim().strip_prefix("- run: fickgate ")).collect();
    let [scan, merge] = steps[..] else { panic!("{steps:?}") };
    for (name, bytes, _, passes) in CHANGES {
        let repo = server(bytes, "");
        let folder = clone(&repo, &[BRANCHES], "refs/change/head");
        for shard in ["1", "2", "3", "4"] {
            let (code, text) =
                shell(&repo, &folder, &format!("fickgate {scan}").replace("${{ matrix.shard }}", shard), &[]);
            assert_eq!(code, 0, "{name}: {text}");
        }
        let together = folder.parent().unwrap().join("report");
        fs::create_dir_all(together.join("shards")).unwrap();
        for shard in 1..=4 {
            let report = format!("shard-{shard}.json");
            fs::rename(folder.parent().unwrap().join(&report), together.join("shards").join(report)).unwrap();
        }
        let (code, text) = shell(&repo, &together, &format!("fickgate {merge}"), &[]);
        assert_eq!(code, i32::from(!passes), "{name}: {text}");
        let sarif = fs::read_to_string(together.join("fickgate.sarif")).unwrap();
        assert_eq!(sarif.contains("\"import\": \"os.system\""), !passes, "{name}");
    }
}

#[test]
fn hooks_of_git_itself() {
    // The scripts in a repository that carries them, by one setting.
    let recipe = part("docs/ci.md", "### git alone");
    assert!(recipe.contains("`git config core.hooksPath hooks`"));
    let repo = Repo::new();
    for hook in fs::read_dir(root().join("hooks")).unwrap().map(|entry| entry.unwrap().path()) {
        let name = hook.file_name().unwrap().to_owned();
        fs::create_dir_all(repo.root.join("hooks")).unwrap();
        fs::copy(&hook, repo.root.join("hooks").join(name)).unwrap();
    }
    repo.add("model.pkl", EVIL);
    let (code, text) = shell(&repo, &repo.root, "git config core.hooksPath hooks\ngit commit -m evil", &[]);
    assert!(code == 1 && text.contains("os.system"), "{code}: {text}");
    repo.add("model.pkl", CLEAN);
    let (code, text) = shell(&repo, &repo.root, "git commit -m clean", &[]);
    assert_eq!(code, 0, "{text}");

    // A server.
    assert!(part("docs/ci.md", "### A server").contains("`hooks/pre-receive` in a bare repository"));
    let bare = repo.root.parent().unwrap().join("bare");
    let script =
        "git init -q --bare -b main ../bare\ncp hooks/pre-receive ../bare/hooks/\ngit push ../bare main";
    let (code, text) = shell(&repo, &repo.root, script, &[]);
    assert_eq!(code, 0, "{text}");
    repo.add("model.pkl", EVIL);
    repo.commit_unchecked("evil");
    let (code, text) = shell(&repo, &repo.root, "git push --no-verify ../bare main", &[]);
    assert!(code == 1 && text.contains("os.system"), "{code}: {text}");
    let refs = repo.command("git", &bare).args(["log", "--format=%s", "main"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&refs.stdout), "clean\n");
}

#[test]
fn commands_of_the_readme() {
    let fixtures = root().join("tests/fixtures");
    let repo = Repo::new();
    repo.add("model.pt", fs::read(fixtures.join("clean/torch/dtype-float32.pt")).unwrap());
    repo.add("legacy/old.pkl", b"\x80\x02courcompany.models\nOld\n)\x81.");
    repo.commit_unchecked("first");
    repo.git(&["tag", "v1.0"]);
    repo.git(&["checkout", "-q", "-b", "work"]);
    repo.add("staged.pkl", CLEAN);
    let mut run = 0;
    for heading in ["## Use", "## Allow what is yours"] {
        let text = part("README.md", heading);
        for line in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let (code, text) = shell(&repo, &repo.root, line, &[]);
            if line.starts_with("fickgate convert model.pt") {
                assert!(text.starts_with("model.safetensors: 1 tensor, "), "{text}");
            }
            // Until something is allowed, the old file is refused wherever it is looked at.
            let looked = ["fickgate ", "fickgate --history"]
                .iter()
                .any(|all| line.split(" #").next().unwrap().trim_end() == all.trim_end());
            assert_eq!(code, i32::from(looked), "{line}: {text}");
            run += 1;
        }
    }
    assert!(run >= 13, "{run}");
    let (code, text) = shell(&repo, &repo.root, "fickgate", &[]);
    assert_eq!(code, 0, "{text}");
}
