//! Bytes to facts. Pure: no policy, no git, no file system.

use std::io;

use crate::content::Content;
use crate::facts::{Facts, Loader, Stream};
use crate::limits::Limits;
use crate::path::BlobPath;
use crate::reading::job::Job;
use crate::reading::work::{Scan, Task};

/// Reads `content` under every reading that some loader would take. The path lends its extension
/// only: it can make the reading stricter, never laxer.
///
/// An error means that the content could not be read (a file that shrank, a failing disk);
/// everything wrong *in* the bytes is a fault among the facts.
pub fn scan(content: &Content, path: &BlobPath, limits: &Limits) -> io::Result<Facts> {
    scan_watched(content, path, limits, &mut |_, _| ())
}

/// Like [`scan`], and shows an onlooker each stream with the content of its member while that is at hand.
pub fn scan_watched(
    content: &Content,
    path: &BlobPath,
    limits: &Limits,
    watch: &mut dyn FnMut(&Content, &Stream),
) -> io::Result<Facts> {
    let mut scan = Scan::new(content.len(), limits, watch);
    let first = Task::Open(Job::file(at_hand(content, limits)?, &path.to_lossy()));
    through(&mut scan, vec![first])?;
    Ok(scan.facts)
}

/// Reads the one pickle at `start` as this loader does, and what is given to unpickling callables in it. For a
/// program that is about to load it: neither what else lies in the content nor what another loader would make of
/// the bytes counts.
pub fn one(
    content: &Content,
    start: u64,
    reading: Loader,
    limits: &Limits,
    watch: &mut dyn FnMut(&Content, &Stream),
) -> io::Result<Facts> {
    let mut scan = Scan::new(content.len(), limits, watch);
    scan.one(&Job::file(content.clone(), ""), start, reading)?;
    let nested: Vec<Task> = scan.next().rev().collect();
    through(&mut scan, nested)?;
    Ok(scan.facts)
}

/// Does all that is left, and what that leaves in turn.
fn through(scan: &mut Scan<'_>, mut tasks: Vec<Task>) -> io::Result<()> {
    while let Some(task) = tasks.pop() {
        match task {
            Task::Open(job) => scan.open(job)?,
            Task::Step(walk) => walk.step(scan)?,
            Task::Conclude(verdict) => scan.conclude(verdict),
        }
        // What was found comes before what is left, in the order in which it was found.
        tasks.extend(scan.next().rev());
    }
    Ok(())
}

/// The content, in memory where it is small.
fn at_hand(content: &Content, limits: &Limits) -> io::Result<Content> {
    let len = content.len();
    if content.as_slice().is_some() || len > limits.whole {
        return Ok(content.clone());
    }
    let bytes = content.read_range(0, len as usize)?;
    if (bytes.len() as u64) < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Content::from_bytes(bytes))
}
