"""A program with a pool, of which a message is refused: `python pool.py KIND METHOD CASE` prints how it ends."""

import concurrent.futures
import multiprocessing
import os
import sys

import fickgate


class Evil:
    """What makes a marker when it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {MARKER}",)


MARKER = os.path.abspath("marker")


def plain(item):
    return item * 2


def gives_evil(item):
    return Evil()


def loads_evil(item):
    import pickle

    pickle.loads(pickle.dumps(Evil()))


def fails(item):
    raise KeyError(item)


def fails_with_a_note(item):
    error = ModuleNotFoundError("no module", name="absent")
    if hasattr(error, "add_note"):
        error.add_note("seen by a worker")
    raise error


def scans(item):
    return fickgate.scan(b"cos\nsystem\n.", policy=()).ok


CASES = {
    "honest": (plain, [1, 2, 3]),
    "evil task": (plain, [1, Evil(), 3]),
    "evil result": (gives_evil, [1]),
    "evil in the worker": (loads_evil, [1]),
    "failure": (fails, [1]),
    "unlisted function": (os.getenv, ["HOME"]),
    "failure with a note": (fails_with_a_note, [1]),
    "report": (scans, [1]),
    "data": (plain, [[1.5], ["text"], [b"bytes"]]),
}


def main():
    kind, method, case = sys.argv[1:]
    function, items = CASES[case]
    own = (plain, gives_evil, loads_evil, fails, fails_with_a_note, scans)
    allowed = [f"{name}.{f.__name__}" for name in ("__main__", "__mp_main__", "pool") for f in own]
    fickgate.protect(policy=(), also_allow=allowed, propagate=True)
    context = multiprocessing.get_context(method)
    try:
        if kind == "pool":
            with context.Pool(2) as pool:
                print("done", pool.map(function, items, chunksize=1))
        elif kind == "apply":
            with context.Pool(2) as pool:
                print("done", [pool.apply_async(function, (item,)).get() for item in items])
        elif kind.startswith("joblib "):
            import joblib
            import pool

            # loky sends functions of `__main__` as code, and those of a module by their names.
            function = getattr(pool, function.__name__)
            parallel = joblib.Parallel(2, backend=kind[len("joblib ") :])
            print("done", parallel(joblib.delayed(function)(item) for item in items))
        else:
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                print("done", list(pool.map(function, items)))
    except fickgate.UnsafePickle as error:
        print("refused", str(error).splitlines()[0])
    except Exception as error:
        print("raised", type(error).__name__)
    print("marker" if os.path.exists(MARKER) else "no marker")


if __name__ == "__main__":
    main()
