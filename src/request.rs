//! What was typed, made to mean something: which blobs, which policy, which report.

use std::num::NonZero;

use std::path::Path;

use crate::ci::{self, Change};
use crate::cli::{
    Color, FailOn, Format, HookArgs, OutputArgs, PolicyArgs, PolicyFrom, ReadingArgs, ReportTo, ScanArgs,
};
use crate::framework;
use crate::source::git::hook;
use crate::source::{Selection, Shard};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::rule::Level;

/// One scan.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to scan.
    pub selection: Selection,
    /// Layers of the policy.
    pub policy: PolicyArgs,
    /// Format of standard output.
    pub format: Format,
    /// Reports that go to files as well.
    pub reports: Vec<ReportTo>,
    /// Lowest level that makes the run fail.
    pub fail_on: Level,
    /// When to colour.
    pub color: Color,
    /// Findings only.
    pub quiet: bool,
    /// How much more to say.
    pub verbose: u8,
    /// Blobs that are judged at the same time; none where nobody says.
    pub jobs: Option<NonZero<usize>>,
    /// Which part of the files is judged, if not all are.
    pub shard: Option<Shard>,
    /// Whether the commits of submodules are scanned too.
    pub recurse_submodules: bool,
    /// Whether findings are reported and do not make the run fail.
    pub exit_zero: bool,
    /// What a person should know about how it was asked for.
    pub notice: Option<String>,
}

impl Request {
    /// Reads the arguments of a scan.
    pub fn of(args: &ScanArgs) -> Request {
        let request = Request::new(args.selection(), &args.reading, &args.policy, &args.output);
        Request { shard: args.shard, ..request }
    }

    /// Reads the arguments, the input and the environment of a hook.
    pub fn of_hook(args: &HookArgs) -> Result<Request> {
        let variable = |name: &str| std::env::var_os(name);
        let mut input = std::io::stdin().lock();
        let selection = hook::selection(args.name.as_deref(), args.all, &args.args, &mut input, &variable)?;
        let mut request = Request::new(selection, &args.reading, &args.policy, &args.output);
        if args.name.is_none() {
            request.notice = framework::narrowed(Path::new("."));
        }
        // Every file of a change that CI is about is judged by the policy of what it is to be merged into.
        if request.selection == Selection::Tracked && request.policy.policy_from.is_none() {
            request.policy.policy_from = match ci::change(&variable) {
                Change::None => None,
                Change::Into(bases) => Some(PolicyFrom::OneOf(bases)),
                Change::Unnamed(what) => {
                    let message =
                        format!("{what} tells of a change, and nothing says what it is to be merged into");
                    return Err(Error::new(message)
                        .remedy("say whose policy judges: fickgate hook --policy-from BRANCH"));
                }
            };
        }
        Ok(request)
    }

    fn new(selection: Selection, reading: &ReadingArgs, policy: &PolicyArgs, output: &OutputArgs) -> Request {
        Request {
            selection,
            policy: policy.clone(),
            format: format_of(output),
            reports: output.report.clone(),
            fail_on: fail_on(output),
            color: output.color,
            quiet: output.quiet,
            verbose: output.verbose,
            recurse_submodules: reading.recurse_submodules,
            exit_zero: output.exit_zero,
            shard: None,
            notice: None,
            jobs: reading.jobs,
        }
    }
}

/// The format of standard output.
pub fn format_of(output: &OutputArgs) -> Format {
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|v| v == "true");
    output.format.unwrap_or(if on_github { Format::Github } else { Format::Human })
}

/// The lowest level that makes the run fail.
pub fn fail_on(output: &OutputArgs) -> Level {
    match output.fail_on {
        FailOn::Error => Level::Error,
        FailOn::Warning => Level::Warning,
    }
}
