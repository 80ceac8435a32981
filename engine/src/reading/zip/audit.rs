//! Which members an archive has, for any reader, and where readers would part.
//!
//! Every end record that a reader could choose is followed to every directory it could mean; members
//! are the union. Bytes that no member and no directory accounts for are gaps, and local headers in
//! gaps are members too.
//!
//! One file, since each claim on a byte is held against all others.

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use crate::content::Content;
use crate::escape;
use crate::limits::Limits;
use crate::reading::zip::records::{
    self, DESCRIBED, Directory, ENCRYPTED, END, END_REACH, END_SIZE, End, Entry, LOCAL, Local,
};

/// A member, as far as the archive describes it.
#[derive(Debug)]
pub struct Member {
    /// The name for reports and for extensions.
    pub name: String,
    /// The directory's record, or one made up from the local header.
    pub entry: Entry,
    /// Where the data are.
    pub data: Range<u64>,
    /// Other readings of the data: a method and a range from the local header.
    pub others: Vec<(u16, Range<u64>)>,
    /// Whether both headers say that it is encrypted.
    pub encrypted: bool,
    /// Whether no directory lists it.
    pub hidden: bool,
}

/// Something that readers take in different ways, or cannot account for.
#[derive(Debug)]
pub struct Anomaly {
    /// Offset in the archive.
    pub offset: u64,
    /// In words.
    pub message: String,
    /// The member concerned, `None` for the archive.
    pub member: Option<usize>,
    /// Whether it is that a member's path leads out.
    pub escapes: bool,
}

/// An archive, audited.
#[derive(Debug, Default)]
pub struct Archive {
    /// Members, in the order of the directory, those that no directory lists behind them.
    pub members: Vec<Member>,
    /// What is odd.
    pub anomalies: Vec<Anomaly>,
    /// Bytes that nothing accounts for and that are not all zero.
    pub gaps: Vec<Range<u64>>,
    /// Whether a listed member was not found.
    pub lost: bool,
    /// A ceiling that was hit.
    pub limit: Option<String>,
}

/// End records that are followed in one archive.
const ENDS: usize = 64;
/// Local headers that are looked for in gaps.
const HIDDEN: usize = 10_000;
/// Longest total of names.
const NAMES: usize = 64 << 20;

/// Audits content that may be a zip. `None` where nothing says that it is one.
pub fn audit(content: &Content, name: &str, limits: &Limits) -> io::Result<Option<Archive>> {
    let ends = end_records(content)?;
    let begins = content.read_range(0, LOCAL.len())? == LOCAL;
    if ends.is_empty() && !begins {
        return Ok(None);
    }
    let mut auditor = Auditor {
        content,
        name,
        limits,
        archive: Archive::default(),
        seen: HashSet::new(),
        starts: HashSet::new(),
        read: Vec::new(),
        taken: Vec::new(),
        names: 0,
        directories: 0,
        cut_off: false,
    };
    match ends.split_first() {
        Some((first, others)) => {
            let found = auditor.follow(first)?;
            if !found && !begins && first.at > 0 {
                // Four bytes that happen to be there.
                return Ok(None);
            }
            if !found {
                auditor.odd(first.at, "the end record leads to no directory".to_owned());
            }
            for end in others {
                auditor.follow_other(end)?;
            }
        }
        None => {
            let len = content.len();
            auditor.odd(
                len,
                format!("the archive is cut off at byte {len}: its directory and end record are missing"),
            );
            auditor.cut_off = true;
        }
    }
    auditor.cover()?;
    auditor.collisions();
    Ok(Some(auditor.archive))
}

/// Whether an end record stands in reach of the end of content.
pub fn ends_as_zip(content: &Content) -> io::Result<bool> {
    let from = content.len().saturating_sub(END_REACH);
    let tail = content.range(from, END_REACH as usize)?;
    let room = |at: usize| (tail.len() - at) as u64 >= END_SIZE;
    Ok(FIND_END.find_iter(&tail).any(room))
}

/// Every file is searched for end records. Making the searcher takes longer than the search in a small one.
static FIND_END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(END));

