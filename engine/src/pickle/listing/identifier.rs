//! Names as Python's grammar takes them, for listings.

/// Longest name that is written as it is.
const LONGEST: usize = 80;

/// Hard keywords of Python 3.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Names that listings use for themselves.
const RESERVED: &[&str] = &["bytearray", "find_class", "float", "frozenset", "int", "persistent_load", "set"];

/// Whether a listing may have the name as it is. ASCII alone: Python reads other letters as their
/// compatibility forms, so that two spellings are one name.
pub fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= LONGEST
        && !KEYWORDS.contains(&name)
}

/// Whether an import under this name would hide what a listing needs.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// A name for what is called so: its last part, with `_` for what no name may hold.
pub fn of(name: &str) -> String {
    let last = name.rsplit('.').find(|part| !part.is_empty()).unwrap_or("name");
    let kept = last.chars().take(LONGEST / 2);
    let mut alias: String = kept.map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    // `_1` is what the first call gives.
    if alias.trim_start_matches('_').starts_with(|c: char| c.is_ascii_digit()) {
        alias.insert(0, 'n');
    }
    if KEYWORDS.contains(&alias.as_str()) {
        alias.push('_');
    }
    alias
}
