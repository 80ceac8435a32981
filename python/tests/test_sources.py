"""What an unpickler reads is what was judged, from whatever file, and as often as it loads."""

import collections
import datetime
import gzip
import io
import os
import pickle
import struct
import subprocess
import sys

import fickgate
import pytest
from fickgate import _native
from test_again import UNPICKLERS, on_disk, piped


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


# Names that the list permits where they are called with a class and the name of a method of str. The second reaches
# whatever it likes by the same names, and makes a marker here.
NAMES = b"cbuiltins\ngetattr\ncbuiltins\nstr\n" + text("lower") + b"\x86R0ccollections\nUserDict\n0"
GETATTR = b"cbuiltins\ngetattr\n"
GLOBALS = GETATTR + GETATTR + b"ccollections\nUserDict\n" + text("__init__") + b"\x86R" + text("__globals__") + b"\x86R"
BUILTINS = GETATTR + GLOBALS + text("get") + b"\x86R(" + text("__builtins__") + b"tR"
EVIL = (
    b"\x80\x03" + GETATTR + BUILTINS + text("get") + b"\x86R(" + text("exec") + b"tR"
    b"(" + text("open('marker', 'w').close()") + b"tR."
)
HARMLESS = b"\x80\x03" + NAMES + b"K\x02."


@pytest.fixture(autouse=True)
def protected(outside):
    fickgate.protect(policy=())
    yield
    fickgate.unprotect()
    assert not os.path.exists("marker")
    assert _native.depth() == 0


def compressed(data):
    with gzip.open("m.gz", "wb") as file:
        file.write(data)
    return gzip.open("m.gz", "rb")


FILES = {"memory": io.BytesIO, "disk": on_disk, "compressed": compressed, "pipe": piped}


def framed(content, extra=0):
    return b"\x80\x04\x95" + struct.pack("<Q", len(content) + extra) + content


def test_what_is_tried_here_runs_where_nothing_guards_it(tmp_path):
    done = subprocess.run([sys.executable, "-c", f"import pickle; pickle.loads({EVIL!r})"], cwd=tmp_path)
    assert done.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["marker"]
    os.unlink(tmp_path / "marker")
    assert pickle.loads(HARMLESS) == 2
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(EVIL)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("unpickler", UNPICKLERS)
@pytest.mark.parametrize("length", [0, 200_000])
def test_nothing_is_read_behind_stop(length, unpickler, kind):
    """A frame that goes on behind STOP stays in the buffer of an unpickler."""
    if kind == "pipe" and length:
        pytest.skip("longer than a pipe")
    padding = b"B" + struct.pack("<I", length) + bytes(length) + b"0"
    first = framed(NAMES + padding + b"K\x01." + EVIL)
    with FILES[kind](first + HARMLESS) as file:
        made = UNPICKLERS[unpickler](file)
        for _ in range(3):
            try:
                made.load()
            except (pickle.UnpicklingError, EOFError):
                continue


@pytest.mark.parametrize("kind", ["memory", "disk", "compressed"])
@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_what_a_frame_cuts_through_is_not_taken_for_text(unpickler, kind):
    """The C unpickler drops the rest of such a frame, and what seems to be a text behind it are opcodes."""
    first = b"\x80\x03" + GETATTR + b"q\0cbuiltins\nstr\n" + text("lower") + b"\x86R0"
    first += b"ccollections\nUserDict\nq\x010K\x01."
    run = EVIL[2:].replace(GETATTR, b"h\0").replace(b"ccollections\nUserDict\n", b"h\1")
    frame = b"N0" * 70_000 + b"X" + struct.pack("<H", 2 + len(run))
    second = framed(frame) + bytes(4) + run + b"."
    with FILES[kind](first + second) as file:
        made = UNPICKLERS[unpickler](file)
        assert made.load() == 1
        with pytest.raises((pickle.UnpicklingError, EOFError, KeyError)):
            made.load()


@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_a_file_that_is_moved_between_loads(unpickler):
    first = HARMLESS
    with on_disk(first + EVIL + HARMLESS) as file:
        made = UNPICKLERS[unpickler](file)
        assert made.load() == 2
        file.seek(len(first + EVIL))
        assert made.load() == 2
        file.seek(len(first))
        with pytest.raises(fickgate.UnsafePickle):
            made.load()


@pytest.mark.parametrize("kind", ["memory", "disk", "compressed"])
@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_who_did_not_come_to_the_end_of_a_pickle_loads_no_other(unpickler, kind):
    broken = framed(NAMES + b"K\x01K\x02K\x03\x93." + EVIL)
    with FILES[kind](broken + HARMLESS) as file:
        made = UNPICKLERS[unpickler](file)
        with pytest.raises((pickle.UnpicklingError, TypeError)):
            made.load()
        with pytest.raises(fickgate.UnsafePickle):
            made.load()


@pytest.mark.parametrize("load", [lambda file: pickle.load(file), lambda file: pickle.Unpickler(file).load()])
def test_a_view_of_the_buffer_changes_nothing_that_was_judged(load):
    data = b"\x80\x03" + NAMES
    data += b"B" + struct.pack("<I", len(EVIL)) + bytes(len(EVIL)) + b"."
    file = io.BytesIO(data)

    class Writing(pickle.Unpickler):
        def find_class(self, module, name):
            at = file.tell()
            file.getbuffer()[: len(EVIL)] = EVIL
            file.seek(at)
            return super().find_class(module, name)

    with file.getbuffer() as view:
        assert load(io.BytesIO(data)) == bytes(len(EVIL))
        assert Writing(file).load() == bytes(len(EVIL))
        view[:] = data
        file.seek(0)
        assert load(file) == bytes(len(EVIL))


