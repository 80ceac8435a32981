//! Pointers: small files that stand for content which git does not hold.
//!
//! Git LFS: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
//! git-annex: <https://git-annex.branchable.com/internals/pointer_file/>,
//! <https://git-annex.branchable.com/internals/key_format/>.
//! DVC: <https://dvc.org/doc/user-guide/project-structure/dvc-files>, see `dvc.rs`.

pub mod dvc;
pub mod store;

use std::io;

use fickgate_engine::content::Content;
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::rule::Rule;

/// The longest Git LFS pointer: its readers look at no more.
const LFS_POINTER: usize = 1024;
/// The longest git-annex pointer: its readers look at no more.
const ANNEX_POINTER: usize = 32 << 10;

/// What a small file points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// A Git LFS object.
    Lfs {
        /** SHA-256 of the content, 64 lower-case hexadecimal digits. */
        oid: String,
        /** Its length in bytes. */
        size: u64,
    },
    /// A git-annex key.
    Annex {
        /** The key: backend, size and hash of the content. */
        key: String,
    },
    /// An output of DVC.
    Dvc {
        /** MD5 of the content, 32 lower-case hexadecimal digits. */
        md5: String,
        /** Its length in bytes, where it is announced. */
        size: Option<u64>,
        /** Whether the hash may be that of the text with line ends made LF, as before DVC 3. */
        folded: bool,
        /** Whether it is a folder. */
        folder: bool,
    },
}

/// What a look at the beginning of content tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// An ordinary file.
    File,
    /// A pointer and nothing else.
    Pointer(Pointer),
    /// What begins as a Git LFS pointer and is not wholly understood: some Git LFS may take it for one, or have
    /// a program of its own make the content.
    Unclear,
    /// A Git LFS pointer as far as Git LFS reads, and more behind it: a checkout with Git LFS makes
    /// one file of it, a checkout without it another.
    Headed,
}

impl Pointer {
    /// Recognises a pointer by its whole text. Anything that has other bytes in it is an ordinary file.
    pub fn recognise(content: &Content) -> io::Result<Look> {
        if content.len() < 10 {
            return Ok(Look::File);
        }
        let head = content.range(0, LFS_POINTER)?;
        // White space begins with one of these bytes, a pointer with a `v`: most files are told by the first.
        if matches!(head.first(), Some(b'v' | b'\t'..=b'\r' | b' ' | 0xC2 | 0xE1..=0xE3)) {
            if let Some(pointer) = lfs_head(&head) {
                let whole = content.len() <= LFS_POINTER as u64;
                return Ok(if whole { Look::Pointer(pointer) } else { Look::Headed });
            }
            if resembles_lfs(&head) {
                return Ok(Look::Unclear);
            }
        }
        // A pointer of git-annex is text without control characters.
        let text = !matches!(head.first(), Some(0..=9 | 0xb | 0xc | 0xe..=0x1f | 0x7f..=0xbf));
        if content.len() > ANNEX_POINTER as u64 || !text {
            return Ok(Look::File);
        }
        let longer = content.len() > LFS_POINTER as u64;
        let bytes = if longer { content.range(0, ANNEX_POINTER)? } else { head };
        Ok(annex(&bytes).map_or(Look::File, Look::Pointer))
    }

    /// Recognises the target of a git-annex link.
    pub fn of_link(target: &[u8]) -> Option<Pointer> {
        let text = String::from_utf8_lossy(target).replace('\\', "/");
        let (_, inside) = text.split_once(".git/annex/objects/")?;
        let key = inside.rsplit('/').next()?;
        is_key(key).then(|| Pointer::Annex { key: key.to_owned() })
    }

    /// The fault of a pointer whose content is not here.
    pub fn unresolved(&self, path: &BlobPath) -> FileFault {
        let (what, get) = match self {
            Pointer::Lfs { .. } => ("Git LFS", "git lfs pull"),
            Pointer::Annex { .. } => ("git-annex", "git annex get"),
            Pointer::Dvc { .. } => ("DVC", "dvc pull"),
        };
        FileFault {
            rule: Rule::PointerUnresolved,
            path: path.clone(),
            message: format!("a {what} pointer whose content is not in this clone, so it was not judged"),
            help: format!("run: {get}"),
        }
    }
}

/// Whether the text can be the name of a file in the annex.
fn is_key(text: &str) -> bool {
    !text.is_empty() && text.contains("--") && !text.contains(['/', '\0'])
}

/// The pointer that Git LFS sees in the bytes it reads: it takes white space off both ends first.
fn lfs_head(head: &[u8]) -> Option<Pointer> {
    // A character that the end of what is read cuts through belongs to no pointer.
    let text = std::str::from_utf8(head).ok()?;
    lfs(text.trim())
}

/// Whether the bytes have what makes a pointer for Git LFS, however they are written.
fn resembles_lfs(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let Some(version) = text.trim_start().strip_prefix("version ") else { return false };
    let line = version.lines().next().unwrap_or_default();
    let begins = |key: &str| text.lines().any(|line| line.starts_with(key));
    KNOWN.iter().any(|known| line.contains(known)) && begins("oid ") && begins("size ")
}

/// Words in the versions of pointers, those before Git LFS had its name among them.
const KNOWN: [&str; 3] = ["git-lfs", "hawser", "git-media"];

