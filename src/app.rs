//! What the commands do: from a request to an exit code.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::memory::Memory;
use crate::outcome::{Judged, Outcome, Sharding};
use fickgate_engine::error::{Error, Result};
use fickgate_engine::finding::Finding;
use fickgate_engine::limits::Limits;
use fickgate_engine::policy::{self, Date, Layer, Policy, Usage, audit, shadow};
use fickgate_engine::rule::{Level, Rule};
use fickgate_engine::{escape, facts, judge};

use crate::cli::{
    Cli, Color, ConvertArgs, ExplainArgs, ExplainFormat, Format, MergeArgs, PlainFormat, PolicyArgs,
    PolicyFrom, PolicyVerb, ReportTo, RuleArgs, Verb,
};
use crate::convert::Converted;
use crate::exit::Exit;
use crate::explain::Ruling;
use crate::gate::Gate;
use crate::progress::Progress;
use crate::report::Style;
use crate::request::{Request, fail_on, format_of};
use crate::source::{self, Part, Selection, Source, Treeish};
use crate::why::Why;
use crate::{ci, convert, edit, event, explain, layers, manpage, manual, merge, report, safe_globals, show};

/// Does what the arguments ask for and says how it ended. Errors are printed to standard error.
pub fn run(cli: &Cli) -> Exit {
    let outcome = catch_unwind(AssertUnwindSafe(|| match &cli.verb {
        Some(Verb::Explain(args)) => explain_file(args),
        Some(Verb::Convert(args)) => convert_file(args),
        Some(Verb::Merge(args)) => merge_reports(args),
        Some(Verb::Hook(args)) => Request::of_hook(args).and_then(|request| scan_request(&request)),
        Some(Verb::Policy(verb)) => policy_verb(verb),
        Some(Verb::Allow(args)) => edit::allow::allow(args).and_then(|lines| print_lines(&lines)),
        Some(Verb::Init(args)) => edit::init::init(args).and_then(|lines| print_lines(&lines)),
        Some(Verb::Rule(args)) => explain_rule(args),
        Some(Verb::Completions { shell }) => {
            printed(|out| manpage::write_completions(*shell, out)).map(|()| Exit::Clean)
        }
        Some(Verb::Event { file }) => {
            let event = event::Event::read(file)?;
            printed(|out| event.write(out)).map(|()| Exit::Clean)
        }
        Some(Verb::Man) => printed(manpage::write).map(|()| Exit::Clean),
        None => scan_request(&Request::of(&cli.scan)),
    }));
    let error = match outcome {
        Ok(Ok(exit)) => return exit,
        Ok(Err(error)) => error,
        Err(_) => Error::new("fickgate failed").remedy("please report this, with RUST_BACKTRACE=1 set"),
    };
    let mut stderr = anstream::stderr().lock();
    // Nothing is left to tell the user where this fails too.
    let _ = writeln!(stderr, "error: {}", error.message());
    for line in error.lines() {
        let _ = writeln!(stderr, "{line}");
    }
    if let Some(help) = error.help() {
        let _ = writeln!(stderr, "help: {help}");
    }
    Exit::Failure
}

/// Scans and reports.
fn scan_request(request: &Request) -> Result<Exit> {
    let begun = Instant::now();
    refuse_tracked(&request.reports)?;
    let parts = Source::parts(&request.selection, request.recurse_submodules)?;
    // What several policies judge is told when all have.
    let lines =
        (request.format == Format::Jsonl && parts.len() == 1).then(|| report::Lines::new(io::stdout()));
    let told = |judged: &Judged| {
        if let Some(lines) = &lines {
            lines.tell(judged);
        }
    };
    let mut outcome = Outcome::default();
    for source in parts {
        let more = judge_source(request, &source, &told)?;
        outcome.add(more);
    }
    outcome.notices.extend(layers::notice(&request.policy));
    outcome.notices.extend(request.notice.clone());
    if request.selection == Selection::Tracked && request.policy.policy_from.is_none() {
        outcome.notices.push("every tracked file is judged, by its own policy: no base was named".to_owned());
    }
    let travels = |format| format == Format::Sarif;
    if travels(request.format) || request.reports.iter().any(|report| travels(report.format)) {
        outcome.provenance = source::provenance();
    }
    let mut style = Style::of_stdout(request.color, request.quiet, request.verbose);
    // What is kept of two runs over the same content can be compared.
    style.elapsed = (request.verbose > 0 || io::stdout().is_terminal()).then(|| begun.elapsed());
    match lines {
        Some(lines) => written(lines.finish(&outcome))?,
        None => printed(|out| report::write(request.format, &outcome, &style, out))?,
    }
    for report in &request.reports {
        report::write_file(report, &outcome, &style)?;
    }
    let exit = Exit::of(&outcome, request.fail_on);
    Ok(if exit == Exit::Findings && request.exit_zero { Exit::Clean } else { exit })
}

