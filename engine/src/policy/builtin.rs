//! The built-in list: `allowlists/*.yaml`, turned into sorted tables when fickgate is built.

use once_cell::race::OnceBox;
use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::facts::Loader;
use crate::policy::entry::{Entry, Layer};
use crate::policy::guard::Guard;
use crate::policy::slot;
use crate::policy::trigger::{
    Attributes, Closed, Forms, Hash, Parts, Shape, Shapes, State, Touched, Triggers,
};
use crate::policy::words::{Criterion, Kind, Risk, Uses};

/// One file of the built-in list.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Its name in `extends`: `torch` for `allowlists/torch.yaml`.
    pub name: &'static str,
    /// Whether it is part of `core`.
    pub core: bool,
}

/// An import that was judged and left out.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// Module, exactly.
    pub module: &'static str,
    /// Name; `*` for every name of the module, `**` for everything below it too.
    pub name: &'static str,
    /// What it fails.
    pub criterion: Criterion,
    /// How it fails it.
    pub why: &'static str,
    /// Whether it runs code, or acts on files, processes or the network, as such: no honest model needs it.
    pub dangerous: bool,
    /// Line in `allowlists/refused.yaml`.
    pub line: usize,
}

include!(concat!(env!("OUT_DIR"), "/allowlists.rs"));

/// Where a string stands in `TEXT`, and how long it is, in bytes.
#[derive(Clone, Copy)]
struct Slice(u32, u16);

impl Slice {
    fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(text(self))
    }
}

/// A class whose methods were measured.
#[derive(Clone, Copy, Debug)]
pub struct Class(u16);

/// A part of `CLASS_PARTS`, by start and length.
type Range = (u32, u16);

fn text(place: Slice) -> &'static str {
    let start = place.0 as usize;
    TEXT.get(start..start + usize::from(place.1)).unwrap_or_default()
}

/// An entry as it is compiled in. It has no pointers: those of some thousand entries would be relocated
/// whenever fickgate starts, and most runs look at no pickle.
struct Row {
    module: Slice,
    name: Slice,
    why: Slice,
    kind: Kind,
    uses: Uses,
    guard: Option<Guard>,
    risk: Option<Risk>,
    container: Option<Loader>,
    triggers: Triggers,
    class: Option<Class>,
    list: u8,
    line: u16,
}

impl Row {
    fn entry(&self) -> Entry {
        Entry {
            module: self.module.text(),
            name: self.name.text(),
            kind: self.kind,
            uses: self.uses,
            guard: self.guard,
            guarded: true,
            risk: self.risk,
            container: self.container,
            reason: self.why.text(),
            layer: Layer::BuiltIn,
            source: LISTS.get(usize::from(self.list)).map_or(Cow::Borrowed(""), |list| list.source.text()),
            line: Some(usize::from(self.line)),
            bounds: None,
        }
    }
}

/// A file of the list as it is compiled in.
struct ListRow {
    name: Slice,
    source: Slice,
    core: bool,
}

/// A refused import as it is compiled in.
struct RefusedRow {
    module: Slice,
    name: Slice,
    why: Slice,
    criterion: Criterion,
    dangerous: bool,
    line: u16,
}

impl RefusedRow {
    fn refused(&self) -> Refused {
        Refused {
            module: text(self.module),
            name: text(self.name),
            criterion: self.criterion,
            why: text(self.why),
            dangerous: self.dangerous,
            line: usize::from(self.line),
        }
    }
}

/// Entries, each made when it is first asked for: a run looks at a few. Nobody waits for one that another thread makes:
/// where the process is forked meanwhile, that thread is not in the child.
static ENTRIES: [OnceBox<Entry>; ROWS.len()] = [const { OnceBox::new() }; ROWS.len()];

/// Every file of the list, by name.
pub fn lists() -> impl ExactSizeIterator<Item = List> + Clone {
    LISTS.iter().map(|row| List { name: text(row.name), core: row.core })
}

/// Which of [`lists`] the entry at a place stands in.
#[doc(hidden)]
pub fn list(place: usize) -> Option<usize> {
    ROWS.get(place).map(|row| usize::from(row.list))
}

/// Every entry, by module and name.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    (0..ROWS.len()).filter_map(entry)
}

/// The entry at a place, in the order of [`entries`].
#[doc(hidden)]
pub fn entry(place: usize) -> Option<&'static Entry> {
    let row = ROWS.get(place)?;
    ENTRIES.get(place).map(|entry| entry.get_or_init(|| Box::new(row.entry())))
}

