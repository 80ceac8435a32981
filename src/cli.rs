//! What was typed, and what of it selects what to scan. `request` says what the rest means.
//!
//! One file, since it is one command: the words of all verbs stand side by side, and hold what `--help` says.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::source::{Selection, Shard};

/// Keeps unsafe pickles out of git repositories.
///
/// Reads files, staged changes or a branch's changes, works out what loading each of them with
/// pickle, torch, joblib or numpy would import and call, and refuses what the allowlist does not name.
#[derive(Debug, Parser)]
#[command(
    name = "fickgate",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  fickgate                     scan the current folder\n  fickgate --staged            scan what a commit would contain\n  fickgate --diff main         scan what this branch changed\n  fickgate explain model.pt    show what loading a file would do\n\nExit codes: 0 clean, 1 findings, 2 could not do the job."
)]
pub struct Cli {
    /// A verb; without one, fickgate scans.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What to scan and how.
    #[command(flatten)]
    pub scan: ScanArgs,
}

/// The arguments with the options that stand before a verb put behind it, where they belong.
pub fn ordered(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let is_verb = |arg: &OsString, has: fn(&str) -> bool| arg.to_str().is_some_and(has);
    // Making the command is a good part of a short run, and where no option stands before a verb there is no need to.
    if !args.get(1).is_some_and(|first| first.as_encoded_bytes().starts_with(b"-"))
        || !args.iter().skip(2).any(|arg| is_verb(arg, Verb::has_subcommand))
    {
        return args;
    }
    let command = Cli::command();
    let mut at = 1;
    while let Some(text) = args.get(at).and_then(|arg| arg.to_str()) {
        let Some(option) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) else { break };
        if option == "-" {
            return args;
        }
        let known = match option.strip_prefix('-') {
            Some(long) => command.get_arguments().find(|arg| arg.get_long() == Some(long)),
            None => option
                .chars()
                .next_back()
                .and_then(|short| command.get_arguments().find(|arg| arg.get_short() == Some(short))),
        };
        at += 1 + usize::from(known.is_some_and(|arg| arg.get_action().takes_values()));
    }
    let (first, mut depth) = (at, at);
    if args.get(depth).is_some_and(|arg| is_verb(arg, Verb::has_subcommand)) {
        depth += 1;
        let policy = args.get(first).is_some_and(|verb| verb == "policy");
        if policy && args.get(depth).is_some_and(|arg| is_verb(arg, PolicyVerb::has_subcommand)) {
            depth += 1;
        }
    }
    if first > 1
        && depth > first
        && let Some(part) = args.get_mut(1..depth)
    {
        part.rotate_left(first - 1);
    }
    args
}

/// The verbs. The arguments of each are made where it is the one that was typed, or help is asked for.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// Show what loading a file would do, decompiled, with a verdict for every import
    Explain(ExplainArgs),
    /// Write a file that holds nothing but tensors as safetensors, without executing a pickle
    Convert(ConvertArgs),
    /// Judge what a git hook, or the pre-commit framework, is about to let through
    Hook(HookArgs),
    /// Put the reports of several runs together: of all shards of one, or of different ones
    Merge(MergeArgs),
    /// Show, check or explain the policy: what is allowed, and by whom
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// Allow an import, or what a file imports, in the repository's policy
    Allow(AllowArgs),
    /// Write a policy file to start from, and install or remove git hooks
    Init(InitArgs),
    /// Explain a rule: what it means, an example, how to fix it, when to lower it
    Rule(RuleArgs),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Print the commits of a GitHub event, for the action
    #[command(hide = true)]
    Event {
        /// The event file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// What to scan and how.
#[derive(Args, Debug)]
pub struct ScanArgs {
    /// Files and folders to scan [default: .]
    ///
    /// Ignore files spare untracked files only: a tracked file is always scanned.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Scan what a commit would contain: the index, not the working tree
    #[arg(long, help_heading = "What to scan", conflicts_with_all = ["paths", "diff", "history"])]
    pub staged: bool,
    /// Scan what changed since the merge base with REV, working tree included
    ///
    /// A..B and A...B compare commits only, as `git diff` does.
    #[arg(long, value_name = "REV", help_heading = "What to scan", conflicts_with_all = ["paths", "history"])]
    pub diff: Option<String>,
    /// Scan every file that any commit of RANGE introduced, also those that are gone [default: all refs]
    #[arg(long, value_name = "RANGE", num_args = 0..=1, help_heading = "What to scan", conflicts_with = "paths")]
    pub history: Option<Option<String>>,
    /// Scan one part of N: the same files on every machine that has them all
    ///
    /// What git stores goes by the name of its object, a file on disk by its path. `fickgate merge` puts
    /// the reports of all parts together.
    #[arg(long, value_name = "I/N", help_heading = "What to scan")]
    pub shard: Option<Shard>,
    /// How it is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Layers of the policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl ScanArgs {
    /// What they select.
    pub fn selection(&self) -> Selection {
        match (&self.diff, &self.history, self.staged) {
            (Some(diff), ..) => Selection::Diff(diff.clone()),
            (None, Some(range), _) => Selection::History(range.clone()),
            (None, None, true) => Selection::Staged,
            (None, None, false) => Selection::Paths(self.paths.clone()),
        }
    }
}

/// How content is read.
#[derive(Args, Clone, Debug, Default)]
pub struct ReadingArgs {
    /// Judge N files at the same time [default: one for every core, 8 at most]
    #[arg(long, value_name = "N", help_heading = "What to scan")]
    pub jobs: Option<NonZero<usize>>,
    /// Scan the commits of submodules too; they have to be here
    #[arg(long, help_heading = "What to scan")]
    pub recurse_submodules: bool,
}

/// Layers of the policy.
#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    /// Add a policy file above the repository's (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    pub policy: Vec<PathBuf>,
    /// Use the built-in list alone
    #[arg(long, help_heading = "Policy", conflicts_with = "policy")]
    pub no_policy: bool,
    /// Where the repository's policy is read: base, head, index, worktree or a revision
    ///
    /// Without it, a diff is judged by its base, staged files by the index, files on disk by the
    /// working tree, and a push by what the other side has. A branch of one of these names is
    /// refs/heads/NAME.
    #[arg(long, value_name = "PLACE", help_heading = "Policy", conflicts_with = "no_policy")]
    pub policy_from: Option<PolicyFrom>,
    /// Allow one more import for this run (repeatable)
    #[arg(long, value_name = "IMPORT", help_heading = "Policy")]
    pub allow: Vec<String>,
}

