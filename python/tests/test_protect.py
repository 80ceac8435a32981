"""What `protect` stops and lets through, in this process: nothing here would do harm if it were let through."""

import _pickle
import array
import asyncio
import collections
import copyreg
import datetime
import decimal
import fractions
import io
import os
import pickle
import subprocess
import sys
import threading
import types
import warnings

import fickgate
import pytest

CALLED = []


def hiding(loads=_pickle.loads):
    """Keeps the function where nobody finds it."""
    return lambda data: loads(data)


hidden = hiding()


def payload(*args):
    CALLED.append(args)
    return {}


class Evil:
    """What it loads to is nothing, and shows that it ran."""

    def __reduce__(self):
        return payload, (1,)


class Ours:
    """A class that no list names."""

    def __init__(self, value=0):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value


OURS = f"{Ours.__module__}.Ours"
EVIL = [pickle.dumps([1, Evil()], protocol) for protocol in range(6)]
HONEST = {
    "numbers": list(range(1000)),
    "text": "x" * 100_000,
    "bytes": b"y" * 100_000,
    "ordered": collections.OrderedDict(a=1),
    "set": {1, 2},
    "time": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 3),
    "array": array.array("d", [1.0, 2.0]),
    "counter": collections.Counter("aab"),
}


@pytest.fixture(autouse=True)
def clean(outside):
    CALLED.clear()
    yield
    assert CALLED == []
    while fickgate.protection.verdicts.process:
        fickgate.unprotect()


