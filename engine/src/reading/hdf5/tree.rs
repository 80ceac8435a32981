//! B-trees of both versions, from the root to what their leaves hold.

use std::collections::HashSet;
use std::io;

use crate::reading::hdf5::file::File;

/// A child of a leaf of a tree of version 1, and the key before it.
pub struct Child {
    pub key: Vec<u8>,
    pub at: u64,
}

/// Signature, type, level, number of entries.
const HEADER: usize = 8;

/// The children of the leaves of a tree of version 1, whose keys are so long.
pub fn children(file: &File, root: u64, kind: u8, key: usize) -> io::Result<Vec<Child>> {
    let mut found = Vec::new();
    let mut waiting = vec![root];
    let mut seen = HashSet::new();
    while let Some(at) = waiting.pop() {
        if !seen.insert(at) {
            continue;
        }
        let head = file.bytes(at, HEADER as u64)?;
        let [b'T', b'R', b'E', b'E', is, level, low, high] = *head else { continue };
        if is != kind {
            continue;
        }
        let entries = usize::from(u16::from_le_bytes([low, high]));
        let siblings = 2 * file.offsets;
        let start = at + (HEADER + siblings) as u64;
        let bytes = file.bytes(start, (entries * (key + file.offsets)) as u64)?;
        let mut fields = file.fields(&bytes);
        let mut next = || Some(Child { key: fields.take(key)?.to_vec(), at: fields.address()? });
        let here = std::iter::from_fn(&mut next);
        if level == 0 {
            found.extend(here);
        } else {
            waiting.extend(here.map(|child| child.at));
        }
    }
    Ok(found)
}

/// The records of a tree of version 2.
pub struct Records {
    pub kind: u8,
    pub records: Vec<Vec<u8>>,
}

/// How many records a node holds at a depth, and how many bytes their numbers take.
#[derive(Clone, Copy)]
struct Depth {
    /// All records in and below a node.
    all: u64,
    /// Bytes of that number.
    width: usize,
}

/// Signature, version, type, checksum.
const NODE: u64 = 10;
/// Deeper trees hold more than any file.
const DEPTH: u16 = 64;

/// All records of a tree of version 2, in any order.
pub fn records(file: &File, header: u64) -> io::Result<Records> {
    let head = file.bytes(header, 64)?;
    let mut found = Records { kind: head.get(5).copied().unwrap_or(0), records: Vec::new() };
    let Some(tree) = Tree::parsed(file, &head) else { return Ok(found) };
    let mut waiting = vec![(tree.root, tree.count, tree.depth)];
    let mut seen = HashSet::new();
    while let Some((at, count, depth)) = waiting.pop() {
        if !seen.insert(at) {
            continue;
        }
        let bytes = file.bytes(at, tree.node)?;
        if !bytes.starts_with(if depth == 0 { b"BTLF" } else { b"BTIN" }) {
            continue;
        }
        let mut fields = file.fields(bytes.get(6..).unwrap_or(&[]));
        for _ in 0..count {
            let Some(record) = fields.take(tree.record) else { break };
            found.records.push(record.to_vec());
        }
        if let Some(below) = usize::from(depth).checked_sub(1).and_then(|below| tree.depths.get(below)) {
            for _ in 0..=count {
                let child = fields.address().zip(fields.number(tree.width));
                let (Some((child, records)), Some(())) = (child, fields.skip(below.width)) else { break };
                waiting.push((child, records, depth - 1));
            }
        }
    }
    Ok(found)
}

/// The header of a tree of version 2.
struct Tree {
    node: u64,
    record: usize,
    depth: u16,
    root: u64,
    count: u64,
    /// Bytes of the number of records of a child.
    width: usize,
    depths: Vec<Depth>,
}

impl Tree {
    fn parsed(file: &File, head: &[u8]) -> Option<Tree> {
        let mut fields = file.fields(head.strip_prefix(b"BTHD")?);
        fields.skip(2)?;
        let (node, record, depth) = (fields.u32()?.into(), u64::from(fields.u16()?), fields.u16()?);
        fields.skip(2)?;
        let (root, count) = (fields.address()?, fields.u16()?.into());
        if record == 0 || depth > DEPTH {
            return None;
        }
        // `H5B2__hdr_init`.
        let most = u64::saturating_sub(node, NODE) / record;
        let width = width_of(most);
        let mut depths = vec![Depth { all: most, width: 0 }];
        for _ in 1..=depth {
            let below = *depths.last()?;
            let pointer = (file.offsets + width + below.width) as u64;
            let here = u64::saturating_sub(node, NODE + pointer) / (record + pointer);
            let all = here.saturating_add(1).saturating_mul(below.all).saturating_add(here);
            depths.push(Depth { all, width: width_of(all) });
        }
        Some(Tree { node, record: record as usize, depth, root, count, width, depths })
    }
}

/// Bytes that numbers up to this take.
fn width_of(most: u64) -> usize {
    most.max(1).ilog2() as usize / 8 + 1
}
