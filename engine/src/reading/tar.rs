//! Tar archives: POSIX ustar and pax, GNU long names and sparse members, and the old form without a
//! magic (`Lib/tarfile.py`; pax: POSIX.1-2008; GNU tar's manual).

use std::collections::{HashMap, HashSet};
use std::io;
use std::ops::Range;

use crate::content::Content;
use crate::facts::MemberFault;
use crate::pickle::stream::number::unsigned;
use crate::reading::carried::{self, Model, Package};
use crate::reading::job::Job;
use crate::reading::segments::Segments;
use crate::reading::tar_header::{Header, checksum_holds, number, text};
use crate::reading::torch;
use crate::reading::work::{Conclusion, Scan, Step, Task, When, fault};
use crate::reading::zip::audit::leaves_the_folder;
use crate::rule::Rule;

const BLOCK: u64 = 512;
/// The member of torch's tar layout in which raw tensors stand between pickles (`torch/serialization.py`, `legacy_load`).
const STORAGES: &str = "storages";
/// Longest extended header or long name.
const HEADER: u64 = 1 << 20;
/// Ranges of one sparse member.
const RANGES: usize = 100_000;

/// A walk from header to header, member by member.
pub(crate) struct Walk {
    job: Job,
    at: u64,
    /// Fields for the next member alone, and for all further ones.
    next: HashMap<Vec<u8>, Vec<u8>>,
    all: HashMap<Vec<u8>, Vec<u8>>,
    /// Whether the next member has an extended header already.
    extended: bool,
    members: u64,
    before: u64,
    /// What is odd.
    faults: Vec<MemberFault>,
    package: Package,
    /// Members that may be code, for when a later one says what the archive is.
    sources: Vec<Job>,
}

impl Walk {
    fn fault(&mut self, rule: Rule, offset: u64, message: impl Into<String>) {
        self.faults
            .push(MemberFault { member: self.job.member.clone(), fault: fault(rule, offset, message) });
    }
}

impl Step for Walk {
    fn step(self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        scan.walk_tar(self)
    }
}

