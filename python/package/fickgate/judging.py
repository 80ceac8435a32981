"""The same judge as a function, and loading of what it permits."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Optional, Union

from . import _native, verdicts
from .report import Report

PathLike = Union[str, "os.PathLike[str]"]
Policies = Union[None, PathLike, Sequence[PathLike], _native.Policy]


def read_policy(policy: Policies = None, *, also_allow: Sequence[str] = ()) -> _native.Policy:
    """Reads a policy once, for `policy=` of many calls. It can be pickled, for processes that have none of its files.

    `policy` and `also_allow` are those of `scan`. Raises `fickgate.PolicyError` where a policy cannot be read.
    """
    return policy_of(policy, also_allow)


def policy_of(policy: Policies, also_allow: Sequence[str] = ()) -> _native.Policy:
    """Finds and reads a policy.

    `policy`: `None` for the repository's own, found from the working directory; one policy file or several, later ones
    above earlier ones, instead of the repository's; an empty sequence for the built-in list alone. `also_allow`:
    imports (`module.name`) that are allowed as they are, above all of that.

    Raises `fickgate.PolicyError` where a policy cannot be read.
    """
    if isinstance(also_allow, str):
        raise TypeError("also_allow is a sequence of imports, not one text")
    if isinstance(policy, _native.Policy):
        return policy.adding(list(also_allow)) if also_allow else policy
    if policy is None:
        return _native.Policy(os.getcwd(), True, [], list(also_allow))
    files = [policy] if isinstance(policy, (str, os.PathLike)) else list(policy)
    return _native.Policy(os.getcwd(), False, files, list(also_allow))


def content_of(source: Any) -> Union[_native.Replay, bytes, PathLike]:
    """Bytes, a path, or a file object that is read by ranges where it can be."""
    if isinstance(source, (str, os.PathLike, _native.Replay)):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _exactly(source)
    if not hasattr(source, "read"):
        raise TypeError(f"a path, bytes or a binary file object is wanted, not {type(source).__name__}")
    if hasattr(source, "seekable") and source.seekable():
        at = source.tell()
        replay = _native.Replay(source)
        # A device, and a file that the system makes up as it is read, say that they are empty.
        source.seek(len(replay))
        longer = source.read(1)
        source.seek(at)
        if longer:
            raise OSError(f"{name_of(source)} is longer than it says: scan what its read() gives, if that ends")
        return replay
    content = source.read()
    if not isinstance(content, bytes):
        raise TypeError("read() of the file did not give bytes: open it with mode 'rb'")
    return _exactly(content)


def _exactly(content: Union[bytes, bytearray, memoryview]) -> bytes:
    """The bytes that whoever loads them gets: a class made of `bytes` may show others than it holds."""
    return content if type(content) is bytes else bytes(memoryview(content))


def scan(
    source: Union[PathLike, bytes, bytearray, memoryview, Any],
    *,
    policy: Policies = None,
    also_allow: Sequence[str] = (),
    name: Optional[PathLike] = None,
) -> Report:
    """Says what loading a file would import and call, and what the policy says of that, as `fickgate FILE` does.

    `source` is a path, bytes, or a binary file object. One with `seek` is read by ranges, wherever it stands, and is
    left where it stood: of a checkpoint of 10 GB its directory and its pickles are read. `name` is the path that the
    policy and the report know it by; by default the path, the file's `name`, or `<bytes>`. The interpreter is free for
    other threads meanwhile.

    Raises `OSError` where the content cannot be read, `fickgate.PolicyError` where a policy cannot.
    """
    if isinstance(source, (str, os.PathLike)):
        # An error of the system names the file.
        os.stat(source)
    judged = policy_of(policy, also_allow)
    content = content_of(source)
    called = name if name is not None else name_of(source)
    row = _native.scan(judged, content, called)
    if isinstance(content, _native.Replay) and content is not source:
        content.settle()
    return Report.of(row)


def scan_all(
    sources: Iterable[Union[PathLike, Any]],
    *,
    policy: Policies = None,
    also_allow: Sequence[str] = (),
    open: Optional[Callable[[Any], Any]] = None,
) -> Iterator[Report]:
    """Scans one file after the other, and gives a report of each, of those that cannot be read as well.

    `sources` are paths, or whatever `open` makes a binary file object of, such as the addresses of an object store:
    `open=lambda url: fs.open(url, cache_type="none")`. A file that cannot be opened or read gives a report with the
    verdict `failed`, so that a job over many files neither ends at one nor loses it. The policy is read once.

    Raises `fickgate.PolicyError` where a policy cannot be read.
    """
    judged = policy_of(policy, also_allow)
    yield from (_scanned(source, judged, open) for source in sources)


def _scanned(source: Any, policy: _native.Policy, open: Optional[Callable[[Any], Any]]) -> Report:
    try:
        if open is None:
            return scan(source, policy=policy)
        with open(source) as file:
            return scan(file, policy=policy, name=source)
    except (OSError, RuntimeError) as error:
        return Report.failed(os.fspath(source), f"cannot be read: {error}")


def name_of(source: Any) -> PathLike:
    """What a file is called in messages."""
    if isinstance(source, (str, os.PathLike)):
        return source
    return verdicts.name_of(source)


def load(
    source: Union[PathLike, bytes, bytearray, memoryview, Any],
    *,
    policy: Policies = None,
    also_allow: Sequence[str] = (),
    name: Optional[PathLike] = None,
    loader: Optional[Callable[[Any], Any]] = None,
) -> Any:
    """Judges a file as `scan` does, then loads it from the same bytes.

    Where a protection holds, `policy=None` means its own, `also_allow` adds to it for this load, and its `mode` decides
    what becomes of a refusal.

    What was read to judge it is not read again: a file that somebody writes to meanwhile gives what was judged, or
    fails. `loader` is called with a binary file object at the beginning of the content: `pickle.load` by default;
    `torch.load`, `joblib.load`, `pandas.read_pickle` and whatever else takes an open file will do.

    Raises `UnsafePickle` where the policy refuses the file, before anything is imported; what `scan` raises; and
    whatever the loader does.
    """
    outer = verdicts.innermost()
    judged = policy_of(outer.policy if outer is not None and policy is None else policy, also_allow)
    with ExitStack() as stack:
        called = name if name is not None else name_of(source)
        if isinstance(source, (str, os.PathLike)):
            source = stack.enter_context(open(source, "rb"))
        content = content_of(source)
        report = scan(content, policy=judged, name=called)
        if report.errors:
            verdicts.Activation(judged, outer is not None and outer.warn).refuse(report.errors)
        if loader is None:
            # As it is now: what was taken before a protection is not seen by it.
            loader = pickle.load
        file: Any = content
        if isinstance(content, bytes):
            file = io.BytesIO(content)
        else:
            file.seek(0)
        if outer is not None:
            from .protection import protected

            stack.enter_context(protected(policy=judged))
        # Where a protection holds it judges by the same name.
        return verdicts.loading(os.fspath(called), loader, (file,), {})
