//! The path of a blob: bytes, whatever they spell.

use std::path::{Path, PathBuf};

use crate::reading::family;

/// A path of any bytes, `/`-separated: relative to the repository root, or as given on the command line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobPath(Vec<u8>);

impl BlobPath {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        BlobPath(bytes.into())
    }

    /// The bytes of a path on disk, a leading `./` left out.
    pub fn from_path(path: &Path) -> Self {
        BlobPath(bytes_of(path.strip_prefix(".").unwrap_or(path)))
    }

    /// The path as the file system takes it.
    pub fn to_path(&self) -> PathBuf {
        path_of(&self.0)
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

    /// The lower-cased extension, without the dot; `None` where there is none.
    pub fn extension(&self) -> Option<String> {
        Some(family::extension(&self.to_lossy())).filter(|extension| !extension.is_empty())
    }
}

#[cfg(unix)]
fn bytes_of(path: &Path) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
}

#[cfg(not(unix))]
fn bytes_of(path: &Path) -> Vec<u8> {
    path.to_string_lossy().replace('\\', "/").into_bytes()
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

impl std::fmt::Debug for BlobPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_lossy())
    }
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

    #[test]
    fn a_leading_dot_slash_is_no_part_of_a_path() {
        assert_eq!(BlobPath::from_path(Path::new("./a/b")).as_bytes(), b"a/b");
    }
}
