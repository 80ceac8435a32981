//! The pickle machine: what an unpickler would do with a stream, without doing it.
