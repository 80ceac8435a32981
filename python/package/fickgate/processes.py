"""Messages between processes: a refused one ends what waits for it, and processes that are started are protected."""

from __future__ import annotations

import _pickle
import functools
import io
import sys
from typing import Any

from . import _native, verdicts
from .errors import UnsafePickle

# Modules that tell a process what it needs before it begins.
SPAWNS = ("multiprocessing.spawn", "joblib.externals.loky.backend.spawn", "loky.backend.spawn")


class _Inert:
    """Stands for whatever a message names: it takes everything, and does nothing."""

    state: Any = None

    def __new__(cls, *args: Any, **options: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None: ...
    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None: ...
    def __call__(self, *args: Any, **options: Any) -> _Inert:
        return self

    def append(self, item: Any) -> None: ...
    def extend(self, items: Any) -> None: ...
    def add(self, item: Any) -> None: ...


class _Skeleton(_pickle.Unpickler):
    """Reads the data of a message, and imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        return _Inert

    def persistent_load(self, pid: Any) -> Any:
        return _Inert()


def install() -> None:
    """Has messages of multiprocessing read by `receive`."""
    from multiprocessing.reduction import ForkingPickler

    pickler: Any = ForkingPickler
    if "fickgate" not in vars(pickler):
        pickler.loads = staticmethod(receive)
        pickler.fickgate = True


def receive(data: Any, /, **options: Any) -> Any:
    """Reads a message. One that is refused becomes the error of the task that it belongs to."""
    loads = _guarded_loads
    if not _native.active():
        return _pickle.loads(data, **options)
    try:
        return loads(data, **options)
    except UnsafePickle as error:
        answer = _answer(sys._getframe(1), data, error)
        if answer is None:
            raise
        return answer


_guarded_loads = _native.Loads(_pickle.loads, "pickle", verdicts.Message("<message>"))


def _answer(frame: Any, data: Any, error: UnsafePickle) -> Any:
    """What a pool takes for the message, so that whoever waits for the task gets the error. None where none waits."""
    for _ in range(4):
        if frame is None:
            return None
        module, function = frame.f_globals.get("__name__"), frame.f_code.co_name
        if module == "multiprocessing.pool" and function == "worker":
            job, index = _skeleton(data)[:2]
            return job, index, fail, (str(error),), {}
        if module == "multiprocessing.pool" and function == "_handle_results":
            job, index = _skeleton(data)[:2]
            return job, index, (False, error)
        if module == "concurrent.futures.process" and function == "_process_worker":
            work = _skeleton(data).state["work_id"]
            return sys.modules[module]._CallItem(work, fail, (str(error),), {})
        if module == "concurrent.futures.process" and function == "wait_result_broken_or_wakeup":
            work = _skeleton(data).state["work_id"]
            return sys.modules[module]._ResultItem(work, exception=error)
        frame = frame.f_back
    return None


def _skeleton(data: Any) -> Any:
    return _Skeleton(io.BytesIO(bytes(data))).load()


def fail(text: str) -> None:
    """The task in place of one whose message was refused."""
    raise UnsafePickle(text)


class _Start:
    """Put into what a process is told before it begins: where it is read, the process protects itself."""

    def __init__(self, activation: verdicts.Activation) -> None:
        self.activation = activation

    def __reduce__(self) -> Any:
        return (start, (*self.activation.policy.parts, self.activation.warn))


def propagate(spawn: Any) -> None:
    """Has a module of `SPAWNS` tell processes to protect themselves, before they run anything of the program."""
    tell: Any = getattr(spawn, "get_preparation_data", None)
    if tell is None or hasattr(tell, "fickgate"):
        return

    @functools.wraps(tell)
    def telling(*args: Any, **options: Any) -> Any:
        data = tell(*args, **options)
        activation = verdicts.propagated()
        if activation is not None:
            data["fickgate"] = _Start(activation)
        return data

    telling.fickgate = True  # type: ignore[attr-defined]
    spawn.get_preparation_data = telling


def start(root: str, texts: _native.Texts, allow: list[str], warn: bool) -> str:
    """Protects this process from the moment on when its work begins: what comes before is how it is started."""
    from multiprocessing.process import BaseProcess

    process: Any = BaseProcess
    bootstrap = process._bootstrap

    def protected(self: Any, *args: Any, **options: Any) -> Any:
        from .protection import protect

        # Processes that this one forks have what holds in it by then.
        process._bootstrap = bootstrap
        policy = _native.Policy.of_texts(root, texts, allow)
        protect(policy=policy, mode="warn" if warn else "raise", propagate=True)
        return bootstrap(self, *args, **options)

    process._bootstrap = protected
    return "told"