/// The end records in reach of the end, the one that CPython's `zipfile` takes first.
fn end_records(content: &Content) -> io::Result<Vec<End>> {
    let from = content.len().saturating_sub(END_REACH);
    let tail = content.range(from, END_REACH as usize)?;
    let mut ends = Vec::new();
    let found: Vec<usize> = FIND_END.find_iter(&tail).collect();
    for at in found.into_iter().rev().take(ENDS) {
        if (tail.len() - at) as u64 >= END_SIZE
            && let Some(end) = End::read(content, from + at as u64)?
        {
            ends.push(end);
        }
    }
    let at_the_end = |end: &End| end.comment == 0 && end.end() == content.len();
    if let Some(i) = ends.iter().position(at_the_end) {
        ends.swap(0, i);
    }
    Ok(ends)
}

struct Auditor<'a> {
    content: &'a Content,
    /// The archive's own name.
    name: &'a str,
    limits: &'a Limits,
    archive: Archive,
    /// Local header, method, packed size and name of members that are known.
    seen: HashSet<(u64, u16, u64, Box<[u8]>)>,
    /// Where directories begin that have been read, with what was added to offsets, and where those with members of
    /// their own lie.
    starts: HashSet<(u64, u64)>,
    read: Vec<Range<u64>>,
    /// What is accounted for.
    taken: Vec<Range<u64>>,
    names: usize,
    directories: usize,
    /// Whether there is no end record, so that all members are found by their local headers alone.
    cut_off: bool,
}

