//! A dataset: what its header says of it, and its bytes as content.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::content::Content;
use crate::limits::Limits;
use crate::reading::hdf5::array::Array;
use crate::reading::hdf5::chunks::{self, Stored};
use crate::reading::hdf5::file::File;
use crate::reading::hdf5::message::{Chunked, Dataspace, Datatype, Filter, Layout};
use crate::reading::inflated::Budget;

/// Largest dataset that is put together in the order of its values, where chunks would have to be decoded again and
/// again for that. Larger ones are read chunk by chunk.
const ORDERED: u64 = 64 << 20;
/// Bytes that a chunk may claim beyond what compression can make of those that are stored.
const CHUNK: u64 = 64 << 10;

/// What a header says.
#[derive(Default)]
pub struct Dataset {
    pub datatype: Option<Datatype>,
    pub space: Option<Dataspace>,
    /// The layout, and where its message lies.
    pub layout: Option<(Layout, u64, usize)>,
    pub filters: Vec<Filter>,
    /// Whether its bytes lie in other files.
    pub external: bool,
}

/// What came of it.
pub enum Values {
    /// There are none, or they are no bytes.
    None,
    /// So many bytes from a place of the file on.
    Range(u64, u64),
    /// Put together from chunks, of which so many bytes are stored. Others claim the place of one.
    Array { array: Arc<Array>, stored: u64, rivals: bool },
    /// Out of reach, for this reason.
    Unread(String),
}

impl Dataset {
    pub fn values(&self, file: &File, limits: &Limits, budget: &Arc<Budget>) -> io::Result<Values> {
        let (Some(datatype), Some((layout, at, len))) = (self.datatype, &self.layout) else {
            return Ok(Values::None);
        };
        if !datatype.may_hold_bytes() {
            return Ok(Values::None);
        }
        // A dataspace that is not read here says nothing of how many.
        let count = self.space.as_ref().map_or(u64::MAX, Dataspace::values);
        let size = count.saturating_mul(datatype.size);
        if size == 0 {
            return Ok(Values::None);
        }
        if self.external {
            return Ok(Values::Unread("in a file of its own".to_owned()));
        }
        match layout {
            Layout::Virtual => Ok(Values::Unread("in other datasets (a virtual layout)".to_owned())),
            Layout::Compact { from } => {
                Ok(Values::Range(at + *from as u64, size.min(len.saturating_sub(*from) as u64)))
            }
            Layout::Contiguous { at } => {
                Ok(Values::Range(*at, size.min(file.content.len().saturating_sub(*at))))
            }
            Layout::Chunked(chunked) => self.chunks(file, chunked, datatype, limits, budget),
        }
    }

    fn chunks(
        &self,
        file: &File,
        chunked: &Chunked,
        datatype: Datatype,
        limits: &Limits,
        budget: &Arc<Budget>,
    ) -> io::Result<Values> {
        let Some(space) = &self.space else { return Ok(Values::None) };
        let Some(mut found) = chunks::stored(file, chunked, space, !self.filters.is_empty())? else {
            return Ok(Values::None);
        };
        let other = |chunk: &Stored| {
            let used = |i: usize| 1u32.checked_shl(i as u32).is_none_or(|bit| chunk.mask & bit == 0);
            self.filters.iter().enumerate().find_map(|(i, filter)| match filter {
                Filter::Other(id) if used(i) => Some(*id),
                _ => None,
            })
        };
        if let Some(id) = found.iter().find_map(other) {
            return Ok(Values::Unread(format!("behind filter {id}{}", named(id))));
        }
        let all = found.len();
        found.sort_by_key(|chunk| chunk.place);
        found.dedup_by_key(|chunk| chunk.place);
        let rivals = found.len() < all;
        let stored = found.iter().fold(0u64, |sum, chunk| sum.saturating_add(chunk.len));
        let size = chunked.chunk.iter().fold(1u64, |all, n| all.saturating_mul(*n));
        let packs = |filter: &Filter| matches!(filter, Filter::Deflate | Filter::Lzf);
        let most = if self.filters.iter().any(packs) { limits.ratio } else { 1 };
        if size.saturating_mul(found.len() as u64) > stored.saturating_mul(most).saturating_add(CHUNK) {
            // What is missing of the last chunk, or of all of them.
            if !found.is_empty() {
                return Ok(Values::Unread("in chunks of far fewer bytes than they claim".to_owned()));
            }
            return Ok(Values::None);
        }
        let mut dims = space.dims.clone();
        dims.push(datatype.size);
        let logical = dims.iter().fold(1u64, |all, n| all.saturating_mul(*n));
        let present = size.saturating_mul(found.len() as u64);
        let ordered = dims.len() <= 2 || logical <= ORDERED;
        let (mut dims, mut chunk) = (dims, chunked.chunk.clone());
        if !ordered || logical > present.saturating_mul(4) {
            // Only chunks that are there, one behind the other.
            let places: BTreeMap<u64, Stored> = found.iter().map(|chunk| (chunk.place, *chunk)).collect();
            found = places.into_values().zip(0..).map(|(chunk, place)| Stored { place, ..chunk }).collect();
            (dims, chunk) = (vec![present], vec![size]);
        }
        let filters = self.filters.clone();
        let source: Content = file.content.clone();
        Ok(match Array::new(source, &dims, &chunk, found, filters, limits, budget) {
            Some(array) => Values::Array { array, stored, rivals },
            None => Values::None,
        })
    }
}

/// The names of filters that are often seen.
fn named(id: u16) -> &'static str {
    match id {
        4 => " (szip)",
        5 => " (n-bit)",
        6 => " (scale and offset)",
        305 => " (LZO)",
        307 => " (bzip2)",
        32_001 => " (Blosc)",
        32_004 => " (LZ4)",
        32_015 => " (Zstandard)",
        32_026 => " (Blosc2)",
        _ => "",
    }
}
