//! LMDB's values, found as a reader finds them: from both of its first pages, through all of its trees.
//!
//! After `libraries/liblmdb/mdb.c` of OpenLDAP, data version 1. A value that does not fit into its page lies in pages
//! one behind the other, without headers between.

use std::collections::HashSet;
use std::io;
use std::ops::Range;

use crate::reading::field;
use crate::reading::job::Job;
use crate::reading::values::Values;
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// `MDB_MAGIC`.
const MAGIC: u32 = 0xbeef_c0de;
/// `MDB_DATA_VERSION` of releases 0.9.
const VERSION: u32 = 1;
/// `P_BRANCH`, `P_LEAF`, `P_LEAF2`.
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const LEAF2: u16 = 0x20;
/// `F_BIGDATA`, `F_SUBDATA`, `F_DUPDATA`.
const BIG: u16 = 1;
const TREE: u16 = 2;
const DUPLICATES: u16 = 4;
/// `NODESIZE`.
const NODE: usize = 8;

/// How the machine that wrote a file lays out numbers.
#[derive(Clone, Copy)]
struct Layout {
    /// Bytes of a page's number.
    word: usize,
    big: bool,
}

impl Layout {
    /// By the magic, behind the header of the first page.
    fn of(head: &[u8]) -> Option<Layout> {
        let sizes = [8, 4].into_iter();
        sizes
            .flat_map(|word| [false, true].map(|big| Layout { word, big }))
            .find(|layout| layout.u32(head, layout.header()) == Some(MAGIC))
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        field::u16_of(self.big, bytes, at)
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        field::u32_of(self.big, bytes, at)
    }

    fn word(self, bytes: &[u8], at: usize) -> Option<u64> {
        field::word_of(self.big, self.word, bytes, at)
    }

    /// `PAGEHDRSZ`.
    fn header(self) -> usize {
        self.word + 8
    }
}

/// A database under way, page by page.
struct Trees {
    values: Values,
    layout: Layout,
    page: u64,
    /// Pages that are left, each with the size of keys that its tree says, for pages that hold such alone.
    left: Vec<(u64, u32)>,
    seen: HashSet<(u64, u32)>,
}

/// Whether content begins like a database.
pub(crate) fn begins(head: &[u8]) -> bool {
    Layout::of(head).is_some()
}

impl Scan<'_> {
    /// Reads the values of a database.
    pub fn lmdb(&mut self, job: &Job) -> io::Result<()> {
        let end = self.length(job)?;
        let head = job.content.read_range(0, 256)?;
        let Some(layout) = Layout::of(&head) else { return self.database(job, Vec::new()) };
        let first = Meta::of(layout, &head);
        let size = first.as_ref().map_or(0, |meta| u64::from(meta.page));
        let second = Meta::of(layout, &job.content.read_range(size, 256)?);
        let message = match (&first, &second) {
            (Some(meta), _) if meta.version != VERSION => "LMDB of a version that is not read here",
            (Some(meta), _) if !(256..=65_536).contains(&meta.page) => {
                "LMDB with pages of no size that there is"
            }
            // A reader takes the size from the younger one.
            (Some(meta), Some(other)) if meta.page != other.page || meta.version != other.version => {
                "LMDB whose two first pages differ in the size of pages"
            }
            _ => "",
        };
        let (Some(first), "") = (first, message) else {
            self.fault(&job.member, Rule::ContainerUnreadable, 0, message);
            return self.database(job, Vec::new());
        };
        let left = first.roots.into_iter().chain(second.into_iter().flat_map(|meta| meta.roots)).collect();
        let values = Values::new(job, end);
        let trees = Trees { values, layout, page: size, left, seen: HashSet::new() };
        self.later(Task::Step(Box::new(trees)));
        Ok(())
    }
}

/// `MDB_meta`.
struct Meta {
    version: u32,
    page: u32,
    roots: Vec<(u64, u32)>,
}

impl Meta {
    fn of(layout: Layout, bytes: &[u8]) -> Option<Meta> {
        let at = layout.header();
        if layout.u32(bytes, at)? != MAGIC {
            return None;
        }
        let trees = at + 8 + 2 * layout.word;
        let second = trees + layout.tree();
        Some(Meta {
            version: layout.u32(bytes, at + 4)?,
            page: layout.u32(bytes, trees)?,
            roots: [trees, second].into_iter().filter_map(|tree| layout.root(bytes, tree)).collect(),
        })
    }
}

impl Layout {
    /// The size of `MDB_db`.
    fn tree(self) -> usize {
        8 + 5 * self.word
    }

