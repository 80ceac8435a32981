"""fickling, two ways of its manual: `check-safety` (static analysis) and `ml` (the hook that allows imports of a list).

`check-safety` does what `fickling --check-safety` does for a pickle, and `scan_zip_archive` for an archive. `ml` is the
unpickler that `activate_safe_ml_environment` puts in the place of pickle's, with the imports that its list allows
replaced by stubs, so that nothing is run: whoever opens a file with gzip, torch or numpy gets to it.
"""

import codecs
import io
import pickle
import sys

import serve

FOLDER = sys.path.pop(0)
from fickling import fickle, loader  # noqa: E402
from fickling.analysis import Severity, check_safety  # noqa: E402
from fickling.exception import UnsafeFileError  # noqa: E402
from fickling.ml import FicklingMLUnpickler  # noqa: E402

sys.path.append(FOLDER + "/..")
import proof  # noqa: E402
import stub  # noqa: E402


def checked(path, form):
    if form in ("torch", "npz", "zip"):
        results = loader.scan_zip_archive(path)
        if not results:
            return "unread", "no member with a suffix of pickles"
        worst = max(result.severity for result in results.values())
    else:
        with open(path, "rb") as file:
            stacked = fickle.StackedPickle.load(file, fail_on_decode_error=False)
        worst = max(check_safety(pickled).severity for pickled in stacked)
    return ("refused", worst.name) if worst > Severity.LIKELY_SAFE else ("passed", "")


class Stubbed(pickle.Unpickler):
    """Stubs for what the list allows. The one of torch that reads bytes would come back to the hook with them."""

    def find_class(self, module, name):
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return lambda data: load(io.BytesIO(data), 5)
        if (module, name) == ("_codecs", "encode"):
            # How protocol 2 spells the bytes that the former is given.
            return codecs.encode
        return stub.Stub


class Listed(FicklingMLUnpickler, Stubbed):
    """fickling's unpickler, whose base finds stubs in the place of what the list allows."""

    def persistent_load(self, identifier):
        return stub.Stub


def load(source, pickles):
    """Up to so many pickles one behind the other, as torch's older layout has them."""
    size = len(source.getbuffer())
    for _ in range(pickles):
        if source.tell() < size:
            Listed(source, encoding="latin1").load()


def listed(path, form):
    with open(path, "rb") as file:
        data = file.read()
    for content, way in proof.streams(data, form):
        if way != "joblib":
            try:
                load(io.BytesIO(content), 5 if way == "stacked" else 1)
            except UnsafeFileError as error:
                return "refused", error
    return "passed", ""


if "ml" in sys.argv[1:]:
    # Joblib has an unpickler of its own, which the hook does not reach; lz4 and zstd are opened by joblib and pandas.
    serve.serve(listed, ("pickle", "torch", "torch-legacy", "npy", "npz", "zip", "gzip", "bz2", "xz", "lzma", "zlib"))
else:
    serve.serve(checked, ("pickle", "torch", "torch-legacy", "npz", "zip"))
