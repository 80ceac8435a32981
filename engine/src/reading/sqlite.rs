//! SQLite's records: each text and each blob is content of its own, which programs unpickle (`sqlitedict`, caches).
//!
//! After <https://www.sqlite.org/fileformat2.html>. A page that reads as a leaf or as part of an index is taken for
//! one, whatever tree it hangs in, or none: rows that were deleted are read like the others, and no tree can hide a
//! page. What no record covers is searched as bytes of unknown form are.

use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::reading::field::u32_be;
use crate::reading::job::Job;
use crate::reading::segments::Segments;
use crate::reading::sql;
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// Columns of a record take ten bytes each at most in its header, and a table has 32,767 of them at most.
const HEADER: u64 = 10 * 32_767 + 10;
/// Shortest bytes that make an import: `c`, two lines.
const SHORTEST: u64 = 3;
/// The header of the file, before the first page's own.
const FILE_HEADER: usize = 100;

/// A database under way, page by page.
struct Database {
    job: Job,
    /// Bytes of a page, and of it those that hold records.
    page: u64,
    usable: u64,
    /// Whether text is UTF-16: little or big end first.
    wide: Option<Order>,
    /// The page that is next, counted from 0.
    next: u64,
    pages: u64,
    /// Pages that records go on in, a bit for each page.
    taken: Vec<u8>,
    /// How many of them were followed. A chain can be made to lead in a circle.
    followed: u64,
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

/// A page that holds records.
struct Page {
    /// Where the pointers to its cells begin.
    pointers: usize,
    cells: usize,
    /// Whether a child's number stands before each record, and whether a row's number does.
    interior: bool,
    table: bool,
}

impl Scan<'_> {
    /// Reads the records of a database; a header that SQLite refuses leaves it to the search.
    pub fn sqlite(&mut self, job: &Job) -> io::Result<()> {
        let end = self.length(job)?;
        let head = job.content.read_range(0, FILE_HEADER)?;
        let page = match (head.get(16), head.get(17)) {
            (Some(0), Some(1)) => 65_536,
            (Some(high), Some(low)) => u64::from(*high) << 8 | u64::from(*low),
            _ => 0,
        };
        let usable = page.saturating_sub(u64::from(head.get(20).copied().unwrap_or(0)));
        if !page.is_power_of_two() || page < 512 || usable < 480 || head.len() < FILE_HEADER {
            return self.database(job, Vec::new());
        }
        let pages = end.div_ceil(page);
        let wide = match u32_be(&head, 56) {
            Some(2) => Some(Order::Little),
            Some(3) => Some(Order::Big),
            _ => None,
        };
        let taken = vec![0; (pages / 8 + 1) as usize];
        let database = Database { job: job.clone(), page, usable, wide, next: 0, pages, taken, followed: 0 };
        self.later(Task::Step(Box::new(database)));
        Ok(())
    }
}

impl Step for Database {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        if self.next >= self.pages {
            self.rest(scan);
            return Ok(());
        }
        let at = self.next * self.page;
        let bytes = self.job.content.read_range(at, self.page as usize)?;
        let begins = if self.next == 0 { FILE_HEADER } else { 0 };
        let mut covered = Vec::new();
        if let Some(page) = Page::of(&bytes, begins) {
            self.take(self.next);
            covered.push(0..page.pointers + 2 * page.cells);
            for cell in 0..page.cells {
                // It was told.
                if scan.is_full() {
                    return Ok(());
                }
                let Some(record) = self.record(scan, &bytes, at, &page, cell)? else { continue };
                self.values(scan, &record)?;
                covered.push(record.cell);
            }
            self.gaps(scan, &bytes, at, covered);
        }
        self.next += 1;
        if self.followed > 4 * self.pages + 4_096 {
            let message = "records that go on in more pages than the database has";
            scan.fault(&self.job.member, Rule::ResourceLimit, at, message);
            self.next = self.pages;
        }
        scan.later(Task::Step(self));
        Ok(())
    }
}

/// A record, its bytes put together.
struct Record {
    content: Content,
    /// Where it lies in its page.
    cell: Range<usize>,
    /// Where it lies in the file.
    at: u64,
}

