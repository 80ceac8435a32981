//! The headers of LZMA in its several forms.

use std::io;

use lzma_rust2::{Action, LzmaStream};

use crate::reading::codec::form::{Codec, Ending};
use crate::reading::codec::input::Input;
use crate::reading::field::{u32_le, u64_le};
use crate::reading::sniff;

/// Memory that one decoder may take for its dictionary, in KiB: `xz -9` needs 64 MiB, and Python's
/// `lzma` no more.
pub const MEMORY: u32 = 160 << 10;

/// The dictionary that a .lzma stream gets whose header asks for more, or leaves it open, which other decoders take for
/// 4 GiB. What other content begins with often reads as such a header.
pub const LARGEST_DICTIONARY: u32 = 128 << 20;

/// Which of the forms that liblzma tells apart begins here.
pub fn of_liblzma(ahead: &[u8]) -> Option<Codec> {
    match ahead {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
        [b'L', b'Z', b'I', b'P', ..] => Some(Codec::Lzip),
        _ => sniff::is_lzma(ahead).then_some(Codec::Lzma),
    }
}

pub fn large_dictionary(limit: u32) -> String {
    format!("its dictionary needs more than {limit} MiB")
}

/// Feeds a header of .lzma that asks for more than the largest dictionary, with that in its place. Whether it was one.
pub fn begin_large_lzma(stream: &mut LzmaStream, input: &mut Input) -> io::Result<bool> {
    let ahead = input.peek(13)?;
    let (Some(properties), Some(dictionary), Some(size)) =
        (ahead.first(), u32_le(ahead, 1), u64_le(ahead, 5))
    else {
        return Ok(false);
    };
    if dictionary <= LARGEST_DICTIONARY {
        return Ok(false);
    }
    let header = [&[*properties][..], &LARGEST_DICTIONARY.to_le_bytes(), &size.to_le_bytes()].concat();
    let taken = stream.process(&header, &mut [], Action::Run).is_ok();
    if taken {
        input.consume(header.len());
    }
    Ok(taken)
}

/// Checksum (4), length of the content (8), length of the member (8).
pub const LZIP_TRAILER: u64 = 20;

pub fn headed_lzma(codec: Codec, input: &mut Input) -> io::Result<Result<LzmaStream, Ending>> {
    if codec == Codec::Lzip { lzip(input) } else { zip_lzma(input) }
}

/// The lzip manual, "File format": magic (4), version, coded size of the dictionary, then a stream with
/// the default properties (lc 3, lp 0, pb 2: 93) and an end mark.
pub fn lzip(input: &mut Input) -> io::Result<Result<LzmaStream, Ending>> {
    let [_, _, _, _, version, coded, ..] = *input.peek(6)? else {
        return Ok(Err(Ending::Broken("the lzip header is cut short".to_owned())));
    };
    // Version 0 has a shorter trailer; nobody writes it.
    if version != 1 || !(12..=29).contains(&(coded & 0x1f)) {
        return Ok(Err(Ending::Broken("an lzip header of unknown form".to_owned())));
    }
    let base = 1u32 << (coded & 0x1f);
    let dictionary = base - base / 16 * u32::from(coded >> 5);
    if dictionary > MEMORY << 10 {
        return Ok(Err(Ending::Limit(large_dictionary(MEMORY >> 10))));
    }
    input.consume(6);
    Ok(LzmaStream::new_with_props(u64::MAX, 93, dictionary, None)
        .map_err(|error| Ending::Broken(error.to_string())))
}

/// APPNOTE 5.8.8: version (2), size of the properties (2), properties (5), then the stream.
pub fn zip_lzma(input: &mut Input) -> io::Result<Result<LzmaStream, Ending>> {
    let broken = || Err(Ending::Broken("the LZMA header of the zip member is cut short".to_owned()));
    let ahead = input.peek(9)?;
    let [_, _, 5, 0, properties, rest @ ..] = ahead else { return Ok(broken()) };
    let Some(dictionary) = u32_le(rest, 0) else { return Ok(broken()) };
    let properties = *properties;
    if dictionary > MEMORY << 10 {
        return Ok(Err(Ending::Limit(large_dictionary(MEMORY >> 10))));
    }
    input.consume(9);
    Ok(LzmaStream::new_with_props(u64::MAX, properties, dictionary, None)
        .map_err(|error| Ending::Broken(error.to_string())))
}
