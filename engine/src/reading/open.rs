//! One piece of content under every reading that applies to it.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use crate::facts::MemberFault;
use crate::pickle::stream::opcode;
use crate::reading::codec::{Codec, Ending};
use crate::reading::embedded;
use crate::reading::ending;
use crate::reading::family::{self, Family};
use crate::reading::inflated::Inflated;
use crate::reading::job::{Disguise, Job, Place};
use crate::reading::joblib;
use crate::reading::numpy::{self, Array};
use crate::reading::pickles::Pickles;
use crate::reading::sniff::{self, Form};
use crate::reading::work::{Scan, Task, Verdict, fault};
use crate::rule::Rule;

/// Longest header behind which a pickle is looked for, where the form does not say how long it is.
const HEADER: u64 = 64 << 10;
/// Bytes before the end in which one is looked for.
const TAIL: u64 = 256 << 10;
/// Places in either that are tried.
const TRIES: usize = 64;
/// Places in either of a database where a pickle may import something.
const IMPORTS: usize = 10_000;
/// Longest pickle that is read there: places lie inside one another.
const GUESS: u64 = 16 << 20;

/// What came of the first look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// A form that is read here.
    Read,
    /// A form that holds no pickles.
    Harmless,
    /// None that is known.
    Unknown,
}