impl Page {
    /// A page of the kinds that hold records. An inner page of a table holds numbers alone.
    fn of(bytes: &[u8], header: usize) -> Option<Page> {
        let (interior, table) = match bytes.get(header)? {
            13 => (false, true),
            10 => (false, false),
            2 => (true, false),
            _ => return None,
        };
        let cells = usize::from(u16::from_be_bytes([*bytes.get(header + 3)?, *bytes.get(header + 4)?]));
        let pointers = header + if interior { 12 } else { 8 };
        (pointers + 2 * cells <= bytes.len()).then_some(Page { pointers, cells, interior, table })
    }
}

impl Database {
    fn take(&mut self, page: u64) {
        if let Some(byte) = self.taken.get_mut((page / 8) as usize) {
            *byte |= 1 << (page % 8);
        }
    }

    /// The record of a cell, as `btreeParseCellPtr` and `accessPayload` of SQLite find it. `None` where they find none.
    fn record(
        &mut self,
        scan: &Scan<'_>,
        bytes: &[u8],
        at: u64,
        page: &Page,
        cell: usize,
    ) -> io::Result<Option<Record>> {
        let pointer = page.pointers + 2 * cell;
        let Some(&[high, low]) = bytes.get(pointer..).and_then(|b| b.first_chunk::<2>()) else {
            return Ok(None);
        };
        let start = (usize::from(high) << 8 | usize::from(low)) & (self.page as usize - 1);
        let mut from = start + if page.interior { 4 } else { 0 };
        let Some((size, n)) = bytes.get(from..).and_then(payload_size) else { return Ok(None) };
        from += n;
        if page.table {
            let Some((_, n)) = bytes.get(from..).and_then(varint) else { return Ok(None) };
            from += n;
        }
        let most = if page.table { self.usable - 35 } else { (self.usable - 12) * 64 / 255 - 23 };
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = if size <= most {
            size
        } else {
            let fits = least + (size - least) % (self.usable - 4);
            if fits <= most { fits } else { least }
        };
        let end = (from as u64 + local).min(bytes.len() as u64) as usize;
        if end <= from {
            return Ok(None);
        }
        let cell = start..end + if size > local { 4 } else { 0 };
        let content = if size <= local {
            Content::from_bytes(bytes.get(from..end).unwrap_or(&[]))
        } else {
            let mut parts = vec![(0, at + from as u64..at + end as u64)];
            let mut known = (end - from) as u64;
            let mut next = u32_be(bytes, end).unwrap_or(0);
            while known < size && next > 0 && u64::from(next) <= self.pages {
                let overflow = (u64::from(next) - 1) * self.page;
                self.take(u64::from(next) - 1);
                self.followed += 1;
                let n = (self.usable - 4).min(size - known);
                parts.push((known, overflow + 4..overflow + 4 + n));
                known += n;
                next = u32_be(&self.job.content.read_range(overflow, 4)?, 0).unwrap_or(0);
                if self.followed > 4 * self.pages + 4_096 {
                    break;
                }
            }
            let content = Content::new(Segments::new(self.job.content.clone(), parts, known));
            if known <= scan.limits.held {
                Content::from_bytes(content.read_range(0, known as usize)?)
            } else {
                content
            }
        };
        Ok(Some(Record { content, cell, at: at + from as u64 }))
    }

    /// Leaves the texts and blobs of a record to be read, each from its own beginning.
    fn values(&self, scan: &mut Scan<'_>, record: &Record) -> io::Result<()> {
        let head = record.content.read_range(0, 9)?;
        let Some((size, mut n)) = varint(&head) else { return Ok(()) };
        let header = record.content.read_range(0, size.min(HEADER) as usize)?;
        let mut at = size;
        while let Some((kind, more)) = header.get(n..).filter(|rest| !rest.is_empty()).and_then(varint) {
            n += more;
            let len = match kind {
                0 | 8..=11 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                _ => (kind - 12) / 2,
            };
            let value = at..at.saturating_add(len);
            at = value.end;
            if kind >= 12 && len >= SHORTEST {
                let mut content = record.content.slice(value.clone());
                if kind % 2 == 1
                    && let Some(order) = self.wide
                    && content.len() <= scan.limits.held
                {
                    content = Content::from_bytes(narrow(&content.read_range(0, len as usize)?, order));
                }
                let child = self.job.child(&format!("value@0x{:x}", record.at + value.start), content);
                if kind % 2 == 1 && child.content.read_range(0, 2)?.eq_ignore_ascii_case(b"cr") {
                    schema(scan, &child)?;
                }
                scan.as_base64(&child)?;
                scan.later(Task::Open(child));
            }
        }
        Ok(())
    }

