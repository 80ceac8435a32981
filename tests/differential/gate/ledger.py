"""What a campaign has come to, in its state folder: verdicts of one binary, and loads, which hold for every binary.

Lines of JSON are added and never changed. A line counts only for the sources, the seed, the kinds and the
interpreters it was made with, a verdict only for the very binary."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

BATCH = 400  # files
HERE = Path(__file__).parent
BESIDE = {
    "alarms.py",
    "honest.py",
    "shrink.py",
    "run.py",
    "ledger.py",
    "worker.py",
    "gate.py",
}  # do not decide on a file


@dataclass
class Loads:
    """What is known of the files of a batch, by number."""

    ran: dict = field(default_factory=dict)  # number: (interpreter, loader)
    asked: set = field(default_factory=set)  # given to a few loaders
    silent: set = field(default_factory=set)  # given to all, without a marker


class Ledger:
    def __init__(self, folder: Path, gate: Path | None, seed: str, kinds: list, interpreters: list):
        sources = hashlib.sha256()
        for path in sorted(HERE.glob("*.py")):
            if path.name not in BESIDE:
                sources.update(path.read_bytes())
        self.files = {"sources": sources.hexdigest()[:16], "seed": seed, "kinds": kinds, "interpreters": interpreters}
        self.binary = {"gate": gate and hashlib.sha256(gate.read_bytes()).hexdigest()[:16]}
        self.path = folder / "campaign.jsonl"
        self.verdicts, self.loads = {}, {}
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            self._take(json.loads(line))

    def _take(self, line):
        if not self.files.items() <= line.items():
            return
        if self.binary.items() <= line.items() and self.binary["gate"]:
            self.verdicts[line["verdict"]["batch"]] = line["verdict"]
        self.loads[line["verdict"]["batch"]] = Loads(
            {int(number): tuple(pair) for number, pair in line["ran"].items()}, set(line["asked"]), set(line["silent"])
        )

    def add(self, verdict, loads):
        known = {"ran": loads.ran, "asked": sorted(loads.asked), "silent": sorted(loads.silent)}
        line = json.dumps(self.files | self.binary | {"verdict": verdict} | known)
        with self.path.open("a") as out:
            out.write(line + "\n")
        self._take(json.loads(line))
