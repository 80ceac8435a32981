//! Fields of fixed records, read without trusting that the record is all there.

/// The `N` bytes at an offset.
pub fn bytes<const N: usize>(record: &[u8], at: usize) -> Option<[u8; N]> {
    record.get(at..)?.first_chunk::<N>().copied()
}

/// Little-endian, two bytes.
pub fn u16_le(record: &[u8], at: usize) -> Option<u16> {
    bytes(record, at).map(u16::from_le_bytes)
}

/// Little-endian, four bytes.
pub fn u32_le(record: &[u8], at: usize) -> Option<u32> {
    bytes(record, at).map(u32::from_le_bytes)
}

/// Little-endian, eight bytes.
pub fn u64_le(record: &[u8], at: usize) -> Option<u64> {
    bytes(record, at).map(u64::from_le_bytes)
}

/// Big-endian, four bytes.
pub fn u32_be(record: &[u8], at: usize) -> Option<u32> {
    bytes(record, at).map(u32::from_be_bytes)
}

/// Two bytes, the highest first or last.
pub fn u16_of(big: bool, record: &[u8], at: usize) -> Option<u16> {
    if big { bytes(record, at).map(u16::from_be_bytes) } else { u16_le(record, at) }
}

/// Four bytes, the highest first or last.
pub fn u32_of(big: bool, record: &[u8], at: usize) -> Option<u32> {
    if big { u32_be(record, at) } else { u32_le(record, at) }
}

/// A number of four bytes or eight, as the machine has it that wrote the record; the highest byte first or last.
pub fn word_of(big: bool, width: usize, record: &[u8], at: usize) -> Option<u64> {
    match (width, big) {
        (4, _) => u32_of(big, record, at).map(u64::from),
        (_, true) => bytes(record, at).map(u64::from_be_bytes),
        _ => u64_le(record, at),
    }
}