/// The module of the entry at a place.
#[doc(hidden)]
pub fn module(place: usize) -> Option<&'static str> {
    ROWS.get(place).map(|row| text(row.module))
}

/// How many entries there are.
pub const fn count() -> usize {
    ROWS.len()
}

/// The entry of this import.
pub fn find(module: &str, name: &str) -> Option<&'static Entry> {
    entry(position(module, name)?)
}

/// Where the entry of this import stands in [`entries`].
#[doc(hidden)]
pub fn position(module: &str, name: &str) -> Option<usize> {
    let mut at = slot::first(module, name);
    loop {
        let place = *SLOTS.get(at).filter(|place| **place != slot::EMPTY)?;
        let row = ROWS.get(usize::from(place))?;
        if text(row.name) == name && text(row.module) == module {
            return Some(usize::from(place));
        }
        at = (at + 1) % slot::SLOTS;
    }
}

/// Why this import was left out, if it was judged.
pub fn find_refused(module: &str, name: &str) -> Option<Refused> {
    let find = |module: &str, name: &str| {
        REFUSED
            .binary_search_by(|r| (text(r.module), text(r.name)).cmp(&(module, name)))
            .ok()
            .and_then(|i| REFUSED.get(i))
            .map(RefusedRow::refused)
    };
    // Python 2's names, in pickles of protocol 3 and later, where they are not mapped.
    let module = match module {
        "__builtin__" => "builtins",
        "copy_reg" => "copyreg",
        other => other,
    };
    if let Some(refused) = find(module, name).or_else(|| find(module, "*")) {
        return Some(refused);
    }
    let mut at = module;
    loop {
        if let Some(refused) = find(at, "**") {
            return Some(refused);
        }
        at = at.rsplit_once('.')?.0;
    }
}

fn row(module: &str, name: &str) -> Option<&'static Row> {
    ROWS.get(position(module, name)?)
}

/// The triggers of an import and the guard of its entry, without a look at the rest of the list.
#[doc(hidden)]
pub fn triggers(module: &str, name: &str) -> Option<(&'static Triggers, Option<Guard>, Kind)> {
    row(module, name).map(|row| (&row.triggers, row.guard, row.kind))
}

/// The keys of a state that code looks at.
#[doc(hidden)]
pub fn touched((start, len): (u16, u8)) -> impl Iterator<Item = Touched> {
    let start = usize::from(start);
    TOUCHED.get(start..start + usize::from(len)).unwrap_or_default().iter().map(|(key, shape, made_by)| {
        Touched {
            key: text(*key),
            shape: *shape,
            made_by: Some(text(*made_by)).filter(|import| !import.is_empty()),
        }
    })
}

/// The number of a name that some listed class has as a method.
#[doc(hidden)]
pub fn method(name: &str) -> Option<u16> {
    let found = METHOD_NAMES.binary_search_by(|place| text(*place).cmp(name));
    found.ok().and_then(|i| u16::try_from(i).ok())
}

/// The name of that number.
#[doc(hidden)]
pub fn method_name(method: u16) -> &'static str {
    METHOD_NAMES.get(usize::from(method)).map_or("", |place| text(*place))
}

impl Class {
    /// The class of an entry, where its methods were measured.
    pub fn of(module: &str, name: &str) -> Option<Class> {
        row(module, name)?.class
    }

    /// Whether it has this method, itself or from a base, in any release.
    pub fn has(self, method: u16) -> bool {
        let part = |(start, len): Range| {
            let start = start as usize;
            CLASS_PARTS.get(start..start + usize::from(len)).unwrap_or_default()
        };
        let (mut todo, mut seen) = (vec![self.0], BTreeSet::new());
        while let Some(class) = todo.pop() {
            let Some((bases, names)) = CLASSES.get(usize::from(class)) else { continue };
            if part(*names).binary_search(&method).is_ok() {
                return true;
            }
            todo.extend(part(*bases).iter().filter(|base| seen.insert(**base)));
        }
        false
    }
}

