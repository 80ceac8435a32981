//! The sources against what git needs for the same, in repositories that `git fast-import` makes.
//!
//! - `wide`: 100,000 tracked files in 2,000 folders, a branch that changes 500 of them, an index of its
//!   own with three models staged.
//! - `long`: 10,000 commits that bring 20,000 blobs.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{peak_memory, row};

/// Bytes of each of the three staged models.
const MODEL: usize = 50 << 20;

/// Measures every row in repositories below `data`.
pub fn measure(data: &Path, fickgate: &Path) -> io::Result<()> {
    let wide = data.join("wide");
    made(&wide, |stream| write_wide(stream), prepare_wide)?;
    let long = data.join("long");
    made(&long, |stream| write_long(stream), |_| Ok(()))?;
    let gate = |args: &[&str], folder: &Path| {
        let mut command = Command::new(fickgate);
        command.args(args).current_dir(folder);
        command
    };
    let git = |args: &[&str], folder: &Path| {
        let mut command = Command::new("git");
        command.args(args).current_dir(folder);
        command
    };
    compare(
        "hook pre-commit, nothing staged in 100,000 files",
        &mut gate(&["hook", "pre-commit"], &wide),
        "git diff --cached --name-only",
        &mut git(&["diff", "--cached", "--name-only"], &wide),
    )?;
    let staged = wide.join(".git/staged-index");
    let mut floor = git(&["cat-file", "--batch"], &wide);
    compare(
        "hook pre-commit, 3 models of 50 MiB staged",
        gate(&["hook", "pre-commit"], &wide).env("GIT_INDEX_FILE", &staged),
        "git cat-file --batch of them",
        input(&mut floor, &wide.join(".git/staged-names")),
    )?;
    let mut floor = shell("git diff --name-only main... && git cat-file --batch <.git/changed-names", &wide);
    compare(
        "--diff main...HEAD, 500 changed files",
        &mut gate(&["--diff", "main...HEAD"], &wide),
        "git diff --name-only main... and git cat-file --batch of them",
        &mut floor,
    )?;
    compare(
        "--diff main, which looks at the working tree too",
        &mut gate(&["--diff", "main"], &wide),
        "the same",
        &mut floor,
    )?;
    let script = "git diff --name-only main && git ls-files -o --exclude-standard && git cat-file --batch <.git/changed-names";
    compare(
        "--diff main, which looks at the working tree too",
        &mut gate(&["--diff", "main"], &wide),
        "git diff --name-only main, git ls-files -o, git cat-file --batch",
        &mut shell(script, &wide),
    )?;
    compare(
        "--history, 10,000 commits with 20,000 blobs",
        &mut gate(&["--history"], &long),
        "git cat-file --batch-all-objects --batch",
        &mut git(&["cat-file", "--batch-all-objects", "--batch"], &long),
    )
}

fn compare(name: &str, ours: &mut Command, floor_name: &str, floor: &mut Command) -> io::Result<()> {
    row(name, ours, floor_name, floor)?;
    if let Some(kib) = peak_memory(ours) {
        println!("    peak memory {:.1} MiB", kib as f64 / 1024.0);
    }
    Ok(())
}

/// A command line of a shell, since a floor may need more than one process.
fn shell(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder);
    command
}

/// Wraps a command so that every run of it reads `file`.
fn input<'c>(command: &'c mut Command, file: &Path) -> &'c mut Command {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|w| w.to_string_lossy().into_owned())
        .collect();
    let script = format!("exec {} <'{}'", words.join(" "), file.display());
    let folder = command.get_current_dir().map(Path::to_owned).unwrap_or_default();
    *command = shell(&script, &folder);
    command
}

/// Makes a repository from a stream of `git fast-import`, unless an earlier run did.
fn made(
    repository: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    prepare: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    if repository.join(".git/done").exists() {
        return Ok(());
    }
    if repository.exists() {
        fs::remove_dir_all(repository)?;
    }
    fs::create_dir_all(repository)?;
    git(repository, &["init", "-q", "-b", "main"])?;
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut stream = BufWriter::new(import.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?);
    write(&mut stream)?;
    drop(stream.into_inner()?);
    if !import.wait()?.success() {
        return Err(io::Error::other("git fast-import failed"));
    }
    prepare(repository)?;
    fs::write(repository.join(".git/done"), "")
}

fn git(repository: &Path, args: &[&str]) -> io::Result<Vec<u8>> {
    git_with_index(repository, &repository.join(".git/index"), args)
}

