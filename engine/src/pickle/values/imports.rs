//! The imports of one stream: each pair of names once, with what is done with it.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::escape;
use crate::facts::{Import, Objection, Use, UseKind};
use crate::pickle::known::table::{self, Known};
use crate::pickle::stream::text::Text;
use crate::pickle::stream::{compat, opcode};
use crate::pickle::values::heap::{Items, Nature};
use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::Value;

/// An import and its counters.
struct Row {
    import: Import,
    /// The names as they are written, and whether `_compat_pickle` applies.
    key: Key,
    known: Known,
    /// What it makes of no arguments where nothing is to be judged: by a call, and by `__new__`.
    made: Option<[(Mark, Nature); 2]>,
    /// Nothing is to be judged where BUILD gives its objects a dict of names.
    stores: bool,
    /// Nor where they get literals by these methods.
    takes: [bool; 3],
    /// `module.name` as messages show it, once one does.
    shown: OnceCell<Box<str>>,
    /// How often it was pushed, and how often that push was applied. The rest are references.
    pushed: u64,
    applied: u64,
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

/// Two names as they are written, and whether `_compat_pickle` applies.
type Key = (NameId, NameId, bool);

/// How many names, and how many imports, are looked for without a hash. Most pickles have no more.
const FEW: usize = 8;

/// The table.
#[derive(Default)]
pub struct Imports {
    rows: Vec<Row>,
    by_names: HashMap<Key, u32>,
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
        if let Some(first) = self.names.iter().take(FEW).position(|known| **known == *name) {
            return NameId(first as u32);
        }
        if self.names.len() > FEW
            && let Some(id) = self.ids.get(name)
        {
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
            // No module and no entry of a list has a name with a lone surrogate, or with a backslash.
            Text::Str(text) | Text::Lone(text) => Operand::Name(self.name(text)),
            Text::TooLong(n) => Operand::TooLong(*n),
            Text::Undecodable => Operand::Undecodable,
        };
        self.held += 48;
        self.operands.insert(literal, operand);
        operand
    }

    /// The index of this pair, entered on first sight. `mapped` says that `_compat_pickle` applies.
    pub fn resolve(&mut self, module: NameId, name: NameId, mapped: bool, offset: u64, code: u8) -> u32 {
        let key = (module, name, mapped);
        if let Some(first) = self.rows.iter().take(FEW).position(|row| row.key == key) {
            return first as u32;
        }
        if self.rows.len() > FEW
            && let Some(index) = self.by_names.get(&key)
        {
            return *index;
        }
        let text = |id: NameId| self.names.get(id.0 as usize).map_or("", |name| name);
        let (raw_module, raw_name) = (text(module), text(name));
        let (module, name) =
            if mapped { compat::resolve(raw_module, raw_name) } else { (raw_module, raw_name) };
        let index = self.rows.len() as u32;
        let known = table::of(module, name);
        let made = |create: bool| (known.inert(Mark::PLAIN), known.nature(create, true));
        let row = Row {
            made: known.is_unguarded().then(|| [made(false), made(true)]),
            stores: known.is_unguarded() && known.stores_attributes(),
            takes: [Items::Set, Items::Append, Items::Add].map(|kind| known.takes_literals(kind)),
            known,
            key,
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
    pub fn count(&self) -> usize {
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

    /// What is known of an import.
    #[inline]
    pub fn known(&self, index: u32) -> Known {
        self.rows.get(index as usize).map_or(Known::NOTHING, |r| r.known)
    }

    /// What it makes of no arguments, by a call or by `__new__`. `None` where somebody has to judge that.
    #[inline]
    pub fn made_of_nothing(&self, index: u32, create: bool) -> Option<(Mark, Nature)> {
        let made = self.rows.get(index as usize)?.made?;
        made.get(usize::from(create)).copied()
    }

    /// Whether BUILD stores a dict of names that its objects get, and nothing is to be judged.
    #[inline]
    pub fn stores_attributes(&self, index: u32) -> bool {
        self.rows.get(index as usize).is_some_and(|row| row.stores)
    }

    /// Whether its objects take literals by a method, and nothing is to be judged.
    #[inline]
    pub fn takes_literals(&self, index: u32, kind: Items) -> bool {
        self.rows.get(index as usize).is_some_and(|row| row.takes.get(kind as usize) == Some(&true))
    }

    /// What is known of the import that gave an object.
    #[inline]
    pub fn maker(&self, object: Value) -> Known {
        object.object_import().map_or(Known::NOTHING, |i| self.known(i))
    }

    /// Module and name of a value that is an import.
    pub fn named(&self, value: Value) -> Option<(&str, &str)> {
        let import = self.get(value.as_import()?)?;
        Some((import.module.as_str(), import.name.as_str()))
    }

    /// Module and name of the import that gave an object.
    pub fn made_by(&self, object: Value) -> Option<(&str, &str)> {
        let import = self.get(object.object_import()?)?;
        Some((import.module.as_str(), import.name.as_str()))
    }

    /// Something stands against what is done with the objects that an import gave.
    pub fn object_to(&mut self, index: u32, offset: u64, message: String) {
        let Some(row) = self.rows.get_mut(index as usize) else { return };
        let made = |u: &&mut Use| matches!(u.kind, UseKind::Call | UseKind::Create | UseKind::Instantiate);
        if let Some(made) = row.import.uses.iter_mut().find(made)
            && made.objection.is_none()
        {
            made.objection = Some(Objection { offset, message });
        }
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
        match row.import.uses.iter_mut().find(|u| u.kind == kind) {
            Some(u) if objection.is_none() => u.count += 1,
            _ => Self::use_of(row, kind, offset, code, objection),
        }
    }

    #[inline(never)]
    fn use_of(row: &mut Row, kind: UseKind, offset: u64, code: u8, objection: Option<String>) {
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
