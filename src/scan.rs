//! Bytes to facts. Pure: no policy, no git, no file system.

use std::io;

use crate::content::Content;
use crate::facts::{Facts, Stream};
use crate::limits::Limits;
use crate::source::BlobPath;

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
    let _ = path;
    let run = crate::pickle::machine::run(content, 0, crate::facts::Reading::Pickle, "", limits)?;
    watch(content, &run.stream);
    Ok(Facts { streams: vec![run.stream], ..Facts::default() })
}