/// How results are shown.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Format of standard output [default: human, or github under GITHUB_ACTIONS]
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<Format>,
    /// Write a report to a file as well (repeatable), such as sarif=fickgate.sarif
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "Output")]
    pub report: Vec<ReportTo>,
    /// Lowest level that makes the run fail
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = FailOn::Error, help_heading = "Output")]
    pub fail_on: FailOn,
    /// Report findings and exit with 0 all the same; what could not be done is still 2
    #[arg(long, help_heading = "Output")]
    pub exit_zero: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,
    /// Print findings only, no summary
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// Say more: notes, skipped files (repeatable)
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

/// `--policy-from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyFrom {
    /// What the content is compared with; HEAD where it is compared with nothing.
    Base,
    /// The tip of what is scanned; HEAD where that is no commit.
    Head,
    /// The index.
    Index,
    /// The files on disk.
    Worktree,
    /// A revision.
    Revision(String),
    /// The first of these revisions that is here; not to be typed.
    OneOf(Vec<String>),
}

impl std::str::FromStr for PolicyFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("write base, head, index, worktree or a revision".to_owned()),
            "base" => PolicyFrom::Base,
            "head" => PolicyFrom::Head,
            "index" => PolicyFrom::Index,
            "worktree" => PolicyFrom::Worktree,
            revision => PolicyFrom::Revision(revision.to_owned()),
        })
    }
}

/// `fickgate hook`.
#[derive(Args, Debug)]
pub struct HookArgs {
    /// How content is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Layers of the policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Judge every tracked file, whatever is staged
    #[arg(long, help_heading = "What to scan", conflicts_with = "name")]
    pub all: bool,
    /// pre-commit, pre-merge-commit, pre-applypatch, pre-push, pre-receive or update; none under a framework
    ///
    /// Without a name, the range in PRE_COMMIT_FROM_REF and PRE_COMMIT_TO_REF is judged, else what is
    /// about to be committed where git says so (GIT_INDEX_FILE), else every tracked file.
    #[arg(value_name = "NAME")]
    pub name: Option<OsString>,
    /// What git gives to the hook
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<OsString>,
}

/// `fickgate explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// FILE or FILE!MEMBER
    #[arg(value_name = "FILE[!MEMBER]")]
    pub file: OsString,
    /// Format of standard output
    #[arg(long, value_enum, default_value_t = ExplainFormat::Human)]
    pub format: ExplainFormat,
    /// Show every opcode with stack and memo
    #[arg(long)]
    pub trace: bool,
    /// Print the call of `add_safe_globals` with which torch reads the file under `weights_only`, if it passes
    #[arg(long, conflicts_with_all = ["trace", "format"])]
    pub safe_globals: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub color: Color,
    /// Layers of the policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// `fickgate convert`.
