"""What the writers share: how an object becomes a file and a line of `manifest.jsonl`. Python 2.7 to 3.13."""

from __future__ import print_function

import importlib
import json
import os
import pickle
import random
import sys
import warnings

warnings.simplefilter("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")
FOLDER = sys.argv[1]
SEED = int(sys.argv[2])
# The share of its files that a writer makes: which ones, the seed draws.
SHARE = float(sys.argv[3])
PYTHON = "%d.%d" % sys.version_info[:2]


def seed(text=""):
    """A generator that depends on the run's seed, the interpreter and a name, and on nothing else."""
    return random.Random("%d %s %s" % (SEED, PYTHON, text))


def note(name, form, library, protocol):
    release = getattr(importlib.import_module(library), "__version__", PYTHON) if library != "python" else PYTHON
    with open(os.path.join(FOLDER, "manifest.jsonl"), "a") as file:
        row = {
            "file": name,
            "format": form,
            "library": library,
            "release": str(release),
            "python": PYTHON,
            "protocol": protocol,
        }
        file.write(json.dumps(row, sort_keys=True) + "\n")


def write(name, form, library, protocol, make, save):
    """Makes, saves and notes one file; what a release cannot make is said and left out."""
    path = os.path.join(FOLDER, name)
    if os.path.exists(path) or seed("kept " + name).random() >= SHARE:
        return
    try:
        save(make(), path)
        if os.path.getsize(path) > 3 << 20:
            raise ValueError("over 3 MiB")
    except Exception as error:
        if os.path.exists(path):
            os.remove(path)
        print("left out: %s: %s: %s" % (name, type(error).__name__, str(error)[:160]), file=sys.stderr)
        return
    note(name, form, library, protocol)


def put(name, library, make, protocols=None):
    """Pickles: in the protocol that this Python writes when it is not asked, and in one that the seed draws."""
    highest = pickle.HIGHEST_PROTOCOL
    usual = getattr(pickle, "DEFAULT_PROTOCOL", 0)
    for protocol in protocols or sorted({usual, seed(name).randint(0, highest)}):
        if protocol > highest:
            continue

        def save(value, path):
            with open(path, "wb") as file:
                pickle.dump(value, file, protocol)

        write("%s.p%d.pkl" % (name, protocol), "pickle", library, protocol, make, save)


def joblib(name, library, make, compress=None):
    """Joblib's own file, plain or with one of its codecs: None draws one."""
    try:
        from joblib import dump
    except ImportError:
        from sklearn.externals.joblib import dump
    if compress is None:
        compress = seed(name).choice([0, 0, 0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), 3])
    form = "joblib-compressed" if compress else "joblib"
    write(name + ".joblib", form, library, None, make, lambda value, path: dump(value, path, compress=compress))


def torch(name, library, make, legacy=False, suffix=".pt"):
    from torch import save

    write(
        name + suffix,
        "torch-legacy" if legacy else "torch",
        library,
        2,
        make,
        lambda value, path: save(value, path, _use_new_zipfile_serialization=not legacy),
    )


def by(name, form, library, make, save):
    """A file that the library writes itself."""
    write(name, form, library, None, make, save)


def have(name):
    try:
        importlib.import_module(name)
    except Exception:
        return False
    return True


def sections(*parts):
    """Runs each part whose library is there: a part is a function called like it."""
    for part in parts:
        if have(part.__name__.replace("__", ".")):
            try:
                part()
            except Exception as error:
                print("section left out: %s: %r" % (part.__name__, error), file=sys.stderr)
