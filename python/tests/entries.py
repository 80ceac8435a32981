"""Loads files in a process of its own, through one entry point, under `fickgate.protect()`, and says what happened.

    python entries.py ENTRY FOLDER

Names of files are read from standard input, one a line; standard output has one JSON object for each.

A second audit hook, behind fickgate's, sees what was let through: names that an unpickler looked up, and what runs
commands or code. It stops both where they are not harmless, so that a hole in the first is seen and does nothing.
"""

import _pickle
import importlib.util
import io
import json
import os
import pickle
import sys
import tempfile
import warnings

EARLY_LOADS, EARLY_LOAD, EARLY_UNPICKLER = pickle.loads, pickle.load, pickle.Unpickler
RAW_LOADS, RAW_LOAD = (lambda f=_pickle.loads: f)(), (lambda f=_pickle.load: f)()


class EarlyOwn(_pickle.Unpickler):
    """Made before, looks names up in its own way."""

    def find_class(self, module, name):
        return getattr(__import__(module, fromlist=["x"]), name)


class EarlyPythonOwn(pickle._Unpickler):
    """The same of the other unpickler."""

    def find_class(self, module, name):
        return getattr(__import__(module, fromlist=["x"]), name)


have = lambda name: importlib.util.find_spec(name) is not None  # noqa: E731
# Imported before the protection, as most programs would; what an import does is not what a file does.
for package in ("joblib", "dill", "cloudpickle", "sklearn"):
    if have(package):
        __import__(package)
if have("cloudpickle"):
    from cloudpickle import loads as EARLY_CLOUDPICKLE

import fickgate  # noqa: E402
from fickgate import _native  # noqa: E402


def late(base):
    class Late(base):
        def find_class(self, module, name):
            return getattr(__import__(module, fromlist=["x"]), name)

    return Late


def opened(load):
    def by_file(path):
        with open(path, "rb") as file:
            return load(file)

    return by_file


def read(load):
    def by_bytes(path):
        with open(path, "rb") as file:
            return load(file.read())

    return by_bytes


def piped(path):
    from_here, to_there = os.pipe()
    with open(path, "rb") as file:
        data = file.read(60_000)
    with open(to_there, "wb") as out:
        out.write(data)
    with open(from_here, "rb") as file:
        return pickle.load(file)


def sent(path):
    import multiprocessing

    ours, theirs = multiprocessing.Pipe()
    with open(path, "rb") as file:
        ours.send_bytes(file.read(60_000))
    return theirs.recv()


def shelved(path):
    import shelve

    with open(path, "rb") as file:
        data = file.read()

    class Dict(dict):
        sync = close = lambda self: None

    return shelve.Shelf(Dict({b"key": data}))["key"]


def of_torch(weights_only):
    def load(path):
        import torch

        return torch.load(path, weights_only=weights_only, map_location="cpu")

    return load


def of_joblib(path):
    import joblib

    return joblib.load(path)


def of_numpy(path):
    import numpy

    loaded = numpy.load(path, allow_pickle=True)
    return [loaded[key] for key in loaded.files] if hasattr(loaded, "files") else loaded


def of_pandas(path):
    import pandas

    return pandas.read_pickle(path)


def of_dill(path):
    import dill

    with open(path, "rb") as file:
        return dill.load(file)


def of_dill_bytes(path):
    import dill

    with open(path, "rb") as file:
        return dill.loads(file.read())


ENTRIES = {
    "pickle.loads": read(lambda data: pickle.loads(data)),
    "pickle.loads of a memoryview": read(lambda data: pickle.loads(memoryview(data))),
    "pickle.load": opened(lambda file: pickle.load(file)),
    "pickle.load of BytesIO": read(lambda data: pickle.load(io.BytesIO(data))),
    "pickle.load of a pipe": piped,
    "pickle.Unpickler": opened(lambda file: pickle.Unpickler(file).load()),
    "pickle._Unpickler": opened(lambda file: pickle._Unpickler(file).load()),
    "pickle._loads": read(lambda data: pickle._loads(data)),
    "_pickle.loads": read(lambda data: _pickle.loads(data)),
    "loads taken before": read(lambda data: EARLY_LOADS(data)),
    "load taken before": opened(lambda file: EARLY_LOAD(file)),
    "Unpickler taken before": opened(lambda file: EARLY_UNPICKLER(file).load()),
    "loads hidden before": read(RAW_LOADS),
    "load hidden before": opened(RAW_LOAD),
    "own find_class": opened(lambda file: late(pickle.Unpickler)(file).load()),
    "own find_class in Python": opened(lambda file: late(pickle._Unpickler)(file).load()),
    "own find_class made before": opened(lambda file: EarlyOwn(file).load()),
    "own find_class in Python made before": opened(lambda file: EarlyPythonOwn(file).load()),
    "shelve": shelved,
    "a pipe of multiprocessing": sent,
}
if have("numpy"):
    ENTRIES["numpy.load"] = of_numpy
if have("joblib"):
    ENTRIES["joblib.load"] = of_joblib
if have("pandas"):
    ENTRIES["pandas.read_pickle"] = of_pandas
if have("dill"):
    ENTRIES["dill.load"], ENTRIES["dill.loads"] = of_dill, of_dill_bytes
if have("cloudpickle"):
    ENTRIES["cloudpickle.loads taken before"] = read(lambda data: EARLY_CLOUDPICKLE(data))
if have("torch"):
    ENTRIES["torch.load"], ENTRIES["torch.load of weights only"] = of_torch(False), of_torch(True)

EFFECTS = (
    "os.system",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "pty.spawn",
    "ctypes.dlopen",
    "socket.connect",
    "os.remove",
    "os.rename",
    "os.putenv",
    "shutil.rmtree",
)


def torchs_own(event, args):
    """Whether it clears away the folder into which torch unpacks a file of its oldest layout."""
    if event == "os.remove":
        return args[1] != -1
    return event == "shutil.rmtree" and os.path.dirname(args[0]) == tempfile.gettempdir()


def main():
    entry, folder = sys.argv[1:]
    os.chdir(folder)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    except ImportError:
        pass
    warnings.simplefilter("ignore")
    load = ENTRIES[entry]
    if have("torch"):
        # What this does when it is imported is not what a file does, by whatever way it is loaded.
        import torch.distributed.checkpoint  # noqa: F401
    tempfile.gettempdir()
    policy = fickgate.judging.policy_of(())
    fickgate.protect(policy=policy)
    passed, effects, armed = [], [], False
    of_torch = entry.startswith("torch")

    def see(event, args):
        if not armed or (of_torch and torchs_own(event, args)):
            return
        if event == "pickle.find_class":
            passed.append(f"{args[0]}.{args[1]}")
            row = policy.refusal(args[0], args[1], ["reference"], "x")
            if row is not None and row[1][0] == "dangerous":
                raise RuntimeError(f"{args} was let through")
        elif event in EFFECTS:
            effects.append(event)
            raise RuntimeError(f"{event} was let through")

    sys.addaudithook(see)
    for path in map(str.rstrip, sys.stdin):
        passed.clear()
        effects.clear()
        # What an own find_class imports is seen here, where no event is raised.
        armed = True
        try:
            load(path)
            outcome = "loaded"
        except fickgate.UnsafePickle:
            outcome = "refused"
        except Exception as error:
            outcome = f"raised {type(error).__name__}: {error}"[:200]
        armed = False
        # Nothing of a load that ended must be left.
        assert _native.depth() == 0
        assert _native.file() is None
        print(json.dumps({"path": path, "outcome": outcome, "passed": passed, "effects": effects}), flush=True)


if __name__ == "__main__":
    main()
