//! What content is, by its first bytes. Loaders look no further before they choose a reader.

use crate::reading::field::{u16_le, u32_le, u64_le};
use crate::reading::tar_header::checksum_holds;

/// A form of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An archive that begins with a local header, or is empty.
    Zip,
    /// RFC 1952.
    Gzip,
    /// RFC 1950. Two bytes prove little: it counts once it inflates.
    Zlib,
    /// bzip2.
    Bzip2,
    /// .xz
    Xz,
    /// .lzma, as `lzma.FORMAT_ALONE` writes it. No magic: it counts once it inflates.
    Lzma,
    /// .lz
    Lzip,
    /// The LZ4 frame format, or a skippable frame before one.
    Lz4,
    /// Zstandard, or a skippable frame before it.
    Zstd,
    /// joblib before 0.10: `ZF`, a length in hexadecimal, zlib. It counts once it inflates.
    ZFile,
    /// A row of the table of containers, by its name.
    Container(&'static str),
    /// An archive or an encryption that is not read here.
    Sealed(&'static str),
    /// Content with a declared end, which bytes may follow.
    Ended(Ended),
    /// A known form that no loader unpickles.
    Known(&'static str),
    /// Text.
    Text,
    /// None of these.
    Unknown,
}

/// Forms whose end the content itself declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// PNG: ends with IEND.
    Png,
    /// JPEG: ends with EOI.
    Jpeg,
    /// GIF: ends with a trailer.
    Gif,
    /// BMP: says its size.
    Bmp,
    /// RIFF (WAV, WebP, AVI): says its size.
    Riff,
    /// GGUF: tensors say where they are.
    Gguf,
    /// safetensors: the header says where tensors are.
    Safetensors,
}

impl Ended {
    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Ended::Png => "PNG",
            Ended::Jpeg => "JPEG",
            Ended::Gif => "GIF",
            Ended::Bmp => "BMP",
            Ended::Riff => "RIFF",
            Ended::Gguf => "GGUF",
            Ended::Safetensors => "safetensors",
        }
    }
}

/// Bytes that [`form`] wants to see; fewer only where the content is shorter.
pub const HEAD: usize = 4096;

const MAGICS: &[(&[u8], Form)] = &[
    (b"PK\x03\x04", Form::Zip),
    (b"PK\x05\x06", Form::Zip),
    (b"\x1f\x8b", Form::Gzip),
    (b"\xfd7zXZ\0", Form::Xz),
    (b"LZIP", Form::Lzip),
    (b"\x04\x22\x4d\x18", Form::Lz4),
    (b"\x28\xb5\x2f\xfd", Form::Zstd),
    (b"7z\xbc\xaf\x27\x1c", Form::Sealed("7z")),
    (b"Rar!\x1a\x07", Form::Sealed("rar")),
    (b"\x89PNG\r\n\x1a\n", Form::Ended(Ended::Png)),
    (b"\xff\xd8\xff", Form::Ended(Ended::Jpeg)),
    (b"GIF87a", Form::Ended(Ended::Gif)),
    (b"GIF89a", Form::Ended(Ended::Gif)),
    (b"RIFF", Form::Ended(Ended::Riff)),
    (b"GGUF", Form::Ended(Ended::Gguf)),
    (b"\x89HDF\r\n\x1a\n", Form::Known("HDF5")),
    (b"PAR1", Form::Known("Parquet")),
    (b"ARROW1\0\0", Form::Known("Arrow")),
    (b"FEA1", Form::Known("Feather")),
    (b"SQLite format 3\0", Form::Known("SQLite")),
    (b"\x37\x7f\x06\x82", Form::Known("SQLite journal")),
    (b"\x37\x7f\x06\x83", Form::Known("SQLite journal")),
    (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", Form::Known("SQLite journal")),
    (b"\x7fELF", Form::Known("ELF")),
    (b"MZ", Form::Known("executable")),
    (b"\xfe\xed\xfa\xce", Form::Known("Mach-O")),
    (b"\xfe\xed\xfa\xcf", Form::Known("Mach-O")),
    (b"\xcf\xfa\xed\xfe", Form::Known("Mach-O")),
    (b"\xca\xfe\xba\xbe", Form::Known("Mach-O or Java class")),
    (b"\0asm", Form::Known("WebAssembly")),
    (b"%PDF-", Form::Known("PDF")),
    (b"OggS", Form::Known("Ogg")),
    (b"fLaC", Form::Known("FLAC")),
    (b"ID3", Form::Known("MP3")),
    (b"II*\0", Form::Known("TIFF")),
    (b"MM\0*", Form::Known("TIFF")),
    (b"wOFF", Form::Known("WOFF")),
    (b"wOF2", Form::Known("WOFF2")),
    (b"\0\x01\0\0\0", Form::Known("TrueType")),
    (b"OTTO", Form::Known("OpenType")),
    (b"!<arch>\n", Form::Known("ar")),
    (b"\xba\x16\x4f\x2f", Form::Known("fastText")),
    (b"\xef\xbe\xad\xde", Form::Known("RDKit")),
    (b"BC\xc0\xde", Form::Known("LLVM bitcode")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Form::Known("OLE2")),
];

/// The form that a magic at the very beginning says.
pub fn magic(head: &[u8]) -> Option<Form> {
    // By one byte first: every file is asked.
    let first = head.first()?;
    let mut alike = MAGICS.iter().filter(|(magic, _)| magic.first() == Some(first));
    alike.find(|(magic, _)| head.starts_with(magic)).map(|(_, form)| *form)
}

/// The form of content that begins with `head`, with no magic, and is `len` bytes long.
pub fn form(head: &[u8], len: u64) -> Form {
    match head {
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
            if rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17\x72\x45\x38\x50\x90") =>
        {
            return Form::Bzip2;
        }
        [b'Z', b'F', ..] if head.len() > 21 => return Form::ZFile,
        // A frame to skip, RFC 8878 and the LZ4 frame format alike: what follows decides.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, rest @ ..] => {
            let next = u32_le(rest, 0).map(|n| n as usize + 4);
            let follows = next.and_then(|n| rest.get(n..)).unwrap_or(&[]);
            return if follows.starts_with(b"\x04\x22\x4d\x18") { Form::Lz4 } else { Form::Zstd };
        }
        [0x78, flags, ..] if (0x7800 | u16::from(*flags)) % 31 == 0 => return Form::Zlib,
        [b'B', b'M', ..] if is_bitmap(head) => return Form::Ended(Ended::Bmp),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => return Form::Known("MP4"),
        [_, _, _, _, b'E', b'T', b'1', b'0'..=b'9', ..] => return Form::Known("ExecuTorch"),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => return Form::Known("TensorFlow Lite"),
        _ => {}
    }
    // No JSON follows its brace with the zeros of a size.
    if !is_lzma(head) && u64_le(head, 0).is_some_and(|n| n < len && n < 1 << 32) && head.get(8) == Some(&b'{')
    {
        return Form::Ended(Ended::Safetensors);
    }
    match () {
        () if is_text(head) => Form::Text,
        () if is_lzma(head) => Form::Lzma,
        () => Form::Unknown,
    }
}

