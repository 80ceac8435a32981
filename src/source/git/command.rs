//! The `git` binary: what is asked of it, and in which environment.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fickgate_engine::error::{Error, Result};

/// Variables that change what git prints or which objects it shows. Those that say *where* the
/// repository and its index are stay: git sets them for its hooks.
const SCRUBBED: &[&str] = &[
    "GIT_ATTR_SOURCE",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_REPLACE_REF_BASE",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE_SETUP",
    "GIT_TRACE_PACKET",
    "GIT_TRACE_PERFORMANCE",
];

/// The longest list that is taken from git, in bytes. Four million files fit; trees that hold each other
/// many times name more than anything could hold.
const LONGEST_OUTPUT: u64 = 512 << 20;
/// Bytes that any system's pipe takes without a reader.
const PIPE: usize = 4096;
/// Bytes of git's complaints that are kept.
const LONGEST_WORDS: u64 = 64 << 10;

/// A name that no file can have: below a device.
const NO_FILE: &str = if cfg!(windows) { "NUL/none" } else { "/dev/null/none" };

/// Variables that bind git to one repository, whatever the folder: `git rev-parse --local-env-vars`.
const LOCAL: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Runs `git`, in the current folder and the caller's repository, or in a folder of its own.
/// It writes nothing into it: no locks, no refreshed index, no fetched objects.
#[derive(Clone, Debug, Default)]
pub(in crate::source) struct Git {
    folder: Option<std::path::PathBuf>,
    /// Whether the folder is of the caller's own repository, so that what the environment says of that holds.
    own: bool,
    /// A repository without a working tree, which git is not to find by itself.
    bare: Option<std::path::PathBuf>,
    /// An index beside that of the repository.
    index: Option<std::path::PathBuf>,
}

/// What a git command gave.
pub(in crate::source) struct Answer {
    /// Its exit code; `None` after a signal.
    pub(in crate::source) code: Option<i32>,
    /// Standard output.
    pub(in crate::source) out: Vec<u8>,
    /// Standard error, without the newline at the end.
    pub(in crate::source) err: String,
}

/// A git command under way. It is ended where nobody waits for its answer.
pub(in crate::source) struct Running {
    child: Ended,
    name: String,
}

