//! Guards: what each takes as its library writes it, and one step away from that, which it refuses.
//!
//! One file, since it is one table: a row for each thing that a guard looks at.

use crate::craft::*;
use crate::{global, join, text};

#[test]
fn attributes_of_imports() {
    let getattr = "builtins.getattr";
    let (owner, long) = (import("collections.OrderedDict"), "a".repeat(250));
    let binomial = create("scipy.stats._discrete_distns.binom_gen", &[]);
    let entropy = text("_entropy");
    rows(
        "imported-attribute",
        &[
            ("a method of a class", call(getattr, &[&owner, &text("fromkeys")])),
            ("an underscore", call(getattr, &[&owner, &text("_from_2")])),
            ("as discrete distributions of SciPy keep it", call(getattr, &[&binomial, &entropy])),
        ],
        &[
            ("no name", call(getattr, &[&owner, &text("")])),
            ("a name with a dot", call(getattr, &[&owner, &text("a.b")])),
            ("a name of a kilometre", call(getattr, &[&owner, &text(&long)])),
            ("a default", call(getattr, &[&owner, &text("fromkeys"), b"N"])),
            ("an object", call(getattr, &[&foreign(), &text("fromkeys")])),
            ("NEWOBJ", create(getattr, &[&owner, &text("fromkeys")])),
            ("keywords", with_keywords(getattr, &[&owner, &text("fromkeys")])),
            ("another method of a distribution", call(getattr, &[&binomial, &text("rvs")])),
            ("the entropy of another object", call(getattr, &[&foreign(), &entropy])),
            ("the entropy or a default", call(getattr, &[&binomial, &entropy, b"N"])),
            ("the entropy by NEWOBJ", create(getattr, &[&binomial, &entropy])),
            ("the entropy with keywords", with_keywords(getattr, &[&binomial, &entropy])),
        ],
    );
}

#[test]
fn ufuncs_by_name() {
    let by = "numpy.core._ufunc_reconstruct";
    let module = text("numpy.core.umath");
    rows(
        "ufunc",
        &[("as written", call(by, &[&module, &text("logical_and")]))],
        &[
            ("another module", call(by, &[&text("os"), &text("system")])),
            ("no name", call(by, &[&module, &text("")])),
            ("a name with a dot", call(by, &[&module, &text("a.b")])),
            ("a name of a kilometre", call(by, &[&module, &join(&[b"X\x01\x01\0\0", &[b'a'; 257]])])),
            ("no text", call(by, &[&module, &foreign()])),
            ("three arguments", call(by, &[&module, &text("add"), b"N"])),
            ("NEWOBJ", create(by, &[&module, &text("add")])),
            ("keywords", with_keywords(by, &[&module, &text("add")])),
        ],
    );
}

#[test]
fn bytes_of_literals() {
    let name = "builtins.bytearray";
    let array = b"\x96\x02\0\0\0\0\0\0\0ab";
    rows(
        "literal-bytes",
        &[
            ("nothing", call(name, &[])),
            ("bytes", call(name, &[&bytes(b"ab")])),
            ("as Python 2 spells a bytearray", call(name, &[&text("ab"), &text("latin-1")])),
            ("another bytearray", call(name, &[array])),
            ("a copy of one", call(name, &[&call(name, &[array])])),
            ("few zeros", call(name, &[b"M\0\x04"])),
            ("numbers", call(name, &[&list(&[ONE])])),
        ],
        &[
            ("many zeros", call(name, &[b"M\x01\x04"])),
            // Python raises: a text has no bytes without an encoding.
            ("text alone", call(name, &[&text("ab")])),
            ("an encoding that decodes", call(name, &[&text("ab"), &text("rot13")])),
            ("what somebody gives", call(name, &[&foreign()])),
            ("a list of what somebody gives", call(name, &[&list(&[&foreign()])])),
            ("an object of another class", call(name, &[&call("collections.OrderedDict", &[])])),
            ("NEWOBJ_EX without keywords", join(&[&import(name), &tuple(&[&bytes(b"a")]), b"}\x92"])),
        ],
    );
    let encode = "_codecs.encode";
    rows(
        "codecs-encode",
        // Without a codec Python takes UTF-8.
        &[("utf-8", call(encode, &[&text("a")])), ("latin1", call(encode, &[&text("a"), &text("latin1")]))],
        &[
            ("errors", call(encode, &[&text("a"), &text("latin1"), &text("ignore")])),
            ("no text", call(encode, &[&bytes(b"a"), &text("latin1")])),
            ("another codec", call(encode, &[&text("a"), &text("zlib")])),
            ("keywords", with_keywords(encode, &[&text("a"), &text("latin1")])),
        ],
    );
}

