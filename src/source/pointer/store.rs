//! The local stores that pointers are resolved in, without asking any server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::source::git::command::{Git, line};
use crate::source::pointer::Pointer;
use crate::source::pointer::dvc;
use fickgate_engine::content::{Content, FileContent};
use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy;
use fickgate_engine::rule::Rule;

/// Content up to this size, in bytes, is kept in memory while it is verified.
const HELD: u64 = 8 << 20;

/// Where the content of pointers may lie on this machine.
#[derive(Debug, Default)]
pub(in crate::source) struct Stores {
    git: Git,
    /// The folder that linked worktrees share: `.git`.
    common: Option<PathBuf>,
    /// The folder of the working tree.
    root: Option<PathBuf>,
    /// Folders with Git LFS objects, found out when the first pointer is met.
    lfs: OnceLock<Vec<PathBuf>>,
    /// Whether `fickgate.lfs` of git's configuration says to fetch what is missing.
    fetches: OnceLock<bool>,
}

/// What resolving gave.
pub(in crate::source) enum Resolved {
    /// The content, verified where its pointer tells a hash.
    Content(Content),
    /// Something wrong, or nothing there.
    Fault(Box<FileFault>),
}

/// What has to be true of content.
#[derive(Default)]
struct Claim<'a> {
    size: Option<u64>,
    sha256: Option<&'a str>,
    md5: Option<&'a str>,
    /// The MD5 may be that of the text with CRLF made LF.
    folded: bool,
}

/// How content stands to a claim.
enum Checked {
    True(Content),
    /// In what way it is not what was announced.
    False(String),
    Absent,
}

impl Stores {
    pub(in crate::source) fn new(git: Git, common: Option<PathBuf>, root: Option<PathBuf>) -> Stores {
        Stores { git, common, root, lfs: OnceLock::new(), fetches: OnceLock::new() }
    }

    /// The stores of a submodule, whose paths are of this working tree too.
    pub(in crate::source) fn within(&self, git: Git, common: Option<PathBuf>) -> Stores {
        Stores::new(git, common, self.root.clone())
    }

    /// The content that `pointer` at `path` stands for.
    pub(in crate::source) fn resolve(&self, pointer: &Pointer, path: &BlobPath) -> io::Result<Resolved> {
        let (claim, stored) = match pointer {
            Pointer::Lfs { size: 0, .. } => return Ok(Resolved::Content(Content::from_bytes([]))),
            Pointer::Lfs { oid, size } => {
                let claim = Claim { size: Some(*size), sha256: Some(oid), ..Claim::default() };
                (claim, self.lfs_objects(oid))
            }
            Pointer::Annex { key } => (annex_claim(key), self.annex_objects(key)),
            Pointer::Dvc { md5, folder, .. } if *folder || md5.len() != 32 => (Claim::default(), Vec::new()),
            Pointer::Dvc { md5, size, folded, .. } => {
                let claim = Claim { size: *size, md5: Some(md5), folded: *folded, ..Claim::default() };
                (claim, self.root.iter().flat_map(|r| dvc::cached(r, path, md5)).collect())
            }
        };
        if let Pointer::Lfs { oid, size } = pointer
            && !stored.iter().any(|file| file.exists())
            && self.fetches()
        {
            // Git LFS puts what it downloads into its store. What comes of it is seen below.
            let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n");
            self.git.order(&["lfs", "smudge"], text.as_bytes())?;
        }
        let mut wrong = None;
        for file in stored {
            match check(&file, &claim)? {
                Checked::True(content) => return Ok(Resolved::Content(content)),
                Checked::False(how) => wrong = wrong.or(Some(how)),
                Checked::Absent => {}
            }
        }
        // The file on disk will do where it is the very content; it may well be another version.
        let hashed = claim.sha256.is_some() || claim.md5.is_some();
        if let Some(root) = self.root.as_ref().filter(|_| hashed)
            && let Checked::True(content) = check(&root.join(path.to_path()), &claim)?
        {
            return Ok(Resolved::Content(content));
        }
        let fault = match wrong {
            None => pointer.unresolved(path),
            Some(how) => FileFault {
                rule: Rule::PointerMismatch,
                path: path.clone(),
                message: format!("the stored object {how} than its pointer announces"),
                help: "remove the object from the local store and fetch it again".to_owned(),
            },
        };
        Ok(Resolved::Fault(Box::new(fault)))
    }