    /// Searches the bytes of a page that no record covers.
    fn gaps(&self, scan: &mut Scan<'_>, bytes: &[u8], at: u64, mut covered: Vec<Range<usize>>) {
        covered.sort_unstable_by_key(|range| range.start);
        covered.push(bytes.len()..bytes.len());
        let mut from = 0;
        for range in covered {
            let gap = bytes.get(from..range.start).unwrap_or(&[]);
            if gap.iter().any(|b| *b != 0) {
                scan.part_of_database(&self.job, at + from as u64..at + range.start as u64);
            }
            from = from.max(range.end);
        }
    }

    /// Searches the pages that no record was found in: free ones, lists of such, and what lies behind a break.
    fn rest(&self, scan: &mut Scan<'_>) {
        let taken =
            |page: &u64| self.taken.get((page / 8) as usize).is_some_and(|b| b >> (page % 8) & 1 == 1);
        let mut page = 0;
        while page < self.pages {
            let from = page;
            while page < self.pages && !taken(&page) {
                page += 1;
            }
            if from < page {
                scan.part_of_database(&self.job, from * self.page..page * self.page);
            }
            page += 1;
        }
    }
}

/// Longest statement of a schema that is looked through: SQLite takes a million bytes.
const STATEMENT: usize = 1_000_000;

/// Leaves the literals of a schema to be read: a view or a default gives them as values. What an expression makes of
/// them is not known here, and is told where a loader may ask for it.
fn schema(scan: &mut Scan<'_>, statement: &Job) -> io::Result<()> {
    let text = statement.content.read_range(0, STATEMENT)?;
    for (at, bytes) in sql::literals(&text).filter(|(_, bytes)| bytes.len() as u64 >= SHORTEST) {
        let literal = statement.child(&format!("literal@0x{at:x}"), Content::from_bytes(bytes));
        scan.later(Task::Open(literal));
    }
    if sql::computes(&text) {
        let message = "a view or a generated column computes values, which no record holds: what unpickles values \
                       of a table unpickles these";
        scan.fault(&statement.member, Rule::ContainerUnreadable, 0, message);
    }
    Ok(())
}

/// A number of one to nine bytes, and how many they are.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, b) in bytes.iter().take(8).enumerate() {
        value = value << 7 | u64::from(b & 0x7f);
        if b & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), 9))
}

/// The same for the size of a record, which SQLite reads with seven bits of each byte into four bytes.
fn payload_size(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u32;
    for (i, b) in bytes.iter().take(9).enumerate() {
        value = value << 7 | u32::from(b & 0x7f);
        if b & 0x80 == 0 || i == 8 {
            return Some((value.into(), i + 1));
        }
    }
    None
}

/// Text in UTF-16, as programs encode it before they unpickle it.
fn narrow(bytes: &[u8], order: Order) -> Vec<u8> {
    let units: Vec<u16> = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| match order {
            Order::Little => u16::from_le_bytes(*pair),
            Order::Big => u16::from_be_bytes(*pair),
        })
        .collect();
    String::from_utf16_lossy(&units).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_to_nine_bytes() {
        for (bytes, expected) in [
            (&[0x7f][..], Some((0x7f, 1))),
            (&[0x81, 0x00], Some((0x80, 2))),
            (&[0xff; 9], Some((u64::MAX, 9))),
            (&[0xff; 8], None),
            (&[], None),
        ] {
            assert_eq!(varint(bytes), expected);
        }
    }
}
