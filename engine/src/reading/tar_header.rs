//! The header block of a tar member: its checksum, and its fields as `tarfile` reads them.

use std::ops::Range;

use crate::pickle::stream::number::unsigned;

/// Whether a block's checksum is that of its bytes, taken as signed or unsigned.
pub fn checksum_holds(block: &[u8; 512]) -> bool {
    let Some(stated) = block.get(148..156).and_then(signed_number) else { return false };
    // Its own eight bytes count as blanks. A signed byte is 256 less where its highest bit is set.
    let sum = |bytes: &[u8]| bytes.iter().map(|b| u32::from(*b)).sum::<u32>();
    let high = |bytes: &[u8]| bytes.iter().map(|b| u32::from(b >> 7)).sum::<u32>();
    let (before, after) = (&block[..148], &block[156..]);
    let unsigned = 256 + i64::from(sum(before) + sum(after));
    let signed = unsigned - 256 * i64::from(high(before) + high(after));
    stated == unsigned || stated == signed
}

/// A number field that may be below zero, as the sum of signed bytes can be.
fn signed_number(field: &[u8]) -> Option<i64> {
    if let Some((0xff, rest)) = field.split_first() {
        let wide = rest.iter().fold(-1i128, |n, b| n << 8 | i128::from(*b));
        return i64::try_from(wide).ok();
    }
    match stripped(text(field)).strip_prefix(b"-") {
        Some(digits) => i64::try_from(unsigned(digits, 8)?).ok().map(|n| -n),
        None => i64::try_from(number(field)?).ok(),
    }
}

/// A number field: octal digits as Python's `int` takes them, with `_`, `0o` or a sign, or, with the highest bit set, a number to base 256.
pub fn number(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => rest.iter().try_fold(0u64, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b))),
        // Negative.
        (0xff, _) => None,
        _ => {
            let text = stripped(text(field));
            if text.is_empty() { Some(0) } else { unsigned(text, 8) }
        }
    }
}

/// Up to the first NUL.
pub fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or(field)
}

/// Without what `str.strip` takes off at the ends.
fn stripped(mut text: &[u8]) -> &[u8] {
    let blank = |b: u8| matches!(b, 0x09..=0x0d | 0x1c..=0x20);
    while let [first, rest @ ..] = text
        && blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && blank(*last)
    {
        text = rest;
    }
    text
}

/// What a header block says.
pub struct Header {
    pub name: Vec<u8>,
    pub size: u64,
    pub kind: u8,
    pub link: Vec<u8>,
    /// The old form's folder: a file whose own name, without the prefix, ends with a slash.
    pub old_folder: bool,
    /// The block itself, for GNU's sparse fields.
    pub block: Box<[u8; 512]>,
}

impl Header {
    /// Reads a block, whose checksum holds.
    pub fn parse(block: &[u8; 512]) -> Option<Header> {
        let field = |range: Range<usize>| block.get(range).unwrap_or(&[]);
        let mut name = text(field(0..100)).to_vec();
        let kind = block.get(156).copied()?;
        let old_folder = kind == 0 && name.last() == Some(&b'/');
        let prefix = text(field(345..500));
        if field(257..263) == b"ustar\0" && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        Some(Header {
            name,
            size: number(field(124..136))?,
            kind,
            link: text(field(157..257)).to_vec(),
            old_folder,
            block: Box::new(*block),
        })
    }
}