impl Auditor<'_> {
    fn odd(&mut self, offset: u64, message: String) {
        self.archive.anomalies.push(Anomaly { offset, message, member: None, escapes: false });
    }

    /// Whether the first member goes by the archive's own path: pandas before 1.2 takes the path it is given for both.
    fn is_own_path(&self, member: &[u8]) -> bool {
        let up = member.split(|b| matches!(b, b'/' | b'\\')).any(|part| part == b"..");
        let last = member.rsplit(|b| matches!(b, b'/' | b'\\')).next();
        self.archive.members.is_empty() && !up && last == Some(self.name.as_bytes())
    }

    fn odd_member(&mut self, offset: u64, message: &str) {
        let member = self.archive.members.len();
        self.archive.anomalies.push(Anomaly {
            offset,
            message: message.to_owned(),
            member: Some(member),
            escapes: false,
        });
    }

    /// Reads every directory that an end record could mean. Whether there is one.
    fn follow(&mut self, end: &End) -> io::Result<bool> {
        let claim = end.claim();
        let before = self.directories;
        for (start, shift) in end.directories() {
            self.directory(start, shift, end)?;
        }
        let empty = claim.entries == 0 && claim.size == 0 && !end.disks && end.end() == self.content.len();
        if self.directories == before && !empty {
            return Ok(false);
        }
        if end.disagrees() {
            self.odd(end.at, "the zip64 end record and the plain one name different directories".to_owned());
        }
        if end.disks {
            self.odd(end.at, "the end record speaks of several disks".to_owned());
        }
        self.taken.push(end.start()..end.at + END_SIZE);
        let rest = end.end().min(self.content.len());
        self.taken.push(end.at..rest);
        // A comment is accounted for, and still no place for a pickle.
        if end.at + END_SIZE < rest {
            self.archive.gaps.push(end.at + END_SIZE..rest);
        }
        Ok(true)
    }

    /// A further end record counts unless a member or a directory accounts for its bytes: a zip
    /// stored in a zip has its own.
    fn follow_other(&mut self, end: &End) -> io::Result<()> {
        let inside = self.archive.members.iter().any(|m| m.data.contains(&end.at));
        if inside {
            return Ok(());
        }
        let before = self.archive.members.len();
        if self.follow(end)? {
            let more = self.archive.members.len() - before;
            self.odd(end.at, format!("a second end record, with {more} more members"));
        }
        Ok(())
    }

    fn directory(&mut self, start: u64, shift: u64, end: &End) -> io::Result<()> {
        if start >= self.content.len() || !self.starts.insert((start, shift)) {
            return Ok(());
        }
        let mut directory = Directory::new(self.content, start, end.claim().size);
        let mut entries: u64 = 0;
        let members = self.archive.members.len();
        while let Some(entry) = directory.next()? {
            entries += 1;
            self.names += entry.name.len();
            if self.archive.members.len() as u64 >= self.limits.members || self.names > NAMES {
                self.archive.limit =
                    Some(format!("the archive has more than {} members", self.archive.members.len()));
                break;
            }
            self.listed(entry, shift)?;
        }
        let read = directory.at;
        if entries == 0 {
            return Ok(());
        }
        // Readers that do not know of zip64 count back into the directory, where its first name is as long as
        // two records. What they find is members that are known.
        let known = self.read.iter().any(|before| before.contains(&start) && before.end == read);
        if known && self.archive.members.len() == members {
            return Ok(());
        }
        self.directories += 1;
        self.read.push(start..read);
        self.taken.push(start..read);
        if self.directories > 1 {
            self.odd(start, "the end records lead to more than one directory".to_owned());
        }
        let claim = end.claim();
        if claim.entries != entries && self.archive.limit.is_none() {
            let message =
                format!("the end record counts {} members, the directory has {entries}", claim.entries);
            self.odd(end.at, message);
        } else if claim.size != read - start && self.archive.limit.is_none() {
            let message =
                format!("the directory has {} bytes, the end record says {}", read - start, claim.size);
            self.odd(end.at, message);
        }
        Ok(())
    }

    /// Takes a listed entry with the local header that it means.
    fn listed(&mut self, entry: Entry, shift: u64) -> io::Result<()> {
        let mut found = false;
        let shifted = Some(entry.local.wrapping_add(shift));
        let places = if shift == 0 { [shifted, None] } else { [shifted, Some(entry.local)] };
        for at in places.into_iter().flatten().filter(|at| *at < self.content.len()) {
            if let Some(local) = Local::read(self.content, at, entry.name.len())? {
                found = true;
                self.member(entry.clone(), at, &local)?;
            }
        }
        if !found {
            self.odd(entry.listed_at, "the directory lists a member that has no local header".to_owned());
            self.archive.lost = true;
            let name = display(&entry.name);
            let data = self.content.len()..self.content.len();
            let encrypted = entry.flags & ENCRYPTED != 0;
            self.archive.members.push(Member {
                name,
                entry,
                data,
                others: Vec::new(),
                encrypted,
                hidden: false,
            });
        }
        Ok(())
    }

    fn member(&mut self, entry: Entry, at: u64, local: &Local) -> io::Result<()> {
        if !self.seen.insert((at, entry.method, entry.packed, entry.name.clone())) {
            return Ok(());
        }
        let end = local.data.saturating_add(entry.packed);
        let data = local.data..end.min(self.content.len());
        let mut others = Vec::new();
        if end > self.content.len() {
            self.odd_member(at, "a member's data go beyond the end of the file");
        }
        if local.name != entry.name {
            let message = format!(
                "its local header calls it `{}`",
                escape::name(&String::from_utf8_lossy(&local.name))
            );
            self.odd_member(at, &message);
        }
        // Encryption, patched data, strong encryption, masked headers: readers refuse by either header.
        if (local.flags ^ entry.flags) & 0x2061 != 0 {
            self.odd_member(at, "its flags differ between local header and directory");
        }
        let packed = local.packed.unwrap_or(entry.packed);
        if local.method != entry.method {
            self.odd_member(at, "its compression method differs between local header and directory");
            others.push((local.method, data.clone()));
        }
        if packed != entry.packed || local.size.is_some_and(|n| n != entry.size) {
            self.odd_member(at, "its sizes differ between local header and directory");
            let end = local.data.saturating_add(packed).min(self.content.len());
            others.push((local.method, local.data..end));
        } else if local.crc != entry.crc && local.flags & DESCRIBED == 0 {
            self.odd_member(at, "its checksum differs between local header and directory");
        }
        if entry.method == 0 && entry.packed != entry.size {
            self.odd_member(at, "it is stored, and its packed size is not its size");
        }
        if entry.cut {
            self.odd_member(
                at,
                "its record runs over the end of the directory, where some readers cut its name",
            );
        }
        if entry.wide_twice {
            self.odd_member(at, "two zip64 fields: readers part on which one holds");
        }
        if entry.name.contains(&0) {
            self.odd_member(at, "a NUL in its name, where some readers cut it");
        }
        if let Some(other) = &entry.unicode_name {
            let other = escape::name(&String::from_utf8_lossy(other));
            self.odd_member(at, &format!("its Unicode Path field names it `{other}`"));
        }
        if matches!(entry.name.last(), Some(b'/' | b'\\')) && entry.size > 0 {
            self.odd_member(at, "a folder with content");
        }
        if leaves_the_folder(&entry.name) && !self.is_own_path(&entry.name) {
            self.odd_member(at, "its path leads out of the folder it is extracted to");
            if let Some(anomaly) = self.archive.anomalies.last_mut() {
                anomaly.escapes = true;
            }
        }
        if entry.mode & 0o170_000 == 0o120_000 {
            self.odd_member(at, "a symbolic link: its content is elsewhere");
        }
        let mut covered = data.end;
        if (local.flags | entry.flags) & DESCRIBED != 0
            && let Some(length) = records::descriptor(self.content, data.end, &entry)?
        {
            covered += length;
        }
        self.taken.push(at..covered);
        let encrypted = local.flags & entry.flags & ENCRYPTED != 0;
        let name = display(&entry.name);
        self.archive.members.push(Member { name, entry, data, others, encrypted, hidden: false });
        Ok(())
    }

    /// Finds overlaps and gaps, and local headers in gaps.
    fn cover(&mut self) -> io::Result<()> {
        self.overlaps();
        let mut taken = std::mem::take(&mut self.taken);
        taken.sort_by_key(|r| (r.start, r.end));
        let mut gaps = Vec::new();
        let mut at = 0;
        for range in &taken {
            if range.start > at {
                gaps.push(at..range.start);
            }
            at = at.max(range.end);
        }
        if at < self.content.len() {
            gaps.push(at..self.content.len());
        }
        for gap in gaps {
            if self.is_zero(&gap)? {
                continue;
            }
            let place = match (gap.start == 0, gap.end == self.content.len()) {
                (true, true) => None,
                (true, false) => Some("before the archive"),
                (false, true) => Some("behind the archive"),
                (false, false) => Some("between its members"),
            };
            if let Some(place) = place {
                let n = gap.end - gap.start;
                self.odd(gap.start, format!("{n} bytes {place} that nothing accounts for"));
            }
            self.hidden_members(&gap)?;
            self.archive.gaps.push(gap);
        }
        Ok(())
    }

    fn overlaps(&mut self) {
        let mut order: Vec<(Range<u64>, usize)> =
            self.archive.members.iter().enumerate().map(|(i, m)| (m.data.clone(), i)).collect();
        order.retain(|(range, _)| !range.is_empty());
        order.sort_by_key(|(range, _)| (range.start, range.end));
        let mut end = 0;
        for (range, i) in order {
            if range.start < end {
                self.archive.anomalies.push(Anomaly {
                    offset: range.start,
                    message: "its data overlap another member's".to_owned(),
                    member: Some(i),
                    escapes: false,
                });
            }
            end = end.max(range.end);
        }
    }

    fn is_zero(&self, gap: &Range<u64>) -> io::Result<bool> {
        let mut at = gap.start;
        while at < gap.end {
            let n = (gap.end - at).min(self.limits.window as u64) as usize;
            let bytes = self.content.read_range(at, n)?;
            if bytes.is_empty() || bytes.iter().any(|b| *b != 0) {
                return Ok(bytes.is_empty());
            }
            at += n as u64;
        }
        Ok(true)
    }

    fn hidden_members(&mut self, gap: &Range<u64>) -> io::Result<()> {
        let mut at = gap.start;
        let mut found = 0;
        let mut window = Vec::new();
        let mut base = at;
        while at < gap.end && found < HIDDEN {
            if at + LOCAL.len() as u64 > base + window.len() as u64 {
                window = self.content.read_range(at, self.limits.window)?;
                base = at;
            }
            let ahead = window.get((at - base) as usize..).unwrap_or(&[]);
            let Some(i) = memmem::find(ahead, LOCAL) else {
                if window.len() < self.limits.window {
                    break;
                }
                at += (ahead.len() - (LOCAL.len() - 1)) as u64;
                continue;
            };
            at += i as u64;
            if at >= gap.end {
                break;
            }
            match Local::read(self.content, at, 0)? {
                Some(local) if !local.name.is_empty() && local.name.len() <= 4096 => {
                    found += 1;
                    at = self.hidden_member(at, &local, gap)?.max(at + LOCAL.len() as u64);
                }
                _ => at += LOCAL.len() as u64,
            }
        }
        Ok(())
    }

    /// Takes a local header that no directory lists; tells where its data end.
    fn hidden_member(&mut self, at: u64, local: &Local, gap: &Range<u64>) -> io::Result<u64> {
        let end = match local.packed {
            Some(n) => local.data.saturating_add(n).min(self.content.len()),
            None => self.next_record(local.data)?.unwrap_or(gap.end).max(local.data),
        };
        let entry = Entry {
            listed_at: at,
            name: local.name.clone(),
            flags: local.flags,
            method: local.method,
            crc: local.crc,
            packed: end.saturating_sub(local.data),
            size: local.size.unwrap_or(0),
            local: at,
            mode: 0,
            unicode_name: None,
            wide_twice: false,
            cut: false,
        };
        if !self.cut_off {
            self.odd_member(at, "a member that no directory lists");
        }
        let encrypted = local.flags & ENCRYPTED != 0;
        let name = display(&local.name);
        let data = local.data.min(end)..end;
        self.archive.members.push(Member { name, entry, data, others: Vec::new(), encrypted, hidden: true });
        Ok(end)
    }

    /// Offset of the next signature of any record, within one window.
    fn next_record(&self, from: u64) -> io::Result<Option<u64>> {
        let bytes = self.content.read_range(from, self.limits.window)?;
        let record = |at: &usize| {
            matches!(
                bytes.get(*at..*at + 4),
                Some([b'P', b'K', 1, 2] | [b'P', b'K', 3, 4] | [b'P', b'K', 7, 8])
            )
        };
        Ok(memmem::find_iter(&bytes, b"PK").find(record).map(|i| from + i as u64))
    }

    /// Names that are one name to some reader.
    fn collisions(&mut self) {
        let mut first: HashMap<String, usize> = HashMap::new();
        for (i, member) in self.archive.members.iter().enumerate() {
            let Some(earlier) = first.insert(folded(&member.entry.name), i) else { continue };
            let same = self.archive.members.get(earlier).is_some_and(|m| m.entry.name == member.entry.name);
            let message = if same {
                "a second member of that name: readers take different ones".to_owned()
            } else {
                "its name is another member's for readers that ignore case or separators".to_owned()
            };
            let offset = member.entry.local;
            for member in [earlier, i] {
                self.archive.anomalies.push(Anomaly {
                    offset,
                    message: message.clone(),
                    member: Some(member),
                    escapes: false,
                });
            }
        }
    }
}

fn display(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..name.len().min(1024)).unwrap_or(name)).into_owned()
}

/// A name as the most lenient reader compares it.
fn folded(name: &[u8]) -> String {
    let cut = name.split(|b| *b == 0).next().unwrap_or(name);
    let text = String::from_utf8_lossy(cut).replace('\\', "/").to_lowercase();
    text.trim_start_matches("./").trim_matches('/').to_owned()
}

/// Whether a path leads out of the folder that it is extracted to, on some system.
pub fn leaves_the_folder(name: &[u8]) -> bool {
    let drive = matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic());
    let rooted = matches!(name.first(), Some(b'/' | b'\\'));
    drive || rooted || name.split(|b| matches!(b, b'/' | b'\\')).any(|part| part == b"..")
}