    /// The list of files under the hash of a folder that DVC tracks, if it is what its hash says.
    pub(in crate::source) fn dvc_list(&self, path: &BlobPath, md5: &str) -> Option<Vec<u8>> {
        let claim = Claim { md5: Some(md5), ..Claim::default() };
        let name = format!("{md5}.dir");
        let stored = self.root.iter().flat_map(|root| dvc::cached(root, path, &name));
        stored.into_iter().find_map(|file| match check(&file, &claim) {
            Ok(Checked::True(content)) if content.len() <= 64 << 20 => {
                content.read_range(0, content.len() as usize).ok()
            }
            _ => None,
        })
    }

    /// Only git's own configuration counts, which no commit brings.
    fn fetches(&self) -> bool {
        *self.fetches.get_or_init(|| {
            let answer = self.git.ask(&["config", "--get", "fickgate.lfs"]).ok().flatten();
            answer.is_some_and(|a| a.code == Some(0) && line(&a.out) == b"fetch")
        })
    }

    /// Where Git LFS keeps an object: `lfs.storage`, and the stores of alternates.
    fn lfs_objects(&self, oid: &str) -> Vec<PathBuf> {
        let (Some(a), Some(b)) = (oid.get(..2), oid.get(2..4)) else { return Vec::new() };
        let stores = self.lfs.get_or_init(|| self.lfs_stores());
        stores.iter().map(|store| store.join("objects").join(a).join(b).join(oid)).collect()
    }

    fn lfs_stores(&self) -> Vec<PathBuf> {
        let Some(common) = &self.common else { return Vec::new() };
        let configured = self.git.ask(&["config", "--type=path", "--get", "lfs.storage"]).ok().flatten();
        let own = match configured.filter(|a| a.code == Some(0) && !line(&a.out).is_empty()) {
            Some(answer) => common.join(BlobPath::new(line(&answer.out)).to_path()),
            None => common.join("lfs"),
        };
        let mut stores = vec![own];
        if let Ok(alternates) = std::fs::read(common.join("objects/info/alternates")) {
            for path in alternates.split(|b| *b == b'\n').filter(|l| !l.is_empty() && !l.starts_with(b"#")) {
                let objects = common.join("objects").join(BlobPath::new(path).to_path());
                stores.extend(objects.parent().map(|git| git.join("lfs")));
            }
        }
        stores
    }

    /// Where git-annex keeps an object: under two folders named after a hash of its key, of which
    /// there are two kinds.
    fn annex_objects(&self, key: &str) -> Vec<PathBuf> {
        let Some(common) = &self.common else { return Vec::new() };
        let digest = Md5::digest(key.as_bytes());
        let lower = policy::hex(&digest);
        let first: [u8; 4] = std::array::from_fn(|i| digest.get(i).copied().unwrap_or(0));
        let word = u32::from_le_bytes(first);
        let letter = |i: u32| {
            let index = (word >> (6 * i)) & 31;
            b"0123456789zqjxkmvwgpfZQJXKMVWGPF".get(index as usize).map_or('0', |b| char::from(*b))
        };
        let mixed = format!("{}{}/{}{}", letter(1), letter(0), letter(3), letter(2));
        let lower = format!("{}/{}", lower.get(..3).unwrap_or(""), lower.get(3..6).unwrap_or(""));
        [mixed, lower].map(|hash| common.join("annex/objects").join(hash).join(key).join(key)).into()
    }
}

