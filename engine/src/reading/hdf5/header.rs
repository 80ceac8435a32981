//! Object headers: rows of messages, in one block or several.

use std::collections::HashSet;
use std::io;

use crate::reading::hdf5::file::File;

/// Where a header goes on.
const CONTINUATION: u16 = 0x10;

/// A message of a header.
pub struct Message {
    pub kind: u16,
    /// Whether it only says where the message is.
    pub shared: bool,
    /// Where its bytes lie in the file.
    pub at: u64,
    pub bytes: Vec<u8>,
}

/// The messages of the object whose header stands at an address; none where no header does.
pub fn messages(file: &File, address: u64) -> io::Result<Vec<Message>> {
    let mut found = Vec::new();
    let Some(first) = Block::first(file, address)? else { return Ok(found) };
    let mut blocks = vec![first];
    let mut seen = HashSet::new();
    while let Some(block) = blocks.pop() {
        if !seen.insert(block.at) {
            continue;
        }
        let bytes = file.bytes(block.at, block.len)?;
        let from = found.len();
        block.messages(file, &bytes, &mut found);
        for message in found.get(from..).unwrap_or(&[]).iter().filter(|m| m.kind == CONTINUATION) {
            let mut fields = file.fields(&message.bytes);
            let (Some(at), Some(len)) = (fields.address(), fields.length()) else { continue };
            // `OCHK` before, a checksum behind.
            let (at, len) = if block.new { (at.saturating_add(4), len.saturating_sub(8)) } else { (at, len) };
            blocks.push(Block { at, len, ..block });
        }
    }
    Ok(found)
}

/// A block of messages.
#[derive(Clone, Copy)]
struct Block {
    at: u64,
    len: u64,
    /// Whether it is of version 2, and whether its messages say in which order they were made.
    new: bool,
    ordered: bool,
}

impl Block {
    fn first(file: &File, address: u64) -> io::Result<Option<Block>> {
        let head = file.bytes(address, 40)?;
        Ok(Block::parsed(file, address, &head))
    }

    fn parsed(file: &File, address: u64, head: &[u8]) -> Option<Block> {
        if !head.starts_with(b"OHDR") {
            let mut fields = file.fields(head);
            if fields.u8()? != 1 {
                return None;
            }
            fields.skip(7)?;
            let len = fields.u32()?.into();
            return Some(Block { at: address + 16, len, new: false, ordered: false });
        }
        let mut fields = file.fields(head.get(5..)?);
        let flags = fields.u8()?;
        fields.skip(if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 })?;
        let len = fields.number(1 << (flags & 3))?;
        let at = address + (head.len() - fields.rest.len()) as u64;
        Some(Block { at, len, new: true, ordered: flags & 4 != 0 })
    }

    fn messages(&self, file: &File, bytes: &[u8], found: &mut Vec<Message>) {
        let mut fields = file.fields(bytes);
        let mut next = || -> Option<Message> {
            let (kind, size, flags);
            if self.new {
                kind = fields.u8()?.into();
                size = fields.u16()?;
                flags = fields.u8()?;
                fields.skip(if self.ordered { 2 } else { 0 })?;
            } else {
                kind = fields.u16()?;
                size = fields.u16()?;
                flags = fields.u8()?;
                fields.skip(3)?;
            }
            let at = self.at + (bytes.len() - fields.rest.len()) as u64;
            let bytes = fields.take(size.into())?.to_vec();
            Some(Message { kind, shared: flags & 2 != 0, at, bytes })
        };
        found.extend(std::iter::from_fn(&mut next));
    }
}