fn git_with_index(repository: &Path, index: &Path, args: &[&str]) -> io::Result<Vec<u8>> {
    let output = Command::new("git")
        .args(["-c", "core.fsync=none"])
        .args(args)
        .env("GIT_INDEX_FILE", index)
        .current_dir(repository)
        .stderr(Stdio::inherit())
        .output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other(format!("git {args:?}"))) }
}

fn commit(stream: &mut dyn Write, branch: &str, number: usize) -> io::Result<()> {
    writeln!(stream, "commit refs/heads/{branch}")?;
    writeln!(stream, "committer B <b@example.invalid> {} +0000\ndata 1\nc", 1_700_000_000 + number)
}

fn file(stream: &mut dyn Write, path: &str, bytes: &[u8]) -> io::Result<()> {
    writeln!(stream, "M 100644 inline {path}\ndata {}", bytes.len())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\n")
}

/// Two to four kilobytes of what looks like source.
fn text(number: usize) -> Vec<u8> {
    (0..40 + number % 40)
        .flat_map(|line| format!("def f{line}(x): return x * {number} + {line}\n").into_bytes())
        .collect()
}

/// A dict of a number to a number, protocol 2: `{number: number}`.
fn pickle(number: usize) -> Vec<u8> {
    let mut bytes = b"\x80\x02}".to_vec();
    for key in 0..100 {
        bytes.push(b'J');
        bytes.extend((number as u32 + key).to_le_bytes());
        bytes.push(b'J');
        bytes.extend(key.to_le_bytes());
        bytes.push(b's');
    }
    bytes.push(b'.');
    bytes
}

fn write_wide(stream: &mut dyn Write) -> io::Result<()> {
    let path = |number: usize| {
        let folder = number / 50;
        format!("d{:02}/f{folder:04}/{}.py", folder % 50, number % 50)
    };
    commit(stream, "main", 0)?;
    for number in 0..100_000 {
        file(stream, &path(number), &text(number))?;
    }
    writeln!(stream, "reset refs/heads/topic\nfrom refs/heads/main\n")?;
    commit(stream, "topic", 1)?;
    for number in 0..500 {
        match number % 5 {
            0 => file(stream, &format!("models/m{number}.pkl"), &pickle(number))?,
            _ => file(stream, &path(number * 200), &text(number + 1_000_000))?,
        }
    }
    Ok(())
}

fn prepare_wide(repository: &Path) -> io::Result<()> {
    git(repository, &["checkout", "-q", "topic"])?;
    let changed = git(repository, &["diff", "--raw", "--no-abbrev", "main..."])?;
    let names = String::from_utf8_lossy(&changed).into_owned();
    let names: String =
        names.lines().filter_map(|l| l.split(' ').nth(3)).map(|name| format!("{name}\n")).collect();
    fs::write(repository.join(".git/changed-names"), names)?;
    let index = repository.join(".git/staged-index");
    fs::copy(repository.join(".git/index"), &index)?;
    let mut names = String::new();
    for number in 0..3 {
        let file = repository.join(".git/model");
        fs::write(&file, model(number))?;
        let name = git(repository, &["hash-object", "-w", ".git/model"])?;
        let name = String::from_utf8_lossy(&name).trim().to_owned();
        let entry = format!("100644,{name},models/large{number}.pkl");
        git_with_index(repository, &index, &["update-index", "--add", "--cacheinfo", &entry])?;
        names += &format!("{name}\n");
        fs::remove_file(&file)?;
    }
    fs::write(repository.join(".git/staged-names"), names)
}

/// A list of byte strings that do not compress, as a dump of weights has them, protocol 4.
fn model(seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let mut bytes = b"\x80\x04](".to_vec();
    while bytes.len() < MODEL {
        bytes.extend(b"B\0\0\x10\0");
        for _ in 0..1 << 17 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            bytes.extend((state ^ (state >> 29)).to_le_bytes());
        }
    }
    bytes.extend(b"e.");
    bytes
}

fn write_long(stream: &mut dyn Write) -> io::Result<()> {
    for number in 0..10_000 {
        commit(stream, "main", number)?;
        let folder = number % 100;
        file(stream, &format!("src/d{folder}/f{}.py", number % 700), &text(number))?;
        match number % 10 {
            0 => file(stream, &format!("models/d{folder}/m.pkl"), &pickle(number))?,
            _ => file(stream, &format!("docs/d{folder}/g{}.md", number % 300), &text(number + 500_000))?,
        }
    }
    Ok(())
}
