"""Guarded forms of the unpicklers of `pickle`, and of those that other packages made of them."""

from __future__ import annotations

import _pickle
import contextlib
import functools
import io
import sys
import types
from typing import Any, Callable

from . import _native, verdicts
from .files import Source, part, source_of

_SOURCE = "_fickgate_source"
_BEFORE = "_fickgate_before"
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
        if type(file) is io.BytesIO and _native.is_plain(file.getvalue(), file.tell()):
            return self.original(file, **options)
        source = source_of(file)
        source.begin("pickle")
        try:
            return self.original(source.file, **options)
        finally:
            _native.leave()
            source.end()

    def __reduce__(self) -> str:
        """By its name, as the function is pickled."""
        return str(self.original.__name__)


def keep(unpickler: Any, file: Any, source: Source) -> None:
    """Notes what an unpickler reads from. One that keeps its file to read between opcodes is given the same."""
    attributes = unpickler.__dict__
    for name, value in list(attributes.items()):
        if value is file:
            attributes[name] = source.file
    attributes[_SOURCE] = source
    attributes[_BEFORE] = []


def guarded_load(unpickler: Any, load: Callable[[], Any]) -> Any:
    """Loads under the eyes of the judge, where the unpickler was made under them."""
    source = getattr(unpickler, "__dict__", {}).get(_SOURCE)
    if source is None or not _native.active():
        return load()
    before = unpickler.__dict__[_BEFORE]
    if before:
        begin_after(unpickler, source, before)
    else:
        source.begin(reading_of(unpickler))
    content, start = source.mark()
    loaded = False
    try:
        value = load()
        loaded = True
        return value
    finally:
        _native.leave()
        if loaded:
            before.append((content, start, source.mark()[1]))
        else:
            # How far it came is not known, so that nothing is left of it.
            before.clear()
            unpickler.memo = {}
        source.end()


def begin_after(unpickler: Any, source: Source, before: list[tuple[Any, int, int]]) -> None:
    """Judges a pickle of an unpickler that loaded others before, and has in its memo what they made.

    They are read as one: in all but the last the end is a POP.
    """
    rest = source.rest()
    if not rest:
        _native.enter_judged({})
        return
    text = b"".join(part(content, start, end - 1) + b"0" for content, start, end in before) + rest
    _native.enter_judged(verdicts.judge(text, 0, reading_of(unpickler), source.name))


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
    return "pickle" if plain else "torch"


def guard_find_class(cls: Any) -> None:
    """Has a class ask first that looks names up in its own way."""
    own = cls.__dict__.get("find_class")
    if not isinstance(own, types.FunctionType) or hasattr(own, "fickgate"):
        return

    @functools.wraps(own)
    def find_class(self: Any, module: str, name: str) -> Any:
        if not _native.active():
            return own(self, module, name)
        _native.admit(module, name)
        with verdicts.asking(module, name):
            return own(self, module, name)

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
        keep(self, file, source)

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
        keep(self, file, source)

    @functools.wraps(load)
    def guarded(self: Any) -> Any:
        return guarded_load(self, lambda: load(self))

    cls.__init__ = guarded_init
    cls.load = guarded
    cls.fickgate = True
    cls.__init_subclass__ = classmethod(lambda sub, **options: guard_find_class(sub))
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
