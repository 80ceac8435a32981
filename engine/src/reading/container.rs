//! The containers that are told by how they begin: a row for each.

use std::io;

use crate::reading::berkeley;
use crate::reading::job::Job;
use crate::reading::lmdb;
use crate::reading::sniff;
use crate::reading::work::Scan;

/// A container.
pub(crate) struct Container {
    /// For reports.
    pub name: &'static str,
    /// Whether it begins so. It is shown the first [`sniff::HEAD`] bytes.
    pub begins: fn(&[u8]) -> bool,
    /// Tells the scan what lies inside.
    pub open: fn(&mut Scan<'_>, &Job) -> io::Result<()>,
}

/// All of them. Content is opened as each that it begins like.
pub(crate) const CONTAINERS: &[Container] = &[
    Container {
        name: "npy",
        begins: |head| head.starts_with(b"\x93NUMPY"),
        open: |scan, job| scan.open_npy(job),
    },
    Container {
        name: "Berkeley DB",
        begins: |head| berkeley::magic(head, 0).or_else(|| berkeley::magic(head, 12)).is_some(),
        open: |scan, job| scan.berkeley(job),
    },
    Container {
        name: "GDBM",
        begins: |head| {
            let magic = head.first_chunk::<4>();
            magic.is_some_and(|m| {
                matches!(*m, [0xcd..=0xd1, 0x9a, 0x57, 0x13] | [0x13, 0x57, 0x9a, 0xcd..=0xd1])
            })
        },
        open: |scan, job| scan.gdbm(job),
    },
    Container { name: "LMDB", begins: lmdb::begins, open: |scan, job| scan.lmdb(job) },
    Container { name: "tar", begins: sniff::is_tar, open: |scan, job| scan.open_tar(job) },
];

/// Those that content with these first bytes is opened as.
pub(crate) fn begun(head: &[u8]) -> impl Iterator<Item = &'static Container> {
    CONTAINERS.iter().filter(move |container| (container.begins)(head))
}
