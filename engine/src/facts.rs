//! What reading a blob established: the streams in it, what each would import, call and change, and
//! what is wrong with it. Facts know no policy.

pub use crate::loader::Loader;
use crate::path::BlobPath;
pub use crate::pickle::values::landmark::{Landmark, Landmarks};
use crate::rule::Rule;

/// Everything that [`crate::reading::scan::scan`] learned about one blob.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every pickle stream, in the order of the bytes, members in the order of their archive.
    pub streams: Vec<Stream>,
    /// Further streams that are left out because kept ones of their member say all that they would.
    pub folded: u64,
    /// What is wrong with the blob or a container in it.
    pub faults: Vec<MemberFault>,
    /// Code in it that is no pickle.
    pub code: Vec<Code>,
    /// What the content is, outermost first, for reports: `["gzip", "pickle"]`.
    pub forms: Vec<&'static str>,
}

/// Code that a model brings or names, and no pickle does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The path inside the blob, `""` for the blob itself, parts separated by `!`.
    pub member: String,
    /// Offset in the member.
    pub offset: u64,
    /// What it is, in one sentence without a full stop. Text from the input is escaped.
    pub message: String,
    /// What it names, where a policy can say something of that.
    pub name: Option<Name>,
    /// Who runs it.
    pub runs: Runs,
}

/// A name that configuration has a loader import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Module.
    pub module: String,
    /// Name in it.
    pub name: String,
}

/// When code that is no pickle runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// A loader that is in use runs it unasked.
    ByDefault,
    /// A loader imports it where its caller, or a tool around it, trusts what the file asks for.
    IfTrusted,
    /// Only where someone takes it out and runs it.
    IfAsked,
}

/// A fault of a container, with the member it was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFault {
    /// The path inside the blob, `""` for the blob itself, parts separated by `!`.
    pub member: String,
    /// The fault.
    pub fault: Fault,
}

/// One pickle stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The path inside the blob, `""` for the blob itself, parts separated by `!`.
    pub member: String,
    /// Which loader's rules it was read by.
    pub reading: Loader,
    /// Whether it was read as the C unpickler reads from a file, where the rest of a frame that is too
    /// short is dropped.
    pub framed: bool,
    /// Offset in the member of the first opcode.
    pub start: u64,
    /// Offset in the member behind the last byte that was read.
    pub end: u64,
    /// The highest protocol a PROTO opcode announced, 0 without one.
    pub protocol: u8,
    /// How many opcodes ran.
    pub opcodes: u64,
    /// How the reading ended.
    pub ending: Ending,
    /// Whether anything was applied: called, created, changed. What a break follows then has run.
    pub applied: bool,
    /// Whether its lines end in CR LF, as a conversion of line ends leaves them.
    pub converted: bool,
    /// The imports, each (module, name) once, in the order they are first resolved.
    pub imports: Vec<Import>,
    /// What is wrong with the stream.
    pub faults: Vec<Fault>,
    /// Persistent ids in the form torch gives its storages.
    pub storages: Vec<StorageId>,
    /// Bytes that a callable would unpickle.
    pub nested: Vec<Nested>,
    /// Where a long one can be followed from, to show what it does there.
    pub landmarks: Landmarks,
}

/// What is said of a buffer that the loader is given beside the file. A loader that is given none raises.
pub const NO_BUFFER: &str = "NEXT_BUFFER: the data lies outside the file and `load` must be given it";

/// What is said of a persistent id that is not torch's. `pickle.load` raises at any.
pub const FOREIGN_ID: &str = "a persistent id that is not torch's stands for whatever the loader makes of it";

impl Stream {
    /// Whether STOP was reached.
    pub fn stopped(&self) -> bool {
        self.ending == Ending::Stop
    }
}

/// How the reading of a stream ended. Only a break says anything about the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ending {
    /// At STOP.
    Stop,
    /// No unpickler goes on from here.
    #[default]
    Broken,
    /// An unpickler goes on, and the reading did not: a ceiling was hit.
    Limit,
}