@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_a_file_that_grows_and_changes_is_read_as_it_is(unpickler):
    with open("m.pkl", "wb+", buffering=0) as out, open("m.pkl", "rb") as file:
        made = UNPICKLERS[unpickler](file)
        with pytest.raises(EOFError):
            made.load()
        out.write(pickle.dumps([1]))
        assert made.load() == [1]
        with pytest.raises(EOFError):
            made.load()
        out.write(pickle.dumps(collections.OrderedDict(a=2)))
        assert made.load() == {"a": 2}
        out.seek(0)
        out.write(pickle.dumps([7]))
        file.seek(0)
        assert made.load() == [7]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_pickles_of_many_protocols_by_one_unpickler(unpickler, kind):
    values = [1 + 2j, {1, 2}, collections.OrderedDict(a=1), datetime.timedelta(1)]
    protocols = [4, 0, 2, 1, 5, 0]
    with FILES[kind](b"".join(pickle.dumps(value, protocol) for protocol in protocols for value in values)) as file:
        made = UNPICKLERS[unpickler](file)
        # What a pickle takes from the memo is what an earlier one put there, unless it counts for itself.
        plain = [1 + 2j, {1, 2}]
        for protocol in protocols:
            for value in values:
                loaded = made.load()
                assert value not in plain or protocol in (4, 5) or loaded == value


@pytest.mark.parametrize("kind", ["memory", "disk", "compressed"])
@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_an_unpickler_reads_on_when_nothing_is_in_force(unpickler, kind):
    fickgate.protect(policy=())
    with FILES[kind](pickle.dumps([1]) + b"between" + pickle.dumps([2]) + pickle.dumps([3])) as file:
        made = UNPICKLERS[unpickler](file)
        assert made.load() == [1]
        fickgate.unprotect()
        fickgate.unprotect()
        assert file.read(7) == b"between"
        assert made.load() == [2]
        fickgate.protect(policy=())
        assert made.load() == [3]


def test_a_stream_of_joblib_is_given_back_what_is_behind_it():
    joblib = pytest.importorskip("joblib")
    with gzip.open("two.gz", "wb") as file:
        joblib.dump([1], file)
        joblib.dump({"b": 2}, file)
    with gzip.open("two.gz", "rb") as file:
        assert [joblib.load(file), joblib.load(file)] == [[1], {"b": 2}]


def test_what_stands_for_a_file_can_be_closed():
    _native.Feed("x").close()


def test_of_a_compressed_stream_no_more_is_read_than_is_needed():
    with gzip.open("m.gz", "wb", compresslevel=1) as file:
        pickle.dump([1], file)
        file.write(bytes(1 << 24))
    for opened in (lambda: gzip.open("m.gz"), lambda: io.BufferedReader(gzip.open("m.gz"))):
        with opened() as file:
            assert pickle.load(file) == [1]
            assert file.tell() == len(pickle.dumps([1]))
    with open("m.gz", "rb") as raw, gzip.open(raw) as file:
        joblib = pytest.importorskip("joblib")
        assert joblib.load(file) == [1]
        assert raw.tell() < 1 << 20


def test_names_of_python_2_are_not_taken_for_others_without_fix_imports():
    data = b"c__builtin__\nset\n(]tR."
    ways = (
        lambda **options: pickle.loads(data, **options),
        lambda **options: pickle.load(io.BytesIO(data), **options),
        lambda **options: pickle.Unpickler(io.BytesIO(data), **options).load(),
        lambda **options: pickle._Unpickler(io.BytesIO(data), **options).load(),
    )
    for way in ways:
        assert way() == set()
        with pytest.raises(fickgate.UnsafePickle, match="fix_imports"):
            way(fix_imports=False)


def test_what_a_guard_asks_is_asked_of_the_name_in_the_pickle_alone():
    class Asking(pickle.Unpickler):
        def find_class(self, module, name):
            super().find_class("builtins", "getattr")
            return super().find_class(module, name)

    with pytest.raises(fickgate.UnsafePickle, match="getattr"):
        Asking(io.BytesIO(pickle.dumps(collections.OrderedDict(a=1)))).load()


def test_classes_with_options_of_their_own_are_made_as_before():
    made = []

    class Mixed:
        def __init_subclass__(cls, tag=None, **options):
            super().__init_subclass__(**options)
            made.append(tag)

    class Both(pickle._Unpickler, Mixed, tag=1):
        pass

    class Each(pickle.Unpickler, Mixed, tag=2):
        pass

    assert made == [1, 2]


def test_an_interrupted_load_leaves_nothing_behind():
    class Stopping(pickle.Unpickler):
        def find_class(self, module, name):
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            Stopping(io.BytesIO(pickle.dumps(collections.OrderedDict(a=1)))).load()
    assert _native.depth() == 0
    assert _native.file() is None


@pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="needs timers")
def test_a_signal_that_raises_leaves_nothing_behind():
    """At whatever point of a load it comes."""
    import signal

    class Late(Exception):
        pass

    def late(*_):
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    try:
        with on_disk(HARMLESS) as file:
            for n in range(200):
                try:
                    # Where nobody can be told of it, as in a finalizer, it is lost: another one comes.
                    signal.setitimer(signal.ITIMER_REAL, 1e-5 + n * 1e-5, 0.1)
                    while True:
                        file.seek(0)
                        pickle.load(file)
                except Late:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                assert _native.depth() == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
