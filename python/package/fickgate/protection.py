"""Every unpickling of a process held to a policy, from one line on."""

from __future__ import annotations

import _pickle
import copyreg
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Optional

from . import _native, loaders, names, processes, unpicklers, verdicts
from .judging import Policies, policy_of
from .verdicts import Activation

_lock = threading.RLock()
_replaced: list[names.Replaced] = []
_replacements: dict[int, Any] = {}
# Originals are kept for as long as their identity is.
_originals: list[Any] = []
_installed = False


def protect(
    *,
    policy: Policies = None,
    also_allow: Sequence[str] = (),
    mode: Optional[str] = None,
    propagate: bool = False,
) -> None:
    """Holds every unpickling of this process to a policy, in all threads, until `unprotect`.

    `policy` and `also_allow` are those of `scan`. `mode`: `"raise"` refuses with `UnsafePickle` before anything is
    imported; `"warn"` says the same as an `UnsafePickleWarning` and goes on. `propagate`: processes that are
    started anew by multiprocessing are held to the same; forked ones are in any case.

    Inside of a protection that holds already, `policy=None` and `mode=None` mean its own, and `also_allow` adds to it,
    until the `unprotect` that belongs to this call.

    Raises `PolicyError` where the policy cannot be read; then nothing has changed.
    """
    activation = _activation(policy, also_allow, mode)
    with _lock:
        verdicts.process.append(activation)
        _turn()
        if propagate:
            processes.propagate(activation)


def unprotect() -> None:
    """Takes back the `protect` that came last. Raises `RuntimeError` where there is none."""
    with _lock:
        if not verdicts.process:
            raise RuntimeError("fickgate.unprotect() without fickgate.protect()")
        verdicts.process.pop()
        _turn()


@contextmanager
def protected(
    *,
    policy: Policies = None,
    also_allow: Sequence[str] = (),
    mode: Optional[str] = None,
) -> Iterator[None]:
    """Does for a block what `protect` does for the process.

    What it adds to a protection that holds already is added for this thread or task alone. Where none holds, other
    threads are held to the block's policy as long as it runs: one that was started in it is held to it as well.
    """
    activation = _activation(policy, also_allow, mode)
    with _lock:
        verdicts.blocks.append(activation)
        _turn()
    token = verdicts.own.set((*verdicts.own.get(), activation))
    try:
        yield
    finally:
        verdicts.own.reset(token)
        with _lock:
            verdicts.blocks.remove(activation)
            _turn()


def _activation(policy: Policies, also_allow: Sequence[str], mode: Optional[str]) -> Activation:
    if mode not in (None, "raise", "warn"):
        raise ValueError(f"mode is 'raise' or 'warn', not {mode!r}")
    if isinstance(also_allow, str):
        raise TypeError("also_allow is a sequence of imports, not one text")
    outer = verdicts.effective()
    warn = outer.warn if outer is not None and mode is None else mode == "warn"
    if outer is not None and policy is None:
        folder, own, files, allow = outer.policy.asked
        return Activation(_native.Policy(folder, own, files, [*allow, *also_allow]), warn)
    return Activation(policy_of(policy, also_allow), warn)


def _turn() -> None:
    """Puts everything in its place for what is in force now."""
    everything = [*verdicts.process, *verdicts.blocks]
    # An extension code that was looked up before is taken from here without a question.
    copyreg.clear_extension_cache()
    if not everything:
        _native.switch(False, False, False)
        names.restore(_replaced)
        _replaced.clear()
        return
    _install()
    values = all(a.policy.permits_every_use(*value) for a in everything for value in _native.values())
    _native.switch(True, any(activation.policy.no_pickles for activation in everything), values)
    if not _replaced:
        unpicklers.adopt()
        _replaced.extend(names.replace(_replacements))
        for package in loaders.LOADERS:
            _guard(package)


def _install() -> None:
    """What is done once, and is idle while nothing is in force: an audit hook cannot be taken away."""
    global _installed
    if _installed:
        return
    every = ("reference", "create", "instantiate", "call", "state", "items", "call-result")
    _native.install(verdicts.judge, verdicts.outside, dict.fromkeys(_native.values(), every))
    sys.addaudithook(_native.audit)
    unpicklers.guard_python()
    loads = _native.Loads(_pickle.loads, "pickle", "<bytes>")
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(loads, attribute, getattr(_pickle.loads, attribute))
    _stand_for(_pickle.loads, loads)
    _stand_for(_pickle.load, unpicklers.Load(_pickle.load))
    _stand_for(_pickle.Unpickler, unpicklers.Unpickler)
    processes.install()
    sys.meta_path.insert(0, names.Watch(["pickle", *loaders.LOADERS], _imported))
    _installed = True


def _stand_for(original: Any, replacement: Any) -> None:
    _originals.append(original)
    _replacements[id(original)] = replacement


def _imported(package: str) -> None:
    """A package came that loads files in ways of its own, or `pickle` was loaded anew."""
    with _lock:
        if package == "pickle":
            unpicklers.guard_python()
            if _native.active():
                _replaced.extend(names.replace(_replacements, package))
        elif _native.active():
            _guard(package)


def _guard(package: str) -> None:
    if package not in sys.modules:
        return
    loaders.guard_own(package)
    for original in loaders.originals(package):
        _stand_for(original, loaders.named(original))
        fresh = {id(original): _replacements[id(original)]}
        _replaced.extend(names.replace(fresh))