impl Scan<'_> {
    /// Reads content as a tar.
    pub fn open_tar(&mut self, job: &Job) -> io::Result<()> {
        self.later(Task::Step(Box::new(Walk {
            job: job.clone(),
            at: 0,
            next: HashMap::new(),
            all: HashMap::new(),
            extended: false,
            members: 0,
            before: self.found,
            faults: Vec::new(),
            package: Package::of(&job.name, &HashSet::new()),
            sources: Vec::new(),
        })));
        Ok(())
    }

    /// Takes the next member, and leaves the walk to go on after it.
    fn walk_tar(&mut self, mut walk: Box<Walk>) -> io::Result<()> {
        loop {
            let block = walk.job.content.read_range(walk.at, BLOCK as usize)?;
            let Some(block) = block.first_chunk::<512>() else {
                return self.end_tar(walk);
            };
            if block.iter().all(|b| *b == 0) {
                return self.end_tar(walk);
            }
            let right = checksum_holds(block);
            let header = if right { Header::parse(block) } else { None };
            if right && header.is_none() {
                let message = "a size below zero in a tar header: readers part on where the next one is";
                self.fault(&walk.job.member, Rule::ContainerAnomaly, walk.at, message);
            }
            let Some(header) = header else {
                walk.fault(
                    Rule::ContainerAnomaly,
                    walk.at,
                    "a tar header with a wrong checksum, where readers stop",
                );
                return self.end_tar(walk);
            };
            walk.members += 1;
            if walk.members > self.limits.members {
                let message = format!("the archive has more than {} members", self.limits.members);
                self.fault(&walk.job.member, Rule::ResourceLimit, walk.at, message);
                return Ok(());
            }
            if let Some(child) = self.tar_member(&mut walk, header)? {
                self.later(Task::Open(child));
                self.later(Task::Step(walk));
                return Ok(());
            }
        }
    }

    /// Takes what one header announces, and steps over it. A member with content comes back as a job.
    fn tar_member(&mut self, walk: &mut Walk, header: Header) -> io::Result<Option<Job>> {
        let at = walk.at;
        let data = at + BLOCK;
        match header.kind {
            b'x' | b'X' | b'g' | b'L' | b'K' => {
                walk.at = after(data, header.size);
                if header.size > HEADER {
                    let message = "an extended header of more than 1 MiB";
                    self.fault(&walk.job.member, Rule::ResourceLimit, at, message);
                    return Ok(None);
                }
                let block = walk.job.content.read_range(data, (walk.at - data) as usize)?;
                let bytes = block.get(..header.size as usize).unwrap_or(&block);
                self.extended_header(walk, &header, bytes, &block);
                match header.kind {
                    b'L' => drop(walk.next.insert(b"path".to_vec(), text(bytes).to_vec())),
                    b'K' => drop(walk.next.insert(b"linkpath".to_vec(), text(bytes).to_vec())),
                    b'g' => walk.all.extend(pax_fields(bytes)),
                    _ => walk.next.extend(pax_fields(bytes)),
                }
                return Ok(None);
            }
            _ => {}
        }
        let mut fields = walk.all.clone();
        fields.extend(walk.next.drain());
        walk.extended = false;
        // What is no number counts as 0, as in `tarfile`.
        let size = fields.get(&b"size"[..]).map_or(header.size, |text| unsigned(text, 10).unwrap_or(0));
        if fields.get(&b"size"[..]).is_some_and(|text| unsigned(text, 10).is_none()) {
            let message = "a member's size that is no number: readers part on where the next one begins";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, at, message);
        }
        if walk.all.contains_key(&b"size"[..]) {
            let message = "a size for all further members: readers part on where these begin";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, at, message);
        }
        let sparse = fields.keys().any(|key| key.starts_with(SPARSE));
        if sparse && (fields.contains_key(&b"size"[..]) || !matches!(header.kind, 0 | b'0' | b'7')) {
            let message =
                "a sparse member described twice: readers part on its data and on where the next one begins";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, at, message);
        }
        let name = [&b"GNU.sparse.name"[..], b"path"].iter().find_map(|key| fields.get(*key));
        let name = String::from_utf8_lossy(name.unwrap_or(&header.name)).into_owned();
        let link = String::from_utf8_lossy(fields.get(&b"linkpath"[..]).unwrap_or(&header.link)).into_owned();
        // Links, devices and folders have no data, whatever their size says.
        let has_data = !matches!(header.kind, b'1'..=b'6');
        // `tarfile` takes the slashes off a path; a link's content is another member's.
        if name.trim_end_matches('/') == STORAGES
            && header.kind != b'5'
            && !(has_data && torch::counts_none(&walk.job.content.slice(data..data.saturating_add(size)))?)
        {
            let message = "torch's tar layout with tensors between its pickles, which are not followed";
            self.fault(&walk.job.member, Rule::ContainerUnreadable, at, message);
        }
        // `tarfile` looks for the next header where others see the content of the old form's folder.
        walk.at = if has_data && !header.old_folder { after(data, size) } else { data };
        if walk.at > walk.job.content.len() && data.saturating_add(size) > walk.job.content.len() && has_data
        {
            walk.fault(Rule::ContainerAnomaly, at, "a tar member goes beyond the end of the file");
        }
        if header.kind == b'2' && (link.starts_with('/') || link.split('/').any(|part| part == "..")) {
            walk.fault(
                Rule::ContainerAnomaly,
                at,
                "a symbolic link out of the archive: its content is elsewhere",
            );
        }
        if !has_data || size == 0 {
            return Ok(None);
        }
        let stored = walk.job.content.slice(data..data.saturating_add(size));
        let content = match self.sparse(walk, &header, &fields, data, size)? {
            Some(content) => {
                // The bytes as they stand are what a reader without sparse members sees.
                let raw = walk
                    .job
                    .hidden(data..data.saturating_add(size), "a pickle in the map of a sparse member");
                self.later(Task::Open(raw));
                content
            }
            None => stored,
        };
        let child = walk.job.child(&name, content);
        if walk.package.model != Model::None && leaves_the_folder(name.as_bytes()) {
            let message = "its path leads out of the folder it is extracted to";
            self.fault(&child.member, Rule::ContainerAnomaly, at, message);
        }
        self.tar_code(walk, &name, &child)?;
        Ok(Some(child))
    }

    /// Notes members that are code, where the archive is known to be a model's: TorchServe's says so in a member.
    fn tar_code(&mut self, walk: &mut Walk, name: &str, child: &Job) -> io::Result<()> {
        let known = walk.package.model != Model::None;
        if !known && name.trim_start_matches("./").eq_ignore_ascii_case("MAR-INF/MANIFEST.json") {
            walk.package.model = Model::Served;
            for source in std::mem::take(&mut walk.sources) {
                self.carried_code(&walk.package, &source)?;
            }
        }
        if known {
            self.carried_code(&walk.package, child)?;
        } else if carried::may_be_code(child)? {
            walk.sources.push(child.clone());
        }
        Ok(())
    }

    /// What of an extended header readers take in different ways.
    /// `bytes` is what its size covers, `block` all up to the next header.
    fn extended_header(&mut self, walk: &mut Walk, header: &Header, bytes: &[u8], block: &[u8]) {
        if !matches!(header.kind, b'x' | b'X' | b'g') {
            return;
        }
        let own = header.kind != b'g';
        if own && std::mem::replace(&mut walk.extended, true) {
            let message = "two extended headers for one tar member: readers part on which one holds";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, walk.at, message);
        }
        // `tarfile` goes on through the padding, and before CPython 3.13 over records that are none.
        let used = bytes.len() - after_records(bytes).len();
        if block.get(used).is_some_and(|b| *b != 0) {
            let message = "an extended header that is not made of records: readers part on what it says";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, walk.at, message);
        }
        // `tarfile` looks for them in the bytes, whatever record they are in.
        let spelled = memchr::memmem::find_iter(block, SPARSE).count();
        let meant = pax_records(bytes).filter(|(key, _)| key.starts_with(SPARSE)).count();
        if spelled != meant || (!own && spelled > 0) {
            let message = "fields of a sparse member in a place where not all readers look";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, walk.at, message);
        }
    }

    /// The content of a sparse member, in any of the four forms.
    fn sparse(
        &mut self,
        walk: &mut Walk,
        header: &Header,
        fields: &HashMap<Vec<u8>, Vec<u8>>,
        data: u64,
        size: u64,
    ) -> io::Result<Option<Content>> {
        let digits = |key: &[u8]| -> Option<u64> { decimal(fields.get(key)?) };
        let content = walk.job.content.clone();
        let at = walk.at;
        let mut data = data;
        let mut plain = true;
        let real_size;
        let mut map: Vec<(u64, u64)> = Vec::new();
        if header.kind == b'S' {
            let block = header.block.as_slice();
            real_size = block.get(483..495).and_then(number).unwrap_or(0);
            plain &= add_old_map(block.get(386..482).unwrap_or(&[]), &mut map);
            let mut more = block.get(482).is_some_and(|b| *b != 0);
            while more && map.len() < RANGES {
                // Blocks with further ranges stand before the data, and are not counted in the size.
                let extension = content.read_range(data, BLOCK as usize)?;
                plain &= add_old_map(extension.get(..504).unwrap_or(&[]), &mut map);
                more = extension.get(504).is_some_and(|b| *b != 0);
                data += BLOCK;
            }
            walk.at = after(data, size);
        } else if let Some(stated) = digits(b"GNU.sparse.realsize").or_else(|| digits(b"GNU.sparse.size")) {
            real_size = stated;
            let text = fields.get(&b"GNU.sparse.map"[..]);
            let lines = digits(b"GNU.sparse.major") == Some(1) && digits(b"GNU.sparse.minor") == Some(0);
            if let Some(text) = text {
                let numbers: Vec<Option<u64>> = text.split(|b| *b == b',').map(decimal).collect();
                plain &= numbers.len().is_multiple_of(2) && numbers.len() / 2 <= RANGES && !lines;
                plain &= numbers.iter().all(Option::is_some);
                map.extend(
                    numbers
                        .chunks_exact(2)
                        .take(RANGES)
                        .filter_map(|c| Some(((*c.first()?)?, (*c.get(1)?)?))),
                );
            } else {
                let text = text_map(&content, data, size)?;
                plain &= lines && text.whole;
                map = text.ranges;
                data += text.used;
            }
        } else {
            if fields.keys().any(|key| key.starts_with(SPARSE)) {
                let message = "a sparse member without a size, which not all readers take for one";
                self.fault(&walk.job.member, Rule::ContainerAnomaly, at, message);
            }
            return Ok(None);
        }
        let mut end = 0u64;
        for (from, n) in &map {
            plain &= *from >= end;
            end = from.saturating_add(*n);
        }
        if !plain || end > real_size {
            let message = "the map of a sparse member is no list of ranges in order";
            self.fault(&walk.job.member, Rule::ContainerAnomaly, at, message);
        }
        let mut from = data;
        let parts = map.into_iter().map(|(at, n)| {
            let range = from..from.saturating_add(n).min(content.len());
            from = range.end;
            (at, range)
        });
        let parts: Vec<(u64, Range<u64>)> = parts.collect();
        Ok(Some(Content::new(Segments::new(content.clone(), parts, real_size.min(1 << 60)))))
    }

    /// Behind the last member: only zeros are padding.
    fn end_tar(&mut self, mut walk: Box<Walk>) -> io::Result<()> {
        let rest = rest_after_padding(&walk.job.content, walk.at)?;
        if let Some(rest) = rest {
            let known = !walk.faults.is_empty();
            if !known {
                walk.fault(Rule::ContainerAnomaly, rest, "bytes behind the end of the tar");
            }
            let content = walk.job.content.slice(rest..u64::MAX);
            let head = content.read_range(0, 512)?;
            if !known && head.first_chunk::<512>().is_some_and(checksum_holds) {
                // Another archive: some readers go on with it.
                let mut job = walk.job.child(&format!("@0x{rest:x}"), content);
                job.name.clone_from(&walk.job.name);
                self.later(Task::Open(job));
            } else {
                self.behind(&walk.job, rest..u64::MAX, "a pickle behind the end of a tar")?;
            }
        }
        let verdict =
            Conclusion { before: walk.before, faults: std::mem::take(&mut walk.faults), when: When::Found };
        self.later(Task::Conclude(verdict));
        Ok(())
    }
}

