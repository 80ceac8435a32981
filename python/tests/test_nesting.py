"""One protection inside of another, and what is left when it ends: nothing."""

import _pickle
import asyncio
import collections
import contextvars
import decimal
import gc
import io
import os
import pickle
import subprocess
import sys
import threading
import types
import weakref

import fickgate
import pytest
from fickgate import _native, protection, verdicts

# A name that there is no module for: what loads it comes as far as to import it.
ONE = b"cours\nOne\n."
DECIMAL = pickle.dumps(decimal.Decimal(1))


class Ours:
    """A class that no list names."""


OURS = f"{__name__}.Ours"
DATA = pickle.dumps(Ours())


@pytest.fixture(autouse=True)
def clean(outside):
    yield
    while verdicts.process:
        fickgate.unprotect()
    assert verdicts.blocks == []
    assert not _native.active()


def loads(data):
    try:
        pickle.loads(data)
    except fickgate.UnsafePickle:
        return False
    except ModuleNotFoundError:
        return True
    return True


def denying(folder):
    (folder / ".fickgate.yaml").write_text("deny: [decimal.*]\n")


INNER = {
    "nothing": {},
    "also_allow": {"also_allow": [OURS]},
    "mode": {"mode": "raise"},
}


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("changed", ["carried", "written since", "gone since"])
def test_what_is_inside_has_the_policy_that_was_read(changed, inner, tmp_path, monkeypatch):
    denying(tmp_path)
    policy = fickgate.read_policy()
    if changed == "carried":
        policy = pickle.loads(pickle.dumps(policy))
    if changed == "written since":
        (tmp_path / ".fickgate.yaml").write_text("")
    else:
        (tmp_path / ".fickgate.yaml").unlink()
    fickgate.protect(policy=policy)
    assert not loads(DECIMAL)
    with fickgate.protected(**INNER[inner]):
        assert not loads(DECIMAL)
        assert loads(DATA) == (inner == "also_allow")
    fickgate.protect(**INNER[inner])
    assert not loads(DECIMAL)
    assert loads(DATA) == (inner == "also_allow")


def test_imports_are_added_to_a_policy_that_was_read(tmp_path):
    denying(tmp_path)
    policy = fickgate.read_policy(also_allow=["ours.One"])
    both = fickgate.read_policy(policy, also_allow=["ours.Two"])
    for name, known in (("One", [policy, both]), ("Two", [both])):
        for each in (policy, both):
            assert fickgate.scan(f"cours\n{name}\n.".encode(), policy=each).ok == (each in known)
    assert not fickgate.scan(DECIMAL, policy=both).ok


def test_a_policy_is_carried_as_text_alone():
    # A path of one system, or of one release of Python, is none to another.
    assert b"pathlib" not in pickle.dumps(fickgate.read_policy())


def block():
    with fickgate.protected(policy=(), also_allow=[OURS]):
        yield


def in_context(function, *args):
    contextvars.copy_context().run(function, *args)


def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


def in_place(function, *args):
    function(*args)


@pytest.mark.parametrize("ends", [in_context, in_thread, in_place])
@pytest.mark.parametrize("begins", [in_context, in_thread, in_place])
def test_a_block_ends_wherever_it_ends(begins, ends):
    generator = block()
    begins(next, generator)
    assert len(verdicts.blocks) == 1
    ends(next, generator, None)
    assert verdicts.blocks == []
    assert not verdicts.effective()
    # A context that knew of it holds nobody to it later on.
    fickgate.protect(policy=())
    assert not loads(DATA)


def test_a_block_that_is_dropped_ends():
    generator = block()
    next(generator)
    del generator
    assert not verdicts.effective()


def test_blocks_that_do_not_end_in_their_order():
    fickgate.protect(policy=())
    first, second = block(), block()
    next(first)
    next(second)
    next(first, None)
    assert loads(DATA)
    next(second, None)
    assert not loads(DATA)


def test_a_task_does_not_have_what_a_block_added_after_it():
    async def late(ended):
        await ended.wait()
        return loads(DATA)

    async def main():
        ended = asyncio.Event()
        with fickgate.protected(policy=(), also_allow=[OURS]):
            task = asyncio.create_task(late(ended))
        ended.set()
        return await task

    fickgate.protect(policy=())
    assert not asyncio.run(main())


def test_protect_in_a_block_holds_there_as_well():
    fickgate.protect(policy=())
    with fickgate.protected(also_allow=[OURS]):
        fickgate.protect(policy=())
        assert not loads(DATA)
        fickgate.unprotect()
        assert loads(DATA)
        # What the block added stays there, and goes with it.
        fickgate.protect(also_allow=["ours.One"])
        assert loads(DATA)
        assert loads(ONE)
    assert not loads(DATA)
    assert loads(ONE)
    fickgate.unprotect()
    assert not loads(ONE)


def test_a_thread_outside_of_all_blocks_needs_each_to_permit():
    strict, lax = fickgate.protected(policy=()), block()
    asked = []
    with strict:
        in_thread(next, lax)
        in_thread(lambda: asked.append(loads(DATA)))
        next(lax, None)
    assert asked == [False]


def test_after_a_block_nothing_is_asked():
    with fickgate.protected(policy=()):
        assert not loads(DATA)
    assert loads(DATA)
    # The next block looks through no module.
    with fickgate.protected(policy=()):
        assert not loads(DATA)


@pytest.mark.parametrize("protect", [fickgate.protect, lambda: next(block())])
def test_what_breaks_off_on_the_way_leaves_nothing(protect, monkeypatch):
    class Broken(BaseException):
        pass

    def broken():
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(protection, "_install", broken)
        with pytest.raises(Broken):
            protect()
    assert not verdicts.effective()
    assert loads(DATA)


def test_classes_that_answer_with_what_they_like_are_no_hindrance(monkeypatch):
    class Odd(type):
        @property
        def __module__(cls):
            raise RuntimeError("not now")

    class Stubborn(types.ModuleType):
        def __setattr__(self, name, value):
            raise RuntimeError("nothing is set here")

    module = Stubborn("odd")
    vars(module).update(Class=Odd("Class", (), {}), loads=_pickle.loads)
    monkeypatch.setitem(sys.modules, "odd", module)
    fickgate.protect(policy=())
    assert not loads(DATA)
    # What could not be replaced meets the hook.
    with pytest.raises(fickgate.UnsafePickle):
        module.loads(pickle.dumps(collections.OrderedDict(a=1)))


FORKS = """
import os, signal, threading
import fickgate
from fickgate import protection

fickgate.protect(policy=())
turn, inside, go = protection._turn, threading.Event(), threading.Event()

def slow():
    turn()
    inside.set()
    go.wait()

def work():
    with fickgate.protected(policy=(), also_allow=["ours.One"]):
        pass

protection._turn = slow
# Hooks that come later are called first: the thread may go on, and has not yet when the process is forked.
os.register_at_fork(before=go.set)
threading.Thread(target=work).start()
inside.wait()
child = os.fork()
if not child:
    signal.alarm(60)
    with fickgate.protected(also_allow=["ours.Two"]):
        fickgate.protect()
    fickgate.unprotect()
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_waits_for_no_thread_that_the_child_does_not_have():
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_what_was_refused_is_not_kept():
    class Kept(io.BytesIO):
        """A file that one can refer to."""

    fickgate.protect(policy=())
    file = Kept(DATA)
    known = weakref.ref(file)
    with pytest.raises(fickgate.UnsafePickle):
        pickle.load(file)
    del file
    gc.collect()
    assert known() is None
