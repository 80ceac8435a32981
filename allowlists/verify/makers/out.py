"""Writes the files of a maker; what a release cannot make is named and left out."""

import importlib
import os
import pathlib
import pickle
import sys
import warnings

warnings.simplefilter("ignore")
os.environ.setdefault("OMP_NUM_THREADS", "1")
FOLDER = pathlib.Path(sys.argv[1])


def section(make):
    """Runs a part of a maker; what stops it is said."""
    try:
        make()
    except Exception as error:
        print("  section left out:", make.__name__, repr(error)[:200])


def sections(*parts):
    """Runs the parts that are called like a package that is there."""
    for part in parts:
        try:
            importlib.import_module(part.__name__)
        except Exception:
            continue
        section(part)


def attempt(name, make, write):
    try:
        write(make(), str(FOLDER / name))
    except Exception as error:  # What a release does not have shows in any way.
        (FOLDER / name).unlink() if (FOLDER / name).exists() else None
        print("  left out: %s: %s: %s" % (name, type(error).__name__, str(error)[:160]), file=sys.stderr)


def put(name, make, protocol=None):
    """A pickle, in the protocol that this Python writes when it is not asked, or in another."""

    def write(value, path):
        with open(path, "wb") as file:
            pickle.dump(value, file, protocol if protocol is not None else pickle.DEFAULT_PROTOCOL)

    attempt(name + ".pkl", make, write)


def joblib(name, make):
    try:
        from joblib import dump
    except ImportError:
        from sklearn.externals.joblib import dump
    attempt(name + ".joblib", make, lambda value, path: dump(value, path))


def torch(name, make):
    from torch import save

    attempt(name + ".pt", make, lambda value, path: save(value, path))


def by(name, make, method="save"):
    """A file that the object writes itself."""
    attempt(name, make, lambda value, path: getattr(value, method)(path))
