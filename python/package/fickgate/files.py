"""What an unpickler is given to read, so that what it reads is what was judged."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, Optional, Protocol

from . import _native, verdicts

# Files that show what comes next without moving: what is read of them afterwards is what was shown.
_SHOWING = frozenset({"_io", "io", "gzip", "bz2", "lzma", "zipfile"})
# Bytes of a stream of joblib that are read at first. Twice as many follow as often as that is not enough.
_FIRST = 1 << 18


class Source(Protocol):
    """A file as an unpickler gets it."""

    file: Any
    """What the unpickler reads from in place of the file that it was given."""
    name: str
    """What it is called in messages."""

    def begin(self, reading: str) -> tuple[Any, int, Optional[int]]:
        """Judges the pickle that comes next, and lets the unpickler read that and nothing behind it.

        It is left to be judged where it seems to be data. Gives bytes or a file, where in it the pickle begins, and
        the offset behind it, where it is known.
        """

    def again(self) -> tuple[bytes, bool, bool]:
        """The pickle that comes next, whether it ends with STOP, and whether it means the same whatever came before.

        The unpickler reads that and nothing behind it. None is judged.
        """

    def unjudged(self, reading: str) -> None:
        """Has the unpickler read the pickle that comes next as it is, where nothing is in force."""

    def end(self) -> None:
        """Leaves the file that was given where the pickle ends."""


class Memory:
    """A `BytesIO`: what is in it when a load begins."""

    __slots__ = ("below", "content", "file", "name", "start")

    def __init__(self, file: io.BytesIO) -> None:
        self.below = file
        self.name = verdicts.name_of(file)
        self.file = _native.Feed(self.name)
        self.content = b""
        self.start = 0

    def _take(self) -> None:
        self.content, self.start = content_of(self.below), self.below.tell()
        self.file.give(self.content, self.start)

    def begin(self, reading: str) -> tuple[Any, int, Optional[int]]:
        """Judges the bytes, or leaves them to be judged."""
        self._take()
        end = _native.enter(self.content, self.start, reading, self.name)
        _limit(self.file, end, reading)
        return self.content, self.start, end

    def again(self) -> tuple[bytes, bool, bool]:
        """The bytes of one pickle."""
        self._take()
        pickle, whole, alone = _native.one(self.file, True)
        self.file.give(self.content, self.start)
        self.file.limit(self.start + len(pickle))
        return pickle, whole, alone

    def unjudged(self, reading: str) -> None:
        """All that is in memory."""
        self._take()

    def end(self) -> None:
        """Moves the file behind the pickle."""
        self.below.seek(self.file.tell())


class Ranged:
    """A file that is read by ranges. What was read to judge it is not read again."""

    __slots__ = ("below", "file", "name")

    def __init__(self, file: Any) -> None:
        self.below = file
        self.file = file if isinstance(file, _native.Replay) else _native.Replay(file)
        self.name = verdicts.name_of(file)

    def _place(self) -> int:
        self.file.limit()
        if self.below is not self.file:
            self.file.anew()
            self.file.seek(self.below.tell())
        return self.file.tell()

    def begin(self, reading: str) -> tuple[Any, int, Optional[int]]:
        """Judges the pickle at the position of the file."""
        start = self._place()
        names, end = verdicts.judge(self.file, start, reading, self.name)
        _native.enter_judged(names)
        _limit(self.file, end, reading)
        return self.file.copy(), start, end

    def again(self) -> tuple[bytes, bool, bool]:
        """The bytes of one pickle, which the unpickler is given again."""
        start = self._place()
        self.file.keep(True)
        pickle, whole, alone = _native.one(self.file, True)
        self.file.keep(False)
        self.file.seek(start)
        self.file.limit(start + len(pickle))
        return pickle, whole, alone

    def unjudged(self, reading: str) -> None:
        """All that is in the file."""
        self._place()

    def end(self) -> None:
        """Moves the file behind the pickle."""
        self.file.limit()
        if self.below is not self.file:
            self.file.settle()


class Stream:
    """Anything else that can be read: one pickle is taken off it, and not a byte more."""

    __slots__ = ("below", "content", "file", "name")

    def __init__(self, file: Any) -> None:
        self.below = file
        self.name = verdicts.name_of(file)
        self.file = _native.Feed(self.name)
        self.content = b""

    def begin(self, reading: str) -> tuple[Any, int, Optional[int]]:
        """Takes the pickle off the stream, and judges it or leaves it to be judged."""
        if reading == "joblib":
            return self._judged()
        pickle, _, _ = self.again()
        end = _native.enter(pickle, 0, reading, self.name)
        _limit(self.file, end, reading)
        return pickle, 0, end

    def _judged(self) -> tuple[Any, int, Optional[int]]:
        # Only joblib knows where a pickle of joblib ends: it is the only one in its file. What was not read to judge it
        # is not given to the unpickler.
        content, more = b"", _FIRST
        while True:
            read = self.below.read(more)
            content += read
            more = len(content)
            if not read or _native.ends(content, "joblib"):
                break
        self.content = content
        end = _native.enter(content, 0, "joblib", self.name)
        self.file.give(content, 0)
        return content, 0, end

    def again(self) -> tuple[bytes, bool, bool]:
        """The pickle, taken off the stream."""
        shows = type(self.below).__module__ in _SHOWING and hasattr(self.below, "peek")
        pickle, whole, alone = _native.one(self.below, shows)
        self.file.give(pickle, 0)
        return pickle, whole, alone

    def unjudged(self, reading: str) -> None:
        """The pickle, taken off the stream."""
        if reading == "joblib":
            self.file.give(self.below.read(), 0)
        else:
            self.again()

    def end(self) -> None:
        """Gives back what was taken behind the pickle, of a file of joblib that can be moved."""
        behind, self.content = len(self.content) - self.file.tell(), b""
        if behind > 0 and getattr(self.below, "seekable", bool)():
            self.below.seek(self.below.tell() - behind)


def _limit(file: Any, end: Optional[int], reading: str) -> None:
    # Between the opcodes of joblib there is more than an unpickler reads.
    if end is not None and reading != "joblib":
        file.limit(end)


def content_of(file: io.BytesIO) -> bytes:
    """The bytes of a file in memory, which stay as they are whatever is written to it."""
    content = file.getvalue()
    try:
        # Where nobody has a view of its buffer, these are its bytes, and who writes to it from now on gets others.
        # It is not as long as that, so that nothing is cut off.
        file.truncate(sys.maxsize)
    except BufferError:
        return file.getbuffer().tobytes()
    return content


def part(content: Any, start: int, end: int) -> bytes:
    """Some bytes of what `begin` gave."""
    if isinstance(content, bytes):
        return content[start:end]
    content.seek(start)
    read: bytes = content.read(end - start)
    return read


def source_of(file: Any) -> Source:
    """Chooses how a file is read. Raises `TypeError` for what is no file, as the unpicklers do."""
    if type(file) is io.BytesIO:
        return Memory(file)
    if isinstance(file, _native.Replay):
        return Ranged(file)
    if not (hasattr(file, "read") and hasattr(file, "readline")):
        raise TypeError("file must have 'read' and 'readline' attributes")
    if (_is_real(file) or _is_remote(file)) and file.seekable():
        return Ranged(file)
    return Stream(file)


def _is_real(file: Any) -> bool:
    """Whether it is a file of the system, in which going to and fro costs nothing."""
    inner = getattr(file, "file", file) if type(file).__module__ == "tempfile" else file
    if type(inner) in (io.BufferedReader, io.BufferedRandom):
        inner = inner.raw
    return type(inner) is io.FileIO


def _is_remote(file: Any) -> bool:
    """Whether it is a file of fsspec, in which going to and fro is what it is for."""
    return any(cls.__module__ == "fsspec.spec" for cls in type(file).__mro__)


def path_of(file: Any) -> str:
    """A path as text; of an open file its name."""
    if isinstance(file, (str, os.PathLike)):
        path = os.fspath(file)
        return path if isinstance(path, str) else os.fsdecode(path)
    return verdicts.name_of(file)