/// Offset of the block behind `size` bytes of data.
fn after(data: u64, size: u64) -> u64 {
    data.saturating_add(size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX))
}

/// Offset of the first block that is not all zeros.
fn rest_after_padding(content: &Content, mut at: u64) -> io::Result<Option<u64>> {
    loop {
        let bytes = content.read_range(at, 64 << 10)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if let Some(i) = bytes.iter().position(|b| *b != 0) {
            return Ok(Some(at + (i as u64 & !(BLOCK - 1))));
        }
        at += bytes.len() as u64;
    }
}

/// Records `length key=value\n`. What is broken ends them.
fn pax_records(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (key, value, behind) = pax_record(rest)?;
        rest = behind;
        Some((key, value))
    })
}

/// Key and value of the first record, and what is behind it.
fn pax_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = memchr::memchr(b' ', bytes)?;
    let length = usize::try_from(decimal(bytes.get(..blank)?)?).ok()?;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let (key, value) = record.split_at(memchr::memchr(b'=', record).filter(|at| *at > 0)?);
    Some((key, value.get(1..)?, bytes.get(length..)?))
}

/// What is behind the last record.
fn after_records(mut bytes: &[u8]) -> &[u8] {
    while let Some((_, _, behind)) = pax_record(bytes) {
        bytes = behind;
    }
    bytes
}

