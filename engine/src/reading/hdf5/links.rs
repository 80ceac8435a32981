//! The links of groups: where further objects are.

use std::io;

use crate::reading::hdf5::file::File;
use crate::reading::hdf5::fractal::Heap;
use crate::reading::hdf5::header::Message;
use crate::reading::hdf5::tree;

/// Adds the addresses of objects that the tree of a group of version 1 leads to.
pub fn of_tree(file: &File, root: u64, found: &mut Vec<u64>) -> io::Result<()> {
    // Signature, version, a byte that is reserved, the number of entries; then their names, addresses and caches.
    const HEADER: u64 = 8;
    let entry = 2 * file.offsets + 24;
    for node in tree::children(file, root, 0, file.lengths)? {
        let head = file.bytes(node.at, HEADER)?;
        let [b'S', b'N', b'O', b'D', _, _, low, high] = *head else { continue };
        let entries = usize::from(u16::from_le_bytes([low, high]));
        let bytes = file.bytes(node.at + HEADER, (entries * entry) as u64)?;
        found.extend(bytes.chunks_exact(entry).filter_map(|entry| {
            let mut fields = file.fields(entry);
            fields.skip(file.offsets)?;
            fields.address()
        }));
    }
    Ok(())
}

/// The address of the tree that a message of a group of version 1 names.
pub fn tree_of(file: &File, message: &[u8]) -> Option<u64> {
    file.fields(message).address()
}

/// The object that a link leads to. Others lead to names.
pub fn of_link(file: &File, message: &[u8]) -> Option<u64> {
    let mut fields = file.fields(message);
    fields.skip(1)?;
    let flags = fields.u8()?;
    let kind = if flags & 8 != 0 { fields.u8()? } else { 0 };
    fields.skip(if flags & 4 != 0 { 8 } else { 0 } + usize::from(flags >> 4 & 1))?;
    let name = fields.number(1 << (flags & 3))?;
    fields.skip(usize::try_from(name).ok()?)?;
    if kind == 0 { fields.address() } else { None }
}

/// A heap of links or of attributes, and the trees that find them.
pub struct Dense {
    pub heap: u64,
    trees: Vec<u64>,
}

impl Dense {
    /// From a message about links (`index` is the width of their number) or attributes.
    pub fn parsed(file: &File, message: &[u8], index: usize) -> Option<Dense> {
        let mut fields = file.fields(message);
        fields.skip(1)?;
        let flags = fields.u8()?;
        fields.skip(if flags & 1 != 0 { index } else { 0 })?;
        let heap = fields.address()?;
        let mut trees = vec![fields.address()?];
        trees.extend(if flags & 2 != 0 { fields.address() } else { None });
        Some(Dense { heap, trees })
    }

    /// The objects of the heap that the trees lead to, as messages.
    pub fn messages(&self, file: &File, heap: &Heap, kind: u16) -> io::Result<Vec<Message>> {
        let mut places = heap.huge(file)?;
        let mut found = Vec::new();
        for root in &self.trees {
            let tree = tree::records(file, *root)?;
            for record in &tree.records {
                // Behind a hash of the name, or a number.
                let id = match tree.kind {
                    5 => record.get(4..),
                    6 => record.get(8..),
                    8 | 9 => Some(record.as_slice()),
                    _ => None,
                };
                if matches!(tree.kind, 8 | 9) && record.get(8).is_some_and(|flags| flags & 2 != 0) {
                    found.push(Message { kind, shared: true, at: *root, bytes: vec![3, 1] });
                } else if let Some(id) = id {
                    places.extend(heap.object(file, id)?);
                }
            }
        }
        places.sort_unstable_by_key(|place| (place.at, place.len));
        places.dedup();
        for place in places {
            let bytes = file.bytes(place.at, place.len)?;
            found.push(Message { kind, shared: false, at: place.at, bytes });
        }
        Ok(found)
    }
}
