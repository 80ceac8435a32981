//! States and items of objects of listed classes: what docs/triggers.md says of each trigger.

use fickgate_engine::facts::UseKind;

use crate::craft::{FALSE, ONE, call, create, dict, foreign, import, list, state, tuple, with_keywords};
use crate::{join, objections, read, rules, text, uses};

/// What stands against a stream: objections, and rules of faults.
fn against(stream: &[u8]) -> Vec<String> {
    let streams = read(&join(&[b"\x80\x04", stream, b"."]));
    let objections = objections(&streams).into_iter().map(str::to_owned);
    objections.chain(rules(&streams).into_iter().map(str::to_owned)).collect()
}

fn passes(name: &str, stream: &[u8]) {
    assert_eq!(against(stream), Vec::<String>::new(), "{name}");
}

fn is_refused(name: &str, stream: &[u8], words: &str) {
    let against = against(stream);
    assert!(against.iter().any(|why| why.contains(words)), "{name}: {against:?}");
}

/// Some import: code that nobody was to call.
fn function() -> Vec<u8> {
    import("collections.OrderedDict")
}

#[test]
fn attributes_of_a_class_that_stores_them() {
    let namespace = create("argparse.Namespace", &[]);
    let of = |key: &str, value: &[u8]| state(&namespace, &dict(&[(key, value)]));
    passes("a number", &of("lr", ONE));
    passes("what nobody calls by itself", &of("func", &function()));
    passes("an underscore less at the end", &of("__x_", &function()));
    passes("two underscores at the end alone", &of("x__", &function()));
    // With a number in place of a method Python fails before anything runs.
    passes("a name of Python for a number", &of("__reduce_ex__", ONE));
    let asked_for = "an attribute has a name that Python and its libraries ask for";
    is_refused("a name of Python", &of("__reduce_ex__", &function()), asked_for);
    let special = dict(&[("__reduce_ex__", &function())]);
    is_refused("beside slots", &state(&namespace, &tuple(&[&special, b"N"])), asked_for);
    let ordered = join(&[&call("collections.OrderedDict", &[]), &text("__reduce_ex__"), &function(), b"s"]);
    is_refused("in an ordered dict", &state(&namespace, &ordered), asked_for);
    // `Namespace._get_kwargs` is what `repr` calls.
    is_refused("a method that is hidden", &of("_get_kwargs", &function()), "hides");
    is_refused("a state of somebody", &state(&namespace, &foreign()), "the state is no literal dict");
    is_refused("a key of somebody", &state(&namespace, &join(&[b"}", &foreign(), b"Ns"])), "");
}

#[test]
fn states_have_the_form_that_their_code_was_read_for() {
    let regression = create("sklearn.linear_model._logistic.LogisticRegression", &[]);
    let version = |value: &[u8]| state(&regression, &dict(&[("_sklearn_version", value)]));
    passes("a class is stored", &state(&regression, &dict(&[("f", &function())])));
    passes("a version", &version(&text("1.7.0")));
    is_refused("a version of somebody", &version(&regression), "wants plain data as `_sklearn_version`");
    let pairs = tuple(&[&tuple(&[&text("f"), ONE])]);
    is_refused("a tuple of pairs", &state(&regression, &pairs), "takes a tuple as pairs of keys and values");

    let frame = create("pandas.core.frame.DataFrame", &[]);
    passes("inert values", &state(&frame, &dict(&[("x", b"K\x05")])));
    is_refused("a class", &state(&frame, &dict(&[("x", &function())])), "is open for inert data only");

    // `count` is a property of gensim's `Doctag`, the others are slots.
    let tag = create("gensim.models.doc2vec.Doctag", &[]);
    let slots = |slots: &[u8]| state(&tag, &tuple(&[b"N", slots]));
    passes("slots", &slots(&dict(&[("doclen", ONE)])));
    is_refused("a property", &slots(&dict(&[("count", ONE)])), "setting one of them runs code");
    is_refused("slots in a list", &slots(&list(&[ONE])), "no literal dict of names");
    is_refused("a slot without a name", &slots(b"}K\x01K\x01s"), "no literal dict of names");
    is_refused("a slot of Python", &slots(&dict(&[("__class__", ONE)])), "no literal dict of names");
}

