//! What the gate refuses by a policy that is not written yet.

use std::collections::BTreeMap;

use crate::gate::Gate;
use crate::memory::Memory;
use crate::progress::Progress;
use crate::source::{Selection, Source};
use fickgate_engine::error::Result;
use fickgate_engine::limits::Limits;
use fickgate_engine::policy::file::PolicyFile;
use fickgate_engine::policy::{self, Date, Policy};
use fickgate_engine::rule::Level;

/// The files that the gate refuses by the policy in `text`, on disk and, from the root of a repository, in the index;
/// and why.
///
/// # Errors
/// A policy that is none, files that cannot be listed.
pub(super) fn refused_by(text: &str, name: &str) -> Result<BTreeMap<String, String>> {
    let file = PolicyFile::parse(text.as_bytes(), name, policy::Layer::Repository)?;
    let policy = Policy::new([file], Date::today());
    let usage = policy.usage();
    let mut sources = vec![Source::open(&Selection::Paths(Vec::new()))?];
    // What a checkout makes of files is asked of the index.
    if sources.iter().all(|disk| disk.in_repository() && disk.is_whole()) {
        sources.push(Source::open(&Selection::Tracked)?);
    }
    let mut refused = BTreeMap::new();
    for source in sources {
        let gate = Gate {
            commits: false,
            policy: &policy,
            usage: &usage,
            limits: Limits::default(),
            jobs: None,
            progress: Progress::of_stderr(false),
            memory: Memory::default(),
            part: None,
            told: &|_| {},
        };
        let outcome = gate.judge_all(&source);
        for finding in outcome.findings.into_iter().filter(|finding| finding.level == Level::Error) {
            let why = format!("{}: {}", finding.rule, finding.message);
            refused.entry(finding.path.to_lossy().into_owned()).or_insert(why);
        }
        for failure in outcome.failures {
            refused.entry(failure.path.to_lossy().into_owned()).or_insert(failure.message);
        }
    }
    Ok(refused)
}