/// A name that loading would resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Module as Python 3 resolves it (`_compat_pickle` below protocol 3).
    pub module: String,
    /// Name as Python 3 resolves it; dots are attribute access from protocol 4 on.
    pub name: String,
    /// Module as written.
    pub raw_module: String,
    /// Name as written.
    pub raw_name: String,
    /// Offset in the member of the opcode that first resolves it.
    pub offset: u64,
    /// That opcode: GLOBAL, STACK_GLOBAL or INST; REDUCE for an attribute that `getattr` takes of an import.
    pub opcode: &'static str,
    /// How the name is used, each kind once.
    pub uses: Vec<Use>,
}

impl Import {
    /// `module.name`, as findings print it.
    pub fn dotted(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
}

/// One way in which an import is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What is done with it.
    pub kind: UseKind,
    /// Offset in the member of the first opcode that does so.
    pub offset: u64,
    /// That opcode.
    pub opcode: &'static str,
    /// How often.
    pub count: u64,
    /// The first of these uses that a guard of [`crate::policy::guard`] objects to, with its reason.
    /// `None` where every one passes, or no guard knows the name.
    pub objection: Option<Objection>,
}

/// Why a guard objects to a use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Objection {
    /// Offset in the member of the opcode.
    pub offset: u64,
    /// What is wrong with the arguments or the state.
    pub message: String,
}

/// What a stream does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseKind {
    /// Pushed and handed on as a value: an argument, an element, or dropped.
    Reference,
    /// NEWOBJ, NEWOBJ_EX: `__new__` without `__init__`.
    Create,
    /// INST or OBJ without arguments: `__new__` for a class, a call for anything else.
    Instantiate,
    /// REDUCE, or INST and OBJ with arguments.
    Call,
    /// BUILD on what it created or returned.
    State,
    /// SETITEM(S), APPEND(S) or ADDITEMS on what it created or returned: `__setitem__`, `append`,
    /// `extend` or `add` of its class runs.
    Items,
    /// What it returned is itself called.
    CallResult,
}

impl UseKind {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            UseKind::Reference => "reference",
            UseKind::Create => "create",
            UseKind::Instantiate => "instantiate",
            UseKind::Call => "call",
            UseKind::State => "state",
            UseKind::Items => "items",
            UseKind::CallResult => "call-result",
        }
    }
}

/// Something wrong at an offset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The rule it falls under.
    pub rule: Rule,
    /// Offset in the member.
    pub offset: u64,
    /// What happened, in one sentence without a full stop. Text from the input is escaped.
    pub message: String,
    /// The import concerned, for `object-mutation`.
    pub import: Option<String>,
}

/// Something wrong with a file whose content is not at hand: a missing object, a pointer that leads nowhere,
/// a checkout that makes something else of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The rule it falls under.
    pub rule: Rule,
    /// The file.
    pub path: BlobPath,
    /// What happened, in one sentence without a full stop. Text from the input is escaped.
    pub message: String,
    /// What to do next.
    pub help: String,
}

/// `("storage", type, key, location, numel)`, what torch gives to `persistent_load`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageId {
    /// Name of the storage class, without its module, `""` where it is not an import.
    pub class: String,
    /// Key: the member `data/KEY` of the zip layout, a running number in the legacy layout.
    pub key: String,
    /// Elements, where the id says so.
    pub elements: Option<u64>,
    /// Offset in the member of the opcode.
    pub offset: u64,
}

/// Bytes that an unpickling callable is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nested {
    /// The callable, as `module.name`.
    pub callable: String,
    /// Offset in the member of the call.
    pub offset: u64,
    /// Where the bytes are.
    pub bytes: NestedBytes,
}

/// Where nested bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NestedBytes {
    /// A literal: this range of the member.
    Range(u64, u64),
    /// Bytes that were decoded from text (`_codecs.encode(text, "latin1")`).
    Decoded(Vec<u8>),
}

impl NestedBytes {
    /// How many they are.
    pub fn size(&self) -> u64 {
        match self {
            NestedBytes::Range(start, end) => end.saturating_sub(*start),
            NestedBytes::Decoded(bytes) => bytes.len() as u64,
        }
    }
}