/// A process that does not outlive who started it: it is killed before it is waited for, since it may wait
/// for ever for somebody to read what it writes.
#[derive(Debug)]
pub(in crate::source) struct Ended(pub(in crate::source) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

impl Git {
    /// Git in the repository that the environment names, or that the current folder lies in.
    pub(in crate::source) fn here() -> Self {
        Git::default()
    }

    /// Git in the working tree at `root`, which is the caller's own, with what the environment says.
    pub(in crate::source) fn rooted(root: &Path) -> Self {
        Git { folder: Some(root.to_owned()), own: true, ..Git::default() }
    }

    /// Whether it runs at the root of the working tree, which paths are relative to.
    pub(in crate::source) fn is_rooted(&self) -> bool {
        self.own && self.folder.is_some()
    }

    /// Git in the bare repository at `path`.
    pub(in crate::source) fn bare(path: &Path) -> Self {
        Git { own: true, bare: Some(path.to_owned()), ..Git::default() }
    }

    /// Git in the repository that `folder` lies in, whatever the environment says.
    pub(in crate::source) fn at(folder: &Path) -> Self {
        Git { folder: Some(folder.to_owned()), ..Git::default() }
    }

    /// The same with an index of its own, a file that need not be there yet.
    pub(in crate::source) fn with_index(&self, index: &Path) -> Self {
        Git { index: Some(index.to_owned()), ..self.clone() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        // A rename is a deletion and an addition here, so that every new content has a line.
        command
            .args(["--no-pager", "--no-replace-objects", "--no-optional-locks"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
            // A folder of a repository can hold what git takes for a repository without a working tree.
            .args(["-c", "safe.bareRepository=explicit"])
            .args(args)
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_GRAFT_FILE", NO_FILE)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in SCRUBBED {
            command.env_remove(name);
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
            for name in LOCAL.iter().filter(|_| !self.own) {
                command.env_remove(name);
            }
        }
        if let Some(bare) = &self.bare {
            command.env("GIT_DIR", bare);
        }
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command
    }

    /// Starts a command that is spoken to through its standard input and output.
    pub(in crate::source) fn pipe(&self, args: &[&str]) -> io::Result<Ended> {
        self.command(args).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().map(Ended)
    }

    /// The same; what it complains about goes to `errors`.
    pub(in crate::source) fn pipe_with(&self, args: &[&str], errors: Stdio) -> io::Result<Ended> {
        self.command(args).stdin(Stdio::piped()).stderr(errors).spawn().map(Ended)
    }

    /// Starts a command that reads what another one writes.
    pub(in crate::source) fn feed(&self, args: &[&str], input: Stdio) -> io::Result<Ended> {
        self.command(args).stdin(input).stderr(Stdio::null()).spawn().map(Ended)
    }

    /// The output of a command that is given `input` and has to succeed.
    pub(in crate::source) fn exchange(&self, args: &[&str], input: Vec<u8>) -> Result<Vec<u8>> {
        let name = format!("git {}", args.first().unwrap_or(&""));
        let broken = |e: io::Error| Error::new(format!("{name} could not be run: {e}"));
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().map(Ended).map_err(broken)?;
        let pipe = child.0.stdin.take();
        let running = Running { child, name: name.clone() };
        // What a pipe holds is written at once. Of more, git answers while it still reads, so that both pipes
        // could fill up.
        let input_fits = input.len() <= PIPE;
        let write = move || {
            if let Some(mut pipe) = pipe {
                let _ = io::Write::write_all(&mut pipe, &input);
            }
        };
        if input_fits {
            write();
            return running.output();
        }
        let writer = std::thread::Builder::new().spawn(write).map_err(broken)?;
        let answer = running.output();
        let _ = writer.join();
        answer
    }

    /// Runs a command that is given `input` and whose output does not matter; whether it went well.
    pub(in crate::source) fn order(&self, args: &[&str], input: &[u8]) -> io::Result<bool> {
        let mut command = self.command(args);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut child = Ended(child);
        if let Some(mut pipe) = child.0.stdin.take() {
            // A command that does not read says by its exit code what it thinks.
            let _ = io::Write::write_all(&mut pipe, input);
        }
        Ok(child.0.wait()?.success())
    }

    /// Starts a command. `None` where there is no git.
    pub(in crate::source) fn start(&self, args: &[&str]) -> Result<Option<Running>> {
        let name = format!("git {}", args.first().unwrap_or(&""));
        match self.command(args).spawn() {
            Ok(child) => Ok(Some(Running { child: Ended(child), name })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::new(format!("{name} could not be started: {e}"))),
        }
    }

    /// Runs a command to its end. `None` where there is no git.
    pub(in crate::source) fn ask(&self, args: &[&str]) -> Result<Option<Answer>> {
        self.start(args)?.map(Running::finish).transpose()
    }

    /// The output of a command that has to succeed. `None` where there is no git.
    pub(in crate::source) fn lines(&self, args: &[&str]) -> Result<Option<Vec<u8>>> {
        self.start(args)?.map(Running::output).transpose()
    }
}

impl Running {
    /// Waits for the end.
    pub(in crate::source) fn finish(mut self) -> Result<Answer> {
        let broken = |e: io::Error| Error::new(format!("{} could not be read: {e}", self.name));
        let (out, err) = read(&mut self.child.0).map_err(broken)?;
        let err = String::from_utf8_lossy(&err).trim_end().to_owned();
        Ok(Answer { code: self.child.0.wait().map_err(broken)?.code(), out, err })
    }

    /// Waits for the end; any failure of the command is an error with git's own words.
    pub(in crate::source) fn output(self) -> Result<Vec<u8>> {
        let name = self.name.clone();
        let answer = self.finish()?;
        match answer.code {
            Some(0) => Ok(answer.out),
            _ => Err(failure(&name, &answer)),
        }
    }
}

/// Standard output of a process, and the beginning of its standard error.
fn read(child: &mut Child) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let errors = child.stderr.take();
    let words = std::thread::Builder::new().spawn(move || {
        let (mut words, Some(mut errors)) = (Vec::new(), errors) else { return Vec::new() };
        let _ = errors.by_ref().take(LONGEST_WORDS).read_to_end(&mut words);
        // What is not kept is read all the same, so that git does not wait for it.
        let _ = io::copy(&mut errors, &mut io::sink());
        words
    });
    let mut out = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        pipe.take(LONGEST_OUTPUT + 1).read_to_end(&mut out)?;
    }
    if out.len() as u64 > LONGEST_OUTPUT {
        let message = format!("it prints more than {LONGEST_OUTPUT} bytes: too many files");
        return Err(io::Error::other(message));
    }
    // Where no thread is to be had, git's words are lost and its answer is not.
    let words = words.ok().and_then(|words| words.join().ok()).unwrap_or_default();
    Ok((out, words))
}

/// The error for a git command that failed, with the remedy that git names itself.
pub(in crate::source) fn failure(name: &str, answer: &Answer) -> Error {
    let mut lines = answer.err.lines().map(str::trim).filter(|l| !l.is_empty());
    let said = lines.clone().find_map(|l| l.strip_prefix("fatal: ")).or_else(|| lines.next());
    let said = said.unwrap_or("it ended without a word").escape_debug().to_string();
    let error = Error::new(format!("{name} failed: {said}"));
    match answer.err.lines().map(str::trim).find(|l| l.starts_with("git config ")) {
        Some(command) => error.remedy(command.escape_debug().to_string()),
        None => error,
    }
}

/// One line of output, without its newline.
pub(in crate::source) fn line(out: &[u8]) -> &[u8] {
    out.strip_suffix(b"\n").map_or(out, |l| l.strip_suffix(b"\r").unwrap_or(l))
}
