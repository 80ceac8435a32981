//! Berkeley DB's values, page by page: `dbm.ndbm` on Debian and macOS, and `bsddb`, which `shelve` used in Python 2.
//!
//! After `src/dbinc/db_page.h` of release 5.3. A page is read as one of a hash and as one of a tree, whatever it says it
//! is, and whatever tree it hangs in: a library does not look at that, either. Files of release 1.85, whose values go on
//! in other pages in a way of their own, are read as far as they lie in one.

use std::io;
use std::ops::Range;

use crate::reading::field::{u16_of, u32_of};
use crate::reading::job::Job;
use crate::reading::values::Values;
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// The magics of hashes, trees, queues and heaps.
const HASH: u32 = 0x06_1561;
const TREE: u32 = 0x05_3162;
const QUEUE: u32 = 0x04_2253;
const HEAP: u32 = 0x07_4582;
/// `DBMETA_CHKSUM`, of `metaflags`, and `BTM_COMPRESS`, of a tree's `flags`.
const CHECKSUM: u8 = 1;
const COMPRESSED: u32 = 0x100;
/// Where the header of a page ends, without and with a checksum.
const HEADER: usize = 26;
const SUMMED: usize = 32;
/// `H_KEYDATA`, `H_DUPLICATE`, `H_OFFPAGE`; `B_KEYDATA`, `B_OVERFLOW`.
const PLAIN: u8 = 1;
const HASH_DUPLICATES: u8 = 2;
const OVERFLOW: u8 = 3;
/// `REAL_KEY` of release 1.85: smaller ones say how a pair goes on in other pages, but for 0, a further page.
const REAL_KEY: u16 = 4;

/// A database under way.
struct Database {
    values: Values,
    big: bool,
    page: u64,
    header: usize,
    /// Whether release 1.85 made it.
    old: bool,
    next: u64,
    pages: u64,
}

/// The magic at a place, and whether numbers have their highest byte first.
pub(crate) fn magic(head: &[u8], at: usize) -> Option<(u32, bool)> {
    let known = |magic: &u32| matches!(*magic, HASH | TREE | QUEUE | HEAP);
    [false, true].into_iter().find_map(|big| Some((u32_of(big, head, at).filter(known)?, big)))
}

impl Scan<'_> {
    /// Reads the values of a database.
    pub fn berkeley(&mut self, job: &Job) -> io::Result<()> {
        let end = self.length(job)?;
        let head = job.content.read_range(0, 256)?;
        let told = match (magic(&head, 0), magic(&head, 12)) {
            (Some((HASH, big)), _) => Ok(Database::old(job, end, &head, big)),
            (_, Some((HASH | TREE, big))) => Database::of(job, end, &head, big),
            _ => {
                Err("Berkeley DB of a kind that is not read here: a queue, a heap, or a tree of release 1.85")
            }
        };
        match told {
            Ok(Some(database)) => self.later(Task::Step(Box::new(database))),
            // No library takes such a size of pages.
            Ok(None) => self.database(job, Vec::new())?,
            Err(message) => {
                self.fault(&job.member, Rule::ContainerUnreadable, 0, message);
                self.database(job, Vec::new())?;
            }
        }
        Ok(())
    }
}

impl Database {
    fn of(job: &Job, end: u64, head: &[u8], big: bool) -> Result<Option<Database>, &'static str> {
        let page = u64::from(u32_of(big, head, 20).unwrap_or(0));
        let (encrypted, flags) = (head.get(24).copied().unwrap_or(0), head.get(26).copied().unwrap_or(0));
        if encrypted != 0 {
            return Err("Berkeley DB, encrypted");
        }
        let tree = matches!(magic(head, 12), Some((TREE, _)));
        if tree && u32_of(big, head, 48).unwrap_or(0) & COMPRESSED != 0 {
            return Err("Berkeley DB, compressed: what is inside cannot be read here");
        }
        let header = if flags & CHECKSUM == 0 { HEADER } else { SUMMED };
        Ok(Database::with(job, end, (page, header, big), false))
    }

    /// The header of release 1.85 has its highest byte first, and its pages the order that it says.
    fn old(job: &Job, end: u64, head: &[u8], big: bool) -> Option<Database> {
        let order = u32_of(big, head, 8)?;
        let page = u64::from(u32_of(big, head, 12)?);
        Database::with(job, end, (page, 2, order == 4321), true)
    }

    fn with(job: &Job, end: u64, (page, header, big): (u64, usize, bool), old: bool) -> Option<Database> {
        let pages = end.div_ceil(page.max(1));
        let fits = page.is_power_of_two() && (64..=65_536).contains(&page);
        fits.then(|| Database { values: Values::new(job, end), big, page, header, old, next: 0, pages })
    }
}

impl Step for Database {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        let at = self.next * self.page;
        if self.next >= self.pages {
            return self.values.rest(scan);
        }
        let bytes = self.values.job.content.read_range(at, self.page as usize)?;
        let enough = if self.old {
            self.old_page(scan, &bytes, at)?
        } else {
            self.hash_page(scan, &bytes, at)? && self.tree_page(scan, &bytes, at)?
        };
        self.next = if enough { self.next + 1 } else { self.pages };
        scan.later(Task::Step(self));
        Ok(())
    }
}

