"""Asks every tool about every file, each tool in its own environment, and keeps the answers in one CSV a tool.

A file that has an answer is not asked about again: a run goes on where it ended. Files come in an order that the seed
shuffles, so that what a slow tool reaches in its time is a sample of all.
"""

import csv
import hashlib
import json
import os
import pathlib
import random
import resource
import select
import subprocess
import time

import environment

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = ("path", "verdict", "detail", "seconds")
# A tool that takes longer over a file of some kilobytes is stopped, and started again for the next.
SECONDS = 60
BATCH = 200


def printable(text: str) -> str:
    """One short line: names in malicious files have any characters."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))[:200]


class Answers:
    """The CSV of one tool, kept as it grows."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, str]] = {}
        if path.exists():
            with open(path, newline="") as file:
                self.rows = {row["path"]: row for row in csv.DictReader(file) if row["seconds"]}
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(",".join(COLUMNS) + "\n")

    def add(self, path: str, verdict: str, detail: str, seconds: float) -> None:
        row = {"path": path, "verdict": verdict, "detail": printable(detail), "seconds": f"{seconds:.6f}"}
        self.rows[path] = row
        with open(self.path, "a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)


class Adapter:
    """A tool's server, started anew when it ended or took too long."""

    def __init__(self, tool: dict, environments: pathlib.Path) -> None:
        python = environment.of_tool(tool["environment"], environments)
        self.command = [
            str(python),
            "-W",
            "ignore",
            str(HERE / "adapters" / f"{tool['adapter']}.py"),
            *tool["arguments"],
        ]
        self.process: subprocess.Popen | None = None

    def ask(self, path: str, form: str) -> tuple[str, str, float]:
        if self.process is None or self.process.poll() is not None:
            surroundings = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1", NO_COLOR="1")
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=surroundings
            )
            # Importing a tool takes as long as it takes, and is no file's fault.
            if self.process.stdout.readline() != b"ready\n":
                raise SystemExit(f"{self.command} does not start")
        begun = time.monotonic()
        try:
            self.process.stdin.write(json.dumps({"path": path, "format": form}).encode() + b"\n")
            self.process.stdin.flush()
            if select.select([self.process.stdout], [], [], SECONDS)[0]:
                line = self.process.stdout.readline()
                if line:
                    answer = json.loads(line)
                    return answer["verdict"], answer["detail"], answer["seconds"]
                why = "the tool's process ended"
            else:
                why = f"no answer in {SECONDS} s"
        except BrokenPipeError:
            why = "the tool's process ended"
        self.close()
        return "error", why, time.monotonic() - begun

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None


def ordered(files: dict[str, str], seed: int) -> list[str]:
    paths = sorted(files)
    random.Random(f"{seed} order").shuffle(paths)
    return paths


def ask_tool(
    tool: dict, files: dict[str, str], answers: Answers, environments: pathlib.Path, seed: int, minutes: float
) -> None:
    """Asks about files (path to format) until all have an answer or the minutes are over."""
    left = [path for path in ordered(files, seed) if path not in answers.rows]
    if not left:
        return
    adapter, end = Adapter(tool, environments), time.monotonic() + minutes * 60
    try:
        for path in left:
            if time.monotonic() > end:
                break
            answers.add(path, *adapter.ask(path, files[path]))
    finally:
        adapter.close()


def ask_gate(binary: pathlib.Path, files: dict[str, str], answers: Answers, seed: int) -> None:
    """Has fickgate judge files a batch at a time; a file is refused if a finding of level error is about it."""
    left = [path for path in ordered(files, seed) if path not in answers.rows]
    for begin in range(0, len(left), BATCH):
        batch = left[begin : begin + BATCH]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = subprocess.run(
            [str(binary), "--no-policy", "--format", "json", "--jobs", "1", *batch],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / len(batch)
        report = json.loads(run.stdout)
        if report["failures"] or report["skipped"] or report["summary"]["blobs"] != len(batch):
            raise SystemExit(
                f"fickgate did not judge every file: {report['failures']} {report['skipped']} {report['summary']}"
            )
        found = {}
        for finding in report["findings"]:
            if finding["level"] == "error":
                found.setdefault(
                    str(pathlib.Path("/", finding["path"])),
                    f"{finding['rule']} {finding.get('import') or ''}: {finding['message']}",
                )
        if set(found) - set(batch):
            raise SystemExit(f"findings about other files: {sorted(set(found) - set(batch))[:3]}")
        for path in batch:
            answers.add(path, "refused" if path in found else "passed", found.get(path, ""), seconds)


def version_of(tool: dict, environments: pathlib.Path) -> str:
    python = environment.of_tool(tool["environment"], environments)
    code = f"import importlib.metadata as m; print(m.version({tool['package']!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def digest(binary: pathlib.Path) -> str:
    return hashlib.sha256(binary.read_bytes()).hexdigest()[:12]