impl Scan<'_> {
    /// Opens content: as pickles, as what its first bytes say, as a zip by its last bytes.
    pub fn open(&mut self, mut job: Job) -> io::Result<()> {
        if job.depth > self.limits.depth {
            let message = format!("more than {} containers inside one another", self.limits.depth);
            self.fault(&job.member, Rule::ResourceLimit, 0, message);
            return Ok(());
        }
        let family = if job.place == Place::File { Family::of(&job.name) } else { Family::Plain };
        if job.place == Place::Guess {
            return self.guess(&job);
        }
        let head = job.content.read_range(0, sniff::HEAD)?;
        if head.is_empty() {
            if matches!(family, Family::Loader | Family::Pickle) {
                self.fault(&job.member, Rule::NotAPickle, 0, "the file is empty");
            }
            return self.settled(&mut job, family, self.found);
        }
        if family == Family::Foreign && job.disguise.is_none() {
            job.disguise =
                Disguise::new(format!("a pickle in a file named .{}", family::extension(&job.name)));
        }
        let form = sniff::form(&head, job.content.len());
        let before = self.found;
        let pickles = self.as_pickles(&job, family, form)?;
        self.as_json(&job)?;
        let mut seen = self.as_form(&job, family, form)?;
        if self.as_weak_forms(&job, family, form, &head)? {
            seen = Seen::Read;
        }
        self.settled(&mut job, family, before)?;
        let zip = form == Form::Zip || self.by_last_bytes(&job, form, &pickles)?;
        if zip {
            self.open_zip(&job, family, form == Form::Zip)?;
        }
        let read = zip || pickles.found || seen == Seen::Read || self.found > before;
        if !read && job.place == Place::File {
            if seen == Seen::Unknown && (family.of_models() || family == Family::Foreign) {
                self.within(&job, 0..u64::MAX, "a pickle inside content of unknown form")?;
            }
            self.unread(&job, family, form, seen);
        }
        Ok(())
    }

    /// Reads what may be a pickle and is bytes by chance, most of the time. Those break soon; bytes that are made
    /// not to would be read over and over, from each place that is tried.
    fn guess(&mut self, job: &Job) -> io::Result<()> {
        if self.guessed > self.limits.guessed {
            let message = "too much of content of unknown form reads as opcodes to try every place in it";
            self.fault("", Rule::ResourceLimit, 0, message);
            return Ok(());
        }
        self.pickles(job, Family::Plain).map(|_| ())
    }

    /// Looks for PROTO in the first and the last bytes of a range, where nothing says what they are: behind a
    /// program's own header, or appended to a picture. Without a reason the pickles are no secret.
    fn within(&mut self, job: &Job, range: Range<u64>, reason: &str) -> io::Result<()> {
        let content = job.content.slice(range.start..range.end.min(self.length(job)?));
        let tail = content.len().saturating_sub(TAIL).max(HEADER);
        for part in [0..HEADER, tail..content.len()] {
            let bytes = content.read_range(part.start, part.end.saturating_sub(part.start) as usize)?;
            let opens = |at: &usize| matches!(bytes.get(at + 1..at + 3), Some([2..=5, next]) if opcode::by_code(*next).is_some());
            for at in memchr::memchr_iter(0x80, &bytes).filter(opens).take(TRIES) {
                let at = range.start + part.start + at as u64;
                let mut guess = job.hidden(at..range.end.min(at + GUESS), reason);
                guess.place = Place::Guess;
                if reason.is_empty() {
                    guess.disguise.clone_from(&job.disguise);
                }
                self.later(Task::Open(guess));
            }
        }
        Ok(())
    }

    /// Looks for pickles without PROTO in the first and the last bytes of a database: PyTables writes the attributes of
    /// HDF5 in protocol 0, and unpickles each text that ends with a stop. Where such a pickle begins nothing says; it
    /// is read from its import on, or from a mark or a text before that.
    fn by_imports(&mut self, job: &Job) -> io::Result<()> {
        let tail = job.content.len().saturating_sub(TAIL).max(HEADER);
        for part in [0..HEADER, tail..job.content.len()] {
            let bytes = job.content.read_range(part.start, part.end.saturating_sub(part.start) as usize)?;
            let mut starts = BTreeSet::new();
            for at in memchr::memchr3_iter(b'c', b'i', 0x93, &bytes) {
                starts.extend(embedded::import_starts(&bytes, at));
                if starts.len() >= IMPORTS {
                    let message = "more places that may be imports in a database than are looked at";
                    self.fault(&job.member, Rule::ResourceLimit, part.start + at as u64, message);
                    break;
                }
            }
            for at in starts {
                let at = part.start + at as u64;
                let mut guess = job.hidden(at..job.content.len().min(at + GUESS), "");
                guess.place = Place::Guess;
                guess.disguise.clone_from(&job.disguise);
                self.later(Task::Open(guess));
            }
        }
        Ok(())
    }

    /// Leaves bytes in which nothing ought to be to be looked at, as content and for what is inside them.
    pub fn behind(&mut self, job: &Job, range: Range<u64>, reason: &str) -> io::Result<()> {
        if !job.content.read_range(range.start, 1)?.is_empty() {
            self.later(Task::Open(job.hidden(range.clone(), reason)));
            self.within(job, range.start + 1..range.end, reason)?;
        }
        Ok(())
    }

    fn as_pickles(&mut self, job: &Job, family: Family, form: Form) -> io::Result<Pickles> {
        // `P` of a zip's signature is PERSID, for which `pickle.load` has no function to call.
        if form == Form::Zip {
            return Ok(Pickles::default());
        }
        let disguise = match form {
            Form::Ended(kind) => Disguise::new(format!("a pickle that begins like a {}", kind.name())),
            Form::Known(name) => Disguise::new(format!("a pickle that begins like {name}")),
            _ => None,
        };
        let mut job = job.clone();
        job.disguise = job.disguise.or(disguise);
        let pickles = self.pickles(&job, family)?;
        if pickles.found {
            self.form(&job, "pickle");
        }
        Ok(pickles)
    }

    fn as_form(&mut self, job: &Job, family: Family, form: Form) -> io::Result<Seen> {
        let codec = match form {
            Form::Gzip => Codec::Gzip,
            Form::Zlib => Codec::Zlib,
            Form::Bzip2 => Codec::Bzip2,
            Form::Xz => Codec::Xz,
            Form::Lzma => Codec::Lzma,
            Form::Lzip => Codec::Lzip,
            Form::Lz4 => Codec::Lz4,
            Form::Zstd => Codec::Zstd,
            Form::ZFile => {
                let mut inner = job.clone();
                inner.content = job.content.slice(joblib::zfile_data(&job.content)?..u64::MAX);
                return match self.inflate(&inner, family, Codec::Zlib)? {
                    Seen::Read => Ok(Seen::Read),
                    _ => self.unproven(job),
                };
            }
            Form::Zip => return Ok(Seen::Read),
            Form::Tar => {
                self.form(job, "tar");
                self.open_tar(job);
                return Ok(Seen::Read);
            }
            Form::Npy => {
                self.form(job, "npy");
                self.open_npy(job)?;
                return Ok(Seen::Read);
            }
            Form::Sealed(name) => {
                let message = format!("{name}: what is inside cannot be read here");
                self.fault(&job.member, Rule::ContainerUnreadable, 0, message);
                return Ok(Seen::Read);
            }
            Form::Ended(kind) => {
                match ending::end(kind, &job.content)? {
                    Some(end) => {
                        let reason = format!("a pickle behind the end of a {} file", kind.name());
                        self.behind(job, end..u64::MAX, &reason)?;
                    }
                    None => self.within(
                        job,
                        0..u64::MAX,
                        &format!("a pickle inside a broken {} file", kind.name()),
                    )?,
                }
                return Ok(Seen::Harmless);
            }
            Form::Text => return Ok(Seen::Harmless),
            // Databases hold pickles for PyTables, shelve and caches, which load them.
            Form::Known("HDF5" | "SQLite" | "LMDB" | "GDBM" | "Berkeley DB") => {
                self.within(job, 0..u64::MAX, "")?;
                self.by_imports(job)?;
                return Ok(Seen::Harmless);
            }
            Form::Known(name) => {
                self.within(job, 0..u64::MAX, &format!("a pickle inside content that begins like {name}"))?;
                return Ok(Seen::Harmless);
            }
            Form::Unknown => return Ok(Seen::Unknown),
        };
        self.inflate(job, family, codec)
    }

    /// Forms that content can have besides the one that its first bytes say: a tar begins with the name of its first
    /// member, and the codecs without a magic begin with what others take for theirs.
    fn as_weak_forms(&mut self, job: &Job, family: Family, form: Form, head: &[u8]) -> io::Result<bool> {
        let mut read = false;
        if form != Form::Tar && sniff::is_tar(head) {
            self.form(job, "tar");
            self.open_tar(job);
            read = true;
        }
        if form != Form::Lzma && sniff::is_lzma(head) {
            read |= self.inflate(job, family, Codec::Lzma)? == Seen::Read;
        }
        if sniff::is_narrow_zlib(head) && self.ends_well(job)? {
            read |= self.inflate(job, family, Codec::Zlib)? == Seen::Read;
        }
        Ok(read)
    }

    /// Whether content is zlib to its last checksum. `zlib.decompress` gives nothing before that.
    fn ends_well(&self, job: &Job) -> io::Result<bool> {
        let inflated = Inflated::open(Codec::Zlib, job.content.clone(), self.limits, &self.budget)?;
        if inflated.content().is_empty() {
            return Ok(false);
        }
        Ok(!matches!(inflated.settle()?.1, Ending::Broken(_)))
    }

    fn inflate(&mut self, job: &Job, family: Family, codec: Codec) -> io::Result<Seen> {
        let inflated = Inflated::open(codec, job.content.clone(), self.limits, &self.budget)?;
        let content = inflated.content();
        if content.is_empty() {
            let (_, ending) = inflated.settle()?;
            let weak = matches!(codec, Codec::Zlib | Codec::Lzma);
            return match ending {
                Ending::Limit(message) => {
                    self.fault(&job.member, Rule::ResourceLimit, 0, format!("{}: {message}", codec.name()));
                    Ok(Seen::Read)
                }
                _ if weak => self.unproven(job),
                Ending::Clean => Ok(Seen::Read),
                _ => {
                    let promised = family.of_models() || Family::of(family::unpacked(&job.name)).of_models();
                    if promised || !codec.complete() {
                        let message = format!("the {} stream is broken from its beginning", codec.name());
                        self.fault(&job.member, Rule::StreamMalformed, 0, message);
                    }
                    Ok(Seen::Read)
                }
            };
        }
        self.form(job, codec.name());
        self.later(Task::Open(Job {
            content,
            inflated: Some(inflated),
            name: inner_name(&job.name).to_owned(),
            depth: job.depth + 1,
            ..job.clone()
        }));
        Ok(Seen::Read)
    }

    /// A few bytes looked like a codec, and nothing came out.
    fn unproven(&self, job: &Job) -> io::Result<Seen> {
        let text = sniff::is_text(&job.content.read_range(0, sniff::HEAD)?);
        Ok(if text { Seen::Harmless } else { Seen::Unknown })
    }

    /// Decompresses to the end, so that the length is known, and says how that came about.
    fn settled(&mut self, job: &mut Job, family: Family, before: u64) -> io::Result<()> {
        let Some(inflated) = job.inflated.take() else { return Ok(()) };
        let (_, ending) = inflated.settle()?;
        job.content = inflated.content();
        let broken = matches!(ending, Ending::Broken(_));
        let (rule, message) = match ending {
            Ending::Clean => return Ok(()),
            Ending::Trailing(at) => {
                let mut packed = job.clone();
                packed.content = inflated.source().clone();
                self.behind(&packed, at..u64::MAX, "a pickle behind compressed data")?;
                (Rule::StreamMalformed, format!("compressed data end at {at}, and bytes follow"))
            }
            Ending::Broken(message) => {
                (Rule::StreamMalformed, format!("compressed data are broken: {message}"))
            }
            Ending::Limit(message) => (Rule::ResourceLimit, format!("compressed data: {message}")),
        };
        let fault = MemberFault { member: job.member.clone(), fault: fault(rule, 0, message) };
        let incomplete = broken && !inflated.codec().complete();
        let regardless =
            rule == Rule::ResourceLimit || incomplete || matches!(family, Family::Loader | Family::Pickle);
        self.later(Task::Conclude(Verdict { before, faults: vec![fault], regardless }));
        Ok(())
    }

    /// Whether content that does not begin as a zip ends as one. Bytes that a pickle or a tar accounts
    /// for are theirs: a tensor pickled with its own zip inside ends like this.
    fn by_last_bytes(&self, job: &Job, form: Form, pickles: &Pickles) -> io::Result<bool> {
        // torch's own reader, which torch.package uses, looks for the end record only.
        let zip_like = matches!(
            family::extension(&job.name).as_str(),
            "zip" | "npz" | "keras" | "whl" | "jar" | "mar" | "pt" | "pth" | "ptl"
        );
        let covered = form == Form::Tar || (pickles.found && pickles.end >= job.content.len());
        if covered && !zip_like {
            return Ok(false);
        }
        crate::reading::zip::audit::ends_as_zip(&job.content)
    }

    /// What is said of content in none of the forms that are read here.
    fn unread(&mut self, job: &Job, family: Family, form: Form, seen: Seen) {
        let (rule, message) = match (family, seen, form) {
            (Family::Loader, Seen::Unknown, _) => (
                Rule::ContainerUnreadable,
                "content in none of the forms that loaders of such files take: encrypted, repacked or broken"
                    .to_owned(),
            ),
            (Family::Loader | Family::Pickle, _, Form::Known(name)) => {
                (Rule::NotAPickle, format!("the content is {name}"))
            }
            (Family::Loader | Family::Pickle, _, Form::Ended(kind)) => {
                (Rule::NotAPickle, format!("the content is {}", kind.name()))
            }
            (Family::Loader | Family::Pickle, Seen::Harmless, _) => {
                (Rule::NotAPickle, "the content is text".to_owned())
            }
            (Family::Pickle | Family::Shared, Seen::Unknown, _) => {
                (Rule::NotAPickle, "the content is not a pickle".to_owned())
            }
            _ => return,
        };
        self.fault(&job.member, rule, 0, message);
    }

    /// Reads numpy's array files, one behind the other as `numpy.save` leaves them in an open file.
    fn open_npy(&mut self, job: &Job) -> io::Result<()> {
        let mut at = 0;
        loop {
            let (rule, message) = match numpy::array(&job.content, at, self.limits)? {
                Array::Numbers(end) => {
                    let next = job.content.read_range(end, 6)?;
                    if next == b"\x93NUMPY" {
                        at = end;
                        continue;
                    }
                    return self.behind(job, end..u64::MAX, "a pickle behind the data of an array file");
                }
                Array::Objects(start) => return self.objects(job, start..u64::MAX),
                Array::Unsized(start) => {
                    return self.within(
                        job,
                        start..u64::MAX,
                        "a pickle in an array file whose end is not known",
                    );
                }
                Array::Refused(message) => (Rule::StreamMalformed, message),
                Array::Version(major, minor) => (
                    Rule::ContainerUnreadable,
                    format!("version {major}.{minor} of the array format is not known"),
                ),
                Array::Long(n) => (Rule::ResourceLimit, format!("an array header of {n} bytes")),
            };
            self.fault(&job.member, rule, at, message);
            return Ok(());
        }
    }

    /// An array of objects is one pickle behind the header.
    fn objects(&mut self, job: &Job, range: Range<u64>) -> io::Result<()> {
        let start = range.start;
        let mut child = job.child("objects", job.content.slice(range));
        child.place = Place::Nested;
        let pickles = self.pickles(&child, Family::Pickle)?;
        if !pickles.found {
            let message = "an array of objects without a pickle that can be read";
            self.fault(&job.member, Rule::StreamMalformed, start, message);
        }
        Ok(())
    }
}

/// The name of what is inside a compressed file. Loaders do not take `x.npy.z`: what joblib wrote
/// under such names of old are bare numbers.
fn inner_name(name: &str) -> &str {
    let inner = family::unpacked(name);
    if inner != name && Family::of(inner) == Family::Loader { name } else { inner }
}
