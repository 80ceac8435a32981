"""What is in force, what it says of a pickle, and of a name that is looked up where no pickle was judged."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Callable, Optional

from . import _native
from .errors import UnsafePickle, UnsafePickleWarning
from .report import Finding

# Names that a load may look up, with what the pickle does with each. None for anything.
Names = Optional[Mapping[tuple[str, str], Sequence[str]]]

# A pickle that breaks off and names nothing has done nothing: the unpickler says what is wrong with it.
_BREAKS = frozenset({"stream-malformed", "stream-ambiguous"})


# Behind the word of a reading: names of Python 2 are looked up as they are written; the program gives buffers, and
# what persistent ids stand for.
AS_WRITTEN = ", as written"
WITH_BUFFERS = ", with buffers"
WITH_IDS = ", with persistent ids"
# The same: there were other pickles before, so that one that breaks off and names nothing may use what they left.
AGAIN = ", again"


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
    """What belongs to a thread: the refusal that came last."""

    def __init__(self) -> None:
        self.refusal: Optional[UnsafePickle] = None


class Message(str):
    """What a message between processes is called, by which it is known to be one."""


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


def judge(pickle: Any, start: int, reading: str, name: str) -> tuple[Names, Optional[int]]:
    """Says which names a pickle may look up, and the offset behind it where it has one; or refuses it.

    `pickle` is bytes or a replayed file, in which it begins at `start`.
    """
    activation = effective()
    if activation is None:
        return None, None
    policy = activation.messages if isinstance(name, Message) else activation.policy
    names, rows, accepted, end = _native.judge_one(policy, pickle, start, reading, _native.file() or name)
    if rows and not accepted:
        findings = tuple(map(Finding.of, rows))
        # What an earlier pickle made, or the program gives, may be what it breaks off at.
        more = any(word in reading for word in (AGAIN, WITH_BUFFERS, WITH_IDS))
        if names or more or any(finding.rule not in _BREAKS for finding in findings):
            activation.refuse(findings)
            return None, end
    moved = [pair for pair in names if _native.resolve(*pair) != pair] if AS_WRITTEN in reading else ()
    if moved:
        module, attribute = moved[0]
        message = f"`{module}.{attribute}` is a name of Python 2, which `fix_imports=False` does not take for another"
        refuse(name, "import-not-allowed", message, "load it without `fix_imports=False`")
    return names, end


def refuse(name: str, rule: str, message: str, help: str) -> None:
    """Refuses a pickle for what is known of it without reading it."""
    activation = effective()
    if activation is not None:
        activation.refuse((_finding(rule, _native.file() or name, "", message, help),))


def outside(module: str, name: str, names: Names, asked: Optional[tuple[str, str]]) -> None:
    """Lets a name in that no judged pickle has, or refuses it.

    An own `find_class` may look for another name than the pickle has: what the pickle does with its own, `asked`,
    decides.
    """
    activation = effective()
    if activation is None or activation.permits_every_use(module, name):
        return
    policy = activation.policy
    called = _native.file() or "<unpickler>"
    uses = names.get(asked) if names and asked else None
    row = policy.refusal(module, name, uses or ["call"], called, asked)
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
    return _finding("import-not-allowed", called, dotted, message, help_)


def _finding(rule: str, called: str, import_: str, message: str, help: str) -> Finding:
    return Finding(
        rule=rule,
        level="error",
        path=called,
        member="",
        offset=None,
        import_=import_,
        reason="refused",
        message=message,
        help=help,
        entry=None,
        snippet=(),
        marked=None,
        allow=None,
    )


def name_of(file: Any) -> str:
    """What an open file is called in messages."""
    called = getattr(file, "name", None)
    return called if isinstance(called, str) and called else "<bytes>"


def loading(name: str, load: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Loads a file: what is refused meanwhile is told with its name."""
    _thread.refusal = None
    return _native.within(name, load, args, options)


def refusal() -> Optional[UnsafePickle]:
    """What was refused last in this thread, since a file began to be loaded."""
    return _thread.refusal
