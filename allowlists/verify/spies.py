"""Runs inside one environment: watches what a `__setstate__` looks at, and what is run on what is only stored.

    python3 verify.py --claims | /venv/bin/python spies.py

Each class with an attribute state is given one by its own `__setstate__`, as an instance of a subclass that notes every
name that is looked up on it, with a dict that notes every key that is asked for. What is looked at and does not stand
under `touches` is printed: a state could put anything there. A second state has spies under the name of every method of
the class: what is called on them until the object is gone is printed as well. Each callable that claims to store an argument is given
spies, which note what is called on them. A hook that ends with an error early is watched so far only; reading the
code comes first. Exit code 1 where something was found. Unix, Python 3.8 or newer.
"""

import gc
import importlib
import json
import os
import signal
import sys
import warnings

warnings.simplefilter("ignore")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# Looked up by the interpreter or by the unpickler itself, and decided by other rules: a dunder name in a state.
ALWAYS = {"__dict__", "__class__", "__setstate__"}


class Spy:
    """Answers for every attribute, and notes what is called on it."""

    heard = set()

    def __init__(self, name="(itself)"):
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Spy(name)

    def __call__(self, *args, **kwargs):
        Spy.heard.add(object.__getattribute__(self, "_name"))
        return Spy()


class State(dict):
    """A state that has every key it is asked for, with a value that can be called."""

    def __init__(self, touched):
        dict.__init__(self, {key: None for key in touched})
        self.asked = set()

    def __missing__(self, key):
        self.asked.add(key)
        return Spy(str(key))

    def __contains__(self, key):
        self.asked.add(key)
        return dict.__contains__(self, key)

    def get(self, key, default=None):
        self.asked.add(key)
        return dict.get(self, key, default)

    def pop(self, key, default=None):
        self.asked.add(key)
        return dict.pop(self, key, default)


def watched(cls):
    """A subclass that notes the names that are looked up on its instances."""
    names = set()

    def look_up(self, name):
        names.add(name)
        return super(kind, self).__getattribute__(name)

    kind = type(cls.__name__, (cls,), {"__getattribute__": look_up, "__module__": cls.__module__, "__qualname__": cls.__qualname__})
    return kind, names


def attempt(action):
    signal.setitimer(signal.ITIMER_REAL, 5)
    try:
        action()
    except Exception:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(*_):
    raise TimeoutError


def looked_at(cls, touched):
    """Names that BUILD looks at on the instance or in the state, and that `touches` does not have."""
    found = set()
    for filled in (False, True):
        try:
            kind, names = watched(cls)
            instance = cls.__new__(kind)
        except Exception:
            return found
        state = State(touched if filled else ())
        names.clear()
        attempt(lambda: kind.__setstate__(instance, state))
        for name in names | state.asked:
            # A data descriptor of the class is found before __dict__.
            own = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
            if not hasattr(type(own), "__set__") and name not in ALWAYS and name not in touched:
                found.add(name)
    return found


def hidden(cls, touched):
    """Methods of the class that are called while an object gets its state and ends, where the state hides them."""
    Spy.heard = set()
    names = [n for n in dir(cls) if not n.startswith("__") and n not in touched]
    state = {name: Spy(name) for name in names}
    state.update(dict.fromkeys(touched))

    def live():
        instance = cls.__new__(cls)
        if hasattr(cls, "__setstate__"):
            instance.__setstate__(state)
        else:
            instance.__dict__.update(state)

    attempt(live)
    gc.collect()
    return Spy.heard


def called(make, positions):
    """What is called on the arguments at these positions."""
    Spy.heard = set()
    for count in range(1, 6):
        for others in (None, "x", 1, ()):
            stored = [i for i in range(count) if positions is None or i in positions]
            attempt(lambda: make(*[Spy() if i in stored else others for i in range(count)]))
    return Spy.heard


def main():
    signal.signal(signal.SIGALRM, too_long)
    tried, wrong = 0, 0
    for module, name, claim in json.load(sys.stdin):
        try:
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception:
            continue
        tried += 1
        if "touches" in claim:
            names = sorted(looked_at(found, claim["touches"])) if hasattr(found, "__setstate__") else []
            if names:
                wrong += 1
                print(f"{module}.{name}: state: looks at {', '.join(names)}")
            heard = sorted(hidden(found, claim["touches"]))
            if heard:
                wrong += 1
                print(f"{module}.{name}: state: calls {', '.join(heard)}, which it can hide")
        for way in ("call", "create"):
            if way in claim:
                make = found if way == "call" else lambda *args: found.__new__(found, *args)
                heard = sorted(called(make, claim[way]))
                if heard:
                    wrong += 1
                    print(f"{module}.{name}: {way}: calls {', '.join(heard)} of what it is said to store")
    print(f"{tried} claims tried, {wrong} to look at")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
