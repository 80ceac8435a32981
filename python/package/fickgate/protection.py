"""Every unpickling of a process held to a policy, from one line on."""

from __future__ import annotations

import _pickle
import copyreg
import os
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
    started anew by multiprocessing are held to what holds in this one then; forked ones are in any case.

    Where `protect` was called before, `policy=None` and `mode=None` mean what it put in force, and `also_allow` adds
    to it, until the `unprotect` that belongs to this call. Called in a block of `protected`, it does so to the block
    as well, until one of the two ends; what the block added stays there.

    Raises `PolicyError` where the policy cannot be read; then nothing has changed.
    """
    processes.install()
    outer, inside = verdicts.process[-1:], verdicts.innermost()
    activation = _activation(outer[0] if outer else None, policy, also_allow, mode)
    activation.propagate = propagate
    if inside is not None and inside not in outer:
        activation.inner = _activation(inside, policy, also_allow, mode)
        activation.inner.block = inside
    try:
        with _lock:
            verdicts.process.append(activation)
            _turn()
        if activation.inner is not None:
            _note(activation.inner)
    except BaseException:
        with _lock:
            _take_back(activation)
        raise


def unprotect() -> None:
    """Takes back the `protect` that came last. Raises `RuntimeError` where there is none."""
    with _lock:
        if not verdicts.process:
            raise RuntimeError("fickgate.unprotect() without fickgate.protect()")
        _take_back(verdicts.process[-1])


def _take_back(activation: Activation) -> None:
    activation.ended = True
    if activation.inner is not None:
        activation.inner.ended = True
    verdicts.process[:] = [other for other in verdicts.process if not other.over]
    _turn()
    if not _native.active():
        names.restore(_replaced)
        _replaced.clear()


@contextmanager
def protected(
    *,
    policy: Policies = None,
    also_allow: Sequence[str] = (),
    mode: Optional[str] = None,
) -> Iterator[None]:
    """Does for a block what `protect` does for the process.

    What it adds to a protection that holds already is added for this thread or task alone. Where none holds, other
    threads are held to the block's policy as long as it runs: one that was started in it is held to it as well. It may
    end in another thread or context than it began in.
    """
    processes.install()
    activation = _activation(verdicts.innermost(), policy, also_allow, mode)
    try:
        with _lock:
            verdicts.blocks.append(activation)
            _turn()
        _note(activation)
        yield
    finally:
        # It is over from here on, whatever comes in between, and whichever contexts know of it.
        activation.ended = True
        with _lock:
            verdicts.blocks[:] = [block for block in verdicts.blocks if not block.over]
            _turn()
        _note()


def _note(*more: Activation) -> None:
    """Notes what blocks this context has."""
    verdicts.own.set((*(block for block in verdicts.own.get() if not block.over), *more))


def _activation(
    outer: Optional[Activation], policy: Policies, also_allow: Sequence[str], mode: Optional[str]
) -> Activation:
    if mode not in (None, "raise", "warn"):
        raise ValueError(f"mode is 'raise' or 'warn', not {mode!r}")
    warn = outer.warn if outer is not None and mode is None else mode == "warn"
    if outer is not None and policy is None:
        policy = outer.policy
    return Activation(policy_of(policy, also_allow), warn)


def _turn() -> None:
    """Puts everything in its place for what is in force now."""
    everything = [*verdicts.process, *(block for block in verdicts.blocks if not block.over)]
    # An extension code that was looked up before is taken from here without a question.
    copyreg.clear_extension_cache()
    if not everything:
        # What stands for the originals is idle now, and stays for the next block: to look through all modules takes
        # longer than most blocks do. `unprotect` puts the originals back.
        _native.switch(False, False, False)
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
    for spawn in processes.SPAWNS:
        processes.propagate(sys.modules.get(spawn))
    sys.meta_path.insert(0, names.Watch(["pickle", *loaders.LOADERS, *processes.SPAWNS], _imported))
    _installed = True


def _stand_for(original: Any, replacement: Any) -> None:
    _originals.append(original)
    _replacements[id(original)] = replacement


def _imported(package: str) -> None:
    """A package came that loads files in ways of its own, or `pickle` was loaded anew."""
    with _lock:
        if package == "pickle":
            unpicklers.guard_python()
            if _replaced:
                _replaced.extend(names.replace(_replacements, package))
        elif package in processes.SPAWNS:
            processes.propagate(sys.modules.get(package))
        elif _replaced:
            _guard(package)


def _guard(package: str) -> None:
    if package not in sys.modules:
        return
    loaders.guard_own(package)
    for original in loaders.originals(package):
        _stand_for(original, loaders.named(original))
        fresh = {id(original): _replacements[id(original)]}
        _replaced.extend(names.replace(fresh))


def _forked() -> None:
    """Whoever waited for the lock, or had it, is not in the child."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    # No process is forked between two states: what another thread has begun is done first.
    os.register_at_fork(before=lambda: _lock.acquire(), after_in_parent=lambda: _lock.release(), after_in_child=_forked)