WAYS = {
    "loads": lambda data: pickle.loads(data),
    "load": lambda data: pickle.load(io.BytesIO(data)),
    "Unpickler": lambda data: pickle.Unpickler(io.BytesIO(data)).load(),
    "_Unpickler": lambda data: pickle._Unpickler(io.BytesIO(data)).load(),
    "bytearray": lambda data: pickle.loads(bytearray(data)),
    "buffered": lambda data: pickle.load(io.BufferedReader(io.BytesIO(data))),
    "file by keyword": lambda data: pickle.load(file=io.BytesIO(data)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocol", range(6))
def test_every_way_refuses_before_anything_is_called(way, protocol):
    fickgate.protect()
    with pytest.raises(fickgate.UnsafePickle) as raised:
        WAYS[way](EVIL[protocol])
    assert raised.value.findings[0].import_ == f"{__name__}.payload"
    assert f'- {{import: "{__name__}.payload", reason: WHY}}' in raised.value.findings[0].allow


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocol", range(6))
def test_honest_objects_are_loaded_as_they_are(way, protocol):
    data = pickle.dumps(HONEST, protocol)
    fickgate.protect()
    assert WAYS[way](data) == HONEST


def test_files_are_left_behind_each_pickle(tmp_path):
    path = tmp_path / "many"
    with open(path, "wb") as file:
        for protocol in range(6):
            pickle.dump([protocol, datetime.date(2026, 1, 1)], file, protocol)
            file.write(b"between")
    fickgate.protect()
    for opened in (open(path, "rb"), open(path, "rb", buffering=0), io.BytesIO(path.read_bytes())):
        with opened as file:
            for protocol in range(6):
                assert pickle.load(file) == [protocol, datetime.date(2026, 1, 1)]
                assert file.read(7) == b"between"
            with pytest.raises(EOFError):
                pickle.load(file)


def test_one_unpickler_reads_many_pickles(tmp_path):
    path = tmp_path / "many"
    with open(path, "wb") as file:
        for i in range(3):
            pickle.dump([i, collections.OrderedDict(i=i)], file)
        pickle.dump(Evil(), file)
    fickgate.protect()
    for cls in (pickle.Unpickler, pickle._Unpickler):
        with open(path, "rb") as file:
            unpickler = cls(file)
            assert [unpickler.load()[0] for _ in range(3)] == [0, 1, 2]
            with pytest.raises(fickgate.UnsafePickle, match="many"):
                unpickler.load()


def test_a_pipe_gives_no_byte_more_than_the_pickle():
    read, write = os.pipe()
    fickgate.protect()
    with open(read, "rb", buffering=0) as file, open(write, "wb", buffering=0) as out:
        for protocol in range(6):
            out.write(pickle.dumps({"a": [1, 2.5, "text", b"bytes"], "n": 10**30}, protocol))
            # Nothing follows yet: whoever asked for more would wait for ever.
            assert pickle.load(file) == {"a": [1, 2.5, "text", b"bytes"], "n": 10**30}
        out.write(EVIL[2])
        with pytest.raises(fickgate.UnsafePickle):
            pickle.load(file)


def test_what_was_taken_before_and_hidden_asks_all_the_same():
    fickgate.protect()
    with pytest.raises(fickgate.UnsafePickle):
        hidden(EVIL[4])
    # Of what is not seen, only names pass that are safe whatever is done with them.
    assert hidden(pickle.dumps([datetime.date(2026, 1, 1), [2]])) == [datetime.date(2026, 1, 1), [2]]
    with pytest.raises(fickgate.UnsafePickle, match="was not seen"):
        hidden(pickle.dumps(collections.OrderedDict(a=1)))


def test_names_of_python_2_are_mapped():
    fickgate.protect()
    assert pickle.loads(b"c__builtin__\nset\n(]I1\natR.") == {1}
    with pytest.raises(fickgate.UnsafePickle, match=r"builtins\.eval"):
        pickle.loads(b"c__builtin__\neval\n(S'payload()'\ntR.")
    with pytest.raises(fickgate.UnsafePickle, match=r"builtins\.eval"):
        hidden(b"c__builtin__\neval\n(S'payload()'\ntR.")


class Late:
    """Unpicklers that look names up in their own way."""

    def find_class(self, module, name):
        return payload


def test_an_own_find_class_asks_first():
    fickgate.protect()
    for base in (pickle.Unpickler, pickle._Unpickler):
        own = type("Own", (base,), {"find_class": Late.find_class})
        with pytest.raises(fickgate.UnsafePickle):
            own(io.BytesIO(EVIL[4])).load()


def test_an_own_find_class_may_map_a_name_to_one_that_may_be_used_so():
    class Renaming(pickle.Unpickler):
        def find_class(self, module, name):
            return super().find_class("collections", name)

    fickgate.protect()
    renamed = pickle.dumps(collections.OrderedDict(a=1), 2).replace(b"collections", b"old_modules")
    with pytest.raises(fickgate.UnsafePickle, match=r"old_modules\.OrderedDict"):
        Renaming(io.BytesIO(renamed)).load()
    # What a guard asks of the one was not asked of the other.
    with fickgate.protected(also_allow=["old_modules.OrderedDict"]), pytest.raises(fickgate.UnsafePickle):
        Renaming(io.BytesIO(renamed)).load()
    with fickgate.protected(also_allow=["old_modules.OrderedDict", "collections.OrderedDict"]):
        assert Renaming(io.BytesIO(renamed)).load() == collections.OrderedDict(a=1)

    class Escaping(pickle.Unpickler):
        def find_class(self, module, name):
            return super().find_class(__name__, "payload")

    with pytest.raises(fickgate.UnsafePickle, match="payload"):
        Escaping(io.BytesIO(pickle.dumps(collections.OrderedDict(a=1)))).load()


def test_extension_codes_are_no_way_around():
    copyreg.add_extension(__name__, "payload", 0xF0)
    try:
        by_code = b"\x80\x02\x82\xf0)R."
        copyreg._extension_cache[0xF0] = payload
        fickgate.protect()
        for load in (pickle.loads, pickle._loads, hidden):
            with pytest.raises(fickgate.UnsafePickle):
                load(by_code)
    finally:
        copyreg.remove_extension(__name__, "payload", 0xF0)


def test_modules_that_took_a_name_before_are_reached(monkeypatch):
    module = types.ModuleType("took_before")
    exec("from pickle import loads, load, Unpickler\nclass Serializer:\n    loads = loads", module.__dict__)
    monkeypatch.setitem(sys.modules, "took_before", module)
    module.Serializer.__module__ = "took_before"
    before = dict(vars(module))
    data = pickle.dumps(collections.OrderedDict(a=1))
    fickgate.protect()
    assert module.loads(data) == module.load(io.BytesIO(data)) == module.Serializer().loads(data) == {"a": 1}
    for load in (module.loads, module.Serializer.loads, module.Serializer().loads):
        with pytest.raises(fickgate.UnsafePickle):
            load(EVIL[4])
    fickgate.unprotect()
    assert vars(module) == before
    assert pickle.loads is _pickle.loads


def test_functions_are_still_pickled_by_name():
    fickgate.protect(also_allow=["_pickle.loads", "_pickle.load", "_pickle.Unpickler"])
    for function in (pickle.loads, pickle.load, pickle.Unpickler):
        assert pickle.loads(pickle.dumps(function)) is function


def test_idle_again_after_unprotect():
    fickgate.protect()
    fickgate.unprotect()
    assert pickle.loads(pickle.dumps(Ours(3))).value == 3
    with pytest.raises(RuntimeError, match="without"):
        fickgate.unprotect()


def test_nesting_adds_and_takes_back():
    data = pickle.dumps(Ours(3))
    fickgate.protect()
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(data)
    with fickgate.protected(also_allow=[OURS]):
        assert pickle.loads(data).value == 3
        with fickgate.protected(policy=()), pytest.raises(fickgate.UnsafePickle):
            pickle.loads(data)
        assert pickle.loads(data).value == 3
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(data)
    fickgate.protect(also_allow=[OURS])
    assert pickle.loads(data).value == 3
    fickgate.unprotect()
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(data)


def in_thread(work):
    results = []

    def run():
        try:
            results.append(work())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def test_other_threads_are_held_to_it_and_do_not_get_what_a_block_adds():
    data = pickle.dumps(Ours(3))
    fickgate.protect()
    assert isinstance(in_thread(lambda: pickle.loads(data)), fickgate.UnsafePickle)
    with fickgate.protected(also_allow=[OURS]):
        assert isinstance(in_thread(lambda: pickle.loads(data)), fickgate.UnsafePickle)
    fickgate.unprotect()
    with fickgate.protected():
        assert isinstance(in_thread(lambda: pickle.loads(data)), fickgate.UnsafePickle)
    assert in_thread(lambda: pickle.loads(data)).value == 3


def test_what_a_block_adds_stays_with_its_task():
    data = pickle.dumps(Ours(3))
    inside = asyncio.Event
    fickgate.protect()

    async def main():
        entered, tried = inside(), inside()

        async def adding():
            with fickgate.protected(also_allow=[OURS]):
                entered.set()
                await tried.wait()
                return pickle.loads(data).value

        async def other():
            await entered.wait()
            try:
                with pytest.raises(fickgate.UnsafePickle):
                    pickle.loads(data)
            finally:
                tried.set()

        return await asyncio.gather(adding(), other())

    assert asyncio.run(main())[0] == 3


def test_warning_says_the_same_and_goes_on():
    fickgate.protect(mode="warn")
    with pytest.warns(fickgate.UnsafePickleWarning, match=OURS):
        assert pickle.loads(pickle.dumps(Ours(3))).value == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(HONEST)) == HONEST
    with pytest.raises(ValueError, match="'raise' or 'warn'"):
        fickgate.protect(mode="log")


def test_the_repository_decides(tmp_path):
    (tmp_path / ".fickgate.yaml").write_text(f"allow: [{{import: {OURS}, reason: x}}]\ndeny: [decimal.*]\n")
    fickgate.protect()
    assert pickle.loads(pickle.dumps(Ours(3))).value == 3
    with pytest.raises(fickgate.UnsafePickle, match=r"\.fickgate\.yaml:2"):
        pickle.loads(pickle.dumps(decimal.Decimal(1)))
    # What the file permits is create and state, which is not seen here.
    with pytest.raises(fickgate.UnsafePickle):
        hidden(pickle.dumps(Ours(3)))


def test_a_policy_that_cannot_be_read_changes_nothing(tmp_path):
    (tmp_path / ".fickgate.yaml").write_text("allow: x\n")
    with pytest.raises(fickgate.PolicyError):
        fickgate.protect()
    assert pickle.loads is _pickle.loads


def test_where_no_pickles_are_wanted_none_is_loaded(tmp_path):
    (tmp_path / ".fickgate.yaml").write_text("pickles: none\n")
    fickgate.protect()
    with pytest.raises(fickgate.UnsafePickle, match="pickles: none"):
        pickle.loads(pickle.dumps([1]))


def test_pinned_content_is_loaded(tmp_path):
    import hashlib

    data = pickle.dumps(Ours(3))
    pin = f"files: [{{sha256: {hashlib.sha256(data).hexdigest()}, reason: x}}]\n"
    (tmp_path / ".fickgate.yaml").write_text(pin)
    (tmp_path / "m.pkl").write_bytes(data)
    fickgate.protect()
    assert pickle.loads(data).value == 3
    with open("m.pkl", "rb") as file:
        assert pickle.load(file).value == 3
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(data + b" ")


def test_what_breaks_off_raises_what_it_raised_before():
    fickgate.protect()
    with pytest.raises(EOFError):
        pickle.loads(b"")
    with pytest.raises(pickle.UnpicklingError, match="truncated"):
        pickle.loads(pickle.dumps([1, 2, 3])[:-3])
    with pytest.raises(TypeError):
        pickle.loads("text")
    with pytest.raises(TypeError):
        pickle.load(b"no file")
    with pytest.raises(TypeError):
        pickle.loads()


def test_a_load_inside_of_a_load_is_judged_by_itself():
    class Loading(pickle.Unpickler):
        def persistent_load(self, pid):
            return pickle.loads(EVIL[4])

    fickgate.protect()
    with pytest.raises(fickgate.UnsafePickle, match=f"{__name__}.payload|persistent id"):
        Loading(io.BytesIO(b"\x80\x02K\x01Q.")).load()


def test_a_refusal_leaves_nothing_behind():
    fickgate.protect()
    for way in WAYS.values():
        with pytest.raises(fickgate.UnsafePickle):
            way(EVIL[4])
        assert way(pickle.dumps(HONEST)) == HONEST
    with pytest.raises(fickgate.UnsafePickle):
        hidden(pickle.dumps(collections.OrderedDict(a=1)))


def test_a_module_that_comes_later_is_guarded(tmp_path):
    (tmp_path / "later.py").write_text("from pickle import loads, Unpickler\n")
    code = (
        "import sys, fickgate; sys.path.insert(0, '.'); fickgate.protect(policy=())\n"
        "import later, pickle\n"
        "assert later.loads is pickle.loads and later.Unpickler is pickle.Unpickler\n"
        "try: later.loads(bytes.fromhex('%s'))\n"
        "except fickgate.UnsafePickle: print('refused')\n" % b"cposix\nsystem\n(S'true'\ntR.".hex()
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