/// What a key says of its content: `BACKEND-s123--HASH`, with the file's extension behind the hash of
/// a backend that ends in E. Other hashes than these two are not verified, as git-annex itself keeps
/// such content under the key alone.
fn annex_claim(key: &str) -> Claim<'_> {
    let Some((head, name)) = key.split_once("--") else { return Claim::default() };
    let mut fields = head.split('-');
    let backend = fields.next().unwrap_or_default();
    let size = fields.find_map(|f| f.strip_prefix('s')?.parse().ok());
    let hash = match backend.ends_with('E') {
        true => name.split('.').next().unwrap_or_default(),
        false => name,
    };
    let claim = Claim { size, ..Claim::default() };
    match backend {
        "SHA256" | "SHA256E" => Claim { sha256: Some(hash), ..claim },
        "MD5" | "MD5E" => Claim { md5: Some(hash), ..claim },
        _ => claim,
    }
}

/// Reads a file if it is what is claimed.
fn check(path: &Path, claim: &Claim<'_>) -> io::Result<Checked> {
    let file = match crate::source::file::open(path, true) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Checked::Absent);
        }
        Err(e) => return Err(e),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(Checked::Absent);
    }
    if let Some(size) = claim.size.filter(|s| *s != meta.len() && !claim.folded) {
        return Ok(Checked::False(format!(
            "has {} bytes rather than {size}, so it is another one",
            meta.len()
        )));
    }
    let content = Content::new(FileContent::new(file)?);
    // Small content is verified and judged from the same bytes.
    let content = match content.len() {
        len if len <= HELD => Content::from_bytes(content.read_range(0, HELD as usize)?),
        _ => content,
    };
    if let Some(sha256) = claim.sha256
        && hash::<Sha256>(&content, false)? != sha256
    {
        return Ok(Checked::False("has another SHA-256".to_owned()));
    }
    if let Some(md5) = claim.md5
        && hash::<Md5>(&content, false)? != md5
        && !(claim.folded && hash::<Md5>(&content, true)? == md5)
    {
        return Ok(Checked::False("has another MD5".to_owned()));
    }
    Ok(Checked::True(content))
}

/// The hash of content in lower-case hexadecimal, on request with every CRLF made LF.
fn hash<D: Digest>(content: &Content, folded: bool) -> io::Result<String> {
    let mut hash = D::new();
    let mut carriage_return = false;
    for piece in content.pieces(256 << 10) {
        let mut window = piece?;
        if folded {
            let mut out = Vec::with_capacity(window.len() + 1);
            for byte in window {
                if carriage_return && byte != b'\n' {
                    out.push(b'\r');
                }
                carriage_return = byte == b'\r';
                if !carriage_return {
                    out.push(byte);
                }
            }
            window = out;
        }
        hash.update(&window);
    }
    if carriage_return {
        hash.update(b"\r");
    }
    Ok(policy::hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_size_and_hash() {
        let claim = annex_claim("SHA256E-s3-m12--abc.tar.gz");
        assert_eq!((claim.size, claim.sha256), (Some(3), Some("abc")));
        let claim = annex_claim("WORM-s7-m12--name-with--dashes.pt");
        assert_eq!((claim.size, claim.sha256, claim.md5), (Some(7), None, None));
        assert_eq!(annex_claim("MD5--0a").md5, Some("0a"));
    }

    #[test]
    fn the_annex_has_two_places_for_a_key() {
        // By `hashdirmixed` and `hashdirlower` of git-annex's own documentation, run in Python.
        let stores = Stores::new(Git::here(), Some(PathBuf::from("/g")), None);
        let key = "SHA256E-s31390--f50d7ac4c6b9031379986bc362fcefb65f1e52621ce1708d537e740fefc59cc0.mp3";
        let [mixed, lower] = <[PathBuf; 2]>::try_from(stores.annex_objects(key)).expect("two");
        assert_eq!(mixed, Path::new("/g/annex/objects/7P/x0").join(key).join(key));
        assert_eq!(lower, Path::new("/g/annex/objects/fe0/9b4").join(key).join(key));
    }

    #[test]
    fn folding_crosses_windows() {
        let mut text = vec![b'a'; (256 << 10) - 1];
        text.extend(b"\r\nb\r\r\n\r");
        let mut folded = vec![b'a'; (256 << 10) - 1];
        folded.extend(b"\nb\r\n\r");
        let hash = |bytes: Vec<u8>, fold| hash::<Md5>(&Content::from_bytes(bytes), fold).expect("memory");
        assert_eq!(hash(text, true), hash(folded, false));
    }
}
