//! A repository in a temporary folder, driven by the real `git` in an environment of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Git commands that the environment of the caller cannot bend, and the binary under test in the same one.
pub struct Repo {
    dir: TempDir,
    /// The working tree, without links in its path.
    pub root: PathBuf,
}

impl Repo {
    /// An empty repository on the branch `main`.
    pub fn new() -> Repo {
        Repo::with(&[])
    }

    /// One made by `git init` with more arguments.
    pub fn with(init: &[&str]) -> Repo {
        let repo = Repo::folder();
        let mut args = vec!["init", "-q", "-b", "main"];
        args.extend(init);
        repo.git(&args);
        repo
    }

    /// A folder that is no repository, beside an empty home.
    pub fn folder() -> Repo {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let root = dir.path().canonicalize().expect("its real path").join("work");
        std::fs::create_dir_all(&root).expect("a folder");
        std::fs::create_dir_all(dir.path().join("home")).expect("a folder");
        Repo { dir, root }
    }

    /// A command in the scrubbed environment, run in `folder`.
    pub fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        let home = self.dir.path().join("home");
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("xdg"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", self.dir.path())
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.org")
            .env("GIT_COMMITTER_NAME", "C")
            .env("GIT_COMMITTER_EMAIL", "c@example.org")
            .env("LC_ALL", "C");
        command
    }

    /// Runs git in the working tree; it has to succeed. Its output, without the last newline.
    pub fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {error}");
        String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned()
    }

    /// Runs git in the working tree, whatever comes of it.
    pub fn try_git(&self, args: &[&str]) -> Output {
        self.command("git", &self.root).args(args).output().expect("git runs")
    }

    /// Feeds git's standard input.
    pub fn git_with_input(&self, args: &[&str], input: &[u8]) -> String {
        use std::io::Write;
        let mut child = self
            .command("git", &self.root)
            .args(args)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("git runs");
        child.stdin.take().expect("a pipe").write_all(input).expect("git reads");
        let output = child.wait_with_output().expect("git ends");
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Writes a file of the working tree, with its folders.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Writes and stages a file.
    pub fn add(&self, path: &str, bytes: impl AsRef<[u8]>) {
        self.write(path, bytes);
        self.git(&["add", "-f", "--", path]);
    }

    /// Commits what is staged.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits what is staged, past every hook.
    pub fn commit_unchecked(&self, message: &str) {
        self.git(&["commit", "-q", "--no-verify", "--allow-empty", "-m", message]);
    }
}