/// `fickgate merge`.
fn merge_reports(args: &MergeArgs) -> Result<Exit> {
    let output = &args.output;
    refuse_tracked(&output.report)?;
    let outcome = merge::merge(&args.reports)?;
    let style = Style::of_stdout(output.color, output.quiet, output.verbose);
    printed(|out| report::write(format_of(output), &outcome, &style, out))?;
    for report in &output.report {
        report::write_file(report, &outcome, &style)?;
    }
    let exit = Exit::of(&outcome, fail_on(output));
    Ok(if exit == Exit::Findings && output.exit_zero { Exit::Clean } else { exit })
}

/// A report is not written over what is to be judged.
fn refuse_tracked(reports: &[ReportTo]) -> Result<()> {
    match reports.iter().find(|report| source::is_tracked(&report.file)) {
        None => Ok(()),
        Some(report) => {
            let file = escape::terminal(&report.file.to_string_lossy()).into_owned();
            Err(Error::new(format!("the report {file} would be written over a file that git tracks"))
                .remedy("name another file, or take that one out of the index: git rm --cached"))
        }
    }
}

/// Judges what one source has, by the policy that belongs to it.
fn judge_source(request: &Request, source: &Source, told: &(dyn Fn(&Judged) + Sync)) -> Result<Outcome> {
    let policy = layers::policy_for(&request.policy, Some(source))?;
    if let Some(nothing) = source.nothing()
        && ci::is_ci(&|name| std::env::var_os(name))
    {
        return Err(Error::new(nothing.to_owned())
            .remedy("check out what is to be judged, and name what it is to be compared with"));
    }
    let usage = policy.usage();
    let gate = Gate { told, ..gate(request, &policy, &usage) };
    let mut outcome = gate.judge_all(source);
    if let Some(part) = &gate.part {
        let (shard, entries, run) = part.seen();
        outcome.sharding = Some(Sharding { shard, entries, run });
    }
    let (findings, unless_elsewhere) = policy_findings(request, source, &gate, &outcome)?;
    outcome.findings.extend(findings);
    outcome.unless_elsewhere = unless_elsewhere;
    let unstaged = allowed_on_disk(request, source, &outcome);
    let place = source.tip().unwrap_or(source.policy_place());
    let exists = |path: &str| matches!(source.read_file(place, path), Ok(Some(_)));
    outcome.findings.extend(shadow::shadowed(&policy, &usage, exists));
    outcome.findings.sort_by(|a, b| (&a.path, a.rule).cmp(&(&b.path, b.rule)));
    let strays = std::mem::replace(&mut outcome.notices, source.notices().to_vec());
    outcome.notices.extend(strays);
    outcome.notices.extend(source.nothing().map(str::to_owned));
    outcome.notices.extend(unstaged);
    Ok(outcome)
}

/// What to do where a commit is refused and the policy on disk would let it pass: it was edited, and not staged.
fn allowed_on_disk(request: &Request, source: &Source, outcome: &Outcome) -> Option<String> {
    let asked = request.policy.policy_from.is_some() || request.policy.no_policy;
    if request.selection != Selection::Staged || asked || outcome.count(Level::Error) == 0 {
        return None;
    }
    let differs = |name: &&str| {
        let read = |place| source.read_file(&place, name).ok().flatten();
        read(Treeish::Worktree) != read(Treeish::Index)
    };
    let name = policy::FILES.into_iter().find(differs)?;
    let args = PolicyArgs { policy_from: Some(PolicyFrom::Worktree), ..request.policy.clone() };
    let policy = layers::policy_for(&args, Some(source)).ok()?;
    let again = gate(request, &policy, &policy.usage()).judge_all(source);
    (again.count(Level::Error) == 0).then(|| {
        format!("{name} on disk allows it, and commits are judged by the one that is staged: git add {name}")
    })
}

