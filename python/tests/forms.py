"""Loads files by every loader that is there, and prints what came out in a form that can be compared.

    python forms.py plain|protected FOLDER

Names of files are read from standard input, one a line; standard output has one JSON object for each file and loader.
"""

import hashlib
import importlib.util
import io
import json
import os
import pickle
import sys
import warnings


def have(name):
    return importlib.util.find_spec(name) is not None


def by_pickle(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def by_python(path):
    with open(path, "rb") as file:
        return pickle._Unpickler(file).load()


def by_joblib(path):
    import joblib

    return joblib.load(path)


def by_numpy(path):
    import numpy

    loaded = numpy.load(path, allow_pickle=True)
    return dict(loaded) if hasattr(loaded, "files") else loaded


def by_pandas(path):
    import pandas

    return pandas.read_pickle(path)


def by_dill(path):
    import dill

    with open(path, "rb") as file:
        return dill.load(file)


def by_torch(path):
    import torch

    return torch.load(path, weights_only=False, map_location="cpu")


PACKAGES = {"joblib": by_joblib, "numpy": by_numpy, "pandas": by_pandas, "dill": by_dill, "torch": by_torch}
LOADERS = {"pickle": by_pickle, "pickle._Unpickler": by_python}
LOADERS.update((package, load) for package, load in PACKAGES.items() if have(package))


class Form(pickle.Pickler):
    """Pickles by its bytes what is otherwise pickled with the place it lies at in memory."""

    def reducer_override(self, value):
        kind = type(value)
        if kind.__module__.partition(".")[0] == "torch" and hasattr(value, "untyped_storage"):
            raw = bytes(value.untyped_storage().cpu())
            about = (str(value.dtype), tuple(value.shape), value.stride(), value.storage_offset(), value.requires_grad)
            return str, (repr((kind.__qualname__, about, hashlib.sha256(raw).hexdigest())),)
        if kind.__module__.partition(".")[0] == "torch" and kind.__name__.endswith("Storage"):
            return str, (hashlib.sha256(bytes(value.untyped())).hexdigest(),)
        if kind.__module__.startswith("numpy.random") and isinstance(getattr(value, "state", None), dict):
            # Beside its state it keeps entropy of the system, of which its first state was made.
            return str, (repr(value.state),)
        return NotImplemented


def form_of(value):
    out = io.BytesIO()
    try:
        Form(out, 4).dump(value)
    except Exception as error:
        return f"{type(value).__module__}.{type(value).__qualname__}, not pickled: {type(error).__name__}"
    return hashlib.sha256(out.getvalue()).hexdigest()


def main():
    kind, folder = sys.argv[1:]
    os.chdir(folder)
    warnings.simplefilter("ignore")
    # What a loader prints goes elsewhere.
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    paths = [line.rstrip("\n") for line in sys.stdin]
    if kind == "protected":
        import fickgate

        fickgate.protect(policy=())
    sys.setrecursionlimit(10_000)
    for path in paths:
        for name, load in LOADERS.items():
            # Others make something else of a file of joblib.
            if path.endswith(".joblib") and name != "joblib":
                continue
            # Some objects are the generator of the process.
            if "numpy" in sys.modules:
                sys.modules["numpy"].random.seed(0)
            try:
                outcome = "loaded " + form_of(load(path))
            except Exception as error:
                # Of what does not load the kind of error is the same, but for a refusal.
                outcome = f"raised {type(error).__name__}"
            print(json.dumps([path, name, outcome]), flush=True, file=told)


if __name__ == "__main__":
    main()
