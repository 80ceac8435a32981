//! What messages say: types, shapes, layouts, filters and attributes.

use crate::reading::hdf5::file::{Fields, File};

/// What of a type tells whether Python gets bytes of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datatype {
    class: u8,
    /// Bytes of a value.
    pub size: u64,
    /// For arrays, whether their elements are bytes.
    bytes: bool,
}

impl Datatype {
    pub fn parsed(file: &File, bytes: &[u8]) -> Option<Datatype> {
        let mut fields = file.fields(bytes);
        let first = fields.u8()?;
        fields.skip(3)?;
        let (class, size) = (first & 15, u64::from(fields.u32()?));
        let bytes = match class {
            // Strings and opaque values.
            3 | 5 => true,
            // An array: its type comes behind its dimensions.
            10 => {
                let rank = usize::from(fields.u8()?);
                fields.skip(if first >> 4 < 3 { 3 + 8 * rank } else { 4 * rank })?;
                let first = fields.u8()?;
                fields.skip(3)?;
                matches!(first & 15, 3 | 5) || fields.u32()? == 1
            }
            _ => size == 1,
        };
        Some(Datatype { class, size, bytes })
    }

    /// Whether each value is bytes of its own, a string or opaque.
    pub fn is_string(self) -> bool {
        matches!(self.class, 3 | 5)
    }

    /// Whether values hold bytes in some place, as records do, or lead to other objects.
    pub fn may_hold_bytes(self) -> bool {
        self.bytes || self.is_reference() || matches!(self.class, 6 | 10)
    }

    /// Whether each value is the address of an object.
    pub fn is_reference(self) -> bool {
        self.class == 7
    }
}

/// The dimensions of a dataset or an attribute, and how far they may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataspace {
    pub dims: Vec<u64>,
    pub most: Vec<u64>,
}

impl Dataspace {
    pub fn parsed(file: &File, bytes: &[u8]) -> Option<Dataspace> {
        let mut fields = file.fields(bytes);
        let version = fields.u8()?;
        let (rank, flags) = (fields.u8()?, fields.u8()?);
        fields.skip(if version == 1 { 5 } else { 1 })?;
        let dims = (0..rank).map(|_| fields.length()).collect::<Option<Vec<u64>>>()?;
        let most = if flags & 1 == 1 { (0..rank).map(|_| fields.length()).collect() } else { None };
        Some(Dataspace { most: most.unwrap_or_else(|| dims.clone()), dims })
    }

    /// How many values there are.
    pub fn values(&self) -> u64 {
        self.dims.iter().fold(1, |all, n| all.saturating_mul(*n))
    }
}

/// Where the bytes of a dataset are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In the message, from so many bytes of it on.
    Compact {
        from: usize,
    },
    Contiguous {
        at: u64,
    },
    Chunked(Chunked),
    /// In other datasets.
    Virtual,
}

/// Dimensions of chunks, that of a value last, and what finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunked {
    pub chunk: Vec<u64>,
    pub index: Index,
    pub at: u64,
    /// Bytes of the size of a chunk behind filters.
    pub sizes: usize,
}

/// What finds chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// A tree of version 1.
    Tree,
    /// There is one; its size, where there are filters, and the filters it did without.
    Single {
        size: Option<u64>,
        mask: u32,
    },
    /// All of them stand in a row.
    Implicit,
    FixedArray,
    ExtensibleArray,
    /// A tree of version 2.
    NewTree,
}

impl Layout {
    pub fn parsed(file: &File, bytes: &[u8]) -> Option<Layout> {
        let mut fields = file.fields(bytes);
        let version = fields.u8()?;
        if version < 3 {
            let (rank, class) = (fields.u8()?, fields.u8()?);
            fields.skip(5)?;
            let at = if class == 0 { 0 } else { fields.address()? };
            let chunk = (0..rank).map(|_| fields.u32().map(u64::from)).collect::<Option<Vec<u64>>>()?;
            return match class {
                0 => {
                    fields.skip(4)?;
                    Some(Layout::Compact { from: bytes.len() - fields.rest.len() })
                }
                1 => Some(Layout::Contiguous { at }),
                2 => Some(Layout::Chunked(Chunked { chunk, index: Index::Tree, at, sizes: 4 })),
                _ => None,
            };
        }
        match fields.u8()? {
            0 => {
                fields.skip(2)?;
                Some(Layout::Compact { from: bytes.len() - fields.rest.len() })
            }
            1 => Some(Layout::Contiguous { at: fields.address()? }),
            2 if version == 3 => {
                let rank = fields.u8()?;
                let at = fields.address()?;
                let chunk = (0..rank).map(|_| fields.u32().map(u64::from)).collect::<Option<Vec<u64>>>()?;
                Some(Layout::Chunked(Chunked { chunk, index: Index::Tree, at, sizes: 4 }))
            }
            2 => Layout::indexed(fields, version).map(Layout::Chunked),
            3 => Some(Layout::Virtual),
            _ => None,
        }
    }

