//! Guards: what the arguments of a listed import have to look like.

use crate::policy::trigger::{Shape, Shapes};
use crate::words::words;

words! {
    /// A named check on arguments or state. An entry names it; the machine evaluates it for the imports
    /// it knows, since only the machine sees the arguments.
    ///
    /// Several of them tame *forwarders*: callables that call, or run `__new__` of, an object the pickle
    /// hands them. Without a guard a forwarder would turn every import that is listed as a reference into
    /// one that can be called: `_new_Index(numpy.ndarray, {"dtype": "O", "buffer": …})` builds an array
    /// of forged pointers out of names that are harmless each by itself.
    Guard {
        /// `numpy.dtype`: called with a plain type string, `numpy.record` or `numpy.void`; a state whose sizes
        /// are sizes, whose fields lie inside the item, side by side where objects are, and whose flags agree
        /// with its type.
        NumpyDtype = "numpy-dtype",
        /// numpy's `scalar(dtype, bytes)`: a literal dtype without objects, and literal bytes of its size.
        NumpyScalar = "numpy-scalar",
        /// numpy's `_reconstruct(subtype, (0,), b'b')`: an empty array; a state with literal data that are as
        /// many as its shape says.
        NumpyArray = "numpy-array",
        /// `torch.storage._load_from_bytes`: called with literal bytes, which are read as a file of their own.
        NestedBytes = "nested-bytes",
        /// `joblib.numpy_pickle.NumpyArrayWrapper`: followed by the raw data it announces, read by joblib's rules.
        JoblibArray = "joblib-array",
        /// `_codecs.encode`: literal text and one of latin1, ascii, utf-8.
        CodecsEncode = "codecs-encode",
        /// `bytes(…)` and `bytearray(…)`: literal bytes, text with one of these codecs, or plain numbers.
        LiteralBytes = "literal-bytes",
        /// `copyreg._reconstructor(cls, base, state)`: all three literal; `base` is `object` with a state
        /// of `None`, or a built-in container or number type. Else `base.__init__` of any class would run.
        CopyregBase = "copyreg-base",
        /// `collections.defaultdict(factory)`: no argument, `None`, or an import that is a built-in or
        /// `collections` container or number type. It is called when a key is missing.
        DefaultFactory = "default-factory",
        /// `numpy.random` constructors: arguments are literal text, numpy's own bit generators (classes or
        /// what they returned) and numpy's own constructors. A given constructor is called. In a state, a position
        /// lies inside the numbers that it is an index of.
        NumpyRandom = "numpy-random",
        /// `random.Random`: no arguments but plain ones; a state of a version, a tuple of integers and a number.
        Twister = "twister",
        /// `pandas.core.indexes.base._new_Index(cls, d)`: `cls` is an import that is an index class of
        /// pandas. `cls.__new__(cls, **d)` runs.
        PandasIndex = "pandas-index",
        /// `numpy…_frombuffer(buffer, …)`: the buffer is literal bytes or a literal bytearray. The array
        /// shares its memory: over an object array it would show pointers as numbers.
        LiteralBuffer = "literal-buffer",
        /// `torch._tensor._rebuild_from_type_v2(func, type, args, state)`: `func` is an import that is one
        /// of torch's rebuild functions, not this one, and `type` an import. `func(*args)` runs.
        RebuildFromType = "rebuild-from-type",
        /// `builtins.type(x)`: one argument, and it is `None`: the class of `None`, of which there is no
        /// other spelling. With three arguments it would make a class.
        TypeOfNone = "type-of-none",
        /// Literals alone, as is the rule where no guard is named.
        PlainArguments = "plain-arguments",
        /// Containers that copy what they are given: a literal container or a mapping. What it holds is kept,
        /// and hashed where that is open. `dict(x)` calls `x.keys`, which the state of `x` can turn into
        /// something else.
        Container = "container",
        /// `int(…)`, `float(…)`, `complex(…)`: literals of no more than 4,300 digits.
        Number = "number",
        /// `str(…)`: a literal that holds no others, and of no more than 4,300 digits.
        LiteralText = "literal-text",
        /// `range(…)`, `slice(…)`, networks: as large as they say, whatever visits what they stand for.
        Length = "length",
        /// `re._compile(pattern, flags)`: a short pattern without wide ranges of characters that are looked at one by
        /// one, and flags that print nothing.
        Regex = "regex",
        /// `fractions.Fraction`: two integers, or text of digits with a slash. An exponent would be computed.
        Fraction = "fraction",
        /// Estimators that keep the name of a method: it is one of an estimator's (`predict`, `transform` …),
        /// since a later call runs it on whatever stands beside.
        MethodNames = "method-names",
        /// torch's callables that use methods of a tensor they are given (`data.to(…)`, `data.detach()`): the
        /// first argument was made by one of torch's rebuild functions.
        TensorArgument = "tensor-argument",
        /// `newObj(cls)` and `__pyx_unpickle_…(cls, checksum, state)`, which run `cls.__new__`: the first
        /// argument is an import, which is judged as created; `state` is judged as the state of an object.
        ClassArgument = "class-argument",
        /// `numpy.ma.core._mareconstruct(subtype, baseclass, (0,), 'b')`: both are imports of numpy, as
        /// `subtype.__new__` runs; a state as of an array, with a literal mask and an inert fill value.
        MaskedArray = "masked-array",
        /// pandas callables and states that take time zones: no text with `dateutil/`, which names a file to
        /// open, and nothing that may be text and cannot be read.
        TimeZone = "time-zone",
        /// Outputs of models of transformers: the first field is no list, dict or pair with a text in it, of which
        /// `__post_init__` would make attributes.
        ModelOutput = "model-output",
        /// torch's callables that make a tensor over a storage: the first argument is a persistent object or a
        /// storage that torch made. `.dtype` and `.device` of anything else would be read, and a property runs.
        StorageArgument = "storage-argument",
        /// `sphinx.config.Config`: no option in its state has a default that can be called. Reading an option
        /// calls it.
        OptionDefaults = "option-defaults",
        /// Graphs of NetworkX: adjacency is kept in literal dicts, as views of the graph ask these for their items.
        Adjacency = "adjacency",
        /// `sphinx.environment.BuildEnvironment`: its cache of pickled documents is empty, as Sphinx writes it.
        EmptyCache = "empty-cache",
        /// `builtins.getattr(object, name)`: `object` is an import and `name` literal text, an identifier. What it
        /// gives is the import `module:object.name`, which needs an entry of its own.
        ImportedAttribute = "imported-attribute",
        /// numpy's `_ufunc_reconstruct(module, name)`: literal text, and the module one of those that hold ufuncs. What it
        /// gives is the import `module.name`, which needs an entry of its own.
        Ufunc = "ufunc",
        /// `zoneinfo.ZoneInfo._unpickle(key, from_cache)`: `key` is literal text that names no file outside the
        /// databases of time zones: letters, digits, `+`, `-`, `_` and single slashes between them.
        ZoneKey = "zone-key",
        /// Models of Ultralytics: the architecture in `yaml` names layers and activations that are known, with
        /// literal arguments. Training evaluates it.
        Architecture = "architecture",
        /// `functools.partial`: a class or function of packages that compute, with plain arguments.
        Partial = "partial",
        /// Distributions of `scipy.stats`: the text that `__setstate__` executes is the one that SciPy makes.
        Distribution = "distribution",
        /// mmengine's `HistoryBuffer`: the functions that go into the table of its class are its own.
        History = "history",
        /// statsmodels' `ModelData`: the formula that `__setstate__` evaluates has names and operators alone.
        Formula = "formula",
        /// Sphinx's `_TranslationProxy`: three texts, or a stored call of Sphinx's own translation of texts.
        Translation = "translation",
        /// River's `_rebuild_bucket(room, count, totals, variances)`: as many literal numbers as it copies, and no more than
        /// it has room for.
        Bucket = "bucket",
        /// River's windows: a state of fifteen numbers, with the list of buckets before or attributes behind them.
        Window = "window",
        /// Pillow's images: the size in the state is that of the pixels in it, which memory is taken for first.
        Image = "image",
        /// spaCy's `unpickle_bin`: literal bytes, zlib with msgpack, that unpack to no more than some 64 times as much.
        Unpacked = "unpacked",
        /// `_StorageInfo` of a distributed checkpoint: its file is a `.distcp` beside the metadata, and a range in it.
        /// torch unpickles that range of whatever file it names.
        CheckpointPart = "checkpoint-part",
    }
}