/// The pointer that git-annex sees in a whole file: a path into its store in the first line, behind which
/// only lines may follow that begin as such a path does.
fn annex(bytes: &[u8]) -> Option<Pointer> {
    let first = memchr::memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..end]);
    memchr::memmem::find(first, b"annex/objects/")?;
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let (_, inside) = lines.next()?.split_once("annex/objects/")?;
    let key = inside.rsplit('/').next()?;
    let rest = lines.all(|line| line.is_empty() || line.starts_with("/annex/"));
    let plain = !text.chars().any(|c| c.is_control() && c != '\n' && c != '\r');
    (rest && plain && is_key(key)).then(|| Pointer::Annex { key: key.to_owned() })
}

/// `key value` lines: `version` first, an `oid` and a `size` among the others.
fn lfs(text: &str) -> Option<Pointer> {
    let mut oid = None;
    let mut size = None;
    let mut lines = text.split('\n');
    let version = lines.next()?.strip_prefix("version ")?;
    let printable = version.trim_end_matches('\r').bytes().all(|b| matches!(b, b' '..=b'~'));
    if !printable || !KNOWN.iter().any(|known| version.contains(known)) {
        return None;
    }
    for line in lines.map(|l| l.strip_suffix('\r').unwrap_or(l)).filter(|l| !l.is_empty()) {
        let (key, value) = line.split_once(' ')?;
        let plain =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-' || b == b'_';
        // What an extension makes of the object is its own business.
        let extension = key.starts_with("ext-");
        if key.is_empty() || extension || !key.bytes().all(plain) || value.chars().any(char::is_control) {
            return None;
        }
        match key {
            "oid" => oid = value.strip_prefix("sha256:"),
            "size" => size = value.parse().ok(),
            _ => {}
        }
    }
    let oid = oid.filter(|o| o.len() == 64 && o.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))?;
    Some(Pointer::Lfs { oid: oid.to_owned(), size: size? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    fn look(text: &str) -> Look {
        Pointer::recognise(&Content::from_bytes(text.as_bytes())).expect("memory can be read")
    }

    fn pointer(text: &str) -> Option<Pointer> {
        match look(text) {
            Look::Pointer(pointer) => Some(pointer),
            _ => None,
        }
    }

    #[test]
    fn the_pointer_of_the_specification() {
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
        assert_eq!(pointer(&text), Some(Pointer::Lfs { oid: OID.to_owned(), size: 12345 }));
    }

    #[test]
    fn older_versions_are_pointers_too_and_extensions_make_what_they_want() {
        let of = |key: &str| {
            format!(
                "version https://hawser.github.com/spec/v1\n{key} sha256:{OID}\noid sha256:{OID}\nsize 1\n"
            )
        };
        assert!(pointer(&of("x-note")).is_some());
        for key in ["ext-0-foo", "ext-0-FOO", "ext-0-a!!", "X-Note"] {
            assert_eq!(look(&of(key)), Look::Unclear, "{key}");
        }
    }

    #[test]
    fn a_pointer_with_other_bytes_is_an_ordinary_file() {
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
        assert_eq!(pointer(&format!("{text}\x01\x02")), None);
        assert_eq!(pointer(&format!("{text}(cos\nsystem\n")), None);
        assert_eq!(pointer(&format!("{text}{}", "x-pad y\n".repeat(200))), None);
        assert_eq!(pointer(&text.replace("/v1", "PK\x05\x06")), None, "a zip would fit into that line");
        assert_eq!(pointer("version 1.2\noid sha256:00\nsize 3\n"), None);
    }

    // What `git lfs smudge` 3.3 made of each of these: the object.
    #[test]
    fn white_space_around_a_pointer_is_nothing_to_git_lfs() {
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
        for before in ["\n", "  \t\r\n", "\u{b}\u{c}", "\u{85}", "\u{a0}", "\u{3000}"] {
            assert!(pointer(&format!("{before}{text}")).is_some(), "{before:?} before");
            assert!(pointer(&format!("{text}{before}")).is_some(), "{before:?} behind");
        }
        assert!(pointer(&text.replace('\n', "\r\n")).is_some());
        assert_eq!(pointer(&format!("\u{feff}{text}")), None, "no white space");
    }

    #[test]
    fn git_lfs_reads_no_further_than_1024_bytes() {
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
        assert!(matches!(look(&format!("{text:1024}")), Look::Pointer(_)));
        assert_eq!(look(&format!("{text:1024}cos\nsystem\n.")), Look::Headed);
        assert_eq!(look(&format!("{text:1025}")), Look::Headed);
        assert_eq!(look(&format!("{text:1023}xx")), Look::Unclear);
    }

    #[test]
    fn annex_pointers_have_nothing_else_in_them() {
        let key = "WORM-s7-m12--m.pt";
        for text in [format!("/annex/objects/{key}\r\n"), format!("../.git/annex/objects/a/b/{key}/{key}")] {
            assert_eq!(pointer(&text), Some(Pointer::Annex { key: key.to_owned() }), "{text:?}");
        }
        assert!(pointer(&format!("/annex/objects/{key}\n/annex/later\n")).is_some());
        for text in ["\ncos\nsystem\n", "\n\x05", "PK\x05\x06\n"] {
            assert_eq!(pointer(&format!("/annex/objects/{key}{text}")), None, "{text:?}");
        }
    }

    #[test]
    fn annex_pointers_are_text_or_links() {
        let key = "SHA256E-s31390--f50d7ac4c6b9031379986bc362fcefb65f1e52621ce1708d537e740fefc59cc0.mp3";
        let expected = Some(Pointer::Annex { key: key.to_owned() });
        assert_eq!(pointer(&format!("/annex/objects/{key}\n")), expected);
        assert_eq!(Pointer::of_link(format!("../.git/annex/objects/Wx/9j/{key}/{key}").as_bytes()), expected);
        assert_eq!(Pointer::of_link(b"../models/a.pt"), None);
    }
}