#[test]
fn containers_copy_literals() {
    let ordered = "collections.OrderedDict";
    let (pair, odd) = (tuple(&[&text("a"), ONE]), foreign());
    rows(
        "container",
        &[
            ("nothing", call(ordered, &[])),
            ("a mapping", call("collections.deque", &[&call(ordered, &[])])),
            ("a list of pairs", call(ordered, &[&list(&[&pair])])),
            ("a tuple of pairs", call(ordered, &[&tuple(&[&pair])])),
            ("a deque with a length", call("collections.deque", &[&list(&[ONE]), ONE])),
        ],
        &[
            ("an object", call(ordered, &[&odd])),
            ("keywords alone", with_keywords(ordered, &[])),
            ("keywords", with_keywords(ordered, &[&list(&[&pair])])),
            ("a length of somebody", call("collections.deque", &[&list(&[ONE]), &odd])),
            // `dict` asks each item for its two halves.
            ("a list of what somebody iterates", call(ordered, &[&list(&[&odd])])),
            ("a tuple of what somebody iterates", call(ordered, &[&tuple(&[&odd])])),
            ("a set of what somebody iterates", call(ordered, &[&join(&[b"\x8f(", &odd, b"\x90"])])),
        ],
    );
    let default = "collections.defaultdict";
    let (builtin, layer) = (import("builtins.list"), import("torch.nn.modules.activation.ReLU"));
    let partial = |function: &[u8], rest: &[&[u8]]| {
        let made = call("functools.partial", &[function]);
        state(&made, &tuple(&[function, &tuple(rest), b"}", b"N"]))
    };
    rows(
        "default-factory",
        &[
            ("no factory", call(default, &[b"N"])),
            ("a factory", call(default, &[&builtin])),
            ("a factory and items", call(default, &[&builtin, &dict(&[("a", ONE)])])),
            ("a factory of factories", call(default, &[&partial(&import(default), &[&builtin])])),
        ],
        &[
            ("a function", call(default, &[&import("os.getcwd")])),
            ("a partial of a layer", call(default, &[&partial(&layer, &[])])),
            ("an object", call(default, &[&odd])),
            ("items of somebody", call(default, &[&builtin, &odd])),
            ("pairs of somebody", call(default, &[&builtin, &list(&[&odd])])),
            ("three arguments", call(default, &[&builtin, b"}", ONE])),
            ("keywords", with_keywords(default, &[&builtin])),
        ],
    );
}

