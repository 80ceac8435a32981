"""Counts verdicts: per tool, per payload family, per format, per library, with intervals, as CSV and as Markdown."""

import collections
import csv
import dataclasses
import pathlib
import textwrap
from collections.abc import Callable, Iterable

import picture
from interval import wilson

MARKS = ("<!-- tables of bench/efficacy/run.py --publish -->", "<!-- end of the tables -->")


@dataclasses.dataclass
class Count:
    """Verdicts of one tool over some files. `right` is caught for attacks and passed for clean files."""

    right: int = 0
    wrong: int = 0
    error: int = 0
    unread: int = 0
    seconds: float = 0.0

    @property
    def read(self) -> int:
        return self.right + self.wrong + self.error

    def share(self) -> str:
        """In per cent, rounded towards what is worse: 100 stands for every file."""
        if not self.read:
            return "-"
        low, high = wilson(self.right, self.read)
        share = int(1000 * self.right / self.read) / 10
        return f"{share:.1f} ({low * 100:.1f} to {high * 100:.1f})"

    def short(self) -> str:
        return f"{int(1000 * self.right / self.read) / 10:.1f}" if self.read else "-"


def count(paths: Iterable[str], answers: dict, right: str) -> Count:
    made = Count()
    for path in paths:
        row = answers.get(path)
        if row is None:
            continue
        verdict = row["verdict"]
        made.seconds += float(row["seconds"])
        if verdict in ("error", "unread"):
            setattr(made, verdict, getattr(made, verdict) + 1)
        elif verdict == right:
            made.right += 1
        else:
            made.wrong += 1
    return made


def groups(rows: list, key: Callable) -> dict[str, list[str]]:
    found = collections.defaultdict(list)
    for row in rows:
        found[key(row)].append(row.path)
    return dict(sorted(found.items()))


def pairs(proven: list, answers: dict) -> Count:
    """Attacks whose clean original passes while they are refused: right; of those of which both were judged."""
    made = Count()
    for row in proven:
        evil, good = answers.get(row.path), answers.get(row.clean)
        if evil is None or good is None or "unread" in (evil["verdict"], good["verdict"]):
            continue
        if evil["verdict"] == "refused" and good["verdict"] == "passed":
            made.right += 1
        else:
            made.wrong += 1
    return made


def by_tool(honest: list, proven: list, verdicts: dict, versions: dict) -> list[str]:
    out = [
        "| tool | attacks read | caught, % (95 %) | missed | errors | not read "
        "| clean read | passed, % (95 %) | refused | errors | not read | told apart, % | ms a file |",
        f"|{'---|' * 13}",
    ]
    for tool, answers in verdicts.items():
        evil = count((row.path for row in proven), answers, "refused")
        good = count((row.path for row in honest), answers, "passed")
        each = 1000 * (evil.seconds + good.seconds) / max(1, evil.read + good.read)
        out.append(
            f"| {tool} {versions[tool]} | {evil.read} | {evil.share()} | {evil.wrong} | {evil.error} | {evil.unread} "
            f"| {good.read} | {good.share()} | {good.wrong} | {good.error} | {good.unread} "
            f"| {pairs(proven, answers).short()} | {each:.2f} |"
        )
    return out


def crossed(rows: list, key: Callable, verdicts: dict, right: str, title: str) -> list[str]:
    """A row a group, a column a tool: the share in per cent."""
    found = groups(rows, key)
    out = [f"| {title} | files | {' | '.join(verdicts)} |", f"|---|---|{'---|' * len(verdicts)}"]
    for name, paths in found.items():
        cells = " | ".join(count(paths, answers, right).short() for answers in verdicts.values())
        out.append(f"| {name} | {len(paths)} | {cells} |")
    return out


