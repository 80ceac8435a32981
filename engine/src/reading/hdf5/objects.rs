//! The walk over the objects of a file. Attributes and datasets of bytes are content of their own, as PyTables, hickle
//! and programs with h5py unpickle them.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use crate::content::Content;
use crate::reading::hdf5::array::Array;
use crate::reading::hdf5::dataset::{Dataset, Values};
use crate::reading::hdf5::file::{File, Superblock};
use crate::reading::hdf5::fractal::Heap;
use crate::reading::hdf5::header::{self, Message};
use crate::reading::hdf5::links::{self, Dense};
use crate::reading::hdf5::message::{self, Attribute, Dataspace, Datatype, Layout, Shared};
use crate::reading::job::Job;
use crate::reading::work::{Scan, Step, Task};
use crate::rule::Rule;

/// Shortest bytes that make an import.
const SHORTEST: u64 = 3;
/// Bytes of values that are looked at for each byte of the file: values can be made to lie inside one another.
const TIMES: u64 = 4;
/// Strings of one dataset that are read each from its own beginning. More of them are searched.
const ELEMENTS: u64 = 1_000;
/// Datasets that are told of as out of reach.
const UNREAD: usize = 100;

/// Kinds of messages.
const DATASPACE: u16 = 1;
const LINKS: u16 = 2;
const DATATYPE: u16 = 3;
const OLD_FILL: u16 = 4;
const FILL: u16 = 5;
const LINK: u16 = 6;
const EXTERNAL: u16 = 7;
const LAYOUT: u16 = 8;
const FILTERS: u16 = 0xb;
const ATTRIBUTE: u16 = 0xc;
const SYMBOLS: u16 = 0x11;
const ATTRIBUTES: u16 = 0x15;

/// The walk, object by object.
struct Objects {
    /// The file from its signature on.
    job: Job,
    file: File,
    waiting: Vec<u64>,
    seen: HashSet<u64>,
    /// Bytes of values that may still be looked at.
    left: u64,
    /// Datasets of bytes that are out of reach: address of the object, and why.
    unread: Vec<(u64, String)>,
    /// Whether hickle reads this file.
    hickle: bool,
    /// What was left to be read in the last step.
    under_way: Vec<Arc<Array>>,
}

impl Scan<'_> {
    /// Leaves the attributes and datasets of a file whose signature stands at an offset to be read.
    pub fn hdf5_objects(&mut self, job: &Job, at: u64) -> io::Result<()> {
        let mut job = job.clone();
        let end = self.length(&job)?;
        job.content = job.content.slice(at..end);
        let (file, roots) = match File::open(job.content.clone())? {
            Superblock::Read(file, roots) => (file, roots),
            Superblock::Broken => return Ok(()),
            Superblock::Unknown => {
                let message = "a superblock of HDF5 of a form that is not read here";
                self.fault(&job.member, Rule::ContainerUnreadable, at, message);
                return Ok(());
            }
        };
        let mut waiting = roots.objects;
        if let Some(tree) = roots.tree {
            links::of_tree(&file, tree, &mut waiting)?;
        }
        let left = job.content.len().saturating_mul(TIMES).saturating_add(self.limits.held);
        self.later(Task::Step(Box::new(Objects {
            job,
            file,
            waiting,
            seen: HashSet::new(),
            left,
            unread: Vec::new(),
            hickle: false,
            under_way: Vec::new(),
        })));
        Ok(())
    }
}

impl Step for Objects {
    fn step(mut self: Box<Self>, scan: &mut Scan<'_>) -> io::Result<()> {
        if self.under_way.drain(..).any(|array| array.limited()) {
            let message = "a dataset of HDF5 that inflates to more than the limit";
            scan.fault(&self.job.member, Rule::ResourceLimit, 0, message);
        }
        let Some(address) = self.waiting.pop() else {
            self.conclude(scan);
            return Ok(());
        };
        if self.seen.insert(address) {
            self.object(scan, address)?;
        }
        if self.file.exhausted() || self.left == 0 {
            let message = "objects of HDF5 that overlap: together they are many times as long as the file";
            scan.fault(&self.job.member, Rule::ResourceLimit, 0, message);
            self.waiting.clear();
            self.left = u64::MAX;
        }
        if !self.file.exhausted() || !self.under_way.is_empty() {
            scan.later(Task::Step(self));
        } else {
            self.conclude(scan);
        }
        Ok(())
    }
}