#[test]
fn states_of_sphinx_river_and_torch() {
    let config = |table: &[u8]| state(&create("sphinx.config.Config", &[]), &dict(&[("_options", table)]));
    rows(
        "option-defaults",
        &[("a default", config(&dict(&[("a", &tuple(&[ONE, b"N"]))])))],
        &[
            ("a default that is called", config(&dict(&[("a", &tuple(&[&import("os.getcwd"), b"N"]))]))),
            ("no table", config(&foreign())),
        ],
    );
    let texts = |n: usize| tuple(&vec![text("a").as_slice(); n]);
    let translate = import("sphinx.locale._lazy_translate");
    let proxy = "sphinx.locale._TranslationProxy";
    let stated = |parts: &[u8]| state(&create(proxy, &[]), parts);
    rows(
        "translation",
        &[
            ("texts", stated(&texts(3))),
            ("a stored call", stated(&tuple(&[&translate, &texts(3)]))),
            ("made of a call", create(proxy, &[&translate, &text("a")])),
            (
                "made of a call of three texts",
                create(proxy, &[&translate, &text("a"), &text("b"), &text("c")]),
            ),
        ],
        &[
            ("a stored call of something else", stated(&tuple(&[&import("os.system"), &texts(1)]))),
            ("another function there", stated(&tuple(&[&import("sphinx.locale.init"), &texts(1)]))),
            ("no text there", stated(&tuple(&[&translate, &tuple(&[ONE])]))),
            ("no texts there", stated(&tuple(&[&translate, b")"]))),
            ("a list there", stated(&tuple(&[&translate, &list(&[&text("a")])]))),
            ("two texts", stated(&texts(2))),
            ("numbers", stated(&tuple(&[ONE, ONE, ONE]))),
            ("made of something else", create(proxy, &[&import("os.system"), &text("a")])),
            ("made of a function alone", create(proxy, &[&translate])),
            ("made of a number", create(proxy, &[&translate, ONE])),
            (
                "made of four texts",
                create(proxy, &[&translate, &text("a"), &text("b"), &text("c"), &text("d")]),
            ),
        ],
    );
    let window = |parts: &[u8]| state(&create("river.drift.adwin_c.AdaptiveWindowing", &[]), parts);
    let numbers = |n: usize| vec![ONE; n];
    rows(
        "window",
        &[
            ("behind buckets", window(&tuple(&[&[b"]".as_slice()], numbers(15).as_slice()].concat()))),
            ("before attributes", window(&tuple(&[numbers(15).as_slice(), &[b"}"]].concat()))),
        ],
        &[
            ("one number less", window(&tuple(&[&[b"]".as_slice()], numbers(14).as_slice()].concat()))),
            ("one number more", window(&tuple(&[numbers(16).as_slice(), &[b"}"]].concat()))),
            (
                "no numbers",
                window(&tuple(&[&[b"]".as_slice()], vec![b"U\x01a".as_slice(); 15].as_slice()].concat())),
            ),
            ("no attributes", window(&tuple(&[numbers(15).as_slice(), &[b"N"]].concat()))),
            ("nothing", window(b")")),
            ("a list", window(b"]")),
        ],
    );
    let part = |items: &[(&str, &[u8])]| {
        state(&create("torch.distributed.checkpoint.filesystem._StorageInfo", &[]), &dict(items))
    };
    let (name, offset) = (text("__0_0.distcp"), ("offset", ONE));
    rows(
        "checkpoint-part",
        &[("as written", part(&[("relative_path", &name), offset, ("length", ONE)]))],
        &[
            ("a file elsewhere", part(&[("relative_path", &text("../x.distcp")), offset])),
            ("a file elsewhere on Windows", part(&[("relative_path", &text("..\\x.distcp")), offset])),
            ("a file of another kind", part(&[("relative_path", &text("x.pkl")), offset])),
            ("an offset that is none", part(&[("relative_path", &name), ("offset", &foreign())])),
            ("another attribute", part(&[("relative_path", &name), ("x", ONE)])),
            ("code that unpacks", part(&[("transform_descriptors", &list(&[&foreign()]))])),
            ("no list of words", part(&[("transform_descriptors", ONE)])),
        ],
    );
    // What an unpickler gave is any object, and its state anything.
    let nested = call("torch.storage._load_from_bytes", &[&bytes(b"N.")]);
    assert!(refuses("nested-bytes", &state(&nested, b"}")));
}