def refusals(honest: list, answers: dict) -> list[str]:
    """What kept clean files out, by library, as the tool gave the reason: rule and import."""
    found = collections.defaultdict(collections.Counter)
    for row in honest:
        answer = answers.get(row.path)
        if answer and answer["verdict"] == "refused":
            rule, _, rest = answer["detail"].partition(" ")
            found[row.library if row.source == "written" else "given folders"][rest.split(": ")[0].strip() or rule] += 1
    if not found:
        return ["- nothing"]
    out = []
    for library, names in sorted(found.items()):
        listed = ", ".join(f"`{name}`" + (f" ({times})" if times > 1 else "") for name, times in sorted(names.items()))
        text = f"- {library}: {listed}"
        out += textwrap.wrap(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return out


DIMENSIONS = {
    "attacks": {
        "all": lambda row: "",
        "source": lambda row: row.source,
        "family": lambda row: row.family,
        "format": lambda row: row.format,
        "style": lambda row: row.style,
        "where": lambda row: row.where.split()[0],
        "payload": lambda row: row.payload,
    },
    "clean": {
        "all": lambda row: "",
        "source": lambda row: row.source,
        "format": lambda row: row.format,
        "library": lambda row: row.library,
        "release": lambda row: f"{row.library} {row.release}",
    },
}


def results(path: pathlib.Path, honest: list, proven: list, verdicts: dict, versions: dict) -> None:
    """Every count of every dimension, one row each."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [
                "tool",
                "version",
                "set",
                "by",
                "value",
                "read",
                "right",
                "wrong",
                "errors",
                "not_read",
                "low",
                "high",
                "ms_a_file",
            ]
        )
        for tool, answers in verdicts.items():
            for kind, rows, right in (("attacks", proven, "refused"), ("clean", honest, "passed")):
                for by, key in DIMENSIONS[kind].items():
                    for value, paths in groups(rows, key).items():
                        made = count(paths, answers, right)
                        low, high = wilson(made.right, made.read)
                        each = 1000 * made.seconds / max(1, made.read)
                        writer.writerow(
                            [
                                tool,
                                versions[tool],
                                kind,
                                by,
                                value,
                                made.read,
                                made.right,
                                made.wrong,
                                made.error,
                                made.unread,
                                f"{low:.4f}",
                                f"{high:.4f}",
                                f"{each:.3f}",
                            ]
                        )


def publish(
    run: pathlib.Path, honest: list, proven: list, verdicts: dict, versions: dict, docs: pathlib.Path | None
) -> None:
    """Writes results, tables and picture; with `docs` also into the project's pages."""
    results(run / "results.csv", honest, proven, verdicts, versions)
    releases = {(row.library, row.release) for row in honest if row.source == "written"}
    sources = collections.Counter(row.source for row in honest)
    families = {(row.family, row.payload) for row in proven}
    said = (
        f"{len(proven)} attacks ({len(families)} payloads of {len({row.family for row in proven})} families) in copies of {len(honest)} clean files: "
        f"{sources['written']} written by {len({name for name, _ in releases})} libraries in {len(releases)} releases, {sources['given']} of given folders."
    )
    text = [*textwrap.wrap(said, 118), "", *by_tool(honest, proven, verdicts, versions)]
    text += [
        "",
        "Caught, in per cent of what the tool reads, by family of payload:",
        "",
        *crossed(proven, lambda row: row.family, verdicts, "refused", "family"),
    ]
    text += ["", "The same by format:", "", *crossed(proven, lambda row: row.format, verdicts, "refused", "format")]
    text += [
        "",
        "The same by the opcodes that ask for the import and call it:",
        "",
        *crossed(proven, lambda row: row.style, verdicts, "refused", "opcodes"),
    ]
    text += [
        "",
        "Clean files passed, in per cent of what the tool reads, by format:",
        "",
        *crossed(honest, lambda row: row.format, verdicts, "passed", "format"),
    ]
    text += [
        "",
        "The same by library:",
        "",
        *crossed(
            honest,
            lambda row: row.library if row.source == "written" else "given folders",
            verdicts,
            "passed",
            "library",
        ),
    ]
    if "fickgate" in verdicts:
        text += ["", "Clean files that fickgate refuses, by the import (or rule) that it gives first:", ""]
        text += refusals(honest, verdicts["fickgate"])
    (run / "tables.md").write_text("\n".join(text) + "\n")
    drawing = picture.draw(
        [
            (
                tool,
                versions[tool],
                count((row.path for row in proven), answers, "refused"),
                count((row.path for row in honest), answers, "passed"),
            )
            for tool, answers in verdicts.items()
        ]
    )
    (run / "picture.svg").write_text(drawing)
    print("\n".join(text[: 5 + len(verdicts) + 2]))
    for tool, answers in verdicts.items():
        if tool == "fickgate":
            for row in proven:
                if answers[row.path]["verdict"] != "refused":
                    print(f"MISSED {row.family} {row.payload} {row.style} {row.where} {row.format} {row.path}")
            for row in honest:
                if answers[row.path]["verdict"] != "passed":
                    print(f"REFUSED {row.library} {row.release} {row.path}: {answers[row.path]['detail']}")
    if docs:
        page = docs / "benchmark.md"
        before, rest = page.read_text().split(MARKS[0])
        page.write_text(f"{before}{MARKS[0]}\n\n" + "\n".join(text) + f"\n\n{MARKS[1]}" + rest.split(MARKS[1])[1])
        (docs / "benchmark.svg").write_text(drawing)
        (docs.parent / "bench" / "efficacy" / "results.csv").write_text((run / "results.csv").read_text())
