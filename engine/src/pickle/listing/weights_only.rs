//! What torch's `weights_only` unpickler needs to be told before it reads a stream, and what it never reads:
//! torch 2.15.0, `torch/_weights_only_unpickler.py`.

use std::collections::{BTreeSet, HashMap};
use std::io;

use crate::content::Content;
use crate::facts::Stream;
use crate::limits::Limits;
use crate::pickle::machine;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::value::{Tag, Value};
use crate::policy::{Kind, builtin};

/// The opcodes that it knows.
const KNOWN: &[u8] = &[
    op::APPEND,
    op::APPENDS,
    op::BINFLOAT,
    op::BINGET,
    op::BININT,
    op::BININT1,
    op::BININT2,
    op::BINPERSID,
    op::BINPUT,
    op::BINUNICODE,
    op::BUILD,
    op::EMPTY_DICT,
    op::EMPTY_LIST,
    op::EMPTY_SET,
    op::EMPTY_TUPLE,
    op::GLOBAL,
    op::LONG1,
    op::LONG_BINGET,
    op::LONG_BINPUT,
    op::MARK,
    op::NEWFALSE,
    op::NEWOBJ,
    op::NEWTRUE,
    op::NONE,
    op::PROTO,
    op::REDUCE,
    op::SETITEM,
    op::SETITEMS,
    op::SHORT_BINSTRING,
    op::STOP,
    op::TUPLE,
    op::TUPLE1,
    op::TUPLE2,
    op::TUPLE3,
];

/// Classes that take keys and values there, beside literal dicts.
const TAKE_ITEMS: &[&str] = &["collections.OrderedDict", "collections.Counter"];

/// Calls that give an object of the class that is their first argument.
const MAKE_THEIR_ARGUMENT: &[&str] = &[
    "copyreg._reconstructor",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray._reconstruct",
    "torch._tensor._rebuild_from_type_v2",
];

/// Objects whose maker is kept.
const MOST: usize = 1_000_000;

/// Watches a machine run.
#[derive(Clone, Debug, Default)]
pub struct WeightsOnly {
    /// What it stops at, with the offset of the opcode.
    pub stops_at: Option<(u64, String)>,
    /// Texts of numpy's types of elements that are given a state, which takes the class of that very type.
    pub dtypes: BTreeSet<String>,
    /// Functions that give objects of a class which the stream does not name, where these are given a state.
    pub makers: BTreeSet<String>,
    imports: HashMap<Value, String>,
    objects: HashMap<Value, Made>,
}

#[derive(Clone, Debug)]
enum Made {
    Dtype(String),
    By(String),
    Named,
}

impl WeightsOnly {
    /// Runs a stream of these facts again. `content` is that of its member.
    pub fn of(content: &Content, stream: &Stream, limits: &Limits) -> io::Result<Self> {
        let mut watched = WeightsOnly::default();
        machine::retrace(content, stream, limits, &mut watched)?;
        Ok(watched)
    }

    fn stop(&mut self, offset: u64, why: String) {
        self.stops_at.get_or_insert((offset, why));
    }

    fn made<C: Cursor>(&self, view: &View<'_, C>, code: u8, callee: Value, args: Value) -> Option<Made> {
        let name = self.imports.get(&callee)?;
        let first = view.tuples.items(args).next();
        if name == "numpy.dtype"
            && let Some(Text::Str(text)) =
                first.filter(|f| f.is(Tag::Text)).map(|f| text::decode(view.cursor, f.payload(), 256))
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"<>|=".contains(&b))
        {
            return Some(Made::Dtype(text));
        }
        if MAKE_THEIR_ARGUMENT.contains(&name.as_str()) {
            return Some(Made::Named);
        }
        let (module, last) = name.rsplit_once('.').unwrap_or_default();
        // What is created is of the class. What is called is one where the list says so, or its name begins as theirs.
        let listed = builtin::find(module, last).map(|entry| entry.kind == Kind::Class);
        let called = listed.unwrap_or_else(|| last.trim_start_matches('_').starts_with(char::is_uppercase));
        let class = code == op::NEWOBJ || called;
        Some(if class && !TAKE_ITEMS.contains(&name.as_str()) { Made::Named } else { Made::By(name.clone()) })
    }
}