impl Guard {
    /// Whether it looks at the items of dicts.
    pub const fn wants_items(self) -> bool {
        matches!(
            self,
            Guard::NumpyDtype
                | Guard::NumpyRandom
                | Guard::JoblibArray
                | Guard::PandasIndex
                | Guard::TimeZone
                | Guard::OptionDefaults
                | Guard::EmptyCache
                | Guard::Adjacency
                | Guard::MethodNames
                | Guard::Architecture
                | Guard::Partial
                | Guard::Distribution
                | Guard::History
                | Guard::Formula
                | Guard::Bucket
                | Guard::Window
                | Guard::Image
                | Guard::CheckpointPart
        )
    }

    /// What it leaves open to the arguments that it does not judge.
    pub const fn leaves(self) -> Shapes {
        Shapes::all(match self {
            Guard::PlainArguments
            | Guard::OptionDefaults
            | Guard::EmptyCache
            | Guard::Adjacency
            | Guard::Twister
            | Guard::MethodNames
            | Guard::Architecture
            | Guard::Distribution
            | Guard::History
            | Guard::Formula
            | Guard::Window
            | Guard::LiteralText
            | Guard::Length
            | Guard::Regex
            | Guard::JoblibArray
            | Guard::Image => Shape::Plain,
            Guard::TimeZone | Guard::ModelOutput => Shape::Inert,
            Guard::TensorArgument | Guard::StorageArgument => {
                return Shapes::new(&[Shape::Stored], Shape::Inert);
            }
            Guard::PandasIndex => return Shapes::new(&[Shape::References], Shape::Inert),
            _ => Shape::Stored,
        })
    }
}
