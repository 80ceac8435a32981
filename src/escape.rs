//! Hostile text made printable.

/// A name from a stream, for a message: control, format and line characters are escaped.
pub fn name(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { format!("\\u{{{:x}}}", c as u32) } else { c.to_string() })
        .collect()
}
