"""What an attack found so far: figures, effects grouped by kind, and where to take up again."""

import collections
import json
import re


class NotCarriedOut(Exception):
    """The attack could not be made, with what to do about it."""


def normal(detail):
    return re.sub(r"0x[0-9a-f]+|\d+", "N", detail)[:80]


def gravity(effect):
    """Which of a file's effects to tell first: the rest often follows from it."""
    order = [("crash",), ("exec", "compile", "import", "pickle.find_class"), (), ("state",), ("call",), ("time", "memory")]
    return next((place for place, kinds in enumerate(order) if effect[0] in kinds), 2)


def group(effect, family):
    """Effects of one kind: what happened, and the code that led there, or the family where none is known."""
    kind, detail, way = effect
    if kind in ("crash", "time", "memory"):
        return (kind, family, " > ".join(way[-3:]))
    if kind == "call":
        return (kind, "", " > ".join(way[-3:]))
    if kind == "state":
        return (kind, re.split(r" (set|added|removed|items) ", detail)[0], "")
    return (kind, normal(detail), " > ".join(way[-3:]))


class Report:
    """Kept in a folder: progress.json, effects.jsonl, and the files with an effect under effects/."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "effects").mkdir(parents=True, exist_ok=True)
        self.figures = collections.Counter()
        self.next = 0
        self.groups = collections.Counter()

    def resume(self, run):
        """Progress of an earlier run with the same parameters; the state of the frontier, if there is one."""
        path = self.folder / "progress.json"
        if not path.exists():
            return None
        kept = json.loads(path.read_text())
        if kept["run"] != run:
            raise NotCarriedOut(f"{path} is of another run: {kept['run']}; choose another --resume")
        self.next = kept["next"]
        self.figures.update(kept["figures"])
        self.groups.update({tuple(row[:-1]): row[-1] for row in kept["groups"]})
        return kept["frontier"]

    def save(self, run, frontier):
        kept = {
            "run": run, "next": self.next, "figures": self.figures, "frontier": frontier,
            "groups": [[*key, count] for key, count in self.groups.items()],
        }
        path = self.folder / "progress.new"
        path.write_text(json.dumps(kept))
        path.replace(self.folder / "progress.json")

    def keep(self, label, family, data, minimal, effect, imports, native, later):
        """One effect, with the file and the smallest one that has it."""
        name = re.sub(r"[^0-9.~]", "_", label)
        (self.folder / "effects" / f"{name}.pkl").write_bytes(data)
        (self.folder / "effects" / f"{name}.min.pkl").write_bytes(minimal)
        row = {
            "kind": effect[0], "detail": effect[1], "way": effect[2], "label": label, "family": family, "imports": imports,
            "native_memory": native, "later": later, "file": f"effects/{name}.pkl", "minimal": f"effects/{name}.min.pkl", "size": len(minimal),
        }
        with open(self.folder / "effects.jsonl", "a") as out:
            out.write(json.dumps(row) + "\n")
        return row
