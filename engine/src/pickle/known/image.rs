//! Pillow: images, which are made in the size that their state says before the pixels are looked at.

use crate::pickle::known::view::{Build, View};
use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::value::{Tag, Value};

/// Longest literal that is measured, in bytes.
const PIXELS: u64 = 1 << 40;

/// `[info, mode, (width, height), palette, pixels, …]`, as `Image.__getstate__` writes it: with no more than eight pixels
/// for each byte, of which mode `1` has so many (`PIL/Image.py`).
pub fn state<C: Cursor>(view: &View<'_, C>, build: &Build) -> Result<(), String> {
    let part = |i: usize| match build.state.tag() {
        Tag::List => view.list(build.state)?.get(i).copied(),
        _ => view.part(build.state, i),
    };
    let size = part(2).filter(|v| view.count(*v) == Some(2)).and_then(|v| view.heap.tuples.product(v));
    let bytes = part(4).and_then(|v| length(view, v));
    match size.zip(bytes) {
        Some((size, bytes)) if size <= bytes.saturating_mul(8) => Ok(()),
        Some(_) => Err("its width and height are more than its pixels".to_owned()),
        None => Err("it is not a list of info, mode, size, palette and pixels".to_owned()),
    }
}

fn length<C: Cursor>(view: &View<'_, C>, pixels: Value) -> Option<u64> {
    match pixels.tag() {
        Tag::Text => view.text_len(pixels, PIXELS),
        Tag::Encoded => view.encoded_len(pixels, PIXELS),
        _ => view.bytes_len(pixels),
    }
}
