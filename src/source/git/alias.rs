//! Names that some file systems take for another one: those of Windows and macOS tell no case apart, and overlook
//! characters at that.
//!
//! Which characters: `is_hfs_dotgit` in git's `utf8.c` and `is_ntfs_dotgit` in its `path.c` are about the same, for
//! the names that git itself protects.

use unicode_normalization::UnicodeNormalization as _;

use fickgate_engine::facts::FileFault;
use fickgate_engine::path::BlobPath;
use fickgate_engine::policy;
use fickgate_engine::rule::Rule;

/// The files that decide what a checkout holds and what may be in it.
const ATTRIBUTES: &str = ".gitattributes";

/// Whether `name`, one part of a path, is `wanted` or is taken for it somewhere.
pub(in crate::source) fn stands_for(name: &[u8], wanted: &str) -> bool {
    // Windows: a stream of a file is named behind a colon, and blanks and dots at the end are nothing.
    let mut plain = memchr::memchr(b':', name).map_or(name, |colon| &name[..colon]);
    while let [rest @ .., b'.' | b' '] = plain {
        plain = rest;
    }
    // There is one of these for each file, and most have letters of ASCII alone.
    if plain.is_ascii() && !plain.contains(&b'~') {
        return plain.eq_ignore_ascii_case(wanted.as_bytes());
    }
    let plain = String::from_utf8_lossy(plain);
    folded(&plain) == wanted || is_short(&plain, wanted)
}

/// The name as it is compared where no case is told apart, nor a letter from one that is put together of the same
/// parts, without characters that HFS+ overlooks.
pub(in crate::source) fn folded(name: &str) -> String {
    let overlooked = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // In capitals first: some letters have no other in common.
    name.nfd()
        .filter(|c| !overlooked(c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfd()
        .collect()
}

/// Whether NTFS may have given this name, as a second one, to any other folder.
pub(in crate::source) fn is_any_short(name: &[u8]) -> bool {
    let (stem, kind) = match name.iter().position(|b| *b == b'.') {
        Some(dot) => name.split_at(dot),
        None => (name, &b""[..]),
    };
    let mut parts = stem.splitn(2, |b| *b == b'~');
    let (Some(front), Some(number)) = (parts.next(), parts.next()) else { return false };
    let counted = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    counted && !front.is_empty() && stem.len() <= 8 && kind.len() <= 4
}

/// Whether it may be the second name, of eight letters and three, that NTFS gives to a file called `wanted`:
/// `GITATT~1`, or `GI7D29~1` where there are many.
fn is_short(name: &str, wanted: &str) -> bool {
    let (wanted, kind) = match wanted.trim_start_matches('.').split_once('.') {
        Some((stem, kind)) => (stem, kind.get(..3)),
        None => (wanted.trim_start_matches('.'), None),
    };
    let (stem, end) = match name.split_once('.') {
        Some((stem, end)) => (stem, Some(end)),
        None => (name, None),
    };
    let Some((front, number)) = stem.split_once('~') else { return false };
    let same = |a: Option<&str>, b: Option<&str>| match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let counted = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let begins = match front.len() {
        6 => {
            let hashed = front.bytes().skip(2).all(|b| b.is_ascii_hexdigit());
            same(front.get(..2), wanted.get(..2)) && (hashed || same(Some(front), wanted.get(..6)))
        }
        len => same(Some(front), Some(wanted)) || (len > 0 && same(Some(front), wanted.get(..len))),
    };
    counted && begins && stem.len() <= 8 && same(end, kind)
}

/// What is wrong with a path that is taken for that of attributes or of a policy where it is not the same.
pub(in crate::source) fn fault(path: &BlobPath) -> Option<FileFault> {
    let bytes = path.as_bytes();
    let taken = |wanted: &str| {
        let (name, wanted_parts) = (bytes.split(|b| *b == b'/'), wanted.split('/'));
        let mut parts = 0;
        let same = name.clone().zip(wanted_parts.clone()).all(|(name, wanted)| {
            parts += 1;
            stands_for(name, wanted)
        });
        same && parts == wanted_parts.count() && parts == name.count() && bytes != wanted.as_bytes()
    };
    let name = path.file_name();
    let attributes = (name != ATTRIBUTES.as_bytes() && stands_for(name, ATTRIBUTES)).then_some(ATTRIBUTES);
    let wanted = attributes.or_else(|| policy::FILES.into_iter().find(|file| taken(file)))?;
    Some(FileFault {
        rule: Rule::CheckoutDiffers,
        path: path.clone(),
        message: format!(
            "systems that tell no case apart take this name for {wanted}, so what a checkout holds or what judges \
             it is another matter there"
        ),
        help: format!("call it {wanted}, or otherwise altogether"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_for_others() {
        for name in [
            ".gitattributes",
            ".GitAttributes",
            ".GITATTRIBUTES ",
            ".gitattributes...",
            ".gitattributes::$DATA",
            ".git\u{200c}attributes",
            ".gitattribute\u{17f}",
            "GITATT~1",
            "gitatt~3",
            "GI7D29~1",
            "gitat~10",
        ] {
            assert!(stands_for(name.as_bytes(), ATTRIBUTES), "{name:?}");
        }
        for name in
            ["gitattributes", ".gitattributes.bak", "GITIGN~1", "GITATT~", "GITATT~x", "x~1", "GITATT~1.TXT"]
        {
            assert!(!stands_for(name.as_bytes(), ATTRIBUTES), "{name:?}");
        }
        assert!(stands_for(b"FICKGA~1.YAM", ".fickgate.yaml") && stands_for(b"GIT~1", ".git"));
        assert!(stands_for("\u{212a}".as_bytes(), "k"), "the sign for kelvin");
        assert_eq!(folded("CAF\u{c9}"), folded("cafe\u{301}"), "one letter, and the same of two parts");
        assert!(is_any_short(b"LONGFO~1") && is_any_short(b"ab12~3.pth") && !is_any_short(b"old~"));
        assert!(!is_any_short(b"longfolder~1") && !is_any_short(b"~1") && !is_any_short(b"a~b"));
    }

    #[test]
    fn only_another_name_is_wrong() {
        let wrong = |path: &str| fault(&BlobPath::new(path)).is_some();
        assert!(!wrong(".gitattributes") && !wrong("a/.gitattributes") && !wrong(".fickgate.yaml"));
        assert!(wrong("a/.GITATTRIBUTES") && wrong(".Fickgate.yaml") && wrong(".GitHub/fickgate.yaml"));
        assert!(!wrong("a/.Fickgate.yaml") && !wrong("docs/fickgate.yaml") && !wrong(".fickgate.yaml/x"));
    }
}
