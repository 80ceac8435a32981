//! The imports of one stream: each pair of names once, with what is done with it.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::escape;
use crate::facts::{Import, Objection, Use, UseKind};
use crate::pickle::known::arguments;
use crate::pickle::known::callable::Callable;
use crate::pickle::machine::value::{Tag, Value};
use crate::pickle::stream::text::Text;
use crate::pickle::stream::{compat, opcode};
use crate::policy::guard::Guard;

/// An import and its counters.
struct Row {
    import: Import,
    callable: Callable,
    /// What is asked of its arguments, whatever else is known.
    arguments: Option<Guard>,
    /// Whether it sets state that is among its arguments.
    sets_state: bool,
    /// What gensim puts in the place of a class method on instances: it raises whatever it is given. So do
    /// the missing value of pandas and Ellipsis, which are no callables. `asarray` of SciPy makes an array.
    calls_nothing: bool,
    /// Whether what it makes can be called: an instance of a listed class that has `__call__`.
    makes_callable: bool,
    /// `module.name` as messages show it, once one does.
    shown: OnceCell<Box<str>>,
    /// How often it was pushed, and how often that push was applied. The rest are references.
    pushed: u64,
    applied: u64,
}

// `CALLABLE`: listed classes whose instances can be called, sorted.
include!(concat!(env!("OUT_DIR"), "/callable.rs"));

/// Whether instances of a listed class can be called.
pub fn makes_callable(module: &str, name: &str) -> bool {
    CALLABLE.binary_search(&(module, name)).is_ok()
}

/// Memory for a row beyond its names, in bytes.
const ROW: usize = 256;

/// A module or a name, kept once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameId(u32);

/// A literal as an operand of STACK_GLOBAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Its text.
    Name(NameId),
    /// Longer than the limit, in bytes.
    TooLong(u64),
    /// Not decodable: an unpickler raises.
    Undecodable,
}

/// The table.
#[derive(Default)]
pub struct Imports {
    rows: Vec<Row>,
    by_names: HashMap<(NameId, NameId, bool), u32>,
    names: Vec<Rc<str>>,
    ids: HashMap<Rc<str>, NameId>,
    /// Literals that have been operands, so that each is decoded once however often it is used.
    operands: HashMap<Value, Operand>,
    /// Bytes held by all of this.
    held: usize,
}

impl Imports {
    /// The id of a name.
    pub fn name(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = NameId(self.names.len() as u32);
        let name: Rc<str> = name.into();
        self.held += name.len() + 64;
        self.names.push(Rc::clone(&name));
        self.ids.insert(name, id);
        id
    }

    /// What is known of a literal as an operand.
    pub fn operand(&self, literal: Value) -> Option<Operand> {
        self.operands.get(&literal).copied()
    }

    /// Remembers what a literal says.
    pub fn learn(&mut self, literal: Value, text: &Text) -> Operand {
        let operand = match text {
            Text::Str(text) => Operand::Name(self.name(text)),
            Text::TooLong(n) => Operand::TooLong(*n),
            Text::Undecodable => Operand::Undecodable,
        };
        self.held += 48;
        self.operands.insert(literal, operand);
        operand
    }

