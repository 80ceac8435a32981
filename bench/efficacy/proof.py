"""Loads malicious files with stubs, as their loader would, and says which imports each of them resolved.

A program of its own (`python proof.py`): one JSON object a line on standard input, `path` and `format`, one answer a
line. A file's loader is CPython's C unpickler over the content that its format gives, or joblib's over arrays.
"""

import io
import json
import pickle
import resource
import signal
import sys
import types
import zipfile

import formats
import stub

REAL = {("joblib.numpy_pickle", "NumpyArrayWrapper"), ("numpy", "dtype"), ("numpy", "ndarray")}


def joblib_unpickler(resolved: stub.Resolved):
    """Joblib's unpickler with stubs for all but its wrapper of arrays, which steps over their bytes."""
    from joblib import numpy_pickle

    # It reads arrays of objects with `pickle.load`.
    def load(file):
        error = resolved.load(file)
        if error:
            raise ValueError(error)

    numpy_pickle.pickle = types.SimpleNamespace(load=load)

    class Stubbed(numpy_pickle.NumpyUnpickler):
        def __init__(self, file):
            super().__init__("", file, ensure_native_byte_order=False)

        def find_class(self, module, name):
            if (module, name) in REAL:
                resolved.names.add((module, name))
                return pickle._Unpickler.find_class(self, module, name)
            return resolved.find_class(module, name)

        def persistent_load(self, identifier):
            return stub.Stub

    return Stubbed


def streams(data: bytes, form: str):
    """What a loader of the format unpickles, with the way it does."""
    if form in formats.CODECS or form == "joblib-compressed":
        data = formats.CODECS[formats.codec_of(data)][1](data)
        form = "joblib" if form == "joblib-compressed" else "pickle"
    if form in ("pickle", "joblib"):
        yield data, form
    elif form == "npy":
        yield formats.npy(data).stream, "pickle"
    elif form == "torch-legacy":
        yield data, "stacked"
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            for name in source.namelist():
                content = source.read(name)
                inner = formats.of(content, name)
                if inner and (form != "torch" or name.endswith("/data.pkl")):
                    yield from streams(content, inner)


def prove(path: str, form: str) -> dict:
    resolved, errors = stub.Resolved(), []
    with open(path, "rb") as file:
        data = file.read()
    for content, way in streams(data, form):
        source = io.BytesIO(content)
        for _ in range(5 if way == "stacked" else 1):
            error = resolved.load(source, make=joblib_unpickler(resolved) if way == "joblib" else None)
            if error:
                errors.append(error)
                break
    return {
        "path": path,
        "imports": sorted(resolved.names),
        "error": errors[0] if errors else None,
        "python": sys.version.split()[0],
    }


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for line in sys.stdin:
        asked = json.loads(line)
        signal.alarm(60)
        try:
            answer = prove(asked["path"], asked["format"])
        except Exception as error:
            answer = {"path": asked["path"], "imports": [], "error": f"{type(error).__name__}: {error}"[:200]}
        signal.alarm(0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
