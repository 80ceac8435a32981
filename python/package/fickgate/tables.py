"""Reports as tables of Arrow, one row a file, for engines that carry rows from machine to machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .report import Entry, Fault, Finding, Import, Line, Report, Stream, Use

if TYPE_CHECKING:
    import pyarrow


def schema() -> pyarrow.Schema:
    """The columns of `to_arrow`: the fields of `Report`, and its `verdict`.

    `findings`, `streams` and `faults` are lists of structs with the fields of `Finding`, `Stream` and `Fault`. Raises
    `ImportError` without pyarrow.
    """
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    entry = pa.struct(
        [("role", text), ("import_", text), ("layer", text), ("source", text), ("line", number)],
    )
    finding = pa.struct(
        [
            *((name, text) for name in ("rule", "level", "path", "member")),
            ("offset", number),
            *((name, text) for name in ("import_", "reason", "message", "help")),
            ("entry", entry),
            ("snippet", pa.list_(pa.struct([("offset", number), ("text", text)]))),
            ("marked", number),
            ("allow", text),
        ]
    )
    use = pa.struct([("kind", text), ("offset", number), ("count", number)])
    names = ("module", "name", "raw_module", "raw_name")
    import_ = pa.struct([*((name, text) for name in names), ("offset", number), ("uses", pa.list_(use))])
    stream = pa.struct(
        [
            ("member", text),
            ("reading", text),
            *((name, number) for name in ("start", "end", "protocol", "opcodes")),
            ("complete", pa.bool_()),
            ("imports", pa.list_(import_)),
        ]
    )
    fault = pa.struct([("rule", text), ("member", text), ("offset", number), ("message", text)])
    return pa.schema(
        [
            ("path", text),
            ("verdict", text),
            ("findings", pa.list_(finding)),
            ("streams", pa.list_(stream)),
            ("faults", pa.list_(fault)),
            ("forms", pa.list_(text)),
            ("folded", number),
            ("excluded", text),
            ("accepted", text),
            ("failure", text),
        ]
    )


def to_arrow(reports: Iterable[Report]) -> pyarrow.RecordBatch:
    """One row for each report. Raises `ImportError` without pyarrow."""
    import pyarrow as pa

    rows = [{**dataclasses.asdict(report), "verdict": report.verdict} for report in reports]
    return pa.RecordBatch.from_pylist(rows, schema=schema())


def from_arrow(rows: pyarrow.RecordBatch | pyarrow.Table) -> list[Report]:
    """The reports that `to_arrow` made rows of."""
    return [_report(row) for row in rows.to_pylist()]


def _report(row: dict[str, Any]) -> Report:
    row = {**row}
    del row["verdict"]
    row["findings"] = tuple(map(_finding, row["findings"]))
    row["streams"] = tuple(map(_stream, row["streams"]))
    row["faults"] = tuple(Fault(**fault) for fault in row["faults"])
    row["forms"] = tuple(row["forms"])
    return Report(**row)


def _finding(row: dict[str, Any]) -> Finding:
    entry = None if row["entry"] is None else Entry(**row["entry"])
    return Finding(**{**row, "entry": entry, "snippet": tuple(Line(**line) for line in row["snippet"])})


def _stream(row: dict[str, Any]) -> Stream:
    imports = (Import(**{**i, "uses": tuple(Use(**use) for use in i["uses"])}) for i in row["imports"])
    return Stream(**{**row, "imports": tuple(imports)})
