//! HDF5's global heaps, where values of variable length lie: PyTables unpickles the rows of its object arrays, and
//! pandas those of its columns of objects.
//!
//! After "III.E. Disk Format: Level 1E - Global Heap" of the HDF5 File Format Specification. The rest of a file is
//! searched: attributes, and what lies in datasets, may stand anywhere in it.

use std::io;
use std::ops::Range;

use crate::reading::field::{u16_le, u64_le};
use crate::reading::job::Job;
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// A collection of values begins so; a version, three bytes that are reserved, and its size follow.
const COLLECTION: &[u8] = b"GCOL\x01";
/// The header of a collection, and of a value in it.
const HEADER: u64 = 16;
/// Shortest bytes that make an import.
const SHORTEST: u64 = 3;

/// The heaps of a file, window by window. No table is asked for them: a collection is one wherever it stands, also
/// inside another.
struct Heaps {
    job: Job,
    /// Where the next signature is looked for.
    at: u64,
    /// What is left of the collection that is under way.
    collection: Range<u64>,
}

impl Scan<'_> {
    /// Leaves the values of variable length to be read, each from its beginning.
    pub fn hdf5_heaps(&mut self, job: &Job) {
        self.later(Task::Step(Box::new(Heaps { job: job.clone(), at: 0, collection: 0..0 })));
    }
}

impl Step for Heaps {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        if scan.has_guessed_enough() {
            let message = "too many values of variable length";
            scan.fault(&self.job.member, Rule::ResourceLimit, self.at, message);
            return Ok(());
        }
        if self.collection.is_empty() {
            let bytes = self.job.content.read_range(self.at, scan.limits.window)?;
            if let Some(found) = memchr::memmem::find(&bytes, COLLECTION) {
                let start = self.at + found as u64;
                let size = u64_le(&self.job.content.read_range(start, HEADER as usize)?, 8).unwrap_or(0);
                let end = start.saturating_add(size).min(self.job.content.len());
                self.collection = start + HEADER..end;
                self.at = start + COLLECTION.len() as u64;
            } else if bytes.len() < scan.limits.window {
                return Ok(());
            } else {
                self.at += (bytes.len() + 1 - COLLECTION.len()) as u64;
            }
        } else {
            self.value(scan)?;
        }
        scan.later(Task::Step(self));
        Ok(())
    }
}

impl Heaps {
    /// The value whose header stands here. Number 0 is the room that is left.
    fn value(&mut self, scan: &mut Scan<'_>) -> io::Result<()> {
        let header = self.job.content.read_range(self.collection.start, HEADER as usize)?;
        let (number, size) = (u16_le(&header, 0).unwrap_or(0), u64_le(&header, 8).unwrap_or(0));
        let start = self.collection.start + HEADER;
        let end = start.saturating_add(size);
        if number == 0 || end > self.collection.end {
            self.collection = 0..0;
            return Ok(());
        }
        scan.guessed += 1;
        if size >= SHORTEST {
            let content = self.job.content.slice(start..end);
            scan.later(Task::Open(self.job.child(&format!("value@0x{start:x}"), content)));
        }
        self.collection.start = start.saturating_add(size.next_multiple_of(8));
        Ok(())
    }
}
