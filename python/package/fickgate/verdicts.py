"""What is in force, what it says of a pickle, and of a name that is looked up where no pickle was judged."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pickle import UnpicklingError
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

    def __init__(self, policy: _native.Policy, warn: bool, propagate: bool = False) -> None:
        self.policy = policy
        self.warn = warn
        self.propagate = propagate
        # Has ended, though some context may still know of it.
        self.ended = False
        # What `protect` called in a block does there, and the block that it cannot outlast.
        self.inner: Optional[Activation] = None
        self.block: Optional[Activation] = None
        self.open: dict[tuple[str, str], bool] = {}
        self._messages: Optional[_native.Policy] = None

    @property
    def over(self) -> bool:
        """Whether it holds no more."""
        return self.ended or (self.block is not None and self.block.over)

    def refuse(self, findings: tuple[Finding, ...]) -> None:
        """Raises, or warns."""
        error = UnsafePickle.of(findings)
        if not self.warn:
            if _native.file() is not None:
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
    """What belongs to a thread: what was refused of the file that it loads."""

    def __init__(self) -> None:
        self.refusal: Optional[UnsafePickle] = None


class Message(str):
    """What a message between processes is called, by which it is known to be one."""


_thread = _Thread()
# What `protect` put in force for the process, what blocks did anywhere, and what they did for this context.
process: list[Activation] = []
blocks: list[Activation] = []
own: ContextVar[tuple[Activation, ...]] = ContextVar("fickgate", default=())


def innermost() -> Optional[Activation]:
    """What this context is inside of: its innermost block, or what holds for the process."""
    for mine in reversed(own.get()):
        if not mine.over:
            return mine
    # Taken out by a slice: another thread may take the last one back meanwhile.
    held = process[-1:]
    return held[0] if held else None


def effective() -> Sequence[Activation]:
    """What holds here. Outside of all, that is every block that another thread runs, each of which has to permit."""
    inside = innermost()
    return [block for block in blocks if not block.over] if inside is None else (inside,)


def propagated() -> Optional[Activation]:
    """What holds for processes that are started anew: what does for this one, if any of it is to be carried on."""
    held = process[:]
    return held[-1] if any(activation.propagate for activation in held) else None


def judge(pickle: Any, start: int, reading: str, name: str) -> tuple[Names, Optional[int]]:
    """Says which names a pickle may look up, and the offset behind it where it has one; or refuses it.

    `pickle` is bytes or a replayed file, in which it begins at `start`.
    """
    called = _native.file() or name
    # What an earlier pickle made, or the program gives, may be what it breaks off at.
    more = any(word in reading for word in (AGAIN, WITH_BUFFERS, WITH_IDS))
    let_in: Names = None
    end: Optional[int] = None
    refused = False
    for activation in effective():
        policy = activation.messages if isinstance(name, Message) else activation.policy
        let_in, rows, accepted, end = _native.judge_one(policy, pickle, start, reading, called)
        if rows and not accepted:
            findings = tuple(map(Finding.of, rows))
            if let_in or more or any(finding.rule not in _BREAKS for finding in findings):
                activation.refuse(findings)
                refused = True
    if refused:
        # What was warned of is loaded all the same, whatever it looks up.
        return None, end
    moved = [pair for pair in let_in or () if _native.resolve(*pair) != pair] if AS_WRITTEN in reading else ()
    if moved:
        module, attribute = moved[0]
        message = f"`{module}.{attribute}` is a name of Python 2, which `fix_imports=False` does not take for another"
        refuse(name, "import-not-allowed", message, "load it without `fix_imports=False`")
    return let_in, end


def refuse(name: str, rule: str, message: str, help: str) -> None:
    """Refuses a pickle for what is known of it without reading it."""
    finding = _finding(rule, _native.file() or name, "", message, help)
    for activation in effective():
        activation.refuse((finding,))


def outside(module: str, name: str, names: Names, asked: Optional[tuple[str, str]]) -> None:
    """Lets a name in that no judged pickle has, or refuses it.

    An own `find_class` may look for another name than the pickle has: what the pickle does with its own, `asked`,
    decides.
    """
    called = _native.file() or "<unpickler>"
    uses = names.get(asked) if names and asked else None
    for activation in effective():
        if activation.permits_every_use(module, name):
            continue
        row = activation.policy.refusal(module, name, uses or ["call"], called, asked)
        if row is not None or not uses:
            activation.refuse((Finding.of(row) if row is not None else _unseen(module, name, called),))


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
    """What an open file is called in messages, and by entries of the policy that are for some paths.

    Its name, if the file lies there. A member of an archive is called as whoever made the archive likes, so that its
    name stands in brackets, and without a folder.
    """
    called = getattr(file, "name", None)
    if not isinstance(called, str) or not called:
        return "<bytes>"
    if called == "<stdin>":
        return called
    try:
        if os.path.samestat(os.fstat(file.fileno()), os.stat(called)):
            return called
    except Exception:
        # It is no file of the system, or none any more.
        pass
    return f"<{os.path.basename(called)}>"


def loading(name: str, load: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Loads a file: what is refused meanwhile is told with its name, and comes out as it was raised."""
    _thread.refusal = None
    try:
        return _native.within(name, load, args, options)
    except UnsafePickle:
        raise
    except UnpicklingError:
        # torch puts words of its own in the place of what an unpickler raised.
        refused = _thread.refusal
        if refused is None:
            raise
        raise refused from None
    finally:
        # An error keeps what was refused in memory.
        _thread.refusal = None