#[test]
fn stored_calls() {
    let (layer, builtin) = (import("torch.nn.modules.activation.ReLU"), import("builtins.dict"));
    let partial = |function: &[u8]| call("functools.partial", &[function]);
    let stored = |made: &[u8], parts: &[&[u8]]| state(made, &tuple(parts));
    let of_layer = partial(&layer);
    let of_dict = partial(&builtin);
    let plain = tuple(&[ONE]);
    rows(
        "partial",
        &[
            ("a layer", stored(&of_layer, &[&layer, &plain, &dict(&[("inplace", TRUE)]), b"N"])),
            ("a container", stored(&of_dict, &[&builtin, b")", b"}", b"N"])),
        ],
        &[
            ("any function", partial(&import("os.system"))),
            ("keywords", with_keywords("functools.partial", &[&layer])),
            ("an argument of somebody", call("functools.partial", &[&layer, &foreign()])),
            ("a container of somebody", call("functools.partial", &[&builtin, &foreign()])),
            ("a container of a container", call("functools.partial", &[&builtin, &list(&[ONE])])),
            ("three parts", stored(&of_layer, &[&layer, &plain, b"}"])),
            ("another function", stored(&of_layer, &[&import("os.system"), &plain, b"}", b"N"])),
            ("arguments in a list", stored(&of_layer, &[&layer, &list(&[ONE]), b"}", b"N"])),
            ("arguments of somebody", stored(&of_layer, &[&layer, &tuple(&[&foreign()]), b"}", b"N"])),
            ("keywords of somebody", stored(&of_layer, &[&layer, &plain, &dict(&[("a", &foreign())]), b"N"])),
            ("a keyword of Python", stored(&of_layer, &[&layer, &plain, &dict(&[("__class__", ONE)]), b"N"])),
            ("attributes", stored(&of_layer, &[&layer, &plain, b"}", &dict(&[("a", ONE)])])),
            ("a container by another function", stored(&of_dict, &[&layer, b")", b"}", b"N"])),
            ("a container with arguments in a list", stored(&of_dict, &[&builtin, b"]", b"}", b"N"])),
            (
                "a container of what somebody brings",
                stored(&of_dict, &[&builtin, &tuple(&[&foreign()]), b"}", b"N"]),
            ),
            ("a container with keywords", stored(&of_dict, &[&builtin, b")", &dict(&[("a", ONE)]), b"N"])),
            ("a container with attributes", stored(&of_dict, &[&builtin, b")", b"}", &dict(&[("a", ONE)])])),
            ("a container of three parts", stored(&of_dict, &[&builtin, b")", b"}"])),
        ],
    );
}

#[test]
fn caches_and_options_of_sphinx() {
    let environment = |key: &str, value: &[u8]| {
        state(&create("sphinx.environment.BuildEnvironment", &[]), &dict(&[(key, value)]))
    };
    let cache = "_pickled_doctree_cache";
    assert!(!refuses("empty-cache", &environment(cache, b"}")));
    assert!(!refuses("empty-cache", &environment("a", &dict(&[("a", ONE)]))));
    assert!(refuses("empty-cache", &environment(cache, &dict(&[("a", &bytes(b"N."))]))));
    assert!(refuses("empty-cache", &environment(cache, &foreign())));
}