    /// The root of a tree, and its size of keys. Without a page it has none.
    fn root(self, bytes: &[u8], tree: usize) -> Option<(u64, u32)> {
        let root = self.word(bytes, tree + 8 + 4 * self.word)?;
        Some((root, self.u32(bytes, tree)?)).filter(|(root, _)| *root != u64::MAX >> (64 - 8 * self.word))
    }
}

impl Step for Trees {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        let Some((number, keys)) = self.left.pop() else { return self.values.rest(scan) };
        let at = number.saturating_mul(self.page);
        let enough = !self.seen.insert((number, keys)) || {
            let bytes = self.values.job.content.read_range(at, self.page as usize)?;
            // A page under different sizes of keys is read for each.
            self.page(scan, &bytes, at, keys)?
        };
        if enough {
            scan.later(Task::Step(self));
            return Ok(());
        }
        self.values.rest(scan)
    }
}

impl Trees {
    /// Reads a page, or one within a value, that begins at a place of the file. False where there are too many values.
    fn page(&mut self, scan: &mut Scan<'_>, bytes: &[u8], at: u64, keys: u32) -> io::Result<bool> {
        if !self.values.spend(scan, at, bytes.len() as u64 / 2 + 1) {
            return Ok(false);
        }
        let (layout, word) = (self.layout, self.layout.word);
        let number = |place| layout.u16(bytes, place).unwrap_or(0);
        let (flags, header) = (number(word + 2), layout.header());
        let nodes = usize::from(number(word + 4)).saturating_sub(header) / 2;
        if flags & LEAF != 0 && flags & LEAF2 != 0 {
            for size in HashSet::from([u64::from(number(word)), u64::from(keys)]) {
                for node in 0..nodes as u64 {
                    let from = at + header as u64 + node * size;
                    if from >= at + bytes.len() as u64 {
                        break;
                    }
                    if !self.values.take(scan, &[self.clipped(from, size)])? {
                        return Ok(false);
                    }
                }
            }
            return Ok(true);
        }
        for node in 0..nodes {
            let Some(start) = layout.u16(bytes, header + 2 * node).map(usize::from) else { break };
            let Some(fields) = bytes.get(start..).and_then(|rest| rest.first_chunk::<NODE>()) else {
                continue;
            };
            let field = |i: usize| layout.u16(fields, 2 * i).unwrap_or(0);
            let (low, high) = if layout.big { (field(1), field(0)) } else { (field(0), field(1)) };
            let size = u64::from(low) | u64::from(high) << 16;
            if flags & BRANCH != 0 {
                let top = if word == 8 { u64::from(field(2)) << 32 } else { 0 };
                self.left.push((size | top, keys));
            }
            if flags & LEAF != 0 && !self.leaf(scan, bytes, at, start, (field(2), field(3)), size)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads a node of a leaf. Where a key has several values, they are the keys of a tree, or of a page, of its own.
    fn leaf(
        &mut self,
        scan: &mut Scan<'_>,
        bytes: &[u8],
        at: u64,
        start: usize,
        (flags, key): (u16, u16),
        size: u64,
    ) -> io::Result<bool> {
        let key_at = start + NODE;
        let data = key_at + usize::from(key);
        let place = at + data as u64;
        if !self.values.take(scan, &[self.clipped(at + key_at as u64, key.into())])? {
            return Ok(false);
        }
        if flags & TREE != 0 {
            let root = bytes.get(data..).and_then(|tree| self.layout.root(tree, 0));
            self.left.extend(root);
        } else if flags & DUPLICATES != 0 {
            let end = data.saturating_add(size as usize).min(bytes.len());
            let inner = bytes.get(data..end).unwrap_or(&[]).to_vec();
            // A page within a page holds no further one.
            let whole = at.is_multiple_of(self.page) && bytes.len() as u64 == self.page;
            if whole && !self.page(scan, &inner, place, 0)? {
                return Ok(false);
            }
        }
        let range = if flags & BIG != 0 {
            let page = self.layout.word(bytes, data).unwrap_or(u64::MAX);
            self.clipped(page.saturating_mul(self.page).saturating_add(self.layout.header() as u64), size)
        } else {
            self.clipped(place, size)
        };
        self.values.take(scan, &[range])
    }

    /// A range of the file, up to its end.
    fn clipped(&self, from: u64, size: u64) -> Range<u64> {
        let end = self.values.job.content.len();
        from.min(end)..from.saturating_add(size).min(end)
    }
}
