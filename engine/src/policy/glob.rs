//! Paths as a policy writes them: from the repository's root, with `/` between folders, exactly or as a
//! glob.

use globset::{Glob, GlobBuilder};

/// What is wrong with a path, and what to write instead.
pub(super) type Wrong = (String, &'static str);

/// Longest glob, in bytes: longer ones are no path, and cost much to compile.
const MOST_BYTES: usize = 4096;

/// Reads a glob: `*` and `?` stop at `/`, `**` does not, a `/` at the end means everything below, one at
/// the beginning nothing. Letters match exactly, by case and by code point.
pub(super) fn parse(text: &str) -> Result<Glob, Wrong> {
    check(text.strip_prefix('/').unwrap_or(text))?;
    if text.contains('\\') {
        return Err((
            "a `\\` stands here".to_owned(),
            "write `/` between folders, also on Windows; `[*]` stands for a `*`",
        ));
    }
    if text.starts_with('!') {
        return Err((
            "a glob takes nothing away".to_owned(),
            "name what is meant; `?` stands for any one character",
        ));
    }
    let mut glob = text.strip_prefix('/').unwrap_or(text).to_owned();
    if glob.ends_with('/') {
        glob.push_str("**");
    }
    let glob = GlobBuilder::new(&glob)
        .literal_separator(true)
        .build()
        .map_err(|e| (format!("not a glob: {}", crate::policy::page::shown(&e.kind().to_string())), ""))?;
    let matcher = glob.compile_matcher();
    let stars = glob.glob().split('/').all(|part| part == "*" || part == "**");
    if stars
        || glob.glob().is_empty()
        || ["q", "q/q.q", ".q/q/q/q/q/q/q"].iter().all(|path| matcher.is_match(path))
    {
        let help = "name a folder (`tests/fixtures/**`) or files (`**/*.doctree`)";
        return Err(("this glob matches every path".to_owned(), help));
    }
    Ok(glob)
}

/// Checks the path of one file.
pub(super) fn check_path(text: &str) -> Result<(), Wrong> {
    const HELP: &str = "write it as `git ls-files -z` does: `legacy/old.pkl`";
    if text.starts_with('/') || text.is_empty() {
        return Err(("this is no path in the repository".to_owned(), HELP));
    }
    if text.ends_with('/') {
        return Err(("this is a folder, and content is accepted file by file".to_owned(), HELP));
    }
    check_folders(text)
}

/// The glob that matches this path, and hardly another.
pub fn of_path(path: &str) -> String {
    let escaped = globset::escape(path).replace('\\', "?");
    let last = escaped.chars().count().saturating_sub(1);
    let drive = drive(path);
    let odd = |at: usize, c: char| match at {
        0 => c.is_whitespace() || c == '!' || c == '~' || drive,
        at => at == last && c.is_whitespace(),
    };
    escaped.chars().enumerate().map(|(at, c)| if odd(at, c) { '?' } else { c }).collect()
}

/// Whether a path begins as one of Windows does.
fn drive(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('/' | '\\'))
}

const ROOT: &str = "paths start at the root of the repository: `models/ranking/**`";

/// What is wrong with a glob before it is compiled.
fn check(text: &str) -> Result<(), Wrong> {
    if text.len() > MOST_BYTES {
        return Err((format!("{} bytes is more than a path has here", text.len()), ROOT));
    }
    if text.trim() != text {
        return Err(("a blank begins or ends it".to_owned(), "take it away, or write `?` for it"));
    }
    if drive(text) || text.starts_with("~/") {
        return Err((OUTSIDE.to_owned(), ROOT));
    }
    check_folders(text)
}

const OUTSIDE: &str = "this path leads out of the repository, or around in it";

/// What is wrong with the folders of a path.
fn check_folders(text: &str) -> Result<(), Wrong> {
    let inner = text.strip_suffix('/').unwrap_or(text);
    if inner.split('/').any(|part| part == "." || part == "..") {
        return Err((OUTSIDE.to_owned(), ROOT));
    }
    if !inner.is_empty() && inner.split('/').any(str::is_empty) {
        return Err(("a folder without a name".to_owned(), ROOT));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, path: &str) -> bool {
        parse(glob).unwrap_or_else(|e| panic!("{glob}: {e:?}")).compile_matcher().is_match(path)
    }

    #[test]
    fn a_glob_means_what_gits_pathspecs_with_glob_mean() {
        for (glob, path) in [
            ("a/*.pkl", "a/x.pkl"),
            ("a/**", "a/b/c.pkl"),
            ("/a/x", "a/x"),
            ("a/", "a/b/c"),
            ("**/x.pkl", "x.pkl"),
            ("**/x.pkl", "a/b/x.pkl"),
            ("a/**/x", "a/x"),
            ("*.pkl", ".hidden.pkl"),
            ("m[*]/x", "m*/x"),
            ("{a,b}/x", "b/x"),
            ("é/x", "é/x"),
        ] {
            assert!(matches(glob, path), "{glob} {path}");
        }
        for (glob, path) in [
            ("a/*.pkl", "a/b/x.pkl"),
            ("a?b", "a/b"),
            ("a/**", "A/b"),
            ("a/**", "b/a/c"),
            ("*.pkl", "a/x.pkl"),
            ("a/**", "a"),
            ("e\u{301}/x", "\u{e9}/x"),
            ("a/x", "a/x\n"),
        ] {
            assert!(!matches(glob, path), "{glob} {path}");
        }
    }

    #[test]
    fn the_glob_of_a_path_matches_it() {
        for path in
            ["a/b.pkl", "a [1].pkl", "{x}/*?.pkl", "!x", " x ", "~/x", "C:/x", "a\\b", "**", "ü/x", "a\nb"]
        {
            let glob = of_path(path);
            assert!(matches(&glob, path), "{path} {glob}");
        }
    }

    #[test]
    fn what_no_path_can_be_meant_by_is_refused() {
        let long = "a".repeat(MOST_BYTES + 1);
        let nested = "{".repeat(2000) + &"}".repeat(2000);
        for glob in [
            "", "/", "**", "*/**", "**/*", "../x", "a/../b", "./a", "a/.", "a//b", "//a", "a\\b", "C:/x",
            "~/x", "!a", " a", "a ", "[", "{a", "a[", &long,
        ] {
            assert!(parse(glob).is_err(), "{glob}");
        }
        // Deep nesting ends, either way.
        let _ = parse(&nested);
        for path in ["", "/x", "x/", "./x", "../x", "a//b", "a/./b"] {
            assert!(check_path(path).is_err(), "{path}");
        }
        for path in ["x", "a/b [1].pkl", "a\\b", "ü/x", ".a/..b", "a b", " x ", "~/x", "!x"] {
            assert!(check_path(path).is_ok(), "{path}");
        }
    }
}
