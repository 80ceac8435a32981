//! What the README and `docs/policy.md` tell a team to do, from the first hook to the merge, command by command, with a
//! server whose own policy judges what it receives.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::driver::{Git, Job, Ran, root, scrub};

/// An instance of a class of the team's own.
const RANKER: &[u8] = b"\x80\x02courcompany.models\nRanker\n)\x81.";
const INIT: &str = "fickgate init --hooks";
const ALLOW: &str = "fickgate allow ourcompany.models.Ranker --reason \"our ranking model\"";

/// A bare repository that receives, and the clone of one of the team.
struct Team {
    folder: TempDir,
}

impl Team {
    /// Both with the hooks that `fickgate init --hooks` installs, and a first commit that was pushed.
    fn new() -> Team {
        let team = Team { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(team.path("home")).unwrap();
        team.server().run(&["init", "-q", "--bare", "."]);
        team.passes_in("server", &documented(INIT));
        Git(team.folder.path().to_owned()).run(&["clone", "-q", "server", "ours"]);
        team.passes("git checkout -q -b main");
        fs::write(team.path("ours/readme"), "models").unwrap();
        team.passes(&documented(INIT));
        team.passes("git add readme .fickgate.yaml && git commit -qm first");
        team.passes("git push -q -u origin main");
        team
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self) -> Git {
        let path = self.path("server");
        fs::create_dir_all(&path).unwrap();
        Git(path)
    }

    /// A line of the shell, as somebody of the team types it.
    fn types(&self, folder: &str, line: &str) -> (bool, String) {
        let own = Path::new(env!("CARGO_BIN_EXE_fickgate")).parent().unwrap();
        let mut command = Command::new("sh");
        scrub(&mut command);
        let output = command
            .args(["-c", line])
            .current_dir(self.path(folder))
            .env("PATH", format!("{}:{}", own.display(), std::env::var("PATH").unwrap()))
            .env("HOME", self.path("home"))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "A")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "a@example.org")))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), said)
    }

    #[track_caller]
    fn passes_in(&self, folder: &str, line: &str) -> String {
        let (passed, said) = self.types(folder, line);
        assert!(passed, "{line}: {said}");
        said
    }

    #[track_caller]
    fn passes(&self, line: &str) -> String {
        self.passes_in("ours", line)
    }

    #[track_caller]
    fn refused(&self, line: &str) -> String {
        let (passed, said) = self.types("ours", line);
        assert!(!passed && said.contains("import-not-allowed"), "{line}: {said}");
        said
    }

    /// A commit with a model, for which a new entry was needed.
    fn commits_a_model(&self) {
        self.passes("git checkout -q -b model");
        fs::create_dir(self.path("ours/models")).unwrap();
        fs::write(self.path("ours/models/ranker.pkl"), RANKER).unwrap();
        self.passes("git add models");
        let said = self.refused("git commit -qm model");
        assert!(said.contains("fickgate allow ourcompany.models.Ranker --reason WHY"), "{said}");
        let said = self.passes(&documented(ALLOW));
        assert!(said.contains("git add .fickgate.yaml"), "{said}");
        let said = self.refused("git commit -qm model");
        assert!(said.contains("git add .fickgate.yaml"), "{said}");
        let said = self.passes("git add .fickgate.yaml && git commit -qm model");
        assert!(said.contains("with this commit"), "{said}");
        // The same person's act is not refused a second time: the hook before the push says what it changes, and that
        // is all. What refuses is the other side, and it says what to do there.
        let said = self.passes("fickgate hook pre-push origin <<END\nrefs/heads/model $(git rev-parse HEAD) refs/heads/model $(git rev-parse main)\nEND");
        assert!(said.contains("with this push"), "{said}");
        let said = self.refused("git push -q origin model");
        assert!(said.contains("remote: ") && said.contains("land the policy first"), "{said}");
        assert_eq!(self.server().run(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
    }

    /// The check of a pull request, on the merge that the server makes of it.
    fn check(&self, branch: &str) -> Ran {
        let server = self.server();
        let (base, head) = (server.run(&["rev-parse", "main"]), server.run(&["rev-parse", branch]));
        let merge = self.merged(&base, &head);
        server.run(&["update-ref", "refs/pull/1/merge", &merge]);
        let job = Job::new();
        let workspace = job.workspace();
        workspace.run(&["init", "-q"]);
        workspace.run(&["remote", "add", "origin", &format!("file://{}", server.0.display())]);
        workspace.run(&["fetch", "-q", "--no-tags", "--depth=2", "origin", "refs/pull/1/merge"]);
        workspace.run(&["checkout", "-q", "--detach", "FETCH_HEAD"]);
        let payload = json!({
            "action": "synchronize",
            "number": 1,
            "pull_request": { "base": { "ref": "main", "sha": base }, "head": { "ref": branch, "sha": head } },
            "repository": { "default_branch": "main" },
        });
        job.run("pull_request", &payload, &merge, "refs/pull/1/merge")
    }

    fn merged(&self, base: &str, head: &str) -> String {
        let server = self.server();
        let tree = server.run(&["merge-tree", "--write-tree", base, head]);
        server.run(&["commit-tree", "-p", base, "-p", head, "-m", "merge", &tree])
    }

    /// Somebody merges a branch where the server keeps it.
    fn merges(&self, branch: &str) {
        let merge = self.merged("main", branch);
        self.server().run(&["update-ref", "refs/heads/main", &merge]);
        self.passes("git checkout -q main && git pull -q --ff-only");
    }
}

/// The line, which has to be in the README.
fn documented(line: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let has =
        |text: &&str| text.trim_start_matches("$ ").split(" #").next().is_some_and(|c| c.trim() == line);
    assert!(readme.lines().any(|text| has(&text)), "README.md has no {line}");
    line.to_owned()
}

#[test]
fn the_policy_lands_first_and_then_the_model() {
    let team = Team::new();
    team.commits_a_model();
    // The entry, as a change of its own.
    team.passes("git checkout -q -b entry main && git checkout -q model -- .fickgate.yaml");
    team.passes("git commit -qm entry");
    let said = team.passes("git push -q origin entry");
    assert!(said.contains("remote: ") && said.contains("policy-changed"), "{said}");
    let ran = team.check("entry");
    assert!(ran.code(0).log.contains("policy-changed"), "{}", ran.log);
    team.merges("entry");
    // Now the other side has it, and its check passes.
    team.passes("git push -q origin model");
    let ran = team.check("model");
    assert!(!ran.code(0).log.contains("import-not-allowed"), "{}", ran.log);
    team.merges("model");
    team.passes("fickgate");
}

#[test]
fn the_model_and_its_entry_are_approved_together() {
    let team = Team::new();
    team.commits_a_model();
    // Who administers the server takes it in, past its hook.
    let ours = team.path("ours").display().to_string();
    team.server().run(&["fetch", "-q", &ours, "model:model"]);
    let ran = team.check("model");
    ran.found(&["models/ranker.pkl"]);
    assert!(ran.log.contains("with that it would pass once merged"), "{}", ran.log);
    team.merges("model");
    // From then on the entry is the other side's own.
    team.passes("git checkout -q -b next");
    fs::write(team.path("ours/models/next.pkl"), RANKER).unwrap();
    team.passes("git add models && git commit -qm next && git push -q origin next");
    team.check("next").code(0);
    team.merges("next");
    team.passes("fickgate");
}
