//! What a machine tells an onlooker while it runs. The gate looks at the facts alone and passes `()`,
//! which costs nothing; `explain` records everything.

use crate::pickle::stream::reader::Cursor;
use crate::pickle::values::heap::Tuples;
use crate::pickle::values::value::Value;

/// The machine's inside, as far as an onlooker may see it.
pub struct View<'a, C> {
    /// The operand stack, marks left out.
    pub stack: &'a [Value],
    /// Where the marks stand: positions in `stack`.
    pub marks: &'a [usize],
    /// Elements of tuples.
    pub tuples: &'a Tuples,
    /// For reading literals again.
    pub cursor: &'a C,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// An opcode is about to run.
    Opcode {
        /// Its byte.
        code: u8,
    },
    /// A name was resolved.
    Import {
        /// Module and name as Python 3 resolves them.
        module: &'a str,
        /// See `module`.
        name: &'a str,
        /// The opcode.
        code: u8,
        /// What is now on the stack.
        value: Value,
    },
    /// REDUCE, INST, OBJ, NEWOBJ, NEWOBJ_EX.
    Apply {
        /// The opcode.
        code: u8,
        /// What is applied.
        callee: Value,
        /// Positional arguments, usually a tuple.
        args: Value,
        /// Keyword arguments of NEWOBJ_EX.
        kwargs: Option<Value>,
        /// The result.
        value: Value,
    },
    /// BUILD.
    Build {
        /// The object.
        target: Value,
        /// Its state.
        state: Value,
    },
    /// APPEND(S), SETITEM(S), ADDITEMS; keys and values in turn for SETITEM(S).
    Items {
        /// The opcode.
        code: u8,
        /// The container.
        target: Value,
        /// The items.
        items: &'a [Value],
    },
    /// A list, dict, tuple, set or frozenset was made, with these items.
    Container {
        /// The opcode.
        code: u8,
        /// The container.
        value: Value,
        /// Its items.
        items: &'a [Value],
    },
    /// PUT, BINPUT, LONG_BINPUT, MEMOIZE.
    Memo {
        /// What was stored.
        value: Value,
    },
    /// PERSID, BINPERSID.
    Persistent {
        /// The id; `Unknown` for the text of PERSID.
        id: Value,
        /// What `persistent_load` gives.
        value: Value,
    },
    /// STOP, with the value of the whole pickle.
    Stop {
        /// The value.
        value: Value,
    },
    /// Something is wrong.
    Fault {
        /// In words.
        message: &'a str,
    },
}

/// An onlooker.
pub trait Trace {
    /// Whether it looks at all. `false` removes it from the loop.
    const ON: bool = true;
    /// Whether it has seen all that it wants to.
    fn has_enough(&self) -> bool {
        false
    }
    /// Something happened at the opcode at `offset`.
    fn event<C: Cursor>(&mut self, view: &View<'_, C>, offset: u64, event: Event<'_>);
}

impl Trace for () {
    const ON: bool = false;
    fn event<C: Cursor>(&mut self, _: &View<'_, C>, _: u64, _: Event<'_>) {}
}
