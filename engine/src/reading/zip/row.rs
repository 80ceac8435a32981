//! Archives of torch one behind the other, as `torch.distributed.checkpoint` writes them into a `.distcp` file: its
//! metadata says where each begins, and it is read as a file of its own (`torch/distributed/checkpoint/filesystem.py`).

use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::reading::zip::records::{CENTRAL, END_SIZE, End, LOCAL};

/// Archives in one file.
const MOST: usize = 100_000;

/// Where the archives lie of which the content consists, from its first byte to its last; `None` where it is not made
/// of two or more.
///
/// They are found from the end, each by the directory that its end record leads to, so that no tensor is read. A reader
/// that takes the last record's offset for one from the beginning of the file comes to the directory of another of
/// them, or to none.
pub fn archives(content: &Content) -> io::Result<Option<Vec<Range<u64>>>> {
    let (mut found, mut directories) = (Vec::new(), Vec::new());
    let (mut claims, mut end) = (Vec::new(), content.len());
    while end > 0 {
        let Some(at) = end.checked_sub(END_SIZE) else { return Ok(None) };
        let Some(record) = End::read(content, at)? else { return Ok(None) };
        let claim = record.claim();
        let directory = record.start().checked_sub(claim.size);
        let Some((directory, start)) = directory.and_then(|d| Some((d, d.checked_sub(claim.offset)?))) else {
            return Ok(None);
        };
        let whole = record.comment == 0 && !record.disks && !record.disagrees() && start < end;
        let begins = content.read_range(start, LOCAL.len())? == LOCAL;
        if !whole
            || !begins
            || content.read_range(directory, CENTRAL.len())? != CENTRAL
            || found.len() >= MOST
        {
            return Ok(None);
        }
        found.push(start..end);
        directories.push(directory);
        claims.push(claim.offset);
        end = start;
    }
    for claim in claims {
        if !directories.contains(&claim) && content.read_range(claim, CENTRAL.len())? == CENTRAL {
            return Ok(None);
        }
    }
    found.reverse();
    Ok((found.len() > 1).then_some(found))
}