    /// Chunks in the layouts since version 4.
    fn indexed(mut fields: Fields<'_>, version: u8) -> Option<Chunked> {
        let (flags, rank, width) = (fields.u8()?, fields.u8()?, usize::from(fields.u8()?));
        if width > 8 {
            return None;
        }
        let chunk = (0..rank).map(|_| fields.number(width)).collect::<Option<Vec<u64>>>()?;
        let index = match fields.u8()? {
            1 if flags & 2 != 0 => {
                let size = fields.length()?;
                Index::Single { size: Some(size), mask: fields.u32()? }
            }
            1 => Index::Single { size: None, mask: 0 },
            2 => Index::Implicit,
            3 => fields.skip(1).map(|()| Index::FixedArray)?,
            4 => fields.skip(5).map(|()| Index::ExtensibleArray)?,
            5 => fields.skip(6).map(|()| Index::NewTree)?,
            _ => return None,
        };
        let at = fields.address()?;
        // As many bytes as a chunk's own size takes, and one more (`H5D_BT2_COMPUTE_CHUNK_SIZE_LEN`).
        let size = chunk.iter().fold(1, |all: u64, n| all.saturating_mul(*n)).max(1);
        let sizes = if version == 4 { (1 + (size.ilog2() as usize + 8) / 8).min(8) } else { 8 };
        Some(Chunked { chunk, index, at, sizes })
    }
}

/// A filter of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    Deflate,
    /// Bytes of values apart: so many for each.
    Shuffle(u64),
    /// A checksum behind.
    Fletcher32,
    /// LZF, which h5py brings.
    Lzf,
    /// None that is read here, by its number.
    Other(u16),
}

/// The filters of a pipeline, in the order in which they are applied to what is written.
pub fn filters(file: &File, bytes: &[u8]) -> Option<Vec<Filter>> {
    let mut fields = file.fields(bytes);
    let (version, count) = (fields.u8()?, fields.u8()?);
    fields.skip(if version == 1 { 6 } else { 0 })?;
    let mut found = Vec::new();
    for _ in 0..count {
        let id = fields.u16()?;
        let name = if version == 1 || id >= 256 { usize::from(fields.u16()?) } else { 0 };
        fields.skip(2)?;
        let values = usize::from(fields.u16()?);
        fields.skip(if version == 1 { name.next_multiple_of(8) } else { name })?;
        let mut values_of = file.fields(fields.take(4 * values)?);
        if version == 1 && values % 2 == 1 {
            fields.skip(4)?;
        }
        found.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle(values_of.u32().unwrap_or(1).into()),
            3 => Filter::Fletcher32,
            32_000 => Filter::Lzf,
            other => Filter::Other(other),
        });
    }
    Some(found)
}

/// An attribute.
pub struct Attribute<'a> {
    pub name: &'a [u8],
    /// Its type, or where that is.
    pub datatype: &'a [u8],
    pub shared: bool,
    /// How many values it has, where it says so itself.
    pub values: Option<u64>,
    /// Where its value begins in the message.
    pub from: usize,
}

impl<'a> Attribute<'a> {
    pub fn parsed(file: &File, bytes: &'a [u8]) -> Option<Attribute<'a>> {
        let mut fields = file.fields(bytes);
        let (version, flags) = (fields.u8()?, fields.u8()?);
        let sizes = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
        fields.skip(if version == 3 { 1 } else { 0 })?;
        let [name, datatype, dataspace] = sizes.map(|n| if version == 1 { n.next_multiple_of(8) } else { n });
        let (name, datatype, dataspace) =
            (fields.take(name)?, fields.take(datatype)?, fields.take(dataspace)?);
        let values = if flags & 2 == 0 || version == 1 { Dataspace::parsed(file, dataspace) } else { None };
        Some(Attribute {
            name: name.split(|b| *b == 0).next().unwrap_or(name),
            datatype,
            shared: flags & 1 != 0 && version != 1,
            values: values.map(|space| space.values()),
            from: bytes.len() - fields.rest.len(),
        })
    }
}

/// What stands in the place of a message that is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// The object that holds it.
    Object(u64),
    /// A heap of such messages.
    Heap,
}

impl Shared {
    pub fn parsed(file: &File, bytes: &[u8]) -> Option<Shared> {
        let mut fields = file.fields(bytes);
        let (version, kind) = (fields.u8()?, fields.u8()?);
        if version == 3 && kind == 1 {
            return Some(Shared::Heap);
        }
        if version == 1 {
            fields.skip(6)?;
            fields.length()?;
        }
        fields.address().map(Shared::Object)
    }
}
