//! Names: what they resolve to, persistent ids, and what applying an import leaves on the stack.

use crate::facts::{FOREIGN_ID, Nested, NestedBytes, StorageId};
use crate::pickle::known::torch;
use crate::pickle::machine::trace::{Event, Trace, View};
use crate::pickle::machine::vm::{Halt, Machine, Step};
use crate::pickle::stream::long;
use crate::pickle::stream::opcode as op;
use crate::pickle::stream::reader::Cursor;
use crate::pickle::stream::text::{self, Text};
use crate::pickle::values::imports::{NameId, Operand};
use crate::pickle::values::value::{Tag, Value};
use crate::policy::Kind;
use crate::policy::builtin;
use crate::policy::guard::Guard;
use crate::rule::Rule;

/// Longest text, in bytes, that is compared with words that loaders know.
const WORD: u64 = 256;

/// Memory for a storage id and for nested bytes, beyond what they hold, in bytes.
const STORAGE: usize = 144;
const NESTED: usize = 128;

impl<C: Cursor, T: Trace> Machine<'_, C, T> {
    /// The two lines of GLOBAL, in UTF-8, or INST, in ASCII.
    pub(super) fn name_lines(&mut self, at: u64, code: u8) -> Result<(NameId, NameId), Halt> {
        Ok((self.name_line(at, code)?, self.name_line(at, code)?))
    }

    pub(super) fn name_line(&mut self, at: u64, code: u8) -> Result<NameId, Halt> {
        let line = self.cursor.line();
        // Lib/pickle.py takes the last byte of the content for the newline.
        let len = if line.ended { line.len } else { line.len.saturating_sub(1) };
        if len > self.limits.text {
            let mut name = long::Name::new();
            self.pieces(line.start, len, |piece| name.push(piece));
            let message = format!("a name of {len} bytes is imported");
            self.fault(Rule::ImportUnresolved, at, message);
            return Ok(self.state.imports.name(&name.finish()));
        }
        let bytes = self.cursor.bytes(line.start, len as usize);
        self.state.stream.converted |= bytes.ends_with(b"\r");
        let name = match std::str::from_utf8(&bytes) {
            Ok(text) if code == op::GLOBAL || text.is_ascii() => self.state.imports.name(text),
            // Python 2, which reads protocols 0 to 2, takes the bytes as they are.
            _ if self.state.protocol < 3 => {
                let name = String::from_utf8_lossy(&bytes).into_owned();
                self.only_one(at, "a name that Python 3 cannot decode");
                self.state.imports.name(&name)
            }
            _ => return Err(Halt::Broken(format!("{} with a name it cannot decode", op::name(code)))),
        };
        if !line.ended {
            self.only_one(at, "a name without a newline behind it");
        } else if len == 0 {
            self.only_one(at, "an empty name");
        }
        Ok(name)
    }

    pub(super) fn import(&mut self, at: u64, code: u8, module: NameId, name: NameId) -> Step {
        let value = self.resolve(at, code, module, name, self.state.protocol < 3)?;
        self.push(value);
        Ok(())
    }

    /// An import by these names. `mapped` says that `_compat_pickle` applies.
    pub(super) fn resolve(
        &mut self,
        at: u64,
        code: u8,
        module: NameId,
        name: NameId,
        mapped: bool,
    ) -> Result<Value, Halt> {
        let index = self.state.imports.resolve(module, name, mapped, at, code);
        if self.state.imports.count() > self.limits.imports {
            return Err(Halt::Limit(format!("more than {} different imports", self.limits.imports)));
        }
        // From here on some dicts are state that a guard will want to see.
        let known = self.state.imports.known(index);
        if known.kind == Kind::Constant && known.triggers.is_some_and(|t| t.inert) {
            self.state.heap.inert_import(index);
        }
        let of_numbers = known.triggers.is_some_and(|triggers| triggers.of_numbers);
        if of_numbers || matches!(known.guard, Some(Guard::Number | Guard::Fraction)) {
            self.state.hashes.number(index);
        }
        if matches!(known.guard, Some(Guard::Container | Guard::DefaultFactory | Guard::CopyregBase)) {
            self.state.hashes.follow(self.state.heap.next_container());
        }
        // Its objects may be keys, by what is in a short list.
        let frozen = known.guard == Some(Guard::Container)
            && self.state.imports.get(index).is_some_and(|import| import.name == "frozenset");
        if known.wants_items() || frozen {
            self.state.contents.want();
        }
        self.state.imports.pushed(index);
        let value = Value::new(Tag::Import, u64::from(index));
        // Not by `tell`, as the names may be long and are lent.
        if T::ON
            && !self.muted
            && let Some(import) = self.state.imports.get(index)
        {
            let (module, name) = (import.module.as_str(), import.name.as_str());
            let view = View {
                stack: &self.state.stack,
                marks: &self.state.marks,
                tuples: &self.state.heap.tuples,
                cursor: &self.cursor,
            };
            self.trace.event(&view, at, Event::Import { module, name, code, value });
        }
        Ok(value)
    }

    pub(super) fn stack_global(&mut self, at: u64, module: Value, name: Value) -> Step {
        match (self.operand(module), self.operand(name)) {
            (Some(Operand::Name(module)), Some(Operand::Name(name))) => {
                return self.import(at, op::STACK_GLOBAL, module, name);
            }
            (Some(Operand::TooLong(n)), Some(_)) | (Some(_), Some(Operand::TooLong(n))) => {
                self.fault(Rule::ImportUnresolved, at, format!("a name of {n} bytes is imported"));
            }
            (Some(_), Some(_)) => return Err(Halt::Broken("a name that is not text".to_owned())),
            _ => {
                let computed = |v: Value| {
                    matches!(
                        v.tag(),
                        Tag::Object | Tag::Unknown | Tag::Persistent | Tag::Encoded | Tag::Import
                    )
                };
                // Both unpicklers want text, and refuse an object of a class that is none.
                if self.is_no_text(module) || self.is_no_text(name) {
                    return Err(Halt::Broken("STACK_GLOBAL with operands that are not text".to_owned()));
                }
                if computed(module) || computed(name) {
                    let message = "the module or name of an import is computed, not a literal".to_owned();
                    self.fault(Rule::ImportUnresolved, at, message);
                } else {
                    return Err(Halt::Broken("STACK_GLOBAL with operands that are not text".to_owned()));
                }
            }
        }
        self.push(Value::UNKNOWN);
        Ok(())
    }

    /// Whether a value is a listed class or function, or an object of a listed class that is no kind of text.
    pub(super) fn is_no_text(&self, value: Value) -> bool {
        let import = value.as_import().or(value.object_import()).and_then(|i| self.state.imports.get(i));
        let Some((triggers, _, kind)) = import.and_then(|i| builtin::triggers(&i.module, &i.name)) else {
            return false;
        };
        match kind {
            Kind::Class => value.is(Tag::Import) || !triggers.text,
            Kind::Function => value.is(Tag::Import),
            _ => false,
        }
    }

    /// What a literal names, `None` for any other value.
    pub(super) fn operand(&mut self, value: Value) -> Option<Operand> {
        let text = match self.state.imports.operand(value) {
            Some(operand) => return Some(operand),
            None => self.literal_text(value, self.limits.text)?,
        };
        Some(self.state.imports.learn(value, &text))
    }

    /// The text of a literal, `None` for any other value.
    pub(super) fn literal_text(&self, value: Value, limit: u64) -> Option<Text> {
        value.is(Tag::Text).then(|| text::decode(&self.cursor, value.payload(), limit))
    }

    /// The text of a literal that has a place in what a loader knows: a word, a key, a codec.
    pub(super) fn literal_word(&self, value: Value) -> Option<String> {
        match self.literal_text(value, WORD)? {
            Text::Str(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn extension(&mut self, at: u64, extension: i64) -> Step {
        if extension <= 0 {
            return Err(Halt::Broken(format!("extension code {extension}")));
        }
        // Among the bytes of arrays there are such codes by chance, and nothing comes of one that is not applied.
        if !self.state.reading.runs_data() {
            let message =
                format!("extension code {extension} stands for whatever the process has registered");
            self.fault(Rule::ImportUnresolved, at, message);
        }
        self.push(Value::UNKNOWN);
        Ok(())
    }

    /// torch's loader gives a storage, or the class of a module: `known/torch.rs`.
    pub(super) fn persistent(&mut self, at: u64, id: Value) -> Step {
        if self.state.reading.runs_data() {
            return Err(Halt::Broken("a persistent id, for which the unpickler has no function".to_owned()));
        }
        let mut value = Value::new(Tag::Persistent, at);
        let part = |i| self.state.heap.tuples.get(id, i);
        let kind = part(0).and_then(|v| self.literal_word(v));
        if matches!(kind.as_deref(), Some("storage" | "module")) && !torch::is_id(&self.view(), id) {
            let message =
                "a persistent id that torch does not write: its loader compares and calls the parts";
            self.fault(Rule::ImportUnresolved, at, message.to_owned());
        } else if kind.as_deref() == Some("storage") {
            let elements = part(4).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok());
            // The same id gives the same storage.
            let first = self.state.storages.insert(id);
            if let Some(elements) = elements {
                self.state.heap.storage(value, elements, first);
            }
            let part = |i| self.state.heap.tuples.get(id, i);
            if first {
                let class = part(1).and_then(Value::as_import).and_then(|i| self.state.imports.get(i));
                let storage = StorageId {
                    class: class.map(|i| i.name.clone()).unwrap_or_default(),
                    key: part(2).and_then(|v| self.literal_word(v)).unwrap_or_default(),
                    elements,
                    offset: at,
                };
                self.state.held += STORAGE + storage.class.len() + storage.key.len();
                self.state.stream.storages.push(storage);
            }
        } else if kind.as_deref() == Some("module") {
            value = part(1).unwrap_or(value);
        } else {
            self.fault(Rule::ImportUnresolved, at, FOREIGN_ID.to_owned());
        }
        self.push_again(value);
        if T::ON {
            self.tell(at, Event::Persistent { id, value });
        }
        Ok(())
    }

    /// Pushes what applying a callee gives, and notes the use.
    pub(super) fn result(
        &mut self,
        at: u64,
        code: u8,
        callee: Value,
        args: Value,
        kwargs: Option<Value>,
        value: Value,
    ) {
        self.push(value);
        if T::ON {
            self.tell(at, Event::Apply { code, callee, args, kwargs, value });
        }
    }

    /// The name of an import as findings print it.
    pub(super) fn name_of(&self, import: u32) -> &str {
        self.state.imports.shown(import)
    }

    /// Raw data comes next. `joblib.load` takes it from the file, which stands behind the frame.
    pub(super) fn leave_frame_for_data(&mut self, at: u64) {
        if self.state.frame_end != u64::MAX && self.cursor.position() != self.state.frame_end {
            let message = "a joblib array begins inside a frame".to_owned();
            self.fault(Rule::StreamMalformed, at, message);
            self.cursor.seek(self.state.frame_end);
        }
        self.state.frame_end = u64::MAX;
    }

    /// Notes bytes that a callable unpickles.
    pub(super) fn nest(&mut self, nested: Nested) {
        self.state.held += NESTED + nested.callable.len();
        if let NestedBytes::Decoded(bytes) = &nested.bytes {
            self.state.held += bytes.len();
        }
        self.state.stream.nested.push(nested);
    }
}
