//! Decoders that are fed, by one name.

use std::io;

use flate2::FlushDecompress;
use lzma_rust2::{Action, LzmaStream, XzStream};

use crate::reading::codec::form::Ending;
use crate::reading::codec::lzma::{MEMORY, large_dictionary};

/// Decoders that are fed.
pub enum Fed {
    Flate(flate2::Decompress),
    Bzip2(bzip2::Decompress),
    Xz(Box<XzStream>),
    Lzma(Box<LzmaStream>),
}

/// One step of a fed decoder. `error` comes with what was made before it.
pub struct Fill {
    pub consumed: usize,
    pub produced: usize,
    pub ended: bool,
    pub error: Option<Ending>,
}

impl Fed {
    pub fn step(&mut self, input: &[u8], output: &mut [u8], last: bool) -> Fill {
        let counts = |fed: &Fed| match fed {
            Fed::Flate(d) => (d.total_in(), d.total_out()),
            Fed::Bzip2(d) => (d.total_in(), d.total_out()),
            Fed::Xz(d) => (d.total_in(), d.total_out()),
            Fed::Lzma(d) => (d.total_in(), d.total_out()),
        };
        let before = counts(self);
        let action = if last { Action::Finish } else { Action::Run };
        let (ended, error) = match self {
            Fed::Flate(d) => match d.decompress(input, output, FlushDecompress::None) {
                Ok(status) => (status == flate2::Status::StreamEnd, None),
                Err(error) => (false, Some(Ending::Broken(error.to_string()))),
            },
            Fed::Bzip2(d) => match d.decompress(input, output) {
                Ok(status) => (status == bzip2::Status::StreamEnd, None),
                Err(error) => (false, Some(Ending::Broken(error.to_string()))),
            },
            Fed::Xz(d) => Fed::lzma_result(d.process(input, output, action)),
            Fed::Lzma(d) => Fed::lzma_result(d.process(input, output, action)),
        };
        let after = counts(self);
        Fill {
            consumed: usize::try_from(after.0 - before.0).unwrap_or(0).min(input.len()),
            produced: usize::try_from(after.1 - before.1).unwrap_or(0).min(output.len()),
            ended,
            error,
        }
    }

    pub fn lzma_result(result: io::Result<lzma_rust2::StreamResult>) -> (bool, Option<Ending>) {
        match result {
            Ok(result) => (result.status == lzma_rust2::Status::StreamEnd, None),
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                let message = large_dictionary(MEMORY >> 10);
                (false, Some(Ending::Limit(message)))
            }
            Err(error) => (false, Some(Ending::Broken(error.to_string()))),
        }
    }
}