/// Whether a persistent id is a number, as in files of torch before 0.1.2, or a tuple that begins with `storage`.
fn names_storage<C: Cursor>(view: &View<'_, C>, id: Value) -> bool {
    if id.is(Tag::Tuple) {
        let first = view.tuples.items(id).next().filter(|first| first.is(Tag::Text));
        let text = first.map(|first| text::decode(view.cursor, first.payload(), 64));
        return matches!(text, Some(Text::Str(text)) if text == "storage");
    }
    id.is(Tag::Int)
}

impl Trace for WeightsOnly {
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>) {
        match event {
            Event::Opcode { code } if !KNOWN.contains(&code) => {
                self.stop(view.cursor.in_content(offset), format!("the opcode {}", op::name(code)));
            }
            Event::Import { module, name, value, .. } if self.imports.len() < MOST => {
                self.imports.insert(value, format!("{module}.{name}"));
            }
            Event::Apply { code, callee, args, value, .. } if self.objects.len() < MOST => {
                if let Some(made) = self.made(view, code, callee, args) {
                    self.objects.insert(value, made);
                }
            }
            Event::Persistent { id, .. } if !names_storage(view, id) => {
                let what = "a persistent id that is no storage, as torch before 1.6 wrote for each module"
                    .to_owned();
                self.stop(view.cursor.in_content(offset), what);
            }
            Event::Build { target, .. } => match self.objects.get(&target) {
                Some(Made::Dtype(text)) => {
                    self.dtypes.insert(text.clone());
                }
                Some(Made::By(name)) if !TAKE_ITEMS.contains(&name.as_str()) => {
                    self.makers.insert(name.clone());
                }
                _ => {}
            },
            Event::Items { target, .. } => {
                let takes = match self.objects.get(&target) {
                    Some(Made::By(name)) => TAKE_ITEMS.contains(&name.as_str()),
                    Some(_) => false,
                    None => matches!(target.tag(), Tag::List | Tag::Dict),
                };
                if !takes {
                    self.stop(
                        view.cursor.in_content(offset),
                        "items of what is no list, dict, OrderedDict or Counter".to_owned(),
                    );
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Loader;

    fn watched(bytes: &[u8]) -> WeightsOnly {
        let mut watched = WeightsOnly::default();
        let content = Content::from_bytes(bytes);
        machine::run_traced(&content, 0, Loader::Torch, "", &Limits::default(), &mut watched)
            .expect("bytes in memory are readable");
        watched
    }

    #[test]
    fn a_type_of_elements_that_gets_a_state_needs_its_class() {
        let watched = watched(
            b"\x80\x02cnumpy\ndtype\n(X\x02\0\0\0f8K\0K\x01tR(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb.",
        );
        assert_eq!(watched.dtypes, BTreeSet::from(["f8".to_owned()]));
        assert!(watched.stops_at.is_none() && watched.makers.is_empty());
    }

    #[test]
    fn items_of_a_defaultdict_are_never_read() {
        let watched =
            watched(b"\x80\x02ccollections\ndefaultdict\n(c__builtin__\nlist\ntRX\x01\0\0\0aK\x01s.");
        assert!(watched.stops_at.is_some_and(|(_, what)| what.contains("items")));
        let ordered = self::watched(b"\x80\x02ccollections\nOrderedDict\n)RX\x01\0\0\0aK\x01s.");
        assert_eq!(ordered.stops_at, None);
    }

    #[test]
    fn only_storages_have_persistent_ids() {
        let id = |first: &str| {
            format!("\u{0080}\x02(X\x07\0\0\0{first}K\x01tQ.").chars().map(|c| c as u8).collect::<Vec<_>>()
        };
        assert_eq!(watched(&id("storage")).stops_at, None);
        assert!(watched(&id("module_")).stops_at.is_some_and(|(_, what)| what.contains("persistent id")));
    }

    #[test]
    fn opcodes_of_newer_protocols_are_never_read() {
        let watched = watched(b"\x80\x04\x8c\x01a.");
        assert_eq!(
            watched.stops_at.as_ref().map(|(at, what)| (*at, what.contains("SHORT_BINUNICODE"))),
            Some((2, true))
        );
    }
}
