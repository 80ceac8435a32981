"""Guarded forms of the unpicklers of `pickle`, and of those that other packages made of them."""

from __future__ import annotations

import _pickle
import contextlib
import functools
import io
import sys
import types
from typing import Any, Callable, Optional

from . import _native, verdicts
from .files import Source, part, source_of

_SOURCE = "_fickgate_source"
_BEFORE = "_fickgate_before"
# Most bytes that are read once more for the sake of later pickles, where they are more than eight times all of them;
# most bytes and pickles that are kept for that.
_REREAD = 16 << 20
_KEPT = 256 << 20
_PARTS = 100_000
# What raises, in place of a way to find persistent ids, of each copy of `pickle` that was guarded.
_no_persistent_load: list[Any] = []


class Load:
    """`pickle.load`, guarded. No function, so that it stays itself as an attribute of a class."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self.original = original
        functools.update_wrapper(self, original)

    def __call__(self, file: Any, **options: Any) -> Any:
        """Judges the pickle that comes next in the file, then loads it."""
        if not _native.active():
            return self.original(file, **options)
        if type(file) is io.BytesIO:
            if _native.is_plain(file.getvalue(), file.tell()):
                return self.original(file, **options)
        # A whole pickle in the buffer of a file; the unpickler takes it from there.
        elif type(file) is io.BufferedReader and type(file.raw) is io.FileIO and _native.is_plain(file.peek(), 0, True):
            return self.original(file, **options)
        source = source_of(file)
        try:
            return _native.during(
                lambda: source.begin(_native.read_with("pickle", options)),
                lambda: self.original(source.file, **options),
            )
        finally:
            source.end()

    def __reduce__(self) -> str:
        """By its name, as the function is pickled."""
        return str(self.original.__name__)


def keep(unpickler: Any, file: Any, source: Source, options: dict[str, Any]) -> None:
    """Notes what an unpickler reads from. One that keeps its file to read between opcodes is given the same."""
    attributes = unpickler.__dict__
    for name, value in list(attributes.items()):
        if value is file:
            attributes[name] = source.file
    attributes[_SOURCE] = source
    attributes[_BEFORE] = _Before(options)


def guarded_load(unpickler: Any, load: Callable[[], Any]) -> Any:
    """Loads under the eyes of the judge, where the unpickler was made under them."""
    source = getattr(unpickler, "__dict__", {}).get(_SOURCE)
    if source is None:
        return load()
    before = unpickler.__dict__[_BEFORE]
    try:
        if not _native.active():
            # It was made under protection, and still reads from what stands for its file.
            before.unjudged()
            source.unjudged(reading_of(unpickler))
            return load()
        value = _native.during(lambda: before.begin(source, reading_of(unpickler)), load)
        before.ended()
        return value
    finally:
        source.end()


class _Before:
    """Pickles that an unpickler loaded before, and has in its memo what they made."""

    __slots__ = ("began", "judged", "kept", "lost", "options", "parts", "under_way")

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.began = False
        # The load that is under way, which may not come to its end.
        self.under_way: Optional[tuple[Any, int, Optional[int]]] = None
        # Of each: bytes or a file, where in it the pickle begins, and the offset behind it.
        self.parts: list[tuple[Any, int, int]] = []
        # Bytes of them, and how many were read once more for the sake of later ones.
        self.kept = 0
        self.judged = 0
        self.lost = False

    def begin(self, source: Source, reading: str) -> None:
        """Judges the pickle that comes next."""
        reading = _native.read_with(reading, self.options)
        if self.under_way is not None:
            # What an unpickler has in its buffer then nobody judged for where it stands now.
            message = "it is read by an unpickler whose last load did not come to the end of its pickle"
            verdicts.refuse(source.name, "stream-malformed", message, "make a new unpickler for what follows")
        if not self.began:
            self.under_way = source, 0, None
            content, start, end = self.under_way = source.begin(reading)
            self.began = start < len(content)
            if not self.began:
                self.under_way = None
            return
        pickle, whole, alone = source.again()
        if not pickle:
            # There is nothing to load, now.
            _native.enter_judged({})
            return
        self.under_way = pickle, 0, None
        if alone:
            self.under_way = pickle, 0, _native.enter(pickle, 0, reading + verdicts.AGAIN, source.name)
            return
        # They are read as one: in all but the last the end is a POP, and each begins with protocol 0.
        self.judged += self.kept + len(pickle)
        if self.lost or self.judged > max(_REREAD, 8 * (self.kept + len(pickle))):
            message = "it uses values of pickles that the same unpickler loaded before, of which there are too many"
            verdicts.refuse(
                source.name,
                "resource-limit",
                message,
                "write them with a pickler each, and load with an unpickler each",
            )
            _native.enter_judged(None)
            return
        text = b"".join(part(content, start, end - 1) + b"0\x80\0" for content, start, end in self.parts)
        names, end = verdicts.judge(text + pickle, 0, reading, source.name)
        _native.enter_judged(names)
        self.under_way = pickle, 0, len(pickle) if whole and end == len(text) + len(pickle) else None

    def unjudged(self) -> None:
        """A load begins that nobody judges: what it leaves in the memo is not known."""
        self.began = self.lost = True
        self.parts.clear()

    def ended(self) -> None:
        """The load came to the end of its pickle."""
        if self.under_way is None:
            return
        content, start, end = self.under_way
        if end is None:
            # It is not known where it ended.
            return
        self.parts.append((content, start, end))
        self.kept += end - start
        if self.kept > _KEPT or len(self.parts) > _PARTS:
            self.lost = True
            self.parts.clear()
        self.under_way = None


def reading_of(unpickler: Any) -> str:
    """The loader whose rules the pickle is read by."""
    for cls in type(unpickler).__mro__:
        if cls.__name__ == "NumpyUnpickler" and "joblib" in cls.__module__:
            return "joblib"
    persistent_load = getattr(unpickler, "persistent_load", None)
    plain = (
        persistent_load is None
        or isinstance(persistent_load, types.BuiltinMethodType)
        or getattr(persistent_load, "__func__", None) in _no_persistent_load
    )
    if plain:
        return "pickle"
    # torch's are read as torch reads them; what a program's own give is the program's.
    of = getattr(persistent_load, "__module__", None)
    return "torch" if isinstance(of, str) and of.partition(".")[0] == "torch" else "torch" + verdicts.WITH_IDS


def guard_find_class(cls: Any) -> None:
    """Has a class ask first that looks names up in its own way."""
    own = cls.__dict__.get("find_class")
    if not isinstance(own, types.FunctionType) or hasattr(own, "fickgate"):
        return

    @functools.wraps(own)
    def find_class(self: Any, module: str, name: str) -> Any:
        return _native.ask(own, self, module, name)

    find_class.fickgate = True  # type: ignore[attr-defined]
    cls.find_class = find_class


class Layer(_pickle.Unpickler):
    """What is put between the C unpickler and classes made of it."""

    __slots__ = ()

    def __init__(self, file: Any, **options: Any) -> None:
        if not _native.active():
            super().__init__(file, **options)
            return
        source = source_of(file)
        super().__init__(source.file, **options)
        keep(self, file, source, options)

    def load(self) -> Any:
        """Judges the pickle that comes next, then loads it."""
        return guarded_load(self, super().load)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        guard_find_class(cls)


class Unpickler(Layer):
    """`pickle.Unpickler`, guarded."""


Unpickler.__module__ = _pickle.Unpickler.__module__
Unpickler.__doc__ = _pickle.Unpickler.__doc__


def guard_class(cls: Any) -> None:
    """Guards an unpickler that is written in Python, and the classes made of it."""
    if "fickgate" in cls.__dict__:
        return
    init, load = cls.__init__, cls.load

    @functools.wraps(init)
    def guarded_init(self: Any, file: Any, *args: Any, **options: Any) -> None:
        # Of a chain of constructors the first one that sees the file wraps it.
        if not _native.active():
            init(self, file, *args, **options)
            return
        source = source_of(file)
        init(self, source.file, *args, **options)
        keep(self, file, source, options)

    @functools.wraps(load)
    def guarded(self: Any) -> Any:
        return guarded_load(self, lambda: load(self))

    cls.__init__ = guarded_init
    cls.load = guarded
    cls.fickgate = True

    def init_subclass(sub: Any, /, **options: Any) -> None:
        super(cls, sub).__init_subclass__(**options)
        guard_find_class(sub)

    cls.__init_subclass__ = classmethod(init_subclass)
    guard_subclasses(cls)


def guard_subclasses(cls: Any) -> None:
    """Has classes that were made of an unpickler before ask first."""
    for sub in type.__subclasses__(cls):
        guard_find_class(sub)
        guard_subclasses(sub)


def adopt() -> None:
    """Puts the layer between the C unpickler and classes that were made of it before."""
    for sub in type.__subclasses__(_pickle.Unpickler):
        if sub is Layer or _pickle.Unpickler not in sub.__bases__ or sub.__module__.startswith("fickgate."):
            continue
        # Without a place to note what it reads from it stays as it is, and so it does of another layout: its own
        # `find_class` asks, and the audit hook sees the rest.
        if not sub.__dictoffset__:
            guard_find_class(sub)
            guard_subclasses(sub)
            continue
        bases = tuple(Layer if base is _pickle.Unpickler else base for base in sub.__bases__)
        with contextlib.suppress(TypeError):
            sub.__bases__ = bases
        guard_find_class(sub)
        guard_subclasses(sub)


def guard_python() -> None:
    """Guards `pickle._Unpickler`, as it is now."""
    cls: Any = sys.modules["pickle"]._Unpickler
    if "fickgate" not in cls.__dict__:
        _no_persistent_load.append(cls.persistent_load)
        guard_class(cls)