fn gate<'p>(request: &Request, policy: &'p Policy, usage: &'p Usage) -> Gate<'p> {
    Gate {
        policy,
        usage,
        limits: Limits::default(),
        jobs: request.jobs,
        progress: Progress::of_stderr(request.quiet),
        memory: Memory::default(),
        part: request.shard.map(|shard| Arc::new(Part::new(shard))),
        commits: matches!(request.selection, Selection::History(_) | Selection::Push(_)),
        told: &|_| {},
    }
}

/// What is to be said of the policy itself: entries that are stale or broad, where the whole tree is
/// looked at, and what a change would make of it. Of a run in parts the first says so, and each what it
/// used no entry for, which holds if no other did: the second list.
fn policy_findings(
    request: &Request,
    source: &Source,
    gate: &Gate<'_>,
    outcome: &Outcome,
) -> Result<(Vec<Finding>, Vec<Finding>)> {
    let mut findings = match &request.selection {
        Selection::Paths(paths) => {
            let usage = paths.is_empty().then_some(gate.usage);
            audit::audit(gate.policy, usage.filter(|_| source.is_whole()))
        }
        _ => Vec::new(),
    };
    let mut unless_elsewhere = Vec::new();
    if let Some(shard) = request.shard {
        unless_elsewhere = findings.extract_if(.., |finding| finding.rule == Rule::UnusedAllow).collect();
        if shard.index.get() > 1 {
            return Ok((Vec::new(), unless_elsewhere));
        }
    }
    let outlook = match layers::outlook(&request.policy, source) {
        Ok(None) => return Ok((findings, unless_elsewhere)),
        Ok(Some(outlook)) => outlook,
        Err(error) => {
            let message = format!("the changed policy is not to be understood: {error}");
            findings.push(judge::broken_policy(policy::FILES[0], message));
            return Ok((findings, unless_elsewhere));
        }
    };
    if !outlook.replaces && outlook.change.is_nothing() {
        return Ok((findings, unless_elsewhere));
    }
    let mut message = format!("the change edits the policy: it {}", outlook.change.describe());
    let own = source.tip() == Some(source.policy_place()) && request.policy.policy_from.is_none();
    let mut takes_effect = match (&request.selection, own) {
        (Selection::Push(_), true) => "with this push",
        (Selection::Staged, _) => "with this commit",
        _ => "once it is merged",
    }
    .to_owned();
    let errors = |outcome: &Outcome| outcome.count(Level::Error) > 0;
    // One part does not tell whether all would pass.
    if !own && errors(outcome) && request.shard.is_none() {
        // What is listed while it is read is listed anew.
        let again = match source.total() {
            Some(_) => None,
            None => Some(Source::open_with(&request.selection, request.recurse_submodules)?),
        };
        let policy = &outlook.policy;
        let after = self::gate(request, policy, &policy.usage()).judge_all(again.as_ref().unwrap_or(source));
        if !errors(&after) {
            message.push_str("; with that it would pass once merged");
            takes_effect.push_str(
                ", and what judges this is the policy it is to be merged into: land the policy first, in a \
                 change of its own, or have both approved together",
            );
        }
    }
    findings.extend(audit::audit(&outlook.policy, None));
    findings.push(audit::changed(gate.policy, &outlook.name, message, &takes_effect));
    Ok((findings, unless_elsewhere))
}

/// Writes to standard output. A reader that went away is no error.
fn printed(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    written(write(&mut out).and_then(|()| out.flush()))
}

fn written(done: io::Result<()>) -> Result<()> {
    match done {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::new(format!("cannot write to standard output: {error}"))),
    }
}

/// Says what was done.
fn print_lines(lines: &[String]) -> Result<Exit> {
    printed(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}"))).map(|()| Exit::Clean)
}

/// `fickgate convert`.
fn convert_file(args: &ConvertArgs) -> Result<Exit> {
    match convert::convert(args)? {
        Converted::Written(_) if args.quiet => Ok(Exit::Clean),
        Converted::Written(lines) => print_lines(&lines),
        Converted::Refused(lines) => print_lines(&lines).map(|_| Exit::Findings),
        Converted::Found(findings) => {
            let outcome = Outcome { findings, ..Outcome::default() };
            let style = Style::of_stdout(Color::Auto, true, 0);
            printed(|out| report::write(Format::Human, &outcome, &style, out))?;
            print_lines(&["not converted: the gate does not let it pass".to_owned()])?;
            Ok(Exit::Findings)
        }
    }
}