#[test]
fn words_and_numbers() {
    let zone = |args: &[&[u8]]| join(&[&global("zoneinfo", "ZoneInfo._unpickle"), &tuple(args), b"R"]);
    let berlin = text("Europe/Berlin");
    rows(
        "zone-key",
        &[("as written", zone(&[&berlin, TRUE]))],
        &[
            ("a path", zone(&[&text("../x"), TRUE])),
            ("no flag", zone(&[&berlin])),
            ("a flag of somebody", zone(&[&berlin, &foreign()])),
            ("three arguments", zone(&[&berlin, TRUE, ONE])),
        ],
    );
    rows(
        "type-of-none",
        &[("None", call("builtins.type", &[b"N"]))],
        &[
            ("a number", call("builtins.type", &[ONE])),
            // `type(name, bases, dict)` makes a class.
            ("a class", call("builtins.type", &[b"N", b")", b"}"])),
            ("nothing", call("builtins.type", &[])),
            ("keywords", with_keywords("builtins.type", &[b"N"])),
        ],
    );
    let decimal = |value: &[u8]| call("decimal.Decimal", &[value]);
    let digits = |n: usize| join(&[b"X", &(n as u32).to_le_bytes(), &vec![b'1'; n]]);
    rows(
        "number",
        &[
            ("a number", call("builtins.int", &[ONE])),
            ("a text", call("builtins.float", &[&text("1e5")])),
            ("a decimal", decimal(&text("1.5E-300"))),
            ("as many digits as Python takes", decimal(&digits(4300))),
        ],
        &[
            ("what somebody brings", call("builtins.int", &[&foreign()])),
            ("a list", call("builtins.int", &[&list(&[ONE])])),
            // The power is computed by whoever converts it.
            ("a power of five digits", decimal(&text("1E99999"))),
            ("a power in small letters", decimal(&text("1e99999"))),
            ("more digits", decimal(&digits(4301))),
            ("keywords", with_keywords("builtins.int", &[ONE])),
        ],
    );
    let fraction = |args: &[&[u8]]| call("fractions.Fraction", args);
    rows(
        "fraction",
        &[
            ("as written", fraction(&[&text("-3/7")])),
            ("a whole number", fraction(&[&text("3")])),
            ("two numbers", fraction(&[ONE, b"K\x02"])),
        ],
        &[
            ("a power", fraction(&[&text("1e9")])),
            ("two slashes", fraction(&[&text("1/2/3")])),
            ("nothing above", fraction(&[&text("/2")])),
            ("nothing below", fraction(&[&text("1/")])),
            ("what somebody brings", fraction(&[ONE, &foreign()])),
            ("three arguments", fraction(&[ONE, ONE, ONE])),
            ("keywords", with_keywords("fractions.Fraction", &[ONE])),
        ],
    );
    rows(
        "literal-text",
        &[("a text", call("builtins.str", &[&text("a")])), ("a number", call("builtins.str", &[ONE]))],
        &[
            ("a list", call("builtins.str", &[&list(&[ONE])])),
            ("what somebody brings", call("builtins.str", &[&foreign()])),
            ("keywords", with_keywords("builtins.str", &[&text("a")])),
        ],
    );
    let regex = |args: &[&[u8]]| call("re._compile", args);
    let word = text("a+");
    rows(
        "regex",
        &[
            ("as written", regex(&[&word, b"K\x20"])),
            ("bytes", regex(&[&bytes(b"a+"), b"K\0"])),
            ("without flags", regex(&[&word])),
        ],
        &[
            // `re.DEBUG` prints the pattern.
            ("a flag that prints", regex(&[&word, b"K\x80"])),
            ("a flag of old", regex(&[&word, ONE])),
            ("a flag that there is not", regex(&[&word, b"M\0\x04"])),
            ("a flag below zero", regex(&[&word, b"J\xff\xff\xff\xff"])),
            ("flags of somebody", regex(&[&word, &foreign()])),
            ("three arguments", regex(&[&word, b"K\0", ONE])),
            ("a pattern of somebody", regex(&[&foreign(), b"K\0"])),
            ("a long pattern", regex(&[&join(&[b"X\x01\x20\0\0", &[b'a'; 8193]]), b"K\0"])),
            ("a long pattern of bytes", regex(&[&join(&[b"B\x01\x20\0\0", &[b'a'; 8193]]), b"K\0"])),
            ("keywords", with_keywords("re._compile", &[&word])),
        ],
    );
}

#[test]
fn methods_that_a_state_names() {
    let stacking = |key: &str, value: &[u8]| {
        state(&create("sklearn.ensemble._stacking.StackingClassifier", &[]), &dict(&[(key, value)]))
    };
    let (predict, open) = (text("predict_proba"), text("read_file"));
    for (name, stream, fine) in [
        ("a method", stacking("stack_method", &predict), true),
        ("the best there is", stacking("stack_method", &text("auto")), true),
        ("none", stacking("stack_method", b"N"), true),
        ("several", stacking("stack_method_", &list(&[&predict, &text("predict")])), true),
        ("several in a tuple", stacking("stack_method_", &tuple(&[&predict])), true),
        ("another attribute", stacking("a", &open), true),
        ("another method", stacking("stack_method", &open), false),
        ("another among them", stacking("stack_method_", &list(&[&predict, &open])), false),
        ("another in a tuple", stacking("stack_method_", &tuple(&[&predict, &open])), false),
        ("what somebody brings", stacking("stack_method", &foreign()), false),
    ] {
        assert_eq!(!refuses("method-names", &stream), fine, "{name}");
    }
}

