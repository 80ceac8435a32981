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