/// `fickgate policy`.
fn policy_verb(verb: &PolicyVerb) -> Result<Exit> {
    let in_force = |args| layers::policy_for(args, Some(&Source::here()?));
    match verb {
        PolicyVerb::Show { policy, format } => {
            let policy = in_force(policy)?;
            printed(|out| match format {
                PlainFormat::Human => show::write_human(&policy, out),
                PlainFormat::Json => show::write_json(&policy, out),
            })?;
        }
        PolicyVerb::Check { file } => {
            let policy = match file {
                Some(file) => {
                    let file = layers::policy_from_disk(file, Layer::Repository)?;
                    Policy::new([file], Date::today())
                }
                None => in_force(&PolicyArgs::default())?,
            };
            let findings = audit::audit(&policy, None);
            printed(|out| audit::write(&findings, &policy, out))?;
            return Ok(if findings.is_empty() { Exit::Clean } else { Exit::Findings });
        }
        PolicyVerb::Why { import, policy } => {
            let policy = in_force(policy)?;
            let why = Why::of(import, &policy)?;
            printed(|out| why.write(out))?;
            return Ok(if why.allowed() { Exit::Clean } else { Exit::Findings });
        }
        PolicyVerb::Schema => printed(|out| out.write_all(show::SCHEMA.as_bytes()))?,
    }
    Ok(Exit::Clean)
}

/// `fickgate rule`.
fn explain_rule(args: &RuleArgs) -> Result<Exit> {
    let rule = args.id.as_deref().map(manual::find).transpose()?;
    let style = Style::of_stdout(Color::Never, false, 0);
    printed(|out| match rule {
        Some(rule) => manual::write_rule(rule, style.width.min(manual::WIDEST), out),
        None if args.markdown => out.write_all(manual::PAGE.as_bytes()),
        None => manual::write_list(style.wrap, out),
    })?;
    Ok(Exit::Clean)
}

/// `fickgate explain`.
fn explain_file(args: &ExplainArgs) -> Result<Exit> {
    let (content, path, member) = explain::open(&args.file)?;
    let policy = layers::policy_for(&args.policy, Some(&Source::here()?))?;
    let usage = policy.usage();
    let rule = |stream: &facts::Stream, import: &facts::Import| {
        let (allowed, because) = judge::ruling(stream, import, &path, &policy, &usage);
        Ruling { allowed, because }
    };
    let more = match (args.safe_globals, args.trace) {
        (true, _) => explain::More::WeightsOnly,
        (false, true) => explain::More::Opcodes,
        (false, false) => explain::More::Nothing,
    };
    let explanation = explain::explain(&content, &path, member.as_deref(), more, &Limits::default(), &rule)
        .map_err(|error| {
        Error::new(format!("cannot read {}: {error}", escape::terminal_bytes(path.as_bytes())))
    })?;
    if let Some(member) = &member
        && explanation.streams.is_empty()
        && explanation.faults.is_empty()
    {
        let known: Vec<String> =
            explanation.members.iter().take(20).map(|m| escape::terminal(m).into_owned()).collect();
        let error = Error::new(format!("no pickle in a member {}", escape::terminal(member)));
        return Err(match known.is_empty() {
            true => error.remedy("the file holds none at all"),
            false => error.remedy(format!("members with pickles: {}", known.join(", "))),
        });
    }
    if args.safe_globals {
        let call = safe_globals::call(&explanation)?;
        printed(|out| out.write_all(call.as_bytes()))?;
        return Ok(Exit::Clean);
    }
    let style = Style::of_stdout(args.color, false, 0);
    let convertible = args.format == ExplainFormat::Human
        && member.is_none()
        && explanation.passes()
        && !explanation.streams.is_empty()
        && convert::takes(&content, &Limits::default());
    printed(|out| match args.format {
        ExplainFormat::Human if convertible => {
            explanation.write_human(out, &style)?;
            let file = escape::terminal_bytes(path.as_bytes());
            writeln!(out, "\nNothing but tensors and literals: `fickgate convert {file}` writes safetensors.")
        }
        ExplainFormat::Human => explanation.write_human(out, &style),
        ExplainFormat::Json => explanation.write_json(out),
    })?;
    Ok(Exit::Clean)
}
