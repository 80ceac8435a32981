//! Bytes that a callable unpacks, zlib with msgpack in it (spaCy's `DocBin`): how much they make.

use std::io::{self, Read};

use crate::pickle::known::view::{Call, View};
use crate::pickle::known::{Judged, Outcome};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::Tag;

/// Bytes that may come out, and further ones for each that goes in.
const BYTES: u64 = 1 << 25;
const BYTES_A_BYTE: u64 = 64;

/// Values that may be among them, and further ones for each byte that goes in: an empty mapping is a byte, and takes 64.
const VALUES: u64 = 1 << 19;
const VALUES_A_BYTE: u64 = 4;

/// Literal bytes of the stream, to be read one after the other.
struct Literal<'a, C> {
    cursor: &'a C,
    at: u64,
    end: u64,
}

impl<C: Cursor> Read for Literal<'_, C> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buf.len());
        let read = self.cursor.copy(self.at, buf.get_mut(..left).unwrap_or_default());
        self.at += read as u64;
        Ok(read)
    }
}

/// `unpickle_bin(bytes)`: literal bytes that do not make much more than they are.
pub fn unpickle_bin<C: Cursor>(view: &View<'_, C>, call: &Call) -> Judged {
    let literal = view.part(call.args, 0).filter(|v| v.is(Tag::Bytes) && !view.changed.contains(v));
    let place = literal.and_then(|v| view.literal(v));
    let (Some((start, len)), false, Some(1)) = (place, call.keywords, view.count(call.args)) else {
        return Err("it is given something else than literal bytes".to_owned());
    };
    let literal = Literal { cursor: view.cursor, at: start, end: start.saturating_add(len) };
    let most = BYTES.saturating_add(len.saturating_mul(BYTES_A_BYTE));
    let mut inside = flate2::read::ZlibDecoder::new(literal).take(most + 1);
    let counted = values(&mut inside, VALUES.saturating_add(len.saturating_mul(VALUES_A_BYTE)));
    // What breaks off makes no more than stood before it.
    if inside.limit() == 0 || matches!(counted, Ok(None)) {
        return Err("its bytes unpack to much more than they are".to_owned());
    }
    Ok(Outcome::Object)
}

/// How many values msgpack has, those that containers say they have among them; `None` where there are more than `most`.
fn values(from: &mut impl Read, most: u64) -> io::Result<Option<u64>> {
    let mut count = 0u64;
    loop {
        let mut head = [0];
        if from.read(&mut head)? == 0 {
            return Ok(Some(count));
        }
        let (mut skipped, mut held) = (0, 0);
        match head[0] {
            0x80..=0x8f => held = 2 * u64::from(head[0] & 15),
            0x90..=0x9f => held = u64::from(head[0] & 15),
            0xa0..=0xbf => skipped = u64::from(head[0] & 31),
            0xc4 | 0xd9 => skipped = number(from, 1)?,
            0xc5 | 0xda => skipped = number(from, 2)?,
            0xc6 | 0xdb => skipped = number(from, 4)?,
            0xc7 => skipped = number(from, 1)? + 1,
            0xc8 => skipped = number(from, 2)? + 1,
            0xc9 => skipped = number(from, 4)? + 1,
            0xcc | 0xd0 => skipped = 1,
            0xcd | 0xd1 => skipped = 2,
            0xca | 0xce | 0xd2 => skipped = 4,
            0xcb | 0xcf | 0xd3 => skipped = 8,
            0xd4..=0xd8 => skipped = (1 << (head[0] - 0xd4)) + 1,
            0xdc => held = number(from, 2)?,
            0xdd => held = number(from, 4)?,
            0xde => held = 2 * number(from, 2)?,
            0xdf => held = 2 * number(from, 4)?,
            _ => {}
        }
        io::copy(&mut from.by_ref().take(skipped), &mut io::sink())?;
        count = count.saturating_add(1 + held);
        if count > most {
            return Ok(None);
        }
    }
}

/// A number of so many bytes, the first of which is the most significant.
fn number(from: &mut impl Read, len: usize) -> io::Result<u64> {
    let mut bytes = [0; 4];
    let bytes = bytes.get_mut(..len).unwrap_or_default();
    from.read_exact(bytes)?;
    Ok(bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted() {
        let count = |bytes: &[u8]| values(&mut &bytes[..], 100).ok().flatten();
        // {"a": [1, 2], "bin": b"xyz"}: a mapping of four, its keys and values, and two of the list.
        let some = b"\x82\xa1a\x92\x01\x02\xa3bin\xc4\x03xyz";
        assert_eq!(count(some), Some(1 + 4 + 4 + 2 + 2));
        assert_eq!(count(b"\xdd\xff\xff\xff\xff"), None, "a list that says it has four billion");
        assert_eq!(count(&[0x80; 101]), None, "empty mappings");
    }
}
