//! Compressed forms, and how a stream of one ends.

/// A compressed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// gzip, members joined.
    Gzip,
    /// zlib.
    Zlib,
    /// Deflate without a wrapper: zip's method 8.
    Deflate,
    /// bzip2, streams joined.
    Bzip2,
    /// .xz, streams joined.
    Xz,
    /// .lzma with its header, streams joined.
    Lzma,
    /// .lz, members joined: liblzma takes it where the form is left open, as `lzma.open` leaves it.
    Lzip,
    /// Zip's method 14: properties in a header of zip's own.
    ZipLzma,
    /// LZ4 frames, joined.
    Lz4,
    /// Zstandard frames, joined.
    Zstd,
}

impl Codec {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zlib => "zlib",
            Codec::Deflate => "deflate",
            Codec::Bzip2 => "bzip2",
            Codec::Xz => "xz",
            Codec::Lzma | Codec::ZipLzma => "lzma",
            Codec::Lzip => "lzip",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }

    /// Whether the decoder here takes all that the loaders' own does. The others lack rare filters, checks and
    /// versions of their form: where they break, liblzma or liblz4 may go on.
    pub fn complete(self) -> bool {
        !matches!(self, Codec::Xz | Codec::Lzip | Codec::Lz4)
    }
}

/// How a compressed stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At the end of the compressed bytes.
    Clean,
    /// Before their end: bytes follow from this offset on.
    Trailing(u64),
    /// It broke off, or a checksum is wrong.
    Broken(String),
    /// It asks for more than a ceiling allows.
    Limit(String),
}
