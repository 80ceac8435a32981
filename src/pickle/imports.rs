//! The imports of one stream: each pair of names once, with what is done with it.

use std::collections::HashMap;

use super::callable::Callable;
use super::{compat, opcode};
use crate::facts::{Import, Objection, Use, UseKind};

/// An import and its counters.
struct Row {
    import: Import,
    callable: Callable,
    /// How often it was pushed, and how often that push was applied. The rest are references.
    pushed: u64,
    applied: u64,
}

/// The table.
#[derive(Default)]
pub struct Imports {
    rows: Vec<Row>,
    by_name: HashMap<Box<[u8]>, u32>,
    key: Vec<u8>,
}

impl Imports {
    /// The index of this pair, entered on first sight. `mapped` says that `_compat_pickle` applies.
    pub fn resolve(&mut self, raw_module: &str, raw_name: &str, mapped: bool, offset: u64, code: u8) -> u32 {
        self.key.clear();
        self.key.extend_from_slice(raw_module.as_bytes());
        // Neither byte occurs in UTF-8.
        self.key.push(if mapped { 0xff } else { 0xfe });
        self.key.extend_from_slice(raw_name.as_bytes());
        if let Some(index) = self.by_name.get(self.key.as_slice()) {
            return *index;
        }
        let (module, name) =
            if mapped { compat::resolve(raw_module, raw_name) } else { (raw_module, raw_name) };
        let index = self.rows.len() as u32;
        self.rows.push(Row {
            callable: Callable::of(module, name),
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
        });
        self.by_name.insert(self.key.as_slice().into(), index);
        index
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// An import.
    pub fn get(&self, index: u32) -> Option<&Import> {
        self.rows.get(index as usize).map(|r| &r.import)
    }

    /// What is known about an import.
    pub fn callable(&self, index: u32) -> Callable {
        self.rows.get(index as usize).map_or(Callable::Other, |r| r.callable)
    }

    /// Counts a push.
    #[inline]
    pub fn pushed(&mut self, index: u32) {
        if let Some(row) = self.rows.get_mut(index as usize) {
            row.pushed += 1;
        }
    }

    /// Records a use. Uses that consume the import from the stack count as an application.
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