impl Database {
    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        u16_of(self.big, bytes, at)
    }

    /// Where the items of a page begin. None where the table of them does not fit.
    fn items(&self, bytes: &[u8]) -> Vec<usize> {
        let count = usize::from(self.u16(bytes, 20).unwrap_or(0));
        if self.header + 2 * count > bytes.len() {
            return Vec::new();
        }
        let places = (0..count).map_while(|i| self.u16(bytes, self.header + 2 * i));
        places.map(usize::from).collect()
    }

    /// Takes a part of a page as a value.
    fn part(&mut self, scan: &mut Scan<'_>, at: u64, part: Range<usize>) -> io::Result<bool> {
        let part = at + part.start as u64..at + part.end.max(part.start) as u64;
        self.values.take(scan, std::slice::from_ref(&part))
    }

    /// The items of a hash have no length: each ends where the one before begins.
    fn hash_page(&mut self, scan: &mut Scan<'_>, bytes: &[u8], at: u64) -> io::Result<bool> {
        let mut end = bytes.len();
        for start in self.items(bytes) {
            let item = start..end;
            end = start;
            let enough = match bytes.get(item.clone()) {
                Some([PLAIN, _, ..]) => self.part(scan, at, item.start + 1..item.end)?,
                Some([OVERFLOW, ..]) => self.chain(scan, bytes, at, item.start + 4)?,
                Some([HASH_DUPLICATES, ..]) => self.duplicates(scan, bytes, at, item.start + 1..item.end)?,
                _ => true,
            };
            if !enough {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Values of one key, each between its length and its length.
    fn duplicates(
        &mut self,
        scan: &mut Scan<'_>,
        bytes: &[u8],
        at: u64,
        item: Range<usize>,
    ) -> io::Result<bool> {
        let mut from = item.start;
        while let Some(len) = self.u16(bytes, from).map(usize::from).filter(|_| from < item.end) {
            let end = (from + 2 + len).min(bytes.len());
            if !self.part(scan, at, from + 2..end)? {
                return Ok(false);
            }
            from = end + 2;
        }
        Ok(true)
    }

    /// The items of a tree: a length, a kind, and the bytes.
    fn tree_page(&mut self, scan: &mut Scan<'_>, bytes: &[u8], at: u64) -> io::Result<bool> {
        for start in self.items(bytes) {
            let len = usize::from(self.u16(bytes, start).unwrap_or(0));
            // The highest bit says that it was deleted.
            let enough = match bytes.get(start + 2).map(|kind| kind & 0x7f) {
                Some(PLAIN) => self.part(scan, at, start + 3..(start + 3 + len).min(bytes.len()))?,
                Some(OVERFLOW) => self.chain(scan, bytes, at, start + 4)?,
                _ => true,
            };
            if !enough {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A value in pages of its own: the number of the first one, and its length, stand here. Each page says how much it
    /// holds, and which is next.
    fn chain(&mut self, scan: &mut Scan<'_>, bytes: &[u8], at: u64, place: usize) -> io::Result<bool> {
        let [first, len] = [place, place + 4].map(|at| u32_of(self.big, bytes, at));
        let (mut next, mut left) = (u64::from(first.unwrap_or(0)), u64::from(len.unwrap_or(0)));
        let mut parts = Vec::new();
        while next != 0 && left > 0 && next < self.pages {
            let page = next * self.page;
            let head = self.values.job.content.read_range(page, self.header)?;
            let holds =
                u64::from(self.u16(&head, 22).unwrap_or(0)).min(self.page - self.header as u64).min(left);
            if !self.values.spend(scan, at, self.header as u64) {
                return Ok(false);
            }
            let from = page + self.header as u64;
            parts.push(from..from + holds);
            left -= holds;
            next = u32_of(self.big, &head, 16).unwrap_or(0).into();
        }
        self.values.take(scan, &parts)
    }

    /// A page of release 1.85: pairs of places, keys and values one before the other from its end.
    fn old_page(&mut self, scan: &mut Scan<'_>, bytes: &[u8], at: u64) -> io::Result<bool> {
        let count = usize::from(self.u16(bytes, 0).unwrap_or(0));
        if count % 2 != 0 || 2 * count + 6 > bytes.len() {
            return Ok(true);
        }
        for pair in 0..count / 2 {
            let [key, data] = [1, 2].map(|i| self.u16(bytes, 2 * (2 * pair + i)).unwrap_or(0));
            if (1..REAL_KEY).contains(&data) && usize::from(key) >= 2 * count + 6 {
                let message = "a value of Berkeley DB 1.85 in several pages, which are not put together here: copy it \
                               into a newer kind of database";
                scan.fault(&self.values.job.member, Rule::ContainerUnreadable, at, message);
                return Ok(true);
            }
            let (key, data) = (usize::from(key), usize::from(data));
            if data >= REAL_KEY.into()
                && data < key
                && key <= bytes.len()
                && !self.part(scan, at, data..key)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
