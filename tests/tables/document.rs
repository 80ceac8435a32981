//! Documents of which parts are made by a test.

use std::fs;
use std::path::Path;

/// A document with this text has to be what was made of it; `FICKGATE_WRITE=1` makes it so.
pub fn is_made(document: &str, text: &str, made: &str) {
    if without_places(made) == without_places(text) {
        return;
    }
    if std::env::var_os("FICKGATE_WRITE").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(document), made).unwrap();
        return;
    }
    let differ = |(is, other): (&str, &str)| without_places(is) != without_places(other);
    let at = text.lines().zip(made.lines()).position(differ).unwrap_or(0);
    panic!(
        "{document}:{} is {:?} and should be {:?}: FICKGATE_WRITE=1 cargo test --test {}",
        at + 1,
        text.lines().nth(at),
        made.lines().nth(at),
        env!("CARGO_CRATE_NAME")
    );
}

/// A text without the lines of the built-in lists that it names: they move with every entry, and a page tells as much
/// without being written anew each time.
fn without_places(text: &str) -> String {
    let mut parts = text.split("allowlists/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (file, rest) = part.split_once(".yaml:").unwrap_or((part, ""));
        out += &format!("allowlists/{file} {}", rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}