/// Whether the list has an entry or a refusal for this top-level package.
pub fn judges(top: &str) -> bool {
    let starts = |module: &str| module.split('.').next() == Some(top);
    // Of modules in order, the package itself or the first one below it stands first.
    let first = |from: &str| {
        let entries =
            ROWS.get(ROWS.partition_point(|row| text(row.module) < from)).map(|row| text(row.module));
        let refused = REFUSED.get(REFUSED.partition_point(|r| text(r.module) < from)).map(|r| text(r.module));
        entries.is_some_and(starts) || refused.is_some_and(starts)
    };
    first(top) || first(&format!("{top}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_no_other() {
        for place in 0..count() {
            let found = entry(place).expect("an entry");
            assert_eq!(position(&found.module, &found.name), Some(place));
            assert_eq!(position(&found.module, &format!("{} x", found.name)), None);
        }
        assert!(lists().all(|list| !list.name.is_empty()));
    }

    #[test]
    fn what_is_refused_is_found_by_name_module_and_package() {
        for (module, name) in [
            ("builtins", "eval"),
            ("__builtin__", "eval"),
            ("posix", "system"),
            ("dill._dill", "_create_function"),
            ("cloudpickle.cloudpickle_fast", "_make_function"),
            ("numpy.lib._utils_impl", "_getmembers"),
        ] {
            assert!(find_refused(module, name).is_some(), "{module}.{name}");
        }
        assert!(find_refused("posixpath2", "x").is_none());
        assert!(find_refused("ours.os", "system").is_none());
    }

    #[test]
    fn packages_of_which_the_list_says_something() {
        // Listed, listed in modules below alone, and refused.
        for top in ["numpy", "argparse", "sklearn", "os", "subprocess", "pty"] {
            assert!(judges(top), "{top}");
        }
        for top in ["nump", "numpyx", "ours", "", "zzz"] {
            assert!(!judges(top), "{top}");
        }
    }

    #[test]
    fn no_entry_permits_calling_a_type_that_lays_arrays_over_memory() {
        for (module, name) in [("numpy", "ndarray"), ("numpy", "matrix"), ("numpy.ma", "MaskedArray")] {
            let uses = find(module, name).map(|e| e.uses);
            assert_eq!(uses, Some(Uses::REFERENCE), "{module}.{name}");
        }
    }

    #[test]
    fn everything_that_forwards_a_call_or_a_nested_pickle_is_guarded() {
        for (module, name) in [
            ("torch.storage", "_load_from_bytes"),
            ("torch._tensor", "_rebuild_from_type_v2"),
            ("copyreg", "_reconstructor"),
            ("copy_reg", "_reconstructor"),
            ("collections", "defaultdict"),
            ("numpy.random._pickle", "__bit_generator_ctor"),
            ("numpy.random._pickle", "__generator_ctor"),
            ("numpy.random._pickle", "__randomstate_ctor"),
            ("pandas.core.indexes.base", "_new_Index"),
            ("builtins", "type"),
            ("joblib.numpy_pickle", "NumpyArrayWrapper"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
            ("functools", "partial"),
        ] {
            assert!(find(module, name).is_some_and(|e| e.guard.is_some()), "{module}.{name}");
        }
    }

    #[test]
    fn what_made_a_value_says_what_is_in_it() {
        use crate::policy::trigger::{Forms, State};

        // Code that looks into an object which one of these made needs to know what its attributes are.
        for wanted in
            TOUCHED.iter().map(|(_, _, made_by)| text(*made_by)).filter(|made_by| !made_by.is_empty())
        {
            for import in wanted.split('|').filter(|import| *import != "None") {
                let (module, name) = import.rsplit_once('.').expect("a dotted name");
                let State::Read(Forms { attributes: Some(attributes), .. }) =
                    triggers(module, name).expect("an entry").0.state
                else {
                    panic!("{import} is looked into, and takes more than attributes");
                };
                let said = attributes.touched.1 > 0 || attributes.values <= Shape::Inert;
                assert!(
                    said,
                    "{import} is looked into: its own entry has to say under `touches` what is there"
                );
            }
        }
    }

    #[test]
    fn names_that_turn_data_into_power_are_on_no_list() {
        for (module, name) in [
            ("builtins", "setattr"),
            ("builtins", "eval"),
            ("builtins", "map"),
            ("operator", "attrgetter"),
            ("copyreg", "__newobj__"),
            ("copyreg", "add_extension"),
            ("_io", "FileIO"),
            ("torch", "load"),
            ("numpy", "memmap"),
            ("os", "system"),
        ] {
            assert!(find(module, name).is_none(), "{module}.{name}");
        }
    }
}
