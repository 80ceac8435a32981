"""What a program gives to an unpickler besides the pickle: buffers, and what persistent ids stand for."""

import collections
import io
import os
import pickle

import fickgate
import pytest


class Evil:
    """What would run if it were unpickled."""

    def __reduce__(self):
        return os.getcwd, ()


class Pickler(pickle.Pickler):
    """Writes a persistent id in the place of every bytearray."""

    def persistent_id(self, value):
        return "kept elsewhere" if isinstance(value, bytearray) else None


class Kept(pickle.Unpickler):
    """Gives what a persistent id stands for."""

    def persistent_load(self, name):
        return name.upper


class KeptInPython(pickle._Unpickler):
    """The same by the unpickler that is written in Python."""

    persistent_load = Kept.persistent_load


KINDS = [Kept, KeptInPython]


@pytest.fixture(autouse=True)
def protection():
    with fickgate.protected(policy=()):
        yield


def test_buffers_that_the_program_gives_are_data():
    buffers = []
    text = pickle.dumps([pickle.PickleBuffer(b"read only"), pickle.PickleBuffer(bytearray(b"not"))], 5)
    beside = pickle.dumps([pickle.PickleBuffer(b"abc")], 5, buffer_callback=buffers.append)
    assert [bytes(part) for part in pickle.loads(text)] == [b"read only", b"not"]
    assert [bytes(part) for part in pickle.loads(beside, buffers=buffers)] == [b"abc"]
    assert [bytes(part) for part in pickle.load(io.BytesIO(beside), buffers=buffers)] == [b"abc"]
    assert [bytes(part) for part in pickle.Unpickler(io.BytesIO(beside), buffers=buffers).load()] == [b"abc"]


def test_arrays_lie_in_buffers():
    numpy = pytest.importorskip("numpy")
    buffers = []
    text = pickle.dumps({"array": numpy.arange(5)}, 5, buffer_callback=buffers.append)
    assert pickle.loads(text, buffers=buffers)["array"].tolist() == [0, 1, 2, 3, 4]


def test_a_pickle_with_buffers_is_judged():
    buffers = []
    text = pickle.dumps([pickle.PickleBuffer(b"abc"), Evil()], 5, buffer_callback=buffers.append)
    with pytest.raises(fickgate.UnsafePickle, match="getcwd"):
        pickle.loads(text, buffers=buffers)
    # NEXT_BUFFER, EMPTY_TUPLE, REDUCE: what the program gives is called.
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(b"\x80\x05\x97)R.", buffers=[os.getcwd])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_a_persistent_id_stands_for_is_the_programs(kind, protocol):
    file = io.BytesIO()
    Pickler(file, protocol).dump([bytearray(b"1"), collections.OrderedDict(a=1)])
    found = kind(io.BytesIO(file.getvalue())).load()
    assert found[0]() == "KEPT ELSEWHERE"
    assert found[1] == {"a": 1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x02X\x01\x00\x00\x00aQ)R.",  # it is called
        b"\x80\x02X\x01\x00\x00\x00aQ)\x81.",  # it is made an object of
        b"(Pa\no.",  # it is called by OBJ
        b"\x80\x02X\x01\x00\x00\x00aQ}b.",  # its state is set
        b"\x80\x02X\x01\x00\x00\x00aQK\x01K\x02s.",  # an item of it is set
        b"\x80\x02X\x01\x00\x00\x00aQK\x01a.",  # something is appended to it
        b"\x80\x04\x8c\x01aQ\x8c\x01b\x93.",  # it is the name of a module
    ],
)
def test_nothing_is_done_with_it(kind, code):
    with pytest.raises(fickgate.UnsafePickle):
        kind(io.BytesIO(code)).load()


def test_ids_in_the_place_of_torchs_are_torchs():
    class Unpickler(pickle.Unpickler):
        def persistent_load(self, name):
            return name

    Unpickler.persistent_load.__module__ = "torch.serialization"
    with pytest.raises(fickgate.UnsafePickle, match="persistent id"):
        Unpickler(io.BytesIO(b"\x80\x02X\x01\x00\x00\x00aQ.")).load()
