"""Loaders of other packages: what they load is named in what is said, and what they make of a refusal is undone."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any, Callable

from . import _native, unpicklers, verdicts
from .files import path_of

# Packages, and where each keeps the functions that load a file.
LOADERS = {
    "torch": (("torch.serialization", "load"),),
    "numpy": (("numpy", "load"),),
    "joblib": (("joblib.numpy_pickle", "load"),),
    "pandas": (("pandas.io.pickle", "read_pickle"),),
}
# Unpicklers that are written from nothing.
_OWN_UNPICKLERS = (("torch._weights_only_unpickler", "Unpickler"),)


def originals(package: str) -> Iterator[Any]:
    """The functions of a package that load a file, where it has been imported."""
    for module, name in LOADERS[package]:
        found = getattr(sys.modules.get(module), name, None)
        if callable(found) and not hasattr(found, "fickgate"):
            yield found


def guard_own(package: str) -> None:
    """Guards the unpicklers that a package wrote itself."""
    for module, name in _OWN_UNPICKLERS:
        cls = getattr(sys.modules.get(module), name, None)
        if module.partition(".")[0] == package and cls is not None:
            unpicklers.guard_class(cls)


def named(load: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which says what file it loads. A refusal comes out of it as it was raised."""

    @functools.wraps(load)
    def guarded(*args: Any, **options: Any) -> Any:
        if not _native.active():
            return load(*args, **options)
        file = args[0] if args else next(iter(options.values()), None)
        return verdicts.loading(path_of(file), load, args, options)

    guarded.fickgate = True  # type: ignore[attr-defined]
    return guarded
