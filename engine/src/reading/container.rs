//! The containers that are told by how they begin: a row for each.

use std::io;

use crate::reading::job::Job;
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
    Container { name: "tar", begins: sniff::is_tar, open: |scan, job| scan.open_tar(job) },
];

/// Those that content with these first bytes is opened as.
pub(crate) fn begun(head: &[u8]) -> impl Iterator<Item = &'static Container> {
    CONTAINERS.iter().filter(move |container| (container.begins)(head))
}
