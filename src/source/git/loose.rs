//! Objects that git stores one by one: a deflated file each.
//!
//! They are inflated here, to their last byte and no further: libgit2 reads on for ever in one that was cut
//! short, and takes what is left of one that is broken. Format: gitformat-loose(5).

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use flate2::{Decompress, FlushDecompress, Status};

use fickgate_engine::content::{Content, FileContent};

/// Folders that lend objects to folders that lend objects, and so on.
const DEPTH: usize = 5;
/// The longest header: a word, a number and a NUL.
const HEADER: usize = 32;
/// Bytes that are inflated at once.
const CHUNK: usize = 64 << 10;

/// The folders in which objects of a repository may lie.
#[derive(Debug, Default)]
pub(in crate::source) struct Loose {
    folders: Vec<PathBuf>,
}

/// An object that lies there.
pub(in crate::source) enum Found {
    /// A blob.
    Blob(Content),
    /// Its size in bytes, which is more than is unpacked.
    TooLarge(u64),
}

impl Loose {
    /// Of the repository whose common folder this is, and as the environment says.
    pub(in crate::source) fn of(common: &Path) -> Loose {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let mut loose = Loose::default();
        let own = variable("GIT_OBJECT_DIRECTORY").map_or_else(|| common.join("objects"), PathBuf::from);
        loose.add(own, DEPTH);
        for folder in variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").iter().flat_map(std::env::split_paths) {
            loose.add(folder, DEPTH);
        }
        loose
    }

    fn add(&mut self, folder: PathBuf, depth: usize) {
        if depth == 0 || self.folders.contains(&folder) {
            return;
        }
        let lent = std::fs::read(folder.join("info/alternates")).unwrap_or_default();
        self.folders.push(folder.clone());
        for path in lent.split(|b| *b == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#")) {
            let path = fickgate_engine::path::BlobPath::new(path).to_path();
            self.add(folder.join(path), depth - 1);
        }
    }

    /// The object of this name, if it is stored so. `held` is the size up to which it is kept in memory, `largest` that up to
    /// which it is unpacked.
    pub(in crate::source) fn read(
        &self,
        name: &str,
        held: u64,
        largest: u64,
    ) -> Option<Result<Found, String>> {
        let (first, rest) = name.split_at_checked(2)?;
        let file = self.folders.iter().find_map(|folder| {
            match crate::source::file::open(&folder.join(first).join(rest), true) {
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
                opened => Some(opened),
            }
        })?;
        let read = file.and_then(|file| inflate(file, held, largest));
        Some(read.map_err(|e| format!("object {name} cannot be read: {e}; run: git fsck")))
    }
}

fn corrupt(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("it is corrupt: {what}"))
}

/// Where the content goes.
enum Sink {
    Memory(Vec<u8>),
    File(File),
}

