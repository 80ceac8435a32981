"""Runs inside one environment: makes things twice, to learn whether what is made is new.

Each import is tried in a child process of its own, with no arguments and with a few plain ones. Where
two makings that are both kept alive give one object, or two objects that share one `__dict__`, the
import hands out what exists already, and state set on it would be seen by the whole process.
Only the standard library, Python 2.7 to 3.14, Unix.
"""

from __future__ import print_function

import os
import resource
import select
import signal
import sys

# Of the processor; the clock allows ten times as much on a busy machine.
SECONDS = 10
ARGUMENTS = [
    (), (None,), ("",), ("a",), ("x", "y"), (0,), (1,), (1, 2), (1.5,), (True,), ((),), ([],), ({},), (b"x",),
    ("NaT",), ("nan",), ("UTC",), ("Europe/Paris",), ("f8",), ("i8",), ("O",), ("D",), ("cpu",), ("abc", 3600), (None, 3600),
    ("2020-01-01",), ("2020-01-01", "D"), ("a", None), (1, 2, 3), ("int64",), ("float64",), ("category",), ("M8[ns]",),
    ("f8", False, True), ("ns",), (1, "D"), ("ns", "UTC"), ("2020-01-01", None, "UTC"), ("python",), ("int64", "left"),
]
# Values of which CPython keeps one each, and which have no attributes to set.
IMMUTABLE = (int, float, complex, bool, bytes, type(""), type(u""), tuple, frozenset, type(None), type)


def measure(found, is_class, called):
    """What was seen: "create=(None,)" where two makings were one"""
    seen = []
    ways = [("call", found)] if called else []
    if is_class:
        ways.append(("create", lambda *args: found.__new__(found, *args)))
    for name, make in ways:
        made = 0
        for arguments in ARGUMENTS:
            try:
                copies = [tuple(_copy(a) for a in arguments) for _ in range(2)]
                result = fresh_of(make, copies)
            except BaseException:
                result = None
            if result is False:
                seen.append(name + "=" + repr(arguments))
                break
            made += result is True
        else:
            if made:
                seen.append(name + "!")
    return seen


def fresh_of(make, copies):
    try:
        one, other = make(*copies[0]), make(*copies[1])
    except BaseException:
        return None
    if one is None or type(one) in IMMUTABLE or isinstance(one, type):
        return None
    # What is given back is no new object either.
    if one is other or any(one is a for a in copies[0]):
        return False
    try:
        mine, yours = one.__dict__, other.__dict__
    except Exception:
        return True
    return not (isinstance(mine, dict) and mine is yours)


def _copy(value):
    return type(value)() if isinstance(value, (list, dict)) else value


def in_child(found, is_class, called):
    """measure() in a child: what is called may hang, crash or print."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            signal.alarm(SECONDS * 10)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            text = "\n".join(measure(found, is_class, called))
            os.write(write, text.encode("ascii", "replace")[:4000])
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    data = b""
    while True:
        ready = select.select([read], [], [], SECONDS * 10 + 5)[0]
        part = os.read(read, 4096) if ready else b""
        if not part:
            break
        data += part
    os.close(read)
    status = os.waitpid(child, 0)[1]
    return data.decode("ascii").split("\n") if data else (["ended with %d" % status] if status else [])
