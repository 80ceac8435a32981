//! The name of an object of git.

use std::fmt;

use sha2::{Digest, Sha256};

/// The name of an object, SHA-1 or SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    bytes: [u8; 32],
    len: u8,
}

impl ObjectId {
    /// Reads 40 or 64 hexadecimal digits.
    pub fn from_hex(hex: &[u8]) -> Option<ObjectId> {
        if hex.len() != 40 && hex.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let digit = |d: u8| (d as char).to_digit(16);
            *byte = (digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?) as u8;
        }
        Some(ObjectId { bytes, len: (hex.len() / 2) as u8 })
    }

    /// A name of our own for something that is no object of git, to tell it from others.
    pub(in crate::source) fn of(text: &[u8]) -> ObjectId {
        ObjectId { bytes: Sha256::digest(text).into(), len: 32 }
    }

    /// The raw bytes, 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }

    /// Whether this is the null name, which git prints where there is no object.
    pub fn is_null(&self) -> bool {
        self.bytes == [0; 32]
    }

    pub(in crate::source) fn from_git2(oid: git2::Oid) -> Option<ObjectId> {
        ObjectId::from_hex(oid.to_string().as_bytes())
    }

    pub(in crate::source) fn to_git2(self) -> Option<git2::Oid> {
        git2::Oid::from_bytes(self.as_bytes()).ok()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
