"""An unpickler that loads more than one pickle keeps its memo: what comes later is judged with what came before."""

import collections
import datetime
import io
import os
import pickle

import fickgate
import pytest

UNPICKLERS = {"c": lambda file: pickle.Unpickler(file), "python": lambda file: pickle._Unpickler(file)}


@pytest.fixture(autouse=True)
def protected(outside):
    fickgate.protect(policy=())
    yield
    fickgate.unprotect()


def on_disk(data):
    with open("m.pkl", "wb") as file:
        file.write(data)
    return open("m.pkl", "rb")


def piped(data):
    from_here, to_there = os.pipe()
    with open(to_there, "wb") as out:
        out.write(data)
    return open(from_here, "rb")


FILES = {"memory": io.BytesIO, "disk": on_disk, "pipe": piped}


def pickled(values, protocol):
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol)
    for value in values:
        pickler.dump(value)
    return file.getvalue()


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("unpickler", UNPICKLERS)
@pytest.mark.parametrize("protocol", range(6))
def test_pickles_with_one_memo_load_to_equal_objects(protocol, unpickler, kind):
    day = datetime.date(2026, 1, 2)
    ordered = collections.OrderedDict(a=day)
    values = [[day], ordered, [ordered, day, "x" * 300], [collections.OrderedDict(b=1)], 7]
    with FILES[kind](pickled(values, protocol)) as file:
        made = UNPICKLERS[unpickler](file)
        loaded = [made.load() for _ in values]
        assert loaded == values
        assert loaded[2][0] is loaded[1]
        with pytest.raises(EOFError):
            made.load()


# The memo of the unpickler has the class at 2. Who reads the second alone finds nothing there, or something else.
FIRST = b"\x80\x04\x8c\x08builtins\x94\x8c\x05bytes\x94\x93\x94]\x94h\x02a."
SECOND = {
    "a size": b"\x80\x04h\x02\x8a\x06\0\0\0\0\0\1\x85R.",
    "what seems to be a date": b"\x80\x04\x8c\x08datetime\x94\x8c\x04date\x94\x93\x94h\x02\x8a\x06\0\0\0\0\0\1\x85R.",
    "state": b"\x80\x04h\x02}\x8c\x01aK\x01sb.",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("unpickler", UNPICKLERS)
@pytest.mark.parametrize("second", SECOND)
def test_what_is_done_with_a_value_of_an_earlier_pickle_is_judged(second, unpickler, kind):
    with FILES[kind](FIRST + SECOND[second]) as file:
        made = UNPICKLERS[unpickler](file)
        assert made.load() == [bytes]
        with pytest.raises(fickgate.UnsafePickle):
            made.load()


@pytest.mark.parametrize("unpickler", UNPICKLERS)
def test_of_one_that_failed_nothing_is_left_in_the_memo(unpickler):
    made = UNPICKLERS[unpickler](io.BytesIO(FIRST[:-1] + b"R." + SECOND["state"]))
    with pytest.raises(fickgate.UnsafePickle):
        made.load()
    made = UNPICKLERS[unpickler](io.BytesIO(FIRST[:-1] + b"K\x01K\x02\x93." + SECOND["state"]))
    with pytest.raises((pickle.UnpicklingError, TypeError)):
        made.load()
    with pytest.raises(Exception, match=r"[Mm]emo|stack|fickgate|error"):
        made.load()


def test_a_class_without_a_dict_is_held_by_the_hook():
    import subprocess
    import sys

    code = (
        "import _pickle, collections, datetime, fickgate, io, pickle\n"
        "class Slots(_pickle.Unpickler):\n    __slots__ = ('x',)\n"
        "fickgate.protect(policy=())\n"
        "assert Slots(io.BytesIO(pickle.dumps(datetime.date(2026, 1, 2)))).load().year == 2026\n"
        "try: Slots(io.BytesIO(pickle.dumps(print))).load()\n"
        "except fickgate.UnsafePickle: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")
