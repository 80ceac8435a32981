//! What a guard makes of a call.

use crate::pickle::values::mark::Mark;
use crate::pickle::values::value::Value;

/// What a guard makes of a call, or what stands against it.
pub type Judged = Result<Outcome, String>;

/// What a call gives.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An object, new where its entry does not say otherwise.
    Object,
    /// An object that is new whatever was measured of other arguments, and holds no more than this.
    New(Mark),
    /// An object of which only this argument matters: the others were judged.
    Of(Value),
    /// An object that may have been there before.
    Shared,
    /// A container that holds a copy of what this value holds.
    Holding(Option<Value>),
    /// This very value.
    Value(Value),
    /// What `__new__` of this class gives, judged as created, with a state and items among the arguments.
    Instance {
        /// The class.
        class: u32,
        /// Its state.
        state: Option<Value>,
        /// What its items are copied from.
        items: Option<Value>,
    },
    /// What a call of another import gives, which was judged as well.
    Calls(u32, Mark),
    /// An import by another name.
    Attribute {
        /// Its module.
        module: String,
        /// Its name.
        name: String,
    },
    /// What unpickling these bytes gives; `None` where none are given.
    Nested(Option<Value>),
}
