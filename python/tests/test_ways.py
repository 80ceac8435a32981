"""Other ways by which a program comes to the bytes of a pickle, or to an unpickler, each in a process of its own.

A payload makes a marker. What is honest loads by each way as well.
"""

import subprocess
import sys

import pytest

BEFORE = """
import _pickle, collections, importlib, io, mmap, os, pickle, sys, threading
import fickgate

class Evil:
    def __reduce__(self):
        return os.mkdir, ("marker",)

evil = pickle.dumps([1, Evil()])
good = pickle.dumps(collections.OrderedDict(a=[1, 2]))
def hiding(loads=_pickle.loads):
    return lambda data: loads(data)
hidden = hiding()
def own(self, module, name):
    return getattr(importlib.import_module(module), name)
fickgate.protect(policy=())
"""
AFTER = """
refused = None
try:
    load(evil)
except fickgate.UnsafePickle as error:
    refused = error
assert not os.path.exists("marker"), "it ran"
assert refused is not None, "it was not refused"
assert not {honest} or load(good) == collections.OrderedDict(a=[1, 2])
"""
# The way, and whether what is honest comes through: where the pickle is not seen, only values do.
WAYS = {
    "a mapped file, loaded": (
        """
def load(data):
    with open("m.pkl", "wb") as file:
        file.write(data)
    with open("m.pkl", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return pickle.load(mapped)
""",
        True,
    ),
    "a mapped file, as bytes": (
        """
def load(data):
    with open("m.pkl", "wb") as file:
        file.write(data)
    with open("m.pkl", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return pickle.loads(mapped)
""",
        True,
    ),
    "a PickleBuffer": ("load = lambda data: pickle.loads(pickle.PickleBuffer(data))", True),
    "shared memory": (
        """
from multiprocessing import shared_memory
def load(data):
    memory = shared_memory.SharedMemory(create=True, size=len(data))
    try:
        memory.buf[: len(data)] = data
        return pickle.loads(memory.buf[: len(data)])
    finally:
        memory.close()
        memory.unlink()
""",
        True,
    ),
    "a BytesIO that shows other bytes": (
        """
class Lying(io.BytesIO):
    def getvalue(self):
        return pickle.dumps(1)
load = lambda data: pickle.load(Lying(data))
""",
        True,
    ),
    "a file that gives other bytes into buffers": (
        """
class Lying:
    def __init__(self, data):
        self.first, self.then = io.BytesIO(data), io.BytesIO(evil)
    def read(self, n=-1):
        return self.first.read(n)
    def readline(self):
        return self.first.readline()
    def readinto(self, buffer):
        return self.then.readinto(buffer)
    def peek(self, n=0):
        return evil
load = lambda data: pickle.load(Lying(data))
""",
        True,
    ),
    "pickle loaded anew": ("importlib.reload(pickle)\nload = pickle.loads", True),
    "the unpickler of pickle loaded anew": (
        "importlib.reload(pickle)\nload = lambda data: pickle._Unpickler(io.BytesIO(data)).load()",
        True,
    ),
    "an own find_class of pickle loaded anew": (
        """
importlib.reload(pickle)
class Own(pickle._Unpickler):
    find_class = own
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "pickle imported twice": (
        """
del sys.modules["pickle"]
import pickle as again
class Own(again._Unpickler):
    find_class = own
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "find_class of a second base": (
        """
class Base:
    find_class = own
class Own(Base, pickle.Unpickler): ...
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "find_class that is static": (
        """
class Own(pickle.Unpickler):
    find_class = staticmethod(lambda module, name: own(None, module, name))
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "find_class that is a property": (
        """
class Own(pickle._Unpickler):
    find_class = property(lambda self: lambda module, name: own(self, module, name))
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "find_class that was set on the class": (
        """
class Own(pickle.Unpickler): ...
Own.find_class = own
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "find_class that was set on the object": (
        """
def load(data):
    unpickler = pickle._Unpickler(io.BytesIO(data))
    unpickler.find_class = lambda module, name: own(None, module, name)
    return unpickler.load()
""",
        True,
    ),
    "an own table of opcodes": (
        """
class Own(pickle._Unpickler):
    dispatch = dict(pickle._Unpickler.dispatch)
    def load_stack_global(self):
        name = self.stack.pop()
        self.append(own(self, self.stack.pop(), name))
    dispatch[pickle.STACK_GLOBAL[0]] = load_stack_global
load = lambda data: Own(io.BytesIO(data)).load()
""",
        True,
    ),
    "an unpickler that begins twice": (
        """
def load(data):
    unpickler = pickle.Unpickler(io.BytesIO(pickle.dumps(1)))
    assert unpickler.load() == 1
    unpickler.__init__(io.BytesIO(data))
    return unpickler.load()
""",
        True,
    ),
    "a load inside of a load": (
        """
class Outer(pickle.Unpickler):
    def find_class(self, module, name):
        self.inner = pickle.loads(self.data)
        return super().find_class(module, name)
def load(data):
    outer = Outer(io.BytesIO(good))
    outer.data = data
    outer.load()
    return outer.inner
""",
        True,
    ),
    "find_class that gives another class for one that was judged": (
        """
class Other(pickle.Unpickler):
    def find_class(self, module, name):
        return super().find_class("posix", "mkdir") if self.other else super().find_class(module, name)
def load(data):
    unpickler = Other(io.BytesIO(good))
    unpickler.other = data is evil
    return unpickler.load()
""",
        True,
    ),
    "a thread, by what was hidden": (
        """
def load(data):
    got = []
    def run():
        try:
            got.append(hidden(data))
        except BaseException as error:
            got.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(got[0], BaseException):
        raise got[0]
    return got[0]
""",
        False,
    ),
    "a block beside it that comes and goes": (
        """
def turning():
    for _ in range(100):
        with fickgate.protected(also_allow=["ours.name"]):
            pass
def load(data):
    thread = threading.Thread(target=turning)
    thread.start()
    while True:
        more = thread.is_alive()
        for way in (pickle.loads, hidden):
            try:
                way(evil)
                os.mkdir("marker")
            except fickgate.UnsafePickle:
                pass
        if not more:
            return pickle.loads(data)
""",
        True,
    ),
}


def run(code, folder):
    return subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize("way", WAYS)
def test_what_would_run_is_refused(way, tmp_path):
    code, honest = WAYS[way]
    done = run(BEFORE + code + AFTER.format(honest=honest), tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("before", [True, False])
def test_a_fork_is_held_to_what_it_came_from(before, tmp_path):
    code = """
child = os.fork()
if child == 0:
    try:
        hidden(evil)
    except fickgate.UnsafePickle:
        os._exit(7)
    os._exit(1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
    if before:
        code = BEFORE.replace("fickgate.protect(policy=())\n", "") + "fickgate.protect(policy=())\n" + code
    else:
        code = BEFORE + code
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_other_interpreters_have_to_protect_themselves(tmp_path):
    """A limit, held here so that the page that names it stays true."""
    code = """
try:
    import _interpreters as interpreters
    run = interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters
    run = interpreters.run_string
run(interpreters.create(), f"import pickle; pickle.loads({evil!r})")
assert os.path.exists("marker")
"""
    done = run(BEFORE + code, tmp_path)
    assert done.returncode == 0, done.stderr
