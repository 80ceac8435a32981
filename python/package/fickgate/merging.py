"""Reports of many workers, put together as the `fickgate` command would have written one of all files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Optional

from . import _native
from .judging import PathLike
from .report import Report


def merge(reports: Iterable[Report], *, of: Optional[Iterable[PathLike]] = None, format: str = "json") -> str:
    """Makes one report of many: what `fickgate FILE... --format FORMAT` writes of the same files.

    A file that was scanned several times, as engines do where a worker was lost, counts once. `of` are the paths that
    were to be scanned: each without a report becomes a failure, as of a file that could not be read. `format` is one of
    the command's, such as `json`, `sarif`, `gitlab` or `human`.

    Raises `ValueError` where two reports of one file say different things: it has changed in between. Raises
    `RuntimeError` where the command that came with the package cannot be run.
    """
    by_path: dict[str, Report] = {}
    for report in reports:
        known = by_path.setdefault(report.path, report)
        if known.failure is not None:
            # Another try may have come to an end.
            by_path[report.path] = report
        elif report.failure is None and known != report:
            raise ValueError(f"two reports of {report.path} say different things: scan it again")
    # A report has the path from the root of the repository.
    here = _native.Policy(os.getcwd(), False, [], [])
    for wanted in of or ():
        path = os.fspath(wanted)
        if path not in by_path and here.path(path) not in by_path:
            by_path[path] = Report.failed(path, "there is no report of it: scan it again")
    lines = "".join(json.dumps(line) + "\n" for line in _lines([by_path[path] for path in sorted(by_path)]))
    command = [command_path(), "merge", "-", "--exit-zero", "--color", "never", "--format", format]
    done = subprocess.run(command, input=lines.encode(), capture_output=True, check=False)
    if done.stderr:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return done.stdout.decode()


def command_path() -> str:
    """Where the `fickgate` command lies that came with this package. Raises `RuntimeError` where it is not found."""
    name = "fickgate.exe" if os.name == "nt" else "fickgate"
    folders = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    found = shutil.which(name, path=os.pathsep.join(folders)) or shutil.which(name)
    if found is None:
        raise RuntimeError(f"the command {name} is not on the PATH: install the package, rather than copying it")
    return found


def _lines(reports: list[Report]) -> Iterator[dict[str, Any]]:
    """The lines of `--format jsonl`."""
    counts = dict.fromkeys(("blobs", "streams", "imports", "findings", "skipped", "failures"), 0)

    def line(kind: str, /, **fields: Any) -> dict[str, Any]:
        counts[kind] += 1
        return {"type": kind.rstrip("s") if kind != "skipped" else kind, **fields}

    for report in reports:
        if report.failure is not None:
            yield line("failures", **_path(report.path), message=report.failure)
            continue
        if report.excluded:
            yield line("skipped", **_path(report.path), **_decided("excluded", "excluded by", report.excluded))
            continue
        counts["blobs"] += 1
        counts["streams"] += len(report.streams) + report.folded
        counts["imports"] += len(report.imports)
        if report.accepted:
            yield line("skipped", **_path(report.path), **_decided("accepted", "accepted as it is by", report.accepted))
        for finding in report.findings:
            entry, snippet = finding.entry, None
            if finding.marked is not None:
                snippet = {"lines": list(map(vars, finding.snippet)), "marked": finding.marked}
            yield line(
                "findings",
                rule=finding.rule,
                level=finding.level,
                **_path(finding.path),
                member=finding.member,
                offset=finding.offset,
                **{"import": finding.import_},
                reason=finding.reason,
                message=finding.message,
                help=finding.help,
                entry=entry and {**vars(entry), "import": entry.import_},
                snippet=snippet,
            )
    yield {"type": "summary", "schema": 1, **counts, "shard": None}


def _path(path: str) -> dict[str, str]:
    """A path as the JSON report has one."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return {"path": ascii(path), "path_hex": os.fsencode(path).hex()}
    return {"path": Path(path).as_posix() if os.name == "nt" else path}


def _decided(kind: str, words: str, line: str) -> dict[str, Any]:
    """What let a file pass, from `FILE:LINE (LAYER)`."""
    found = re.fullmatch(r"(.*):(\d+) \((.*)\)", line, re.DOTALL)
    assert found is not None
    by = {"source": found[1], "line": int(found[2]), "layer": found[3]}
    return {"kind": kind, "reason": f"{words} {line}", "by": by}