#[derive(Args, Debug)]
pub struct ConvertArgs {
    /// A file of torch.save, numpy.save or numpy.savez that holds tensors and literals alone; - reads
    /// standard input
    #[arg(value_name = "MODEL")]
    pub model: OsString,
    /// Where it goes [default: beside MODEL, with the extension .safetensors]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Keep the states of optimizers too
    #[arg(long)]
    pub all: bool,
    /// Replace the file that is there
    #[arg(long)]
    pub force: bool,
    /// Print nothing where it went well
    #[arg(short, long)]
    pub quiet: bool,
    /// Layers of the policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// `fickgate merge`.
#[derive(Args, Debug)]
pub struct MergeArgs {
    /// What `--format json` or `--format jsonl` wrote; - reads standard input
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `fickgate policy`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum PolicyVerb {
    /// Print everything that is in force, and the file and line it stands in
    Show {
        /// Layers of the policy.
        #[command(flatten)]
        policy: PolicyArgs,
        /// Format of standard output
        #[arg(long, value_enum, default_value_t = PlainFormat::Human)]
        format: PlainFormat,
    },
    /// Read a policy file and say what is wrong with it [default: the repository's]
    ///
    /// Exit code 1 where entries are past their date, cover more than one name or undo a judgement of the
    /// built-in list; 2 where the file cannot be read.
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Say who allows or refuses an import, for which uses, and why; exit code 1 where it is refused
    Why {
        /// The import: module.name, or module:Outer.Inner
        #[arg(value_name = "IMPORT")]
        import: String,
        /// Layers of the policy.
        #[command(flatten)]
        policy: PolicyArgs,
    },
    /// Print the JSON Schema of policy files, for editors
    Schema,
}

/// `fickgate allow`.
#[derive(Args, Debug)]
pub struct AllowArgs {
    /// An import (module.name), or a file: everything it imports that is not allowed yet
    #[arg(value_name = "IMPORT|FILE", required_unless_present = "from_findings")]
    pub what: Option<OsString>,
    /// Allow what every file of the repository imports today, each import for the files that need it
    #[arg(long, conflicts_with = "what")]
    pub from_findings: bool,
    /// Why it is safe; it stands in the policy for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Glob of paths it is allowed for (repeatable) [default: every path]
    #[arg(long, value_name = "GLOB", conflicts_with = "from_findings")]
    pub path: Vec<String>,
    /// What may be done with it: reference, create, call, state, items [default: by its name]
    #[arg(long, value_name = "USE", value_delimiter = ',', conflicts_with_all = ["from_findings", "pin"])]
    pub r#use: Vec<String>,
    /// Last day on which it is allowed: YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    pub expires: Option<String>,
    /// Accept this very content by its SHA-256, whatever it imports, instead of its imports; with
    /// --from-findings, the content of files that no entry can allow
    #[arg(long)]
    pub pin: bool,
    /// Allow an import that was judged unsafe; needs --reason
    #[arg(long, requires = "reason")]
    pub force: bool,
}

/// `fickgate init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Install git hooks too; a hook that is there is kept, and runs first
    ///
    /// pre-commit, pre-merge-commit, pre-applypatch and pre-push; in a bare repository pre-receive.
    #[arg(long)]
    pub hooks: bool,
    /// Remove the hooks that --hooks installed, and put back those that were there; nothing else
    #[arg(long)]
    pub uninstall: bool,
}

/// Formats of `policy show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlainFormat {
    /// Lines for a person
    Human,
    /// One stable, versioned JSON document
    Json,
}

/// `fickgate rule`.
#[derive(Args, Debug)]
pub struct RuleArgs {
    /// Id of a rule; without one, all are listed
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Print every rule as one Markdown page
    #[arg(long, conflicts_with = "id")]
    pub markdown: bool,
}

/// Formats of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Snippets for a person
    Human,
    /// One line a finding
    Concise,
    /// Workflow commands for GitHub Actions
    Github,
    /// One stable, versioned JSON document
    Json,
    /// JSON Lines: each finding as soon as it is known, a summary at the end
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// GitLab code quality
    Gitlab,
    /// JUnit XML
    Junit,
    /// One HTML page that needs no network and no script: by file, by library, by commit
    Html,
    /// Markdown, for $GITHUB_STEP_SUMMARY
    Summary,
    /// key=value counts, for $GITHUB_OUTPUT
    Outputs,
}

/// One `--report`: a format and the file that gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTo {
    /// The format.
    pub format: Format,
    /// The file. It is replaced; `summary` and `outputs` are appended, as GitHub wants it.
    pub file: PathBuf,
}

impl std::str::FromStr for ReportTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').ok_or("write FORMAT=FILE, such as sarif=fickgate.sarif")?;
        if file == "-" {
            return Err(format!("a report goes to a file; for standard output write --format {format}"));
        }
        if file.is_empty() {
            return Err(format!("name a file behind {format}="));
        }
        Ok(ReportTo { format: Format::from_str(format, true)?, file: PathBuf::from(file) })
    }
}

/// Formats of `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// Python-like lines
    Human,
    /// The facts
    Json,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors only
    Error,
    /// Errors and warnings
    Warning,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, and as NO_COLOR, CLICOLOR and CLICOLOR_FORCE say
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> String {
        let args = ordered(text.split(' ').map(OsString::from));
        args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_before_a_verb_belong_to_it() {
        assert_eq!(order("f --no-policy policy why a.b"), "f policy why --no-policy a.b");
        assert_eq!(order("f -q --format json hook pre-commit"), "f hook -q --format json pre-commit");
        assert_eq!(order("f --policy=x --jobs 2 hook"), "f hook --policy=x --jobs 2");
        for kept in ["f hook -q", "f -q models", "f models hook", "f -- hook", "f --policy hook", "f -", "f"]
        {
            assert_eq!(order(kept), kept);
        }
    }
}
