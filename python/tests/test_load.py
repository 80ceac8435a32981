"""`load` gives what was judged, and nothing else."""

import fractions
import io
import pickle
import subprocess
import sys

import fickgate
import pytest
from test_scan import EVIL

DATA = {"weights": list(range(1000)), "name": "x" * 100_000}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_permitted_is_loaded(protocol, outside):
    data = pickle.dumps(DATA, protocol)
    (outside / "m.pkl").write_bytes(data)
    assert fickgate.load("m.pkl") == DATA
    assert fickgate.load(data) == DATA
    assert fickgate.load(io.BytesIO(data)) == DATA
    with open("m.pkl", "rb") as file:
        assert fickgate.load(file) == DATA
    assert fickgate.load("m.pkl", loader=lambda file: pickle._Unpickler(file).load()) == DATA


def test_what_is_refused_is_not_loaded(outside):
    with pytest.raises(fickgate.UnsafePickle) as raised:
        fickgate.load(EVIL, name="models/a.pkl")
    assert isinstance(raised.value, pickle.UnpicklingError)
    text = str(raised.value)
    for part in ("models/a.pkl", "posix.system", "_1 = system('true')", "allowlists/refused.yaml", "help: "):
        assert part in text
    assert raised.value.findings[0].import_ == "posix.system"
    again = pickle.loads(pickle.dumps(raised.value))
    assert str(again) == text


def test_a_protection_and_a_load_hear_each_other(outside):
    counted = pickle.dumps(fractions.Fraction(1, 3), 4)
    denied = outside / "denied.yaml"
    denied.write_text("version: 1\ndeny: [fractions.Fraction]\n")
    own = pickle.dumps(Own(), 2)
    name = f"{Own.__module__}.Own"
    with fickgate.protected(policy=()):
        with pytest.raises(fickgate.UnsafePickle):
            fickgate.load(own)
        assert isinstance(fickgate.load(own, also_allow=[name]), Own)
        # It was for that load alone.
        with pytest.raises(fickgate.UnsafePickle):
            pickle.loads(own)
    with fickgate.protected(policy=(), also_allow=[name]):
        assert isinstance(fickgate.load(own), Own)
    assert fickgate.load(counted, policy=()) == fractions.Fraction(1, 3)
    with fickgate.protected(policy=denied), pytest.raises(fickgate.UnsafePickle):
        fickgate.load(counted)
    with fickgate.protected(policy=(), mode="warn"), pytest.warns(fickgate.UnsafePickleWarning):
        assert isinstance(fickgate.load(own), Own)


class Own:
    """What no list names."""


class Swapped(io.BytesIO):
    """A file that somebody else writes to: the second look at its beginning shows other bytes."""

    def __init__(self, first, then):
        super().__init__(first)
        self.then = then
        self.begun = 0

    def read(self, size=-1):
        if self.tell() == 0:
            self.begun += 1
            if self.begun > 1:
                super().write(self.then)
                self.seek(0)
        return super().read(size)


def test_what_was_judged_is_not_read_again(outside):
    good = pickle.dumps([1] * 20)
    evil = EVIL + b" " * (len(good) - len(EVIL))
    file = Swapped(good, evil)
    assert fickgate.load(file) == [1] * 20
    assert file.begun == 1


def test_nothing_but_the_package_is_imported_by_importing_it():
    code = "import sys, fickgate; print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'torch', 'joblib')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_replayed_file_reads_as_the_file_does(outside):
    from fickgate._native import Replay

    data = bytes(range(256)) * 100 + b"\nline\n" + b"y" * 700
    ours, theirs = Replay(io.BytesIO(data)), io.BytesIO(data)
    fickgate.scan(ours)  # keeps some ranges
    for step in [
        ("read", 10),
        ("readline",),
        ("seek", 5000),
        ("read", 3),
        ("seek", -20, 2),
        ("read",),
        ("read", 4),
        ("seek", 25_599),
        ("readline",),
        ("readline",),
        ("readline",),
        ("tell",),
        ("seek", 9, 0),
        ("seek", 9, 1),
        ("read", 6000),
        ("readline", 7),
        ("tell",),
        ("seek", 10**6),
        ("read", 1),
    ]:
        assert getattr(ours, step[0])(*step[1:]) == getattr(theirs, step[0])(*step[1:]), step
    ours.seek(100), theirs.seek(100)
    a, b = bytearray(9000), bytearray(9000)
    assert ours.readinto(a) == theirs.readinto(b)
    assert a == b
    assert ours.peek(5) == data[9100:9105]
    assert ours.tell() == 9100


class Shows(bytes):
    """Bytes that show others to whoever asks for a buffer, as a class may from Python 3.12 on."""

    def __buffer__(self, flags):
        return memoryview(EVIL)

    def __bytes__(self):
        return pickle.dumps([1])


def test_bytes_that_show_others_are_judged_as_they_are_loaded(outside):
    good = Shows(pickle.dumps([1]))
    shown = bytes(memoryview(good))

    class Unseekable:
        def read(self, size=-1):
            return good

    for source in (good, Unseekable()):
        assert fickgate.scan(source).ok == (shown != EVIL)
        if shown == EVIL:
            with pytest.raises(fickgate.UnsafePickle):
                fickgate.load(source)
        else:
            assert fickgate.load(source) == [1]
