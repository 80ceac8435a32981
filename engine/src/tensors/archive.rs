//! A zip whose members every reader finds alike, opened for its tensors.

use std::collections::HashSet;
use std::ops::Range;

use crate::content::Content;
use crate::escape;
use crate::limits::Limits;
use crate::reading::codec::{Codec, Ending};
use crate::reading::inflated::{Budget, Inflated};
use crate::reading::zip::audit::{self, Member};
use crate::tensors::refusal::{Failure, refused};

/// Bytes that are checked at once.
const PIECE: usize = 1 << 18;

/// A member and its content.
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its content, decompressed.
    pub content: Content,
    /// What the directory says its CRC-32 is.
    pub crc: u32,
}

/// The members of a zip, `None` where content begins as something else.
pub fn open(content: &Content, limits: &Limits) -> Result<Option<Vec<Part>>, Failure> {
    if content.read_range(0, 4)? != b"PK\x03\x04" {
        return Ok(None);
    }
    let Some(archive) = audit::audit(content, "", limits)? else { return Ok(None) };
    if let Some(anomaly) = archive.anomalies.first() {
        return refused("", anomaly.offset, format_args!("readers of zips part here: {}", anomaly.message));
    }
    if let Some(limit) = archive.limit {
        return refused("", None, limit);
    }
    if let Some(gap) = archive.gaps.first() {
        return refused("", gap.start, "bytes that the archive does not account for");
    }
    let budget = Budget::new(content.len(), limits);
    let mut names = HashSet::new();
    let mut parts = Vec::new();
    for member in archive.members {
        let name = escape::name(&member.name);
        let at = member.entry.local;
        if !names.insert(member.name.clone()) {
            return refused(&name, None, "a second member of this name");
        }
        let alike =
            |(method, range): &(u16, Range<u64>)| (*method, range) == (member.entry.method, &member.data);
        if member.encrypted || member.hidden || !member.others.iter().all(alike) {
            return refused("", at, format_args!("readers of zips part at the member {name}"));
        }
        let Ok(text) = std::str::from_utf8(&member.entry.name) else {
            return refused("", at, format_args!("the member {name} has a name that is not UTF-8"));
        };
        let content = data(content, &member, &name, &budget, limits)?;
        parts.push(Part { name: text.to_owned(), content, crc: member.entry.crc });
    }
    Ok(Some(parts))
}

/// The bytes of a member, as many as the directory says.
fn data(
    content: &Content,
    member: &Member,
    name: &str,
    budget: &std::sync::Arc<Budget>,
    limits: &Limits,
) -> Result<Content, Failure> {
    let packed = content.slice(member.data.clone());
    let size = member.entry.size;
    let codec = match member.entry.method {
        0 if packed.len() == size => return Ok(packed),
        0 => return refused(name, None, "a member of another size than the directory says"),
        8 => Codec::Deflate,
        method => return refused(name, None, format_args!("compression method {method} is not read here")),
    };
    let inflated = Inflated::open(codec, packed, limits, budget)?;
    match inflated.settle()? {
        (len, Ending::Clean) if len == size => Ok(inflated.content().slice(0..len)),
        (_, Ending::Limit(message)) => refused(name, None, message),
        _ => {
            refused(name, None, "compressed data that are broken, or of another size than the directory says")
        }
    }
}

impl Part {
    /// Whether the content has the checksum of the directory.
    pub fn is_whole(&self) -> std::io::Result<bool> {
        let mut crc = flate2::Crc::new();
        let mut at = 0;
        loop {
            let piece = self.content.read_range(at, PIECE)?;
            if piece.is_empty() {
                return Ok(crc.sum() == self.crc);
            }
            crc.update(&piece);
            at += piece.len() as u64;
        }
    }
}