fn inflate(file: File, held: u64, largest: u64) -> io::Result<Found> {
    let mut file = BufReader::with_capacity(CHUNK, file);
    let mut stream = Decompress::new(true);
    let mut chunk = vec![0; CHUNK];
    let mut header: Vec<u8> = Vec::new();
    let mut body: Option<(u64, u64, Sink)> = None;
    loop {
        let input = file.fill_buf()?;
        let over = input.is_empty();
        let (was_in, was_out) = (stream.total_in(), stream.total_out());
        let status = stream
            .decompress(input, &mut chunk, FlushDecompress::None)
            .map_err(|_| corrupt("it does not inflate"))?;
        let read = usize::try_from(stream.total_in() - was_in).unwrap_or(usize::MAX);
        let made = usize::try_from(stream.total_out() - was_out).unwrap_or(usize::MAX);
        file.consume(read);
        let mut made = chunk.get(..made).unwrap_or_default();
        if body.is_none() {
            let end = made.iter().position(|b| *b == 0);
            header.extend_from_slice(made.get(..end.unwrap_or(made.len())).unwrap_or_default());
            if header.len() > HEADER {
                return Err(corrupt("it has no header"));
            }
            if let Some(end) = end {
                let size = size_of(&header)?;
                if size > largest {
                    return Ok(Found::TooLarge(size));
                }
                let sink = match size <= held {
                    true => Sink::Memory(Vec::with_capacity(usize::try_from(size.min(held)).unwrap_or(0))),
                    false => Sink::File(tempfile::tempfile()?),
                };
                body = Some((size, 0, sink));
                made = made.get(end + 1..).unwrap_or_default();
            } else {
                made = &[];
            }
        }
        if let Some((size, written, sink)) = &mut body {
            *written += made.len() as u64;
            if *written > *size {
                return Err(corrupt("it is longer than its header says"));
            }
            match sink {
                Sink::Memory(bytes) => bytes.extend_from_slice(made),
                Sink::File(file) => file.write_all(made)?,
            }
        }
        if status == Status::StreamEnd {
            break;
        }
        if over && stream.total_out() == was_out {
            return Err(corrupt("it is cut short"));
        }
    }
    if !file.fill_buf()?.is_empty() {
        return Err(corrupt("something stands behind it"));
    }
    match body {
        Some((size, written, sink)) if size == written => Ok(Found::Blob(match sink {
            Sink::Memory(bytes) => Content::from_bytes(bytes),
            Sink::File(file) => Content::new(FileContent::new(file)?),
        })),
        Some(_) => Err(corrupt("it is shorter than its header says")),
        None => Err(corrupt("it has no header")),
    }
}

/// The size in a blob's header.
fn size_of(header: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(header).map_err(|_| corrupt("it has no header"))?;
    let (kind, size) = text.split_once(' ').ok_or_else(|| corrupt("it has no header"))?;
    if kind != "blob" {
        return Err(corrupt("it is not a blob"));
    }
    let plain = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
    size.parse().ok().filter(|_| plain).ok_or_else(|| corrupt("its size is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflated(text: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text).unwrap();
        out.finish().unwrap()
    }

    fn read(stored: &[u8]) -> Result<Vec<u8>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(stored).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        match inflate(file, 1 << 10, 1 << 20) {
            Ok(Found::Blob(content)) => Ok(content.read_range(0, 1 << 20).unwrap()),
            Ok(Found::TooLarge(size)) => Err(format!("too large: {size}")),
            Err(e) => Err(e.to_string()),
        }
    }

    #[test]
    fn whole_objects_are_read_in_memory_and_through_a_file() {
        assert_eq!(read(&deflated(b"blob 3\0abc")).unwrap(), b"abc");
        assert_eq!(read(&deflated(b"blob 0\0")).unwrap(), b"");
        let long = [b"blob 200000\0".to_vec(), vec![7; 200_000]].concat();
        assert_eq!(read(&deflated(&long)).unwrap().len(), 200_000);
    }

    // Every cut and every flip of a bit: an end, and never other content than was stored.
    #[test]
    fn broken_objects_are_named_as_corrupt() {
        let text: Vec<u8> = (0..600u32).flat_map(u32::to_le_bytes).collect();
        let stored = deflated(&[format!("blob {}\0", text.len()).into_bytes(), text.clone()].concat());
        for end in 0..stored.len() {
            assert!(read(&stored[..end]).unwrap_err().contains("corrupt"), "cut at {end}");
        }
        for bit in 0..stored.len() * 8 {
            let mut broken = stored.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            match read(&broken) {
                Ok(content) => assert_eq!(content, text, "bit {bit}"),
                Err(error) => assert!(error.contains("corrupt") || error.contains("too large"), "{error}"),
            }
        }
        for odd in
            ["blob 99\0short", "blob 1\0longer", "bolb 3\0abc", "blob\0", "blob -1\0", "blob +3\0abc", ""]
        {
            assert!(read(&deflated(odd.as_bytes())).unwrap_err().contains("corrupt"), "{odd:?}");
        }
        assert!(read(&[deflated(b"blob 3\0abc"), vec![1]].concat()).unwrap_err().contains("behind it"));
    }
}