/// Whether `BM` begins a bitmap: reserved fields are zero, and the header that follows has one of a few
/// sizes.
pub fn is_bitmap(head: &[u8]) -> bool {
    u16_le(head, 6) == Some(0) && matches!(u16_le(head, 14), Some(12 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// A zlib header that states a window of less than 32 KiB, as `zlib.decompress` takes it. Text begins so, too.
pub fn is_narrow_zlib(head: &[u8]) -> bool {
    let [method, flags, ..] = *head else { return false };
    matches!(method, 0x08 | 0x18 | 0x28 | 0x38 | 0x48 | 0x58 | 0x68)
        && u16::from_be_bytes([method, flags]) % 31 == 0
        && flags & 0x20 == 0
}

/// What liblzma demands of a .lzma header where it has to guess the format (`alone_decoder.c`):
/// properties, a dictionary of 2^n or 2^n + 2^(n-1) bytes, a size that is unknown or under 256 GiB.
pub fn is_lzma(head: &[u8]) -> bool {
    let (Some(properties), Some(dictionary), Some(size)) = (head.first(), u32_le(head, 1), u64_le(head, 5))
    else {
        return false;
    };
    let ones = dictionary.count_ones() + dictionary.leading_zeros() + dictionary.trailing_zeros();
    let round = matches!(dictionary, 0 | u32::MAX) || (dictionary.count_ones() <= 2 && ones == 32);
    *properties < 225 && round && (size == u64::MAX || size < 1 << 38)
}

/// What it demands where it is told that the format is this one (`FORMAT_ALONE` of Python's `lzma`): the range coder begins
/// with a zero.
pub fn is_lzma_alone(head: &[u8]) -> bool {
    head.first().is_some_and(|properties| *properties < 225) && head.get(13) == Some(&0)
}

/// Whether content begins with a tar's header block, whatever else it begins like: a member's name comes first.
pub fn is_tar(head: &[u8]) -> bool {
    head.first_chunk::<512>().is_some_and(checksum_holds)
}

/// UTF-8 or a single-byte encoding without control bytes. A NUL is never text.
pub fn is_text(head: &[u8]) -> bool {
    let plain = |b: &u8| !matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    if head.is_empty() || !head.iter().all(plain) {
        return false;
    }
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(e) if e.error_len().is_none() => true,
        // Latin-1 and its kin: mostly ASCII.
        Err(_) => head.iter().filter(|b| !b.is_ascii()).count() * 4 < head.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        for (head, expected) in [
            (&b"PK\x03\x04...."[..], Form::Zip),
            (b"\x78\x9c\x63", Form::Zlib),
            (b"x+1 = 2\n", Form::Text),
            (b"BZh91AY&SY\0", Form::Bzip2),
            (b"BZhello", Form::Text),
            (b"\x50\x2a\x4d\x18\x02\0\0\0ab\x04\x22\x4d\x18", Form::Lz4),
            (b"\x50\x2a\x4d\x18\x02\0\0\0ab\x28\xb5\x2f\xfd", Form::Zstd),
            (b"\x10\0\0\0\0\0\0\0{\"a\":{}}        ", Form::Ended(Ended::Safetensors)),
            (b"\x80\x04\x95", Form::Unknown),
            (b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", Form::Lzma),
            (b"\x0a\0\x10\x03\0\x05\0\0\0\0\0\0\0\0", Form::Unknown),
            (b"caf\xe9 au lait, in latin-1\n", Form::Text),
            (b"", Form::Unknown),
        ] {
            let found = magic(head).unwrap_or_else(|| form(head, 1000));
            assert_eq!(found, expected, "{}", head.escape_ascii());
        }
    }
}
