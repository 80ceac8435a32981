//! What is known of named callables and classes: triggers by name, and guards, one function each over a small
//! view of values. A new guard is a function in a file of its own, a line in the table below, and its word in
//! `policy/guard.rs`.

mod architecture;
mod array;
mod attribute;
mod codec;
pub mod container;
mod distribution;
mod formula;
mod graph;
mod history;
mod image;
mod instance;
pub mod numerals;
pub mod numpy;
mod options;
mod outcome;
mod pandas;
pub mod partial;
mod random;
mod regex;
pub mod standard;
pub mod table;
pub mod torch;
mod translation;
mod unpacked;
mod unpickler;
pub mod view;
mod window;
mod words;

use crate::pickle::stream::reader::Cursor;
use crate::policy::guard::Guard;
use numpy::Dtypes;
use view::{Build, Call, View};

pub use outcome::{Judged, Outcome};

/// Judges a call. The guards find what they remember of earlier calls in `dtypes`.
pub fn call<C: Cursor>(guard: Guard, view: &View<'_, C>, dtypes: &mut Dtypes, call: &Call) -> Judged {
    match guard {
        Guard::NumpyDtype => numpy::dtype(view, dtypes, call),
        Guard::NumpyScalar => numpy::scalar(view, dtypes, call),
        Guard::NumpyArray => array::reconstruct(view, call),
        Guard::MaskedArray => array::masked(view, call),
        Guard::LiteralBuffer => array::from_buffer(view, dtypes, call),
        Guard::NestedBytes => unpickler::loads(view, call),
        Guard::CodecsEncode => codec::encode(view, call),
        Guard::LiteralBytes => codec::bytes(view, call),
        Guard::CopyregBase => instance::reconstructor(view, call),
        Guard::ClassArgument => instance::class_argument(view, call),
        Guard::Container => container::container(view, call),
        Guard::DefaultFactory => container::default_dict(view, call),
        Guard::NumpyRandom => random::constructor(view, call),
        Guard::PandasIndex => pandas::new_index(view, dtypes, call),
        Guard::TimeZone => pandas::time_zone(view, dtypes, call),
        Guard::StorageArgument => torch::over_storage(view, dtypes, call),
        Guard::TensorArgument => torch::of_tensor(view, call),
        Guard::ModelOutput => torch::model_output(view, call),
        Guard::RebuildFromType => torch::by_function(view, dtypes, call),
        Guard::ImportedAttribute => attribute::getattr(view, call),
        Guard::Ufunc => attribute::ufunc(view, call),
        Guard::ZoneKey => words::zone(view, call),
        Guard::TypeOfNone => words::type_of_none(view, call),
        Guard::Number => words::number(view, dtypes, call),
        Guard::LiteralText => words::text(view, call),
        Guard::Length => words::length(view, dtypes, call),
        Guard::Regex => regex::compile(view, dtypes, call),
        Guard::Fraction => words::fraction(view, call),
        Guard::Partial => partial::call(view, call),
        Guard::Translation => translation::call(view, call),
        Guard::Unpacked => unpacked::unpickle_bin(view, call),
        Guard::Bucket => window::bucket(view, call),
        Guard::Architecture | Guard::Distribution | Guard::History | Guard::Formula => Ok(Outcome::Object),
        Guard::PlainArguments
        | Guard::JoblibArray
        | Guard::OptionDefaults
        | Guard::MethodNames
        | Guard::Twister
        | Guard::EmptyCache
        | Guard::Adjacency
        | Guard::Window
        | Guard::Image
        | Guard::CheckpointPart => Ok(Outcome::Object),
    }
}

/// Judges a state.
pub fn state<C: Cursor>(
    guard: Guard,
    view: &View<'_, C>,
    dtypes: &mut Dtypes,
    build: &Build,
) -> Result<(), String> {
    match guard {
        Guard::NumpyDtype => numpy::dtype_state(view, dtypes, build),
        Guard::NumpyArray => array::state(view, dtypes, build, false),
        Guard::MaskedArray => array::state(view, dtypes, build, true),
        Guard::TimeZone | Guard::PandasIndex => pandas::time_zone_state(view, dtypes, build),
        Guard::OptionDefaults => options::defaults(view, build),
        Guard::EmptyCache => options::caches(view, build),
        Guard::Adjacency => graph::adjacency(view, build),
        Guard::MethodNames => words::methods(view, build),
        Guard::Architecture => architecture::model(view, build),
        Guard::Partial => partial::state(view, build),
        Guard::Distribution => distribution::state(view, build),
        Guard::History => history::state(view, build),
        Guard::Formula => formula::data(view, build),
        Guard::Translation => translation::state(view, build),
        Guard::Window => window::state(view, build),
        Guard::Image => image::state(view, build),
        Guard::CheckpointPart => torch::checkpoint_part(view, build),
        Guard::NumpyRandom => random::state(view, build),
        Guard::Twister => random::twister(view, build),
        Guard::NestedBytes => Err("state is set on what an unpickler gave".to_owned()),
        _ => Ok(()),
    }
}
