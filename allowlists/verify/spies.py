"""Runs inside one environment: gives spies to everything the lists let a pickle call or set state on.

    python3 verify.py --questions | /venv/bin/python spies.py

Reads the questions of called.py. A spy answers for every attribute with another one and notes which of
them get called, so code in C and Cython is heard as well. Prints the names that called.txt does not
have, with the entry that called them, and exits with 1 where there are any. Callables that call their
argument itself are expected to have a guard and are printed too. Unix, Python 3.8 or newer.
"""

import importlib
import inspect
import json
import os
import pathlib
import signal
import sys
import warnings

warnings.simplefilter("ignore")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

CALLED = set((pathlib.Path(__file__).resolve().parent.parent / "called.txt").read_text().split())
# They take buffers and sizes on trust (`risk: native-memory`), or unpickle.
LEFT_OUT = {
    ("torch.storage", "_load_from_bytes"), ("torch._utils", "_rebuild_nested_tensor"), ("pyarrow.lib", "_restore_array"),
}
DEEP = 2
heard, entry = {}, []


class Spy:
    def __init__(self, name="", depth=0):
        object.__setattr__(self, "_known_as", (name, depth))

    def __getattr__(self, name):
        depth = object.__getattribute__(self, "_known_as")[1]
        if depth > DEEP or name.startswith("__"):
            raise AttributeError(name)
        return Spy(name, depth + 1)

    def __call__(self, *args, **kwargs):
        name, depth = object.__getattribute__(self, "_known_as")
        heard.setdefault(name or "(itself)", set()).add(entry[0])
        if depth > DEEP:
            raise TypeError(name)
        return Spy(depth=depth + 1)

    def __iter__(self):
        return iter([Spy(depth=DEEP)])

    def __len__(self):
        return 1

    def __getitem__(self, key):
        return Spy(depth=DEEP)


class Everything(dict):
    """A state that has whatever is asked for."""

    def __missing__(self, key):
        return Spy()

    def __contains__(self, key):
        return True

    def get(self, key, default=None):
        return Spy()

    pop = setdefault = get

    def items(self):
        return [("x", Spy())]


def attempt(action):
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        action()
    except Exception:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(*_):
    raise TimeoutError


def call(found):
    for count in range(8):
        attempt(lambda: found(*[Spy() for _ in range(count)]))
    for count in range(1, 5):
        for spied in range(count):
            for literal in (1, "x", (1,), b"x", None, {}):
                attempt(lambda: found(*[Spy() if i == spied else literal for i in range(count)]))


def build(found):
    states = [Everything(), (Everything(), Everything()), (None, {"x": Spy()}), Spy(), [Spy()] * 5, [Spy()] * 6]
    states += [(Spy(),) * count for count in (2, 3, 4, 5, 7)]
    for state in states:
        attempt(lambda: found.__new__(found).__setstate__(state))


def main():
    signal.signal(signal.SIGALRM, too_long)
    tried = 0
    for module, name, called in json.load(sys.stdin):
        if (module, name) in LEFT_OUT or module.startswith("torch.jit"):
            continue
        try:
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception:
            continue
        entry[:] = [module + "." + name]
        tried += 1
        if called:
            call(found)
        if inspect.isclass(found):
            build(found)
    new = sorted(set(heard) - CALLED)
    for name in new:
        print(name, *sorted(heard[name]))
    print(f"{tried} entries, {len(heard)} names heard, {len(new)} not in called.txt")
    return int(any(name != "(itself)" for name in new))


if __name__ == "__main__":
    sys.exit(main())
