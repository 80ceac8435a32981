//! One line of `git diff --raw -z`, or of `git ls-files --stage -z`.

use crate::source::git::object::ObjectId;
use fickgate_engine::error::{Error, Result};

/// Arguments of every diff: each new content on a line of its own, unabbreviated, no user settings.
pub(in crate::source) const RAW: &[&str] = &[
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=dirty",
];

/// What kind of thing an entry of a tree or an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::source) enum Kind {
    /// A file, executable or not.
    File,
    /// A symbolic link: its blob is the target.
    Link,
    /// A submodule: its object is a commit of another repository.
    Submodule,
    /// A folder, which only a sparse index lists.
    Folder,
}

impl Kind {
    /// From the octal mode; `None` for 000000, which stands for absence.
    fn from_mode(mode: &[u8]) -> Result<Option<Kind>> {
        match mode.get(..3) {
            Some(b"100") => Ok(Some(Kind::File)),
            Some(b"120") => Ok(Some(Kind::Link)),
            Some(b"160") => Ok(Some(Kind::Submodule)),
            Some(b"040") => Ok(Some(Kind::Folder)),
            Some(b"000") => Ok(None),
            _ => Err(surprise("a mode", mode)),
        }
    }
}

/// A path that is new or different on the right-hand side of a diff.
#[derive(Clone, Debug)]
pub(in crate::source) struct Change {
    /// What it is now.
    pub(in crate::source) kind: Kind,
    /// Its object; `None` where only the disk has it.
    pub(in crate::source) id: Option<ObjectId>,
    /// Whether the path is in conflict: then it has no single object.
    pub(in crate::source) unmerged: bool,
    /// Relative to the root of the repository.
    pub(in crate::source) path: Vec<u8>,
}

/// The changes of `git diff --raw -z --no-abbrev --no-renames`, deletions left out.
pub(in crate::source) fn changes(out: &[u8]) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut fields = out.split(|b| *b == 0);
    while let Some(head) = fields.next() {
        if head.is_empty() {
            break;
        }
        let path = fields.next().filter(|p| !p.is_empty()).ok_or_else(|| surprise("no path", head))?;
        let words: Vec<&[u8]> =
            head.strip_prefix(b":").ok_or_else(|| surprise("a line", head))?.split(|b| *b == b' ').collect();
        let &[_, mode, _, id, status] = words.as_slice() else { return Err(surprise("a line", head)) };
        let id = ObjectId::from_hex(id).ok_or_else(|| surprise("an object name", id))?;
        let unmerged = status.starts_with(b"U");
        if status.starts_with(b"R") || status.starts_with(b"C") {
            return Err(surprise("a rename", head));
        }
        let kind = match Kind::from_mode(mode)? {
            Some(kind) => kind,
            None if unmerged => Kind::File,
            None => continue,
        };
        changes.push(Change { kind, id: (!id.is_null()).then_some(id), unmerged, path: path.to_vec() });
    }
    Ok(changes)
}

/// The new side of one line of `git diff-tree -c --raw --no-abbrev`, which has a colon, a mode, a name
/// and a letter for each parent. `None` for a deletion.
pub(in crate::source) fn combined_head(head: &[u8]) -> Result<Option<(Kind, ObjectId)>> {
    let parents = head.iter().take_while(|b| **b == b':').count();
    let words: Vec<&[u8]> = head.get(parents..).unwrap_or_default().split(|b| *b == b' ').collect();
    // Modes of the parents, the mode, names of the parents, the name, the letters.
    if parents == 0 || words.len() != 2 * parents + 3 {
        return Err(surprise("a line", head));
    }
    let (Some(mode), Some(name)) = (words.get(parents), words.get(2 * parents + 1)) else {
        return Err(surprise("a line", head));
    };
    let id = ObjectId::from_hex(name).ok_or_else(|| surprise("an object name", head))?;
    Ok(Kind::from_mode(mode)?.map(|kind| (kind, id)))
}

/// The paths that the same diff says are gone.
pub(in crate::source) fn deletions(out: &[u8]) -> Vec<Vec<u8>> {
    let mut gone = Vec::new();
    let mut fields = out.split(|b| *b == 0);
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        if head.ends_with(b" D") {
            gone.push(path.to_vec());
        }
    }
    gone
}

/// The entries of `git ls-files --stage -z`.
pub(in crate::source) fn stages(out: &[u8]) -> Result<Vec<Change>> {
    let mut entries = Vec::new();
    for record in out.split(|b| *b == 0).filter(|r| !r.is_empty()) {
        let tab = record.iter().position(|b| *b == b'\t').ok_or_else(|| surprise("a line", record))?;
        let (head, path) = record.split_at(tab);
        let words: Vec<&[u8]> = head.split(|b| *b == b' ').collect();
        let &[mode, id, stage] = words.as_slice() else { return Err(surprise("a line", record)) };
        let id = ObjectId::from_hex(id).ok_or_else(|| surprise("an object name", id))?;
        let Some(kind) = Kind::from_mode(mode)? else { continue };
        let path = path.get(1..).unwrap_or_default().to_vec();
        entries.push(Change { kind, id: (!id.is_null()).then_some(id), unmerged: stage != b"0", path });
    }
    Ok(entries)
}

fn surprise(what: &str, bytes: &[u8]) -> Error {
    let text = String::from_utf8_lossy(bytes);
    Error::new(format!("git printed {what} that is not understood: {:?}", text))
        .remedy("update git, or report this with the output of `git --version`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "78981922613b2afb6025042ff6bd878ac1994e85";
    const NULL: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn raw_lines_carry_paths_of_any_bytes() {
        let out = format!(
            ":100644 100755 {NULL} {ID} M\0a\nb\t\"c\0:100644 000000 {ID} {NULL} D\0gone\0:000000 000000 {NULL} {NULL} U\0both\0"
        );
        let got = changes(out.as_bytes()).expect("a well-formed diff");
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].path, b"a\nb\t\"c");
        assert_eq!(got[0].id.map(|i| i.to_string()).as_deref(), Some(ID));
        assert!(got[1].unmerged && got[1].id.is_none());
        assert_eq!(deletions(out.as_bytes()), [b"gone"]);
    }

    #[test]
    fn a_line_cut_short_is_an_error_not_an_end() {
        let out = format!(":100644 100755 {NULL} {ID} M\0");
        assert!(changes(out.as_bytes()).is_err());
        assert!(changes(b"100644 x\0y\0").is_err());
        assert!(stages(b"100644 abc 0\tpath\0").is_err());
    }

    #[test]
    fn a_merge_has_one_new_side() {
        let line = format!("::100644 000000 100755 {NULL} {NULL} {ID} MA");
        let (kind, id) = combined_head(line.as_bytes()).expect("well-formed").expect("not a deletion");
        assert_eq!((kind, id.to_string().as_str()), (Kind::File, ID));
        let plain = format!(":100644 000000 {ID} {NULL} D");
        assert!(combined_head(plain.as_bytes()).expect("well-formed").is_none());
        assert!(combined_head(&line.as_bytes()[1..]).is_err());
    }

    #[test]
    fn stages_tell_conflicts() {
        let out = format!("100644 {ID} 2\tx\0160000 {ID} 0\tsub\0");
        let got = stages(out.as_bytes()).expect("a well-formed list");
        assert!(got[0].unmerged && !got[1].unmerged);
        assert_eq!(got[1].kind, Kind::Submodule);
    }
}
