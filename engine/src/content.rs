//! Bytes that are read by ranges: a blob, a member of an archive, a slice of either.

use std::borrow::Cow;
use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

/// Something that yields bytes at an offset. Implementors never change under the reader: content
/// that turns out shorter than [`ReadAt::len`] said is an error, not an early end.
pub trait ReadAt: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;
    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Fills `buf` from `offset`; fewer bytes come back only at the end of the content.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    /// Whether it is not what it was when it was opened.
    fn changed(&self) -> io::Result<bool> {
        Ok(false)
    }
    /// The whole content, where it lies in memory.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|o| self.get(o..)).unwrap_or(&[]);
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
    fn as_slice(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// A file on disk, read by ranges. The length is the one at opening.
pub struct FileContent {
    file: File,
    len: u64,
    /// When it was last written to; `None` where the file system does not say.
    written: Option<SystemTime>,
}

impl FileContent {
    /// Wraps an open regular file.
    pub fn new(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(FileContent::of(file, &meta))
    }

    /// The same, where the file was just asked what it is.
    pub fn of(file: File, meta: &Metadata) -> Self {
        FileContent { file, len: meta.len(), written: meta.modified().ok() }
    }

    /// Writes behind its end. For a temporary file of one's own.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    #[cfg(unix)]
    fn read_some(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_some(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset)
    }
}

impl ReadAt for FileContent {
    fn len(&self) -> u64 {
        self.len
    }
    fn changed(&self) -> io::Result<bool> {
        let now = self.file.metadata()?;
        Ok((now.len(), now.modified().ok()) != (self.len, self.written))
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let mut done = 0;
        while done < wanted {
            match self.read_some(offset + done as u64, &mut buf[done..wanted]) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the file became shorter while it was read",
                    ));
                }
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}

/// A range of some content, cheap to clone and to narrow.
#[derive(Clone)]
pub struct Content {
    whole: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl Content {
    /// The whole of `source`.
    pub fn new(source: impl ReadAt + 'static) -> Self {
        let len = source.len();
        Content { whole: Arc::new(source), start: 0, len }
    }

    /// Bytes in memory.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Content::new(bytes.into())
    }

    /// Bytes in memory that their owner takes back when nobody reads them any more.
    pub fn lent(bytes: &Arc<Vec<u8>>) -> Self {
        Content { len: Vec::len(bytes) as u64, whole: Arc::<Vec<u8>>::clone(bytes), start: 0 }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether a file it is read from was written to since it was opened.
    pub fn changed(&self) -> io::Result<bool> {
        self.whole.changed()
    }

    /// Whether the range holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part of this content inside `range`, cut at its end.
    pub fn slice(&self, range: Range<u64>) -> Content {
        let start = range.start.min(self.len);
        let end = range.end.clamp(start, self.len);
        Content { whole: Arc::clone(&self.whole), start: self.start + start, len: end - start }
    }

    /// The bytes, where they lie in memory.
    pub fn as_slice(&self) -> Option<&[u8]> {
        let whole = self.whole.as_slice()?;
        whole.get(self.start as usize..(self.start + self.len) as usize)
    }

    /// Fills `buf` from `offset`; fewer bytes come back only at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = self.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        self.whole.read_at(self.start + offset, &mut buf[..wanted])
    }

    /// Up to `len` bytes from `offset`, lent where they lie in memory; fewer only at the end.
    pub fn range(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let Some(bytes) = self.as_slice() else { return self.read_range(offset, len).map(Cow::Owned) };
        let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
        Ok(Cow::Borrowed(rest.get(..len).unwrap_or(rest)))
    }

    /// Up to `len` bytes from `offset`, as a vector; shorter only at the end.
    pub fn read_range(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let wanted = self.len.saturating_sub(offset).min(len as u64) as usize;
        if let Some(bytes) = self.as_slice() {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let there = bytes.get(from..).and_then(|bytes| bytes.get(..wanted));
            return Ok(there.unwrap_or_default().to_vec());
        }
        let mut buf = vec![0; wanted];
        let n = self.read_at(offset, &mut buf)?;
        buf.truncate(n);
        Ok(buf)
    }

    /// The whole of it in pieces of `len` bytes, one read for each; the last is shorter.
    pub fn pieces(&self, len: usize) -> impl Iterator<Item = io::Result<Vec<u8>>> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || match self.read_range(at, len) {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => {
                at += piece.len() as u64;
                Some(Ok(piece))
            }
            Err(error) => {
                at = self.len;
                Some(Err(error))
            }
        })
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} bytes)", self.len)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn slices_nest_and_are_cut_at_the_end() {
        let c = Content::from_bytes(*b"0123456789");
        let inner = c.slice(2..8).slice(1..100);
        assert_eq!(inner.as_slice(), Some(&b"34567"[..]));
        let mut buf = [0; 3];
        assert_eq!(inner.read_at(4, &mut buf).ok(), Some(1));
        assert_eq!(buf[0], b'7');
        assert!(inner.slice(9..12).is_empty());
        let ranges = [(1, 2), (4, 9), (5, 1), (9, 1)].map(|(at, len)| inner.range(at, len).unwrap());
        assert_eq!(ranges, [&b"45"[..], b"7", b"", b""]);
    }

    #[test]
    fn a_file_that_is_written_to_is_not_what_it_was() {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let content = Content::new(FileContent::new(file.try_clone().unwrap()).unwrap());
        assert!(!content.slice(2..4).changed().unwrap());
        file.write_all(b"more").unwrap();
        assert!(content.slice(2..4).changed().unwrap());
        file.set_len(5).unwrap();
        let error = content.read_range(0, 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
