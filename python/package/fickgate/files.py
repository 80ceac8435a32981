"""What an unpickler is given to read, so that what it reads is what was judged."""

from __future__ import annotations

import io
import os
from typing import Any, Protocol

from . import _native, verdicts

# Files of the system, in which going to and fro costs nothing.
_REAL = (io.BufferedReader, io.BufferedRandom, io.FileIO)


class Source(Protocol):
    """A file as an unpickler gets it."""

    file: Any
    """What the unpickler reads from in place of the file that it was given."""
    name: str
    """What it is called in messages."""

    def begin(self, reading: str) -> None:
        """Judges the pickle that comes next, or leaves it to be judged when a name of it is looked up."""

    def rest(self) -> bytes:
        """What begins with the pickle that comes next, in place of `begin`."""

    def mark(self) -> tuple[Any, int]:
        """What the unpickler reads from, and where it stands."""

    def end(self) -> None:
        """Leaves the file that was given where the pickle ends."""


class Memory:
    """A `BytesIO`: read as it is."""

    __slots__ = ("file", "name")

    def __init__(self, file: io.BytesIO) -> None:
        self.file = file
        self.name = verdicts.name_of(file)

    def begin(self, reading: str) -> None:
        """Leaves the bytes to be judged."""
        _native.enter(self.file.getvalue(), self.file.tell(), reading, self.name)

    def rest(self) -> bytes:
        """All that follows."""
        return self.file.getvalue()[self.file.tell() :]

    def mark(self) -> tuple[Any, int]:
        """The bytes as they are now."""
        return self.file.getvalue(), self.file.tell()

    def end(self) -> None:
        """The position is right."""


class Ranged:
    """A file that is read by ranges. What was read to judge it is not read again."""

    __slots__ = ("below", "file", "name")

    def __init__(self, file: Any) -> None:
        self.below = file
        self.file = file if isinstance(file, _native.Replay) else _native.Replay(file)
        self.name = verdicts.name_of(file)

    def begin(self, reading: str) -> None:
        """Judges the pickle at the position of the file."""
        if self.below is not self.file:
            self.file.seek(self.below.tell())
        _native.enter_judged(verdicts.judge(self.file, self.file.tell(), reading, self.name))

    def rest(self) -> bytes:
        """All that follows."""
        if self.below is not self.file:
            self.file.seek(self.below.tell())
        at = self.file.tell()
        return part(self.file, at, len(self.file))

    def mark(self) -> tuple[Any, int]:
        """The file, which keeps what was judged."""
        return self.file, self.file.tell()

    def end(self) -> None:
        """Moves the file behind the pickle."""
        if self.below is not self.file:
            self.file.settle()


class Stream:
    """Anything else that can be read: one pickle is taken off it, and not a byte more."""

    __slots__ = ("below", "file", "name", "pickle")

    def __init__(self, file: Any) -> None:
        self.below = file
        self.file = io.BytesIO()
        self.name = verdicts.name_of(file)
        self.pickle = b""

    def begin(self, reading: str) -> None:
        """Takes the pickle off the stream, and leaves it to be judged."""
        # Only joblib knows where a pickle of joblib ends: it is the only one in its file.
        self._take(self.below.read() if reading == "joblib" else _native.one(self.below))
        _native.enter(self.pickle, 0, reading, self.name)

    def _take(self, pickle: bytes) -> None:
        self.pickle = pickle
        self.file.seek(0)
        self.file.truncate()
        self.file.write(pickle)
        self.file.seek(0)

    def rest(self) -> bytes:
        """The pickle, taken off the stream."""
        self._take(_native.one(self.below))
        return self.pickle

    def mark(self) -> tuple[Any, int]:
        """The pickle that was taken last."""
        return self.pickle, self.file.tell()

    def end(self) -> None:
        """Nothing behind the pickle was taken."""


def part(content: Any, start: int, end: int) -> bytes:
    """Some bytes of what `mark` gave."""
    if isinstance(content, bytes):
        return content[start:end]
    before = content.tell()
    content.seek(start)
    read: bytes = content.read(end - start)
    content.seek(before)
    return read


def source_of(file: Any) -> Source:
    """Chooses how a file is read. Raises `TypeError` for what is no file, as the unpicklers do."""
    if type(file) is io.BytesIO:
        return Memory(file)
    if isinstance(file, _native.Replay):
        return Ranged(file)
    if not (hasattr(file, "read") and hasattr(file, "readline")):
        raise TypeError("file must have 'read' and 'readline' attributes")
    inner = getattr(file, "file", file) if type(file).__module__ == "tempfile" else file
    if (type(inner) in _REAL or _is_remote(file)) and file.seekable():
        return Ranged(file)
    return Stream(file)


def _is_remote(file: Any) -> bool:
    """Whether it is a file of fsspec, in which going to and fro is what it is for."""
    return any(cls.__module__ == "fsspec.spec" for cls in type(file).__mro__)


def path_of(file: Any) -> str:
    """A path as text; of an open file its name."""
    if isinstance(file, (str, os.PathLike)):
        path = os.fspath(file)
        return path if isinstance(path, str) else os.fsdecode(path)
    return verdicts.name_of(file)