/// Records by their keys, the last of each.
fn pax_fields(bytes: &[u8]) -> HashMap<Vec<u8>, Vec<u8>> {
    let mut fields = HashMap::new();
    for (key, value) in pax_records(bytes) {
        if matches!(key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") {
            // Version 0.0: a pair of records for each range, gathered into the form of 0.1.
            let map: &mut Vec<u8> = fields.entry(b"GNU.sparse.map".to_vec()).or_default();
            if !map.is_empty() {
                map.push(b',');
            }
            map.extend(value);
        } else {
            fields.insert(key.to_vec(), value.to_vec());
        }
    }
    fields
}

/// How keys of sparse members begin.
const SPARSE: &[u8] = b"GNU.sparse.";

/// Digits and nothing else. Longer numbers are no offsets.
fn decimal(text: &[u8]) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit);
    if plain { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// Adds GNU's old map: pairs of twelve-byte numbers, up to the first that is empty. Whether all of them are numbers
/// and nothing stands behind the last.
fn add_old_map(fields: &[u8], map: &mut Vec<(u64, u64)>) -> bool {
    let pair = |pair: &[u8]| Some((number(pair.get(..12)?)?, number(pair.get(12..24)?)?));
    let mut pairs = fields.chunks_exact(24);
    for fields in pairs.by_ref() {
        if fields.first() == Some(&0) {
            return fields.iter().all(|b| *b == 0) && pairs.all(|rest| rest.iter().all(|b| *b == 0));
        }
        let Some(range) = pair(fields) else { return false };
        map.push(range);
    }
    true
}

/// A sparse map in text.
struct TextMap {
    ranges: Vec<(u64, u64)>,
    /// Bytes that it takes up, whole blocks.
    used: u64,
    /// Whether it is all there.
    whole: bool,
}

/// Version 1.0: the map stands before the data in decimal lines, padded to whole blocks.
fn text_map(content: &Content, data: u64, size: u64) -> io::Result<TextMap> {
    let bytes = content.read_range(data, size.min(HEADER) as usize)?;
    let mut used = 0;
    let mut numbers = bytes.split_inclusive(|b| *b == b'\n').map_while(|line| {
        used += line.len() as u64;
        decimal(line.strip_suffix(b"\n")?)
    });
    let count = numbers.next();
    let mut map = Vec::new();
    while (map.len() as u64) < count.unwrap_or(0).min(RANGES as u64) {
        let (Some(at), Some(n)) = (numbers.next(), numbers.next()) else { break };
        map.push((at, n));
    }
    drop(numbers);
    let whole = count == Some(map.len() as u64);
    Ok(TextMap { ranges: map, used: used.next_multiple_of(BLOCK), whole })
}
