"""What Python's unpicklers resolve from bytes, asked in batches over a pipe.

Nothing is imported and nothing is called: `find_class` records the names and returns a stub that
puts up with everything. The extension registry stays as it is, so EXT codes do not resolve.

In:  u32 little-endian number of inputs, then each as u32 length and bytes.
Out: one line of JSON an input, a list of readings: [reading, outcome, imports], where the outcome
     is "ok" or the name of the exception, and an import is [module, name, raw module, raw name].
     The first two are as Python 3 resolves them, and null where the C unpickler alone knows the
     protocol. Lone surrogates are written as \\udXXX.

Readings:
  pure    `pickle._Unpickler`
  c       `_pickle.Unpickler` with the whole input in its buffer, as in `pickle.loads`
  c-file  the same reading through `read` and `readline` alone, as `torch.load` does: frames bound
          its buffer
  c-peek  the same over a file with a small read-ahead, where some frames bound the buffer and
          others do not; with --peek
  *-oob   with out-of-band buffers, where NEXT_BUFFER occurs
"""

import _compat_pickle
import io
import itertools
import json
import os
import pickle
import signal
import struct
import sys
import warnings

try:
    import _pickle
except ImportError:  # PyPy
    _pickle = None

SECONDS = 2.0
MEMORY = 1 << 30


class Timeout(BaseException):
    pass


# Readings begun and ended, and how many had begun at the last tick of the clock.
progress = [0, 0, 0]


def tick(*_):
    """Ends a reading that was already going on at the last tick: between one and two of them long.

    One clock for all, because setting one for each reading took a third of the time.
    """
    late = progress[0] == progress[2] and progress[0] != progress[1]
    progress[2] = progress[0]
    if late:
        raise Timeout


def nothing(*args, **kwargs):
    return None


class Permissive(type):
    """The stub is a class, so that it can be applied by every opcode that applies something."""

    def __call__(cls, *args, **kwargs):
        return cls

    def __iter__(cls):
        return iter(())

    def __getitem__(cls, key):
        return cls

    def __setitem__(cls, key, value):
        pass

    def keys(cls):
        return ()

    items = keys
    append = extend = add = update = __setstate__ = nothing


class Stub(metaclass=Permissive):
    def __new__(cls, *args, **kwargs):
        return Stub


class Pure(pickle._Unpickler):
    def find_class(self, module, name):
        raw = (module, name)
        if self.proto < 3:
            if raw in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[raw]
            elif module in _compat_pickle.IMPORT_MAPPING:
                module = _compat_pickle.IMPORT_MAPPING[module]
        self.found[(module, name) + raw] = None
        return Stub

    def persistent_load(self, pid):
        return Stub


if _pickle is not None:

    class Compiled(_pickle.Unpickler):
        def find_class(self, module, name):
            self.found[(None, None, module, name)] = None
            return Stub

        def persistent_load(self, pid):
            return Stub


def text(name):
    if name is None or not isinstance(name, str):
        return name
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def read(reading, kind, file, buffers=None):
    unpickler = kind(file, encoding="latin1", buffers=buffers)
    unpickler.found = {}
    progress[0] += 1
    try:
        unpickler.load()
        outcome = "ok"
    except Timeout:
        outcome = "Timeout"
    except BaseException as e:
        outcome = type(e).__name__
    progress[1] += 1
    found = [[text(part) for part in names] for names in unpickler.found]
    return [reading, outcome, found]


def buffers():
    return (bytearray(b"out of band") for _ in itertools.count())


def readings(data):
    whole = len(data) + 1
    yield read("pure", Pure, io.BytesIO(data))
    if b"\x97" in data:
        yield read("pure-oob", Pure, io.BytesIO(data), buffers())
    if _pickle is None:
        return
    yield read("c", Compiled, io.BufferedReader(io.BytesIO(data), whole))
    if b"\x97" in data:
        yield read("c-oob", Compiled, io.BufferedReader(io.BytesIO(data), whole), buffers())
    if b"\x95" in data:
        yield read("c-file", Compiled, io.BytesIO(data))
    if b"\x95" in data and "--peek" in sys.argv:
        yield read("c-peek", Compiled, io.BufferedReader(io.BytesIO(data), 16))


def main():
    warnings.simplefilter("ignore")
    if hasattr(signal, "setitimer"):  # not in Pyodide
        signal.signal(signal.SIGALRM, tick)
        signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        import resource

        if _pickle is not None:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except ImportError:
        pass
    source = sys.stdin.buffer
    sink = os.fdopen(os.dup(1), "wb")
    # Whatever an unpickler prints must not get between the answers.
    os.dup2(2, 1)
    sink.write((sys.implementation.name + " " + sys.version.split()[0] + "\n").encode())
    sink.flush()
    while True:
        head = source.read(4)
        if len(head) < 4:
            return
        inputs = []
        for _ in range(struct.unpack("<I", head)[0]):
            (length,) = struct.unpack("<I", source.read(4))
            inputs.append(source.read(length))
        for data in inputs:
            sink.write(json.dumps(list(readings(data))).encode() + b"\n")
        sink.flush()


if __name__ == "__main__":
    main()
