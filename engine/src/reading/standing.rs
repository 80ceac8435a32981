//! Whether bytes that were run as a pickle are one, or text and noise that happen to spell opcodes. Everything that
//! calls a stream text is decided here, and only ever because *no unpickler goes on* before anything was applied; what
//! `pickles.rs` adds are lists of names and prose, where the first import is of a module that is in no interpreter.

use crate::facts::{Ending, FOREIGN_ID, Import, Stream};
use crate::rule::Rule;

/// How a pickle announces its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// PROTO and a protocol there is.
    Known,
    /// PROTO and something else, or nothing.
    Other,
    /// Not at all.
    None,
}

impl Proto {
    /// Of a stream that begins with these bytes.
    pub fn of(ahead: &[u8]) -> Proto {
        match ahead {
            [0x80, 0..=5, ..] => Proto::Known,
            [0x80, ..] => Proto::Other,
            _ => Proto::None,
        }
    }
}

/// What is known of the place where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A pickle is expected: an unpickling callable is given the bytes, or files of this name are pickles.
    Pickle,
    /// Files of this name are pickles among much else.
    Shared,
    /// Nothing is.
    Nothing,
    /// Noise in which openings are many, and one was tried.
    Noise,
}

/// What a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A pickle.
    Pickle,
    /// It runs to STOP and does nothing: what follows tells.
    Open,
    /// Text, or noise.
    Text,
}

/// Opcodes after which bytes that start with PROTO and then break are a pickle and not chance: a byte
/// in four is an opcode, and PROTO with its argument is one pair in ten thousand.
const CREDIBLE_OPCODES: u64 = 6;

/// Decides. Names that no one has do not make a call undone: they rank what is not applied, and drop nothing else.
pub fn standing(proto: Proto, promise: Promise, stream: &Stream) -> Standing {
    let certain = stream.ending == Ending::Limit
        || stream.applied
        || !stream.nested.is_empty()
        || stream.faults.iter().any(|fault| fault.rule == Rule::ObjectMutation);
    if certain {
        return Standing::Pickle;
    }
    let noise = promise == Promise::Noise;
    let unresolved =
        stream.faults.iter().any(|f| f.rule == Rule::ImportUnresolved && f.message != FOREIGN_ID);
    let odd = stream.faults.iter().any(|f| f.rule != Rule::StreamMalformed && f.message != FOREIGN_ID);
    let pickle = match stream.ending {
        Ending::Stop => !stream.imports.is_empty() || (!noise && (proto == Proto::Known || odd)),
        _ => match (proto, promise) {
            (Proto::Known, Promise::Noise) => stream.imports.iter().any(is_plausible),
            (Proto::Known, Promise::Nothing) => {
                stream.opcodes > CREDIBLE_OPCODES || odd || !stream.imports.is_empty()
            }
            (Proto::Known, _) | (Proto::Other, Promise::Pickle) => true,
            (Proto::None, Promise::Pickle) => unresolved || stream.imports.iter().any(is_plausible),
            _ => false,
        },
    };
    match (pickle, stream.ending) {
        (true, _) => Standing::Pickle,
        (false, Ending::Stop) => Standing::Open,
        (false, _) => Standing::Text,
    }
}

/// Whether the package of an import is named as Python code could name it. What it is asked for does not matter: the
/// package has run by then.
pub fn is_plausible(import: &Import) -> bool {
    // A text of lines that end in CR LF names what no one has, and is a pickle all the same.
    let package = import.module.trim_end().split('.').next().unwrap_or_default();
    package.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && package.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether each part of a name is one that Python code could have.
pub fn is_dotted(name: &str) -> bool {
    name.split('.').all(|part| {
        part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}
