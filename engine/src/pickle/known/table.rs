//! What is known of an import by its name: the triggers that its entry opens, and its guard.

use crate::pickle::values::heap::{Items, Nature};
use crate::pickle::values::mark::Mark;
use crate::policy::Kind;
use crate::policy::builtin::{self, Class};
use crate::policy::guard::Guard;
use crate::policy::trigger::{Attributes, Forms, Hash, Shape, Shapes, State, Triggers};

/// What is known of an import.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What it is.
    pub kind: Kind,
    /// The guard that judges its arguments and its state.
    pub guard: Option<Guard>,
    /// Its triggers. `None` where nobody listed it: whoever allows it answers for what it does.
    pub triggers: Option<&'static Triggers>,
    /// Its methods, where they were measured.
    pub class: Option<Class>,
}

/// Callables that unpickle bytes they are given. Whoever allows one has these read as well.
const UNPICKLERS: &[(&str, &str)] = &[
    // torch/storage.py: `torch.load(io.BytesIO(b), weights_only=False)`.
    ("torch.storage", "_load_from_bytes"),
    ("pickle", "loads"),
    ("pickle", "_loads"),
    ("_pickle", "loads"),
    ("cloudpickle", "loads"),
    ("cloudpickle.cloudpickle", "loads"),
    ("dill", "loads"),
    ("dill._dill", "loads"),
    ("joblib.numpy_pickle", "load"),
    ("joblib.numpy_pickle", "_unpickle"),
    ("marshal", "loads"),
];

/// What is known of this import.
pub fn of(module: &str, name: &str) -> Known {
    match builtin::triggers(module, name) {
        Some((triggers, guard, kind)) => {
            Known { kind, guard, triggers: Some(triggers), class: Class::of(module, name) }
        }
        None if UNPICKLERS.contains(&(module, name)) => {
            Known { guard: Some(Guard::NestedBytes), ..Known::NOTHING }
        }
        None => Known::NOTHING,
    }
}

/// Whether instances of a listed class can be called, or may be.
pub fn makes_callable(module: &str, name: &str) -> bool {
    of(module, name).triggers.is_some_and(|triggers| triggers.callable)
}

impl Known {
    /// Nothing is known.
    pub const NOTHING: Known = Known { kind: Kind::Class, guard: None, triggers: None, class: None };

    /// Whether judging it takes the items of dicts.
    pub fn wants_items(&self) -> bool {
        self.guard.is_some_and(Guard::wants_items)
            || matches!(
                self.triggers,
                Some(Triggers {
                    state: State::Read(Forms {
                        attributes: Some(
                            Attributes { touched: (_, 1..), .. } | Attributes { slots: Some((_, 1..)), .. }
                        ),
                        ..
                    }),
                    ..
                })
            )
    }

    /// Whether an object of it may be a key; `inert`: whether it holds inert values alone.
    pub fn is_key(&self, inert: bool) -> bool {
        match self.triggers.map(|t| t.hash) {
            None | Some(Hash::Identity) => true,
            Some(Hash::Read | Hash::Said) => inert,
            Some(Hash::Closed) => false,
        }
    }

    /// Whether what it gives can be called, or may be.
    pub fn gives_callable(&self) -> bool {
        self.triggers.is_none_or(|t| t.callable || self.kind != Kind::Class && !t.inert)
    }

    /// Whether most of what is done with it needs no look at values: no guard judges it, or one that has nothing to say
    /// of no arguments.
    pub fn is_unguarded(&self) -> bool {
        matches!(self.guard, None | Some(Guard::Container))
    }

    /// Whether BUILD stores the attributes of a dict, and looks at none.
    pub fn stores_attributes(&self) -> bool {
        self.triggers.is_none_or(|triggers| {
            let stores = matches!(
                &triggers.state,
                State::Stored
                    | State::Read(Forms {
                        attributes: Some(Attributes { values: Shape::Stored, touched: (_, 0), .. }),
                        ..
                    })
            );
            stores && !triggers.answers
        })
    }

    /// Whether its objects take literals by the method for such items.
    pub fn takes_literals(&self, kind: Items) -> bool {
        self.triggers.is_none_or(|triggers| {
            let open = match kind {
                Items::Set => triggers.setitem,
                Items::Append => triggers.append,
                Items::Add => triggers.add,
            };
            open.is_some_and(|shape| shape <= Shape::Stored)
        })
    }

    /// The mark of an object that it makes of arguments with this mark.
    pub fn inert(&self, mark: Mark) -> Mark {
        let held = mark.shape() <= Shape::Inert;
        let inert = self.triggers.is_some_and(|t| t.inert) && held;
        let kept = if inert { Mark::INERT.with(mark.of(Mark::LOOSE)) } else { Mark::STORED };
        let said = self.triggers.is_some_and(|t| t.hash == Hash::Said);
        if self.is_key(if said { held } else { inert }) { kept } else { kept.with(Mark::UNKEYED) }
    }

    /// What may become of an object that it gives, by `__new__` or by a call, without arguments or with.
    pub fn nature(&self, create: bool, empty: bool) -> Nature {
        match self.triggers {
            Some(t) if t.fresh_empty && empty => Nature::Open,
            // INST and OBJ without arguments run `__new__` alone.
            Some(t) if (create || empty) && t.shared_create || !create && t.shared_call => Nature::Shared,
            Some(Triggers { state: State::Closed(_), setitem: None, append: None, add: None, .. }) => {
                Nature::Complete
            }
            Some(t) if t.hollow => Nature::Hollow,
            _ => Nature::Open,
        }
    }

    /// The shapes of its arguments: of a call, or of `__new__`.
    pub fn arguments(&self, create: bool) -> Option<Shapes> {
        self.triggers.map(|t| if create { t.create } else { t.call })
    }
}