impl Objects {
    /// Reads the header at an address, if one stands there, and what it leads to.
    fn object(&mut self, scan: &mut Scan<'_>, address: u64) -> io::Result<()> {
        let mut dataset = Dataset::default();
        let mut messages = header::messages(&self.file, address)?;
        for message in &messages {
            match message.kind {
                SYMBOLS => {
                    if let Some(tree) = links::tree_of(&self.file, &message.bytes) {
                        links::of_tree(&self.file, tree, &mut self.waiting)?;
                    }
                }
                FILL | OLD_FILL => self.fill(scan, message)?,
                EXTERNAL => dataset.external = true,
                _ => {}
            }
        }
        let dense = self.dense(scan, &messages)?;
        messages.extend(dense);
        for message in &messages {
            match message.kind {
                LINK => self.waiting.extend(links::of_link(&self.file, &message.bytes)),
                ATTRIBUTE => self.attribute(scan, message)?,
                DATASPACE | DATATYPE | LAYOUT | FILTERS => self.part(scan, &mut dataset, message)?,
                _ => {}
            }
        }
        match dataset.values(&self.file, scan.limits, &scan.budget)? {
            Values::None => {}
            Values::Range(at, len) => {
                let content = self.value(scan, at, len);
                self.strings(scan, &dataset, address, &content)?;
            }
            Values::Array { array, stored, rivals } => {
                if rivals {
                    let message = "two chunks of HDF5 for one place of a dataset";
                    scan.fault(&self.job.member, Rule::ContainerUnreadable, address, message);
                }
                self.left = self.left.saturating_sub(stored);
                let child =
                    self.job.child(&format!("dataset@0x{address:x}"), Content::new(Arc::clone(&array)));
                self.under_way.push(array);
                self.strings(scan, &dataset, address, &child.content)?;
                let rest = 1..child.content.len();
                scan.later(Task::Open(child.clone()));
                scan.part_of_database(&child, rest);
            }
            Values::Unread(reason) => {
                if self.unread.len() < UNREAD {
                    self.unread.push((address, reason));
                }
            }
        }
        Ok(())
    }

    /// Links and attributes that lie in a heap.
    fn dense(&self, scan: &mut Scan<'_>, messages: &[Message]) -> io::Result<Vec<Message>> {
        let mut found = Vec::new();
        for message in messages {
            let (width, kind) = match message.kind {
                LINKS => (8, LINK),
                ATTRIBUTES => (2, ATTRIBUTE),
                _ => continue,
            };
            let Some(dense) = Dense::parsed(&self.file, &message.bytes, width) else { continue };
            let Some(heap) = Heap::at(&self.file, dense.heap)? else { continue };
            if heap.filtered {
                let message = "attributes or links of HDF5 in a heap behind filters, which is not read here";
                scan.fault(&self.job.member, Rule::ContainerUnreadable, dense.heap, message);
            }
            found.extend(dense.messages(&self.file, &heap, kind)?);
        }
        Ok(found)
    }

    /// A part of what makes a dataset.
    fn part(&self, scan: &mut Scan<'_>, dataset: &mut Dataset, message: &Message) -> io::Result<()> {
        let (bytes, at) = if message.shared {
            match self.shared(scan, message)? {
                Some(found) => (found.bytes, found.at),
                None => return Ok(()),
            }
        } else {
            (message.bytes.clone(), message.at)
        };
        match message.kind {
            DATATYPE => dataset.datatype = Datatype::parsed(&self.file, &bytes),
            DATASPACE => dataset.space = Dataspace::parsed(&self.file, &bytes),
            LAYOUT => {
                dataset.layout = Layout::parsed(&self.file, &bytes).map(|layout| (layout, at, bytes.len()))
            }
            _ => dataset.filters = message::filters(&self.file, &bytes).unwrap_or_default(),
        }
        Ok(())
    }