    /// The index of this pair, entered on first sight. `mapped` says that `_compat_pickle` applies.
    pub fn resolve(&mut self, module: NameId, name: NameId, mapped: bool, offset: u64, code: u8) -> u32 {
        if let Some(index) = self.by_names.get(&(module, name, mapped)) {
            return *index;
        }
        let key = (module, name, mapped);
        let text = |id: NameId| self.names.get(id.0 as usize).map_or("", |name| name);
        let (raw_module, raw_name) = (text(module), text(name));
        let (module, name) =
            if mapped { compat::resolve(raw_module, raw_name) } else { (raw_module, raw_name) };
        let index = self.rows.len() as u32;
        let callable = Callable::of(module, name);
        let arguments = arguments::guard_of(module, name);
        let row = Row {
            callable,
            arguments,
            sets_state: arguments == Some(Guard::ClassArgument)
                || callable == Callable::Forwarder(Guard::RebuildFromType)
                || (module, name) == ("torch._utils", "_rebuild_parameter_with_state"),
            calls_nothing: name == "call_on_class_only" && module.starts_with("gensim.")
                || matches!(
                    (module, name),
                    ("pandas" | "pandas._libs.missing", "NA")
                        | ("builtins" | "__builtin__", "Ellipsis")
                        | ("scipy._lib.array_api_compat.numpy._aliases", "asarray")
                ),
            makes_callable: makes_callable(module, name),
            shown: OnceCell::new(),
            import: Import {
                module: module.to_owned(),
                name: name.to_owned(),
                raw_module: raw_module.to_owned(),
                raw_name: raw_name.to_owned(),
                offset,
                opcode: opcode::name(code),
                uses: Vec::new(),
            },
            pushed: 0,
            applied: 0,
        };
        self.held += ROW + 2 * (raw_module.len() + raw_name.len());
        self.rows.push(row);
        self.by_names.insert(key, index);
        index
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// An import.
    pub fn get(&self, index: u32) -> Option<&Import> {
        self.rows.get(index as usize).map(|r| &r.import)
    }

    /// `module.name` as messages show it.
    pub fn shown(&self, index: u32) -> &str {
        let Some(row) = self.rows.get(index as usize) else { return "" };
        row.shown.get_or_init(|| escape::terminal(&row.import.dotted()).into())
    }

    /// What is known about an import.
    #[inline]
    pub fn callable(&self, index: u32) -> Callable {
        self.rows.get(index as usize).map_or(Callable::Other, |r| r.callable)
    }

    /// The guard on the arguments of an import.
    #[inline]
    pub fn arguments(&self, index: u32) -> Option<Guard> {
        self.rows.get(index as usize).and_then(|r| r.arguments)
    }

    /// Whether it sets state that is among its arguments.
    pub fn sets_state(&self, index: u32) -> bool {
        self.rows.get(index as usize).is_some_and(|r| r.sets_state)
    }

    /// Whether nothing more has to be known of a call of it than that it is called.
    #[inline]
    pub fn is_ordinary(&self, index: u32) -> bool {
        self.rows
            .get(index as usize)
            .is_some_and(|r| r.callable == Callable::Other && r.arguments.is_none() && !r.sets_state)
    }

    /// Whether a value may be called: an import, or an instance of a listed class that has `__call__`.
    #[inline]
    pub fn may_be_called(&self, value: Value) -> bool {
        match value.tag() {
            Tag::Unknown => true,
            Tag::Import => self.rows.get(value.payload() as usize).is_none_or(|row| !row.calls_nothing),
            Tag::Object => value
                .object_import()
                .and_then(|i| self.rows.get(i as usize))
                .is_none_or(|row| row.makes_callable),
            _ => false,
        }
    }

    /// Whether an object is text that a call made, other than a scalar of numpy.
    pub fn is_text(&self, object: Value) -> bool {
        object.object_import().and_then(|i| self.get(i)).is_some_and(|i| {
            matches!(
                (i.module.as_str(), i.name.as_str()),
                ("builtins" | "__builtin__", "str" | "unicode")
                    | ("docutils.nodes", "Text")
                    | ("numpy", "str_" | "unicode_")
            )
        })
    }

    /// Whether there is any import.
    pub fn any(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Whether a value is a dict, or an object that is one.
    #[inline]
    pub fn is_mapping(&self, value: Value) -> bool {
        value.is(Tag::Dict) || value.object_import().is_some_and(|i| self.callable(i) == Callable::Mapping)
    }

    /// Counts a push.
    #[inline]
    pub fn pushed(&mut self, index: u32) {
        if let Some(row) = self.rows.get_mut(index as usize) {
            row.pushed += 1;
        }
    }

    /// Records a use. Uses that consume the import from the stack count as an application.
    #[inline]
    pub fn used(&mut self, index: u32, kind: UseKind, offset: u64, code: u8, objection: Option<String>) {
        let Some(row) = self.rows.get_mut(index as usize) else { return };
        if matches!(kind, UseKind::Call | UseKind::Create | UseKind::Instantiate) {
            row.applied += 1;
        }
        let objection = objection.map(|message| Objection { offset, message });
        match row.import.uses.iter_mut().find(|u| u.kind == kind) {
            Some(u) => {
                u.count += 1;
                if u.objection.is_none() {
                    u.objection = objection;
                }
            }
            None => {
                row.import.uses.push(Use { kind, offset, opcode: opcode::name(code), count: 1, objection });
            }
        }
    }

    /// The imports, with a reference added to those that were pushed more often than applied.
    pub fn finish(self) -> Vec<Import> {
        self.rows
            .into_iter()
            .map(|mut row| {
                if row.pushed > row.applied {
                    row.import.uses.push(Use {
                        kind: UseKind::Reference,
                        offset: row.import.offset,
                        opcode: row.import.opcode,
                        count: row.pushed - row.applied,
                        objection: None,
                    });
                }
                row.import.uses.sort_by_key(|u| (u.offset, u.kind));
                row.import
            })
            .collect()
    }
}