#[test]
fn what_answers_from_its_items_gets_no_state_behind_them() {
    // `CfgNode.__getattr__` looks into its items, and BUILD asks for `__setstate__`.
    let answering = |key: &str, value: &[u8], attribute: &str| {
        let made = join(&[&create("yacs.config.CfgNode", &[]), &text(key), value, b"s"]);
        state(&made, &dict(&[(attribute, FALSE)]))
    };
    passes("a number cannot be called", &answering("x", ONE, "__immutable__"));
    is_refused("a function can", &answering("__setstate__", &function(), "a"), "answers from the items");
    is_refused("a function of any name can", &answering("x", &function(), "a"), "answers from the items");
    // Its own attributes with two underscores are known, others are names that Python asks for.
    let reduced = state(&create("yacs.config.CfgNode", &[]), &dict(&[("__reduce_ex__", &function())]));
    is_refused("a name of Python", &reduced, "an attribute has a name that Python and its libraries ask for");
}

#[test]
fn a_callable_that_is_given_a_class_sets_its_state() {
    let made = |class: &[u8], state: &[u8]| {
        call("numpy.random.bit_generator.__pyx_unpickle_SeedSequence", &[class, ONE, state])
    };
    let class = import("numpy.random.bit_generator.SeedSequence");
    let streams = read(&join(&[b"\x80\x04", &made(&class, &tuple(&[ONE])), b"."]));
    let of_class = uses(&streams, "numpy.random.bit_generator.SeedSequence");
    assert!(of_class.contains(&UseKind::Create) && of_class.contains(&UseKind::State), "{of_class:?}");
    let without = read(&join(&[b"\x80\x04", &made(&class, b"N"), b"."]));
    assert!(!uses(&without, "numpy.random.bit_generator.SeedSequence").contains(&UseKind::State));
    is_refused("no class", &made(&foreign(), b"N"), "makes an instance of what is no literal import");
    let by_keyword =
        with_keywords("numpy.random.bit_generator.__pyx_unpickle_SeedSequence", &[&class, ONE, b"N"]);
    is_refused("keywords", &by_keyword, "makes an instance of what is no literal import");
}

#[test]
fn items_go_to_what_takes_them() {
    passes("a list", b"](K\x01e");
    passes("a set", b"\x8f(K\x01\x90");
    passes("a dict", b"}(K\x01K\x02u");
    passes(
        "an object that is a dict",
        &join(&[&call("collections.OrderedDict", &[]), &text("k"), ONE, b"s"]),
    );
    // In CPython: no attribute `append`, no `add`, no assignment of items.
    for (name, stream) in [
        ("APPEND to a dict", &b"}K\x01a"[..]),
        ("APPEND to a set", b"\x8fK\x01a"),
        ("ADDITEMS to a list", b"](K\x01\x90"),
        ("ADDITEMS to a dict", b"}(K\x01\x90"),
        ("ADDITEMS to a bytearray", b"\x96\x01\0\0\0\0\0\0\0a(K\x01\x90"),
        ("SETITEM on a set", b"\x8fK\x01K\x02s"),
        ("APPENDS to None", b"N(K\x01e"),
        ("SETITEMS on a number", b"K\x01(K\x01K\x02u"),
    ] {
        is_refused(name, stream, "stream-malformed");
    }
    let ordered = call("collections.OrderedDict", &[]);
    let appended = join(&[&ordered, ONE, b"a"]);
    is_refused("APPEND to an object that is a dict", &appended, "its `append` would run");
    is_refused("ADDITEMS to it", &join(&[&ordered, b"(", ONE, b"\x90"]), "its `add` would run");
    is_refused("SETITEM on a set", &join(&[&call("builtins.set", &[]), ONE, ONE, b"s"]), "its `__setitem__`");
}

#[test]
fn none_is_the_state_of_anything() {
    // BUILD with None sets nothing (`load_build`).
    passes("a list", b"]Nb");
    is_refused("a list with a state", b"]}b", "stream-malformed");
    is_refused("a number with a state", b"K\x01}K\x01K\x01sb", "stream-malformed");
}
