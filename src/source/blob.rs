//! A blob: a path, and bytes or the reason why there are none.

use crate::content::Content;

/// A path of any bytes, `/`-separated: relative to the repository root, or as given on the command line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobPath(Vec<u8>);

impl BlobPath {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        BlobPath(bytes.into())
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Text for matching and machine-readable output; bytes that are not UTF-8 become U+FFFD.
    pub fn to_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// The part behind the last `/`.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|b| *b == b'/').next().unwrap_or(&self.0)
    }

    /// The lower-cased ASCII extension, without the dot; `None` where there is none.
    pub fn extension(&self) -> Option<String> {
        let name = self.file_name();
        let dot = name.iter().rposition(|b| *b == b'.')?;
        let ext = String::from_utf8_lossy(&name[dot + 1..]);
        let ext = ext.trim().to_ascii_lowercase();
        (!ext.is_empty()).then_some(ext)
    }
}

impl std::fmt::Debug for BlobPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_lossy())
    }
}

/// A file's content at one place: index, commit, working tree.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Where it stands.
    pub path: BlobPath,
    /// Its bytes.
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_is_lower_case_and_trimmed() {
        assert_eq!(BlobPath::new("a.b/Model.PKL ").extension().as_deref(), Some("pkl"));
        assert_eq!(BlobPath::new("a.b/Makefile").extension(), None);
        assert_eq!(BlobPath::new("x.").extension(), None);
    }
}