#[test]
fn instances_by_a_base() {
    let of = |args: &[&[u8]]| call("copyreg._reconstructor", args);
    let (class, object, base) =
        (import("argparse.Namespace"), import("builtins.object"), import("builtins.dict"));
    let set = import("builtins.set");
    rows(
        "copyreg-base",
        &[
            ("an object", of(&[&class, &object, b"N"])),
            ("a dict", of(&[&import("collections.OrderedDict"), &base, &dict(&[("a", ONE)])])),
        ],
        &[
            ("a state of an object", of(&[&class, &object, ONE])),
            ("a base of somebody", of(&[&class, &import("ours.Base"), b"N"])),
            ("a function for a base", of(&[&class, &import("builtins.eval"), &text("1")])),
            ("what somebody iterates", of(&[&class, &base, &foreign()])),
            (
                "what somebody hashes",
                of(&[&class, &set, &list(&[&create("pandas.core.frame.DataFrame", &[])])]),
            ),
            ("no class", of(&[&foreign(), &object, b"N"])),
            ("two arguments", of(&[&class, &object])),
            ("four arguments", of(&[&class, &object, b"N", b"N"])),
            ("keywords", with_keywords("copyreg._reconstructor", &[&class, &object, b"N"])),
        ],
    );
}

#[test]
fn tensors_lie_inside_their_storage() {
    let storage = |elements: &[u8]| {
        let id =
            [&text("storage"), &import("torch.FloatStorage"), &text("0"), &text("cpu"), elements].concat();
        join(&[b"(", &id, b"tQ"])
    };
    let ten = storage(b"K\x0a");
    let hooks = call("collections.OrderedDict", &[]);
    let of = |storage: &[u8], offset: &[u8], size: &[u8], stride: &[u8]| {
        call("torch._utils._rebuild_tensor_v2", &[storage, offset, size, stride, FALSE, &hooks])
    };
    let number = |n: u8| vec![b'K', n];
    let shape = |parts: &[u8]| {
        let parts: Vec<Vec<u8>> = parts.iter().map(|n| number(*n)).collect();
        tuple(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let minus = b"J\xff\xff\xff\xff";
    rows(
        "storage-argument",
        &[
            ("all of it", of(&ten, b"K\0", &shape(&[2, 5]), &shape(&[5, 1]))),
            ("its end", of(&ten, b"K\x08", &shape(&[2]), &shape(&[1]))),
            ("nothing of it", of(&ten, b"K\x63", &shape(&[0]), &shape(&[1]))),
            ("one element over and over", of(&ten, b"K\x09", &shape(&[5]), &shape(&[0]))),
        ],
        &[
            ("one element too far", of(&ten, b"K\x09", &shape(&[2]), &shape(&[1]))),
            ("too large", of(&ten, b"K\0", &shape(&[11]), &shape(&[1]))),
            ("a stride too wide", of(&ten, b"K\0", &shape(&[2, 2]), &shape(&[9, 1]))),
            ("an offset below zero", of(&ten, minus, &shape(&[1]), &shape(&[1]))),
            ("a size below zero", of(&ten, b"K\0", &tuple(&[minus]), &shape(&[1]))),
            ("a stride below zero", of(&ten, b"K\0", &shape(&[2]), &tuple(&[minus]))),
            ("a stride less", of(&ten, b"K\0", &shape(&[2, 2]), &shape(&[1]))),
            ("no storage", of(&foreign(), b"K\0", &shape(&[1]), &shape(&[1]))),
            ("keywords", with_keywords("torch._utils._rebuild_tensor_v2", &[&ten, b"K\0"])),
        ],
    );
    let tensor = of(&ten, b"K\0", &shape(&[10]), &shape(&[1]));
    let parameter = "torch._utils._rebuild_parameter";
    rows(
        "tensor-argument",
        &[("a tensor", call(parameter, &[&tensor, TRUE, &hooks]))],
        &[
            ("what somebody brings", call(parameter, &[&foreign(), TRUE, &hooks])),
            ("keywords", with_keywords(parameter, &[&tensor, TRUE, &hooks])),
        ],
    );
    let with_state =
        |state: &[u8]| call("torch._utils._rebuild_parameter_with_state", &[&tensor, TRUE, &hooks, state]);
    rows(
        "tensor-argument",
        &[
            ("attributes", with_state(&dict(&[("a", ONE)]))),
            ("none", with_state(b"N")),
            ("beside slots", with_state(&tuple(&[&dict(&[("a", ONE)]), b"N"]))),
        ],
        &[
            ("attributes of somebody", with_state(&dict(&[("a", &foreign())]))),
            ("an attribute of Python", with_state(&dict(&[("__class__", ONE)]))),
            ("slots of somebody", with_state(&tuple(&[b"N", &foreign()]))),
            ("a state of somebody", with_state(&foreign())),
        ],
    );
    let rebuilt = |function: &str, class: &[u8], args: &[u8], state: &[u8]| {
        call("torch._tensor._rebuild_from_type_v2", &[&import(function), class, args, state])
    };
    let args = tuple(&[&ten, b"K\0", &shape(&[10]), &shape(&[1]), FALSE, &hooks]);
    let outside = tuple(&[&ten, b"K\x09", &shape(&[10]), &shape(&[1]), FALSE, &hooks]);
    let (function, class) = ("torch._utils._rebuild_tensor_v2", import("torch.Tensor"));
    rows(
        "rebuild-from-type",
        &[("as written", rebuilt(function, &class, &args, &dict(&[("a", ONE)])))],
        &[
            ("another function", rebuilt("os.system", &class, &tuple(&[&text("true")]), b"N")),
            ("another function of torch", rebuilt("torch._utils._import_dotted_name", &class, &args, b"N")),
            ("no class", rebuilt(function, &foreign(), &args, b"N")),
            ("arguments in a list", rebuilt(function, &class, &list(&[&ten]), b"N")),
            ("outside of its storage", rebuilt(function, &class, &outside, b"N")),
            ("attributes of somebody", rebuilt(function, &class, &args, &dict(&[("a", &foreign())]))),
        ],
    );
}

#[test]
fn images_graphs_and_histories() {
    let image = |size: &[u8], pixels: &[u8]| {
        let parts = list(&[b"}", &text("L"), size, b"N", pixels]);
        state(&create("PIL.Image.Image", &[]), &parts)
    };
    let pair = |width: u8, height: u8| tuple(&[&[b'K', width], &[b'K', height]]);
    let two = bytes(&[0; 2]);
    for (name, stream, fine) in [
        // Mode `1` has eight pixels in a byte.
        ("as many pixels as bits", image(&pair(4, 4), &two), true),
        ("one row more", image(&pair(17, 1), &two), false),
        ("no bytes", image(&pair(4, 4), ONE), false),
        ("one size", image(&tuple(&[ONE]), &two), false),
        ("three sizes", image(&tuple(&[ONE, ONE, ONE]), &two), false),
    ] {
        assert_eq!(!refuses("image", &stream), fine, "{name}");
    }
    let graph =
        |key: &str, value: &[u8]| state(&create("networkx.classes.graph.Graph", &[]), &dict(&[(key, value)]));
    for key in ["_adj", "_succ", "_pred"] {
        assert!(
            !refuses("adjacency", &graph(key, b"}")) && refuses("adjacency", &graph(key, &foreign())),
            "{key}"
        );
    }
    assert!(!refuses("adjacency", &graph("name", &foreign())));
    let history = |key: &str, table: &[u8]| {
        state(&create("mmengine.logging.history_buffer.HistoryBuffer", &[]), &dict(&[(key, table)]))
    };
    let own = join(&[&global("mmengine.logging.history_buffer", "HistoryBuffer.mean")]);
    let table = "statistics_methods";
    assert!(!refuses("history", &history(table, &dict(&[("mean", &own)]))));
    assert!(!refuses("history", &history("a", &foreign())));
    for odd in
        [dict(&[("max", &own)]), dict(&[("mean", &import("os.system"))]), dict(&[("x", &own)]), foreign()]
    {
        assert!(refuses("history", &history(table, &odd)), "{}", odd.escape_ascii());
    }
}
