//! GDBM's values, found as a reader finds them: through the directory and its buckets. Each lies in one piece behind its
//! key.
//!
//! After `gdbmdefs.h` of GDBM 1.23. The layout is that of the compiler which made the library: numbers of files take
//! four bytes or eight, and these begin at multiples of four or of eight.

use std::collections::HashSet;
use std::io;

use crate::reading::field;
use crate::reading::job::Job;
use crate::reading::values::Values;
use crate::reading::work::{Scan, Step, Task};

/// Where things stand in the structures of one kind of machine.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Bytes of an offset in the file.
    word: usize,
    big: bool,
    /// Where a bucket's elements begin: behind six free blocks and three numbers.
    elements: u64,
}

/// Bytes of a bucket's element, besides its offset.
const ELEMENT: usize = 16;
/// Bytes of the directory that are looked at in one step.
const ENTRIES: u64 = 512;

impl Layout {
    /// Those that a file may have. What wrote it the magic does not say for certain.
    fn all(head: &[u8]) -> impl Iterator<Item = Layout> {
        let big = head.first() == Some(&0x13);
        [(8, 112), (8, 84), (4, 60)].into_iter().map(move |(word, elements)| Layout { word, big, elements })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        field::u32_of(self.big, bytes, at)
    }

    fn word(self, bytes: &[u8], at: usize) -> Option<u64> {
        field::word_of(self.big, self.word, bytes, at)
    }

    /// Where the directory lies, its size, and the number of a bucket's elements, as `gdbm_file_header` says.
    fn header(self, head: &[u8]) -> Option<(u64, u64, u64)> {
        let behind = 8 + self.word;
        let [size, elements] = [behind, behind + 12].map(|at| self.u32(head, at));
        Some((self.word(head, 8)?, size?.into(), elements?.into()))
    }

    /// The size of an element.
    fn element(self) -> u64 {
        (ELEMENT + self.word) as u64
    }
}

/// A database under way, bucket by bucket, under one layout after the other.
struct Buckets {
    values: Values,
    layouts: Vec<Layout>,
    /// Of the layout that is the last of these: what is left of the directory, in places of the file.
    directory: std::ops::Range<u64>,
    elements: u64,
    seen: HashSet<(u64, u64)>,
}

impl Scan<'_> {
    /// Reads the values of a database.
    pub fn gdbm(&mut self, job: &Job) -> io::Result<()> {
        let values = Values::new(job, self.length(job)?);
        let layouts = Layout::all(&job.content.read_range(0, 1)?).collect();
        let buckets = Buckets { values, layouts, directory: 0..0, elements: 0, seen: HashSet::new() };
        buckets.next(self)
    }
}

impl Buckets {
    /// Goes on with the layout that is the last one now.
    fn next(mut self, scan: &mut Scan<'_>) -> io::Result<()> {
        let end = self.values.job.content.len();
        let head = self.values.job.content.read_range(0, 64)?;
        while let Some(layout) = self.layouts.last() {
            if let Some((at, size, elements)) = layout.header(&head)
                && at < end
                && elements < end
            {
                self.directory = at..at.saturating_add(size).min(end);
                self.elements = elements;
                scan.later(Task::Step(Box::new(self)));
                return Ok(());
            }
            self.layouts.pop();
        }
        self.values.rest(scan)
    }
}

impl Step for Buckets {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        let Some(layout) = self.layouts.last().copied() else { return self.values.rest(scan) };
        if self.directory.is_empty() {
            self.layouts.pop();
            return self.next(scan);
        }
        let size = (self.directory.end - self.directory.start).min(ENTRIES);
        let entries = self.values.job.content.read_range(self.directory.start, size as usize)?;
        let mut taken = 0;
        for entry in entries.chunks_exact(layout.word) {
            taken += layout.word as u64;
            let Some(bucket) = layout.word(entry, 0) else { break };
            // Half of the entries name the bucket of the one before.
            if self.seen.insert((bucket, layout.elements)) {
                if !self.bucket(scan, layout, bucket)? {
                    return self.values.rest(scan);
                }
                break;
            }
        }
        self.directory.start = if taken == 0 { self.directory.end } else { self.directory.start + taken };
        scan.later(Task::Step(self));
        Ok(())
    }
}

impl Buckets {
    /// Reads the elements of a bucket. False where there are too many.
    fn bucket(&mut self, scan: &mut Scan<'_>, layout: Layout, at: u64) -> io::Result<bool> {
        let end = self.values.job.content.len();
        let first = at.saturating_add(layout.elements).min(end);
        let size = self.elements.saturating_mul(layout.element()).min(end - first);
        if !self.values.spend(scan, at, size / 2) {
            return Ok(false);
        }
        let elements = self.values.job.content.read_range(first, size as usize)?;
        for element in elements.chunks_exact(layout.element() as usize) {
            let sizes = 8 + layout.word;
            let (Some(hash), Some(place), Some(key), Some(size)) = (
                layout.u32(element, 0),
                layout.word(element, 8),
                layout.u32(element, sizes),
                layout.u32(element, sizes + 4),
            ) else {
                break;
            };
            // -1 is an element that is free.
            if hash == u32::MAX {
                continue;
            }
            let from = place.saturating_add(key.into()).min(end);
            let range = from..from.saturating_add(size.into()).min(end);
            if !self.values.take(scan, &[range])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