    /// The message that stands elsewhere.
    fn shared(&self, scan: &mut Scan<'_>, message: &Message) -> io::Result<Option<Message>> {
        match Shared::parsed(&self.file, &message.bytes) {
            Some(Shared::Object(address)) => {
                let there = header::messages(&self.file, address)?;
                Ok(there.into_iter().find(|other| other.kind == message.kind && !other.shared))
            }
            Some(Shared::Heap) => {
                let text = "messages of HDF5 that objects share, which are not read here";
                scan.fault(&self.job.member, Rule::ContainerUnreadable, message.at, text);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    fn attribute(&mut self, scan: &mut Scan<'_>, message: &Message) -> io::Result<()> {
        let read;
        let message = if message.shared {
            match self.shared(scan, message)? {
                Some(found) => {
                    read = found;
                    &read
                }
                None => return Ok(()),
            }
        } else {
            message
        };
        let Some(attribute) = Attribute::parsed(&self.file, &message.bytes) else { return Ok(()) };
        let value = message.bytes.get(attribute.from..).unwrap_or(&[]);
        self.hickle |= attribute.name == b"HICKLE_VERSION"
            || (attribute.name == b"base_type" || attribute.name == b"type") && value.starts_with(b"pickle")
            || attribute.name == b"CLASS" && value.starts_with(b"hickle");
        let datatype = if attribute.shared {
            let elsewhere =
                Message { kind: DATATYPE, shared: true, at: message.at, bytes: attribute.datatype.to_vec() };
            self.shared(scan, &elsewhere)?.and_then(|found| Datatype::parsed(&self.file, &found.bytes))
        } else {
            Datatype::parsed(&self.file, attribute.datatype)
        };
        // A type that is not known here may be any.
        if datatype.is_none_or(Datatype::may_hold_bytes) {
            let most = datatype
                .zip(attribute.values)
                .map_or(u64::MAX, |(datatype, values)| values.saturating_mul(datatype.size));
            let content = self.value(scan, message.at + attribute.from as u64, most.min(value.len() as u64));
            if let Some(datatype) = datatype {
                self.elements(scan, datatype, message.at, &content)?;
            }
        }
        Ok(())
    }

    /// What stands for values that were not written.
    fn fill(&mut self, scan: &mut Scan<'_>, message: &Message) -> io::Result<()> {
        let bytes = &message.bytes;
        let from = match (message.kind, bytes.first(), bytes.get(1)) {
            (OLD_FILL, ..) => 4,
            (_, Some(1 | 2), _) => 8,
            (_, Some(3), Some(flags)) if flags & 0x20 != 0 => 6,
            _ => return Ok(()),
        };
        // A number of up to eight bytes is none that is unpickled.
        const NUMBER: u64 = 8;
        let len = (bytes.len() as u64).saturating_sub(from);
        if len > NUMBER && !message.shared {
            self.value(scan, message.at + from, len);
        }
        Ok(())
    }

    /// Leaves a range of the file to be read as a value.
    fn value(&mut self, scan: &mut Scan<'_>, at: u64, len: u64) -> Content {
        let content = self.job.content.slice(at..at.saturating_add(len));
        if len >= SHORTEST {
            self.left = self.left.saturating_sub(len);
            scan.later(Task::Open(self.job.child(&format!("value@0x{at:x}"), content.clone())));
        }
        content
    }

    fn strings(
        &mut self,
        scan: &mut Scan<'_>,
        dataset: &Dataset,
        address: u64,
        content: &Content,
    ) -> io::Result<()> {
        match dataset.datatype {
            Some(datatype) => self.elements(scan, datatype, address, content),
            None => Ok(()),
        }
    }

    /// Leaves each value of a few strings to be read from its own beginning. The first one is that of all. Follows
    /// references.
    fn elements(
        &mut self,
        scan: &mut Scan<'_>,
        datatype: Datatype,
        address: u64,
        content: &Content,
    ) -> io::Result<()> {
        if datatype.is_reference() {
            return self.references(scan, datatype, address, content);
        }
        let count = content.len() / datatype.size.max(1);
        if !datatype.is_string() || datatype.size < SHORTEST || count > ELEMENTS {
            return Ok(());
        }
        for i in 1..count {
            let value = content.slice(i * datatype.size..(i + 1) * datatype.size);
            scan.later(Task::Open(self.job.child(&format!("element{i}@0x{address:x}"), value)));
        }
        Ok(())
    }

    /// Takes the objects that references lead to, which no link may lead to.
    fn references(
        &mut self,
        scan: &mut Scan<'_>,
        datatype: Datatype,
        address: u64,
        content: &Content,
    ) -> io::Result<()> {
        /// Most references of one dataset that are followed, in bytes.
        const MOST: u64 = 64 << 20;
        let bytes = content.read_range(0, MOST as usize)?;
        if content.len() > MOST {
            let message = format!("more than {MOST} bytes of references in a dataset of HDF5");
            scan.fault(&self.job.member, Rule::ResourceLimit, address, message);
        }
        let mut found = HashSet::new();
        for value in bytes.chunks_exact(usize::try_from(datatype.size.max(1)).unwrap_or(usize::MAX)) {
            found.extend(
                self.file
                    .fields(value)
                    .address()
                    .filter(|at| *at < self.file.content.len() && !self.seen.contains(at)),
            );
        }
        self.waiting.extend(found);
        Ok(())
    }

    /// Tells of what hickle would unpickle, and nobody could read here.
    fn conclude(&self, scan: &mut Scan<'_>) {
        for (at, reason) in self.unread.iter().filter(|_| self.hickle) {
            let message =
                format!("a dataset of HDF5 that hickle may unpickle lies {reason}, which is not read here");
            scan.fault(&self.job.member, Rule::ContainerUnreadable, *at, message);
        }
    }
}
