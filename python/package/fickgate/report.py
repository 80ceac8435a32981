"""What reading some content established and what the policy says of it: immutable, comparable, picklable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from ._native import Row


@dataclass(frozen=True)
class Use:
    """One way in which an import is used.

    `kind` is `reference`, `create`, `instantiate`, `call`, `state`, `items` or `call-result`; `offset` that of the
    first opcode that does so, in bytes from the beginning of the member; `count` how often it is done.
    """

    kind: str
    offset: int
    count: int


@dataclass(frozen=True)
class Import:
    """A name that loading would resolve, as Python 3 resolves it, and as the pickle writes it (`raw_…`).

    `offset` is that of the opcode that first resolves it, in bytes from the beginning of the member.
    """

    module: str
    name: str
    raw_module: str
    raw_name: str
    offset: int
    uses: tuple[Use, ...]

    @property
    def dotted(self) -> str:
        """`module.name`, as findings print it."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Stream:
    """One pickle, from `start` to `end`, in bytes from the beginning of the member.

    `member` is the path inside the file, parts separated by `!`, empty for the file itself. `reading` names the loader
    whose rules it was read by: `pickle`, `joblib`, `joblib-unpadded`, `joblib-plain`, `torch` or `torchscript`.
    `complete` says whether STOP was reached.
    """

    member: str
    reading: str
    start: int
    end: int
    protocol: int
    opcodes: int
    complete: bool
    imports: tuple[Import, ...]


@dataclass(frozen=True)
class Fault:
    """Something wrong with a container, whatever the policy says: the rule, the member, the offset in it in bytes."""

    rule: str
    member: str
    offset: int
    message: str


@dataclass(frozen=True)
class Entry:
    """The line of an allowlist that a finding is about.

    `role`: `near` (it allows a name that is spelled almost so), `falls-short` (it names the import and permits
    something else), `refuses`. `layer`: `built-in`, `repository` or `command line`. `line` counts from 1.
    """

    role: str
    import_: str
    layer: str
    source: str
    line: Optional[int]


@dataclass(frozen=True)
class Line:
    """A decompiled line, and the offset of the opcode behind it, in bytes from the beginning of the member."""

    offset: int
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where it is, and what to do next.

    `rule` is one of the ids of `docs/rules.md`; `level` is `error`, `warning` or `note`; `reason`, for imports that are
    not allowed, is `unknown`, `refused` or `dangerous`. `snippet` holds decompiled lines, and `marked` is the index of
    the one that is meant. `offset` is in bytes from the beginning of the member. `allow` is the line of a policy file
    that would allow just what is done with an import that nobody has judged.
    """

    rule: str
    level: str
    path: str
    member: str
    offset: Optional[int]
    import_: Optional[str]
    reason: Optional[str]
    message: str
    help: Optional[str]
    entry: Optional[Entry]
    snippet: tuple[Line, ...]
    marked: Optional[int]
    allow: Optional[str]

    @property
    def call(self) -> Optional[str]:
        """The decompiled line that is meant, where there is one."""
        return None if self.marked is None else self.snippet[self.marked].text

    @classmethod
    def of(cls, row: Row) -> Finding:
        """Takes a row of the native module."""
        head, (reason, message, help_, entry, snippet, marked, allow) = row
        entry = Entry(*entry) if entry else None
        lines = tuple(Line(*line) for line in snippet)
        fields: list[Any] = [*head, reason, message, help_, entry, lines, marked, allow]
        return cls(*fields)

    def __str__(self) -> str:
        """What happened, where, the line that does it, and what to do next."""
        place = self.path + (f"!{self.member}" if self.member else "")
        lines = [f"{place}: {self.level}[{self.rule}]: {self.message}"]
        if self.offset is not None:
            lines.append(f"  at byte {self.offset}" + (f": {self.call}" if self.call else ""))
        if self.entry and self.entry.line:
            lines.append(f"  {self.entry.source}:{self.entry.line} ({self.entry.layer})")
        if self.allow:
            lines.append(f"  a policy that allows it: allow: [{self.allow[2:]}]")
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Report:
    """What there is to say of one file, as `fickgate FILE` would say it.

    `forms` is what the content is, outermost first: `("gzip", "pickle")`. `folded` counts pickles that are left out of
    `streams` because kept ones of their member say all that they would. `excluded` and `accepted` are the line of the
    policy that takes the file out of the gate's sight, or accepts this very content by its hash, as
    `.fickgate.yaml:3 (repository)`. `failure` says why the file could not be read, which only `scan_all` puts into a
    report.
    """

    path: str
    findings: tuple[Finding, ...]
    streams: tuple[Stream, ...]
    faults: tuple[Fault, ...]
    forms: tuple[str, ...]
    folded: int
    excluded: Optional[str]
    accepted: Optional[str]
    failure: Optional[str] = None

    @property
    def ok(self) -> bool:
        """Whether it was read, and nothing in it is an error. An exclusion makes nothing safe, and does not count."""
        return not self.errors and self.failure is None

    @property
    def verdict(self) -> str:
        """`clean`, `refused`, or `failed` where it could not be read."""
        if self.failure is not None:
            return "failed"
        return "clean" if self.ok else "refused"

    @classmethod
    def failed(cls, path: str, failure: str) -> Report:
        """Stands for a file that could not be read."""
        return cls(path, (), (), (), (), 0, None, None, failure)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse it."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def imports(self) -> tuple[Import, ...]:
        """The imports of all its pickles, in the order in which they are read."""
        return tuple(import_ for stream in self.streams for import_ in stream.imports)

    @classmethod
    def of(cls, row: Row) -> Report:
        """Takes a row of the native module."""
        path, findings, streams, faults, forms, folded, (excluded, accepted) = row
        return cls(
            path,
            tuple(map(Finding.of, findings)),
            tuple(map(_stream, streams)),
            tuple(Fault(*fault) for fault in faults),
            tuple(forms),
            folded,
            excluded,
            accepted,
        )


def _stream(row: Row) -> Stream:
    fields: list[Any] = [*row[:-1], tuple(map(_import, row[-1]))]
    return Stream(*fields)


def _import(row: Row) -> Import:
    fields: list[Any] = [*row[:-1], tuple(Use(*use) for use in row[-1])]
    return Import(*fields)
