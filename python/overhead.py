"""What `fickgate.protect()` costs: `python overhead.py` prints processor time of loads without it and with it.

Times are in milliseconds, the best of five runs in one process, without the cyclic garbage collector. Where torch is
installed, a checkpoint of 1 GB is loaded too. With a word behind, by something else than fickgate:

    fickling   the hook of fickling
    c          an audit hook in C that does nothing: no guard that sees every import can cost less
    builtin    a built-in function as audit hook that does nothing: no hook that Python can add costs less
    function   `pickle.load` and `loads` behind functions that hand on what they get
"""

import atexit
import collections
import ctypes
import datetime
import gc
import io
import operator
import os
import pickle
import sys
import tempfile
import time
from typing import Any, Callable

LOADS = {
    "a million ints": list(range(1_000_000)),
    "200,000 strings": [f"string number {i}" for i in range(200_000)],
    "100,000 dicts": [{"id": i, "name": str(i)} for i in range(100_000)],
    "100,000 ordered dicts": [collections.OrderedDict(a=i) for i in range(100_000)],
    "100,000 dates": [datetime.date(2020, 1, 1 + i % 28) for i in range(100_000)],
}
SMALL = {
    "20,000 loads of data": [{"id": i, "values": [1, 2.5, "x"]} for i in range(20_000)],
    "5,000 loads of an ordered dict": [collections.OrderedDict(a=i) for i in range(5_000)],
}


def cases() -> "dict[str, Callable[[], Any]]":
    """What is measured, by name."""
    whole = {name: pickle.dumps(value) for name, value in LOADS.items()}
    whole["100,000 imports"] = b"\x80\x04(" + b"ccollections\nOrderedDict\n" * 100_000 + b"l."
    small = {name: [pickle.dumps(value) for value in values] for name, values in SMALL.items()}
    made: dict[str, Callable[[], Any]] = {}
    for name, data in whole.items():
        made[name] = lambda data=data: pickle.loads(data)
    for name, many in small.items():
        made[name] = lambda many=many: [pickle.loads(data) for data in many]
    name, many = next(iter(small.items()))
    made[f"{name}, by load"] = lambda: [pickle.load(io.BytesIO(data)) for data in many]
    try:
        import torch
    except ImportError:
        return made
    file = tempfile.NamedTemporaryFile(suffix=".pt", delete=False)  # noqa: SIM115
    atexit.register(os.unlink, file.name)
    torch.save({f"layer.{i}.weight": torch.zeros(5, 1 << 19) for i in range(100)}, file)
    file.close()
    made["1 GB checkpoint"] = lambda: torch.load(file.name, weights_only=False)
    made["1 GB checkpoint, weights only"] = lambda: torch.load(file.name, weights_only=True)
    return made


def best(load: Callable[[], Any]) -> float:
    """Milliseconds of the best run."""
    times = []
    for _ in range(5):
        gc.collect()
        gc.disable()
        begun = time.process_time()
        load()
        times.append(time.process_time() - begun)
        gc.enable()
    return min(times) * 1000


def guard(word: str) -> None:
    """Puts what is measured in its place."""
    if word == "fickgate":
        import fickgate

        fickgate.protect(policy=())
    elif word == "fickling":
        import fickling

        fickling.always_check_safety()
    elif word == "c":
        # It gives 0, which lets everything in, after a look at a flag.
        nothing = ctypes.cast(ctypes.pythonapi.PyErr_CheckSignals, ctypes.c_void_p)
        ctypes.pythonapi.PySys_AddAuditHook(nothing, None)
    elif word == "builtin":
        sys.addaudithook(operator.is_)
    elif word == "function":
        load, loads = pickle.load, pickle.loads
        pickle.load = lambda file, **options: load(file, **options)  # type: ignore[assignment]
        pickle.loads = lambda data, **options: loads(data, **options)  # type: ignore[assignment]
    else:
        raise SystemExit(__doc__)


def main() -> None:
    """Prints a table."""
    measured = cases()
    before = {name: best(load) for name, load in measured.items()}
    guard(*sys.argv[1:] or ["fickgate"])
    print("| | without, ms | with, ms | more |\n|---|---:|---:|---:|")
    for name, load in measured.items():
        try:
            now = best(load)
        except Exception as error:
            print(f"| {name} | {before[name]:.1f} | refused: {type(error).__name__} | |")
            continue
        print(f"| {name} | {before[name]:.1f} | {now:.1f} | {100 * (now / before[name] - 1):.0f}% |")


if __name__ == "__main__":
    main()
