//! One piece of content under every reading that applies to it.

use std::io;

use crate::facts::MemberFault;
use crate::reading::codec::{Codec, Ending};
use crate::reading::container;
use crate::reading::ending;
use crate::reading::family::{self, Family};
use crate::reading::inflated::Inflated;
use crate::reading::job::{Config, Disguise, Job, Place};
use crate::reading::joblib;
use crate::reading::pickles::Pickles;
use crate::reading::sniff::{self, Form};
use crate::reading::work::{Conclusion, Scan, Task, When, fault};
use crate::reading::zip;
use crate::rule::Rule;

/// Largest journal of SQLite without a page: the smallest page has 512 bytes.
const JOURNAL: u64 = 512;

/// Bytes by which containers and compressed forms are told, the header of a tar among them.
const BLOCK: usize = 512;

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
        if job.place == Place::Storage {
            return self.storage(job);
        }
        let text = self.json_text(&job)?;
        let named = family::extension(&job.name);
        match job.config {
            Config::Keras => drop(self.keras_config(&text, 0)?),
            Config::None if named == "json" => self.keras_json(&text)?,
            Config::Skops => self.skops_schema(&text)?,
            Config::Export => self.exported_program(&text)?,
            Config::None => {}
        }
        let content = job.content.clone();
        let head = content.range(0, sniff::HEAD)?;
        if head.is_empty() {
            if matches!(family, Family::Loader | Family::Pickle) {
                self.fault(&job.member, Rule::NotAPickle, 0, "the file is empty");
            }
            return self.settled(&mut job, family, self.found);
        }
        // PyTables and pandas keep pickles in what they write: those are no secret.
        let form = Scan::form_of(&job, &head);
        let keeps = form == Form::Known("HDF5");
        if family == Family::Foreign && job.disguise.is_none() && !keeps {
            job.disguise = Disguise::new(format!("a pickle in a file named .{named}"));
        }
        let before = self.found;
        let pickles = self.as_pickles(&job, family, form)?;
        self.as_json(&text)?;
        self.dumb_places(&job)?;
        let mut seen = self.as_form(&job, family, form)?;
        self.as_arrow(&job, &head)?;
        if self.as_user_block(&job, form)? && seen == Seen::Unknown {
            seen = Seen::Harmless;
        }
        let contained = self.as_containers(&job, &head)?;
        if self.as_weak_forms(&job, family, form, &head)? || contained {
            seen = Seen::Read;
        }
        self.settled(&mut job, family, before)?;
        let covered = form == Form::Container("tar") || (pickles.found && pickles.end >= job.content.len());
        let zip = (form == Form::Zip || zip::audit::ends_as_zip(&job.content)?)
            && self.open_zip(&job, family, covered)?;
        if named == "dat" && !matches!(form, Form::Known(_)) {
            self.dumb_values(&job, pickles.found);
        }
        let read = zip || pickles.found || seen == Seen::Read || self.found > before;
        if !read && job.place == Place::File {
            // A cache or a queue puts a time or a length before what it pickled. In a database that is no secret.
            let database = job.is_value() || named == "dat";
            let told = |reason| if database { "" } else { reason };
            if seen == Seen::Unknown || form == Form::Text {
                self.within(&job, 0..u64::MAX, told("a pickle inside content of no known form"))?;
                self.records(&job)?;
            }
            self.unread(&job, family, form, seen);
        }
        Ok(())
    }

    /// The form that the first bytes say.
    fn form_of(job: &Job, head: &[u8]) -> Form {
        match (sniff::magic(head), container::begun(head).next()) {
            (Some(form), _) => form,
            (None, Some(container)) => Form::Container(container.name),
            (None, None) => sniff::form(head, job.content.len()),
        }
    }

    /// HDF5 behind a user block, whatever else the content begins like: its signature stands at 0, 512, 1024 and so on.
    fn as_user_block(&mut self, job: &Job, form: Form) -> io::Result<bool> {
        const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";
        // Content of which the length is not known is decompressed for each look.
        if job.place != Place::File || job.inflated.is_some() || form == Form::Known("HDF5") {
            return Ok(false);
        }
        let mut at = 512;
        while at < job.content.len() {
            if *job.content.range(at, HDF5.len())? == *HDF5 {
                self.form(job, "HDF5");
                self.hdf5(job, at)?;
                return Ok(true);
            }
            at *= 2;
        }
        Ok(false)
    }

    fn hdf5(&mut self, job: &Job, at: u64) -> io::Result<()> {
        self.database(job, Vec::new())?;
        self.hdf5_objects(job, at)?;
        self.hdf5_heaps(job);
        self.keras_attributes(job)
    }

    /// A tensor by what a pickle says of it. torch takes its bytes as they are, and no loader unpickles them as they
    /// are; numpy opens members of archives by name, and what it opens it tells by its first bytes.
    fn storage(&mut self, mut job: Job) -> io::Result<()> {
        let content = job.content.clone();
        let mut head = content.range(0, BLOCK)?;
        // What a frame to be skipped stands before is further away.
        if matches!(*head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
            head = content.range(0, sniff::HEAD)?;
        }
        let form = Scan::form_of(&job, &head);
        let strong = match form {
            Form::Gzip => head.get(2) == Some(&8),
            Form::Zip | Form::Container(_) | Form::Bzip2 | Form::Xz | Form::Lz4 | Form::Zstd => true,
            _ => false,
        };
        if strong {
            job.place = Place::File;
            self.later(Task::Open(job));
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
            Form::Container(_) => return Ok(Seen::Read),
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
            Form::Known("SQLite") => {
                self.sqlite(job)?;
                return Ok(Seen::Harmless);
            }
            Form::Known("HDF5") => {
                self.hdf5(job, 0)?;
                return Ok(Seen::Harmless);
            }
            Form::Known("SQLite journal") => {
                self.database(job, Vec::new())?;
                if form == Form::Known("SQLite journal") && job.content.len() > JOURNAL {
                    let message = "pages of a database in SQLite's journal or write-ahead log, which mean something only \
                                   together with the database: close or checkpoint it, and commit it alone";
                    self.fault(&job.member, Rule::ContainerUnreadable, 0, message);
                }
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

    /// Every container that it begins like, whatever else it begins like: a tar begins with the name of its first member.
    fn as_containers(&mut self, job: &Job, head: &[u8]) -> io::Result<bool> {
        let mut read = false;
        for container in container::begun(head) {
            self.form(job, container.name);
            (container.open)(self, job)?;
            read = true;
        }
        Ok(read)
    }

    /// Codecs that content can be of besides its form, whatever that is: those without a magic begin with what others take for theirs.
    fn as_weak_forms(&mut self, job: &Job, family: Family, form: Form, head: &[u8]) -> io::Result<bool> {
        let mut read = self.blosc(job, head)?;
        let alone = sniff::is_lzma(head) || is_named(&job.name, Codec::Lzma) && sniff::is_lzma_alone(head);
        if form != Form::Lzma && alone {
            read |= self.inflate(job, family, Codec::Lzma)? == Seen::Read;
        }
        if sniff::is_narrow_zlib(head) {
            if self.ends_well(job)? {
                read |= self.inflate(job, family, Codec::Zlib)? == Seen::Read;
            } else {
                // `zlib.decompress` gives nothing of it, and `zlib.decompressobj` all that came before the break.
                let mut inner = job.clone();
                inner.place = Place::Hidden;
                self.inflate(&inner, family, Codec::Zlib)?;
            }
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
            let named = is_named(&job.name, codec);
            let promised = named || family.of_models() || Family::of(family::unpacked(&job.name)).of_models();
            return match ending {
                Ending::Limit(message) => {
                    self.fault(&job.member, Rule::ResourceLimit, 0, format!("{}: {message}", codec.name()));
                    Ok(Seen::Read)
                }
                _ if is_weak(codec) && !named => self.unproven(job),
                Ending::Clean => Ok(Seen::Read),
                // Padding of a few zeros behind a magic is still a stream that loaders know how to begin.
                _ if promised || job.place == Place::File => {
                    let message = format!("the {} stream is broken from its beginning", codec.name());
                    self.fault(&job.member, Rule::StreamMalformed, 0, message);
                    Ok(Seen::Read)
                }
                _ => Ok(Seen::Read),
            };
        }
        self.form(job, codec.name());
        self.later(Task::Open(Job {
            content,
            inflated: Some(inflated),
            name: inner_name(&job.name).to_owned(),
            sure: !is_weak(codec) || is_named(&job.name, codec),
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
        // Nothing is said for what follows a break, unless a few bytes alone looked like the codec.
        let incomplete = broken && job.sure;
        let always =
            rule == Rule::ResourceLimit || incomplete || matches!(family, Family::Loader | Family::Pickle);
        let when = if always { When::Always } else { When::Found };
        self.later(Task::Conclude(Conclusion { before, faults: vec![fault], when }));
        Ok(())
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
}

/// Whether a file's name says that it is compressed so.
fn is_named(name: &str, codec: Codec) -> bool {
    match (codec, family::extension(name).as_str()) {
        (Codec::Lzma, "lzma" | "xz") | (Codec::Zlib, "z" | "zlib") => true,
        (codec, _) => !is_weak(codec) && family::unpacked(name) != name,
    }
}

/// Codecs without a magic worth the name: what begins like one is something else, most of the time.
fn is_weak(codec: Codec) -> bool {
    matches!(codec, Codec::Zlib | Codec::Lzma)
}

/// The name of what is inside a compressed file. Loaders do not take `x.npy.z`: what joblib wrote
/// under such names of old are bare numbers.
fn inner_name(name: &str) -> &str {
    let inner = family::unpacked(name);
    if inner != name && Family::of(inner) == Family::Loader { name } else { inner }
}
