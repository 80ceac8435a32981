"""What is in force, what it says of a pickle, and of a name that is looked up where no pickle was judged."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Optional

from . import _native
from .errors import UnsafePickle, UnsafePickleWarning
from .report import Finding

# Names that a load may look up, with what the pickle does with each. None for anything.
Names = Optional[Mapping[tuple[str, str], Sequence[str]]]

# A pickle that breaks off and names nothing has done nothing: the unpickler says what is wrong with it.
_BREAKS = frozenset({"stream-malformed", "stream-ambiguous"})


class Activation:
    """A policy in force, and what becomes of what it refuses."""

    def __init__(self, policy: _native.Policy, warn: bool) -> None:
        self.policy = policy
        self.warn = warn
        self.open: dict[tuple[str, str], bool] = {}
        self._messages: Optional[_native.Policy] = None

    def refuse(self, findings: tuple[Finding, ...]) -> None:
        """Raises, or warns."""
        error = UnsafePickle.of(findings)
        if not self.warn:
            _thread.refusal = error
            raise error
        warnings.warn(UnsafePickleWarning(str(error)), stacklevel=3)

    def permits_every_use(self, module: str, name: str) -> bool:
        """Whether a name may be let in unseen."""
        known = self.open.get((module, name))
        if known is None:
            known = self.policy.permits_every_use(module, name)
            if len(self.open) < 10_000:
                self.open[module, name] = known
        return known

    @property
    def messages(self) -> _native.Policy:
        """The policy, and what multiprocessing itself writes into messages."""
        if self._messages is None:
            self._messages = self.policy.for_messages()
        return self._messages


class _Thread(threading.local):
    """What belongs to a thread: files that are loaded, names that own `find_class` were asked for, a refusal."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.pairs: list[tuple[str, str]] = []
        self.refusal: Optional[UnsafePickle] = None
        self.message = False


_thread = _Thread()
# What `protect` put in force for the process, what blocks did anywhere, and what they did for this context.
process: list[Activation] = []
blocks: list[Activation] = []
own: ContextVar[tuple[Activation, ...]] = ContextVar("fickgate", default=())


def effective() -> Optional[Activation]:
    """What holds here: the innermost block of this context, what holds for the process, a block that another runs."""
    mine = own.get()
    if mine:
        return mine[-1]
    if process:
        return process[-1]
    return blocks[-1] if blocks else None


def judge(pickle: Any, start: int, reading: str, name: str) -> Names:
    """Says which names a pickle may look up, or refuses it.

    `pickle` is bytes or a replayed file, in which it begins at `start`.
    """
    activation = effective()
    if activation is None:
        return None
    policy = activation.messages if _thread.message else activation.policy
    called = _thread.files[-1] if _thread.files else name
    names, rows, accepted = _native.judge_one(policy, pickle, start, reading, called)
    if rows and not accepted:
        findings = tuple(map(Finding.of, rows))
        if names or any(finding.rule not in _BREAKS for finding in findings):
            activation.refuse(findings)
            return None
    return names


def outside(module: str, name: str, names: Names) -> None:
    """Lets a name in that no judged pickle has, or refuses it.

    An own `find_class` may look for another name than the pickle has: what the pickle does with its own decides.
    """
    activation = effective()
    if activation is None or activation.permits_every_use(module, name):
        return
    policy = activation.messages if _thread.message else activation.policy
    called = _thread.files[-1] if _thread.files else "<unpickler>"
    asked = _thread.pairs[-1] if _thread.pairs else None
    uses = names.get(asked) if names and asked else None
    row = policy.refusal(module, name, uses or ["call"], called)
    if row is None and uses:
        return
    finding = Finding.of(row) if row is not None else _unseen(module, name, called)
    activation.refuse((finding,))


def _unseen(module: str, name: str, called: str) -> Finding:
    dotted = f"{module}.{name}"
    message = (
        f"`{dotted}` is looked up by an unpickler whose pickle was not seen, and is not safe whatever is done with it"
    )
    help_ = (
        "load through pickle.load, pickle.loads or pickle.Unpickler as they are after fickgate.protect(), so that the "
        f"pickle is judged; or fickgate.protect(also_allow=['{dotted}']) where every use of it is meant"
    )
    return Finding(
        rule="import-not-allowed",
        level="error",
        path=called,
        member="",
        offset=None,
        import_=dotted,
        reason="refused",
        message=message,
        help=help_,
        entry=None,
        snippet=(),
        marked=None,
        allow=None,
    )


def name_of(file: Any) -> str:
    """What an open file is called in messages."""
    called = getattr(file, "name", None)
    return called if isinstance(called, str) and called else "<bytes>"


@contextmanager
def loading(name: str) -> Iterator[None]:
    """A file is being loaded: what is refused meanwhile is told with its name."""
    _thread.files.append(name)
    _thread.refusal = None
    try:
        yield
    finally:
        _thread.files.pop()


def refusal() -> Optional[UnsafePickle]:
    """What was refused last in this thread, since a file began to be loaded."""
    return _thread.refusal


@contextmanager
def asking(module: str, name: str) -> Iterator[None]:
    """An own `find_class` looks for a name, and may ask for another in its place."""
    _thread.pairs.append((module, name))
    try:
        yield
    finally:
        _thread.pairs.pop()


@contextmanager
def message() -> Iterator[None]:
    """A message between processes is being read."""
    before, _thread.message = _thread.message, True
    try:
        yield
    finally:
        _thread.message = before
