"""One process of a campaign: makes the files of a batch, has them judged, and has them loaded."""

import collections
import functools
import io
import json
import random
import shutil
import tempfile
import time
import zipfile
from pathlib import Path

import generator
from gate import CLEAN, REFUSED, Gate
from interpreter import Interpreter
from ledger import BATCH

TRIES = 3  # loaders asked about a file that is refused: it only has to be counted
HOMES = 3  # interpreters that are asked with one loader about a file that is not refused
SAMPLE = 50  # one refused file of so many is judged alone as well, by its exit code


class Worker:
    """One process: a gate and its interpreters, which are started when the first file has to be loaded."""

    def __init__(self, options, pythons, stub_folder):
        self.options, self.gate = options, options.gate and Gate(options.gate)
        self.pythons, self.stub_folder = pythons, stub_folder

    @functools.cached_property
    def interpreters(self):
        started = [Interpreter(label, python, self.stub_folder) for label, python in self.pythons.items()]
        for interpreter in started:
            interpreter.greet()
        return started

    def pairs(self, candidate):
        """(interpreter, loader) that may load a candidate, likely ones first."""
        chance = random.Random(f"{self.options.seed}/{candidate.number}/loaders")
        python2 = "kind=Python 2" in candidate.recipe
        pairs = []
        for loader in candidate.loaders:
            homes = [i for i in self.interpreters if loader in i.loaders]
            if python2:
                homes = [i for i in homes if i.version.startswith("2.")] or homes
            elif len(homes) > 1:
                homes = [i for i in homes if not i.version.startswith("2.")] or homes
            chance.shuffle(homes)
            pairs.append([(home, loader) for home in homes[:HOMES]])
        if len(pairs) > 1 and chance.random() < 0.5:
            chance.shuffle(pairs)
        # One interpreter for each loader first, then the rest.
        first = [row[0] for row in pairs if row]
        rest = [pair for row in pairs for pair in row[1:]]
        chance.shuffle(rest)
        return first + rest

    def load(self, candidates, folder, thoroughly):
        """{number: (interpreter, loader)} of what left the marker. Numbers in `thoroughly` are given to all pairs."""
        seen, queue = {}, {}
        for candidate in candidates:
            pairs = self.pairs(candidate)
            queue[candidate.number] = pairs if candidate.number in thoroughly else pairs[:TRIES]
        paths = {c.number: str(folder / str(c.number) / c.main) for c in candidates}
        while True:
            tasks = collections.defaultdict(list)
            for number, pairs in queue.items():
                if number in seen or not pairs:
                    continue
                home = pairs[0][0]
                count = len(pairs) if number in thoroughly else 1
                mine = [loader for interpreter, loader in pairs[:count] if interpreter is home]
                queue[number] = [p for p in pairs if p[0] is not home or p[1] not in mine]
                tasks[home].append([number, paths[number], mine])
            if not tasks:
                return seen
            for home, list_of_tasks in tasks.items():
                home.ask(list_of_tasks)
            for home in tasks:
                for number, loader in home.answers().items():
                    if loader:
                        seen[int(number)] = (home.label, loader)

    def alone(self, candidate, folder, label, loader):
        """Whether a loader leaves the marker in a child of its own."""
        home = next(i for i in self.interpreters if i.label == label)
        home.ask([[candidate.number, str(folder / str(candidate.number) / candidate.main), [loader]]], alone=True)
        return home.answers()[str(candidate.number)] == loader

    def batch(self, index, loads):
        """(verdict, loads) of a batch; `loads` says what is known from an earlier run."""
        started = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="fickgate-gate-"))
        try:
            verdict = self._batch(index, folder, loads)
            return verdict | {"seconds": round(time.monotonic() - started, 1)}, loads
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _batch(self, index, folder, loads):
        numbers = range(index * BATCH, (index + 1) * BATCH)
        candidates = [generator.candidate(self.options.seed, number, self.options.kinds) for number in numbers]
        if loads.asked:
            candidates = [candidate for candidate in candidates if candidate.number in loads.asked]
        else:
            candidates = [candidate for candidate in candidates if self.pairs(candidate)]
        for candidate in candidates:
            place = folder / str(candidate.number)
            place.mkdir()
            for title, data in candidate.files.items():
                write(place / title, data)
        refused, failed = self.gate.refused(folder) if self.gate else ({str(c.number) for c in candidates}, {})
        judged = refused | set(failed)

        open_ones = {c.number for c in candidates if str(c.number) not in judged}
        unknown = [c for c in candidates if c.number not in loads.ran and c.number not in loads.silent]
        unknown = [c for c in unknown if c.number in open_ones or c.number not in loads.asked]
        loads.ran |= self.load(unknown, folder, open_ones)
        loads.asked |= {c.number for c in candidates}
        loads.silent |= {number for number in open_ones if number not in loads.ran}
        seen = loads.ran
        result = {
            "batch": index,
            "files": len(candidates),
            "ran": len(seen),
            "refused": len(refused),
            "passed": [],
            "words": [],
            "differ": [],
        }
        result["failed"] = [f"{number}: {why}" for number, why in failed.items()]
        result["kinds"] = collections.Counter(c.recipe[0] for c in candidates if c.number in seen)
        result["loaders"] = collections.Counter(" ".join(pair) for pair in seen.values())
        for candidate in candidates:
            number = candidate.number
            if str(number) in judged:
                if self.gate and number % SAMPLE == 0 and self.exit_code(candidate, folder) != REFUSED:
                    result["differ"].append(number)
            elif number in seen:
                if self.exit_code(candidate, folder) != CLEAN:
                    result["differ"].append(number)
                elif self.alone(candidate, folder, *seen[number]):
                    if is_list_of_words(candidate):
                        result["words"].append(number)
                        continue
                    result["passed"].append(number)
                    self.keep(candidate, seen[number])
        return result

    def exit_code(self, candidate, folder):
        place = folder / str(candidate.number)
        return self.gate.exit_code(place / candidate.main if len(candidate.files) == 1 else place)

    def keep(self, candidate, pair):
        """Keeps a file that passed, with how it came about."""
        place = self.options.state / "passed" / str(candidate.number)
        place.mkdir(parents=True, exist_ok=True)
        for title, data in candidate.files.items():
            write(place / title, data)
        about = {
            "number": candidate.number,
            "main": candidate.main,
            "interpreter": pair[0],
            "loader": pair[1],
            "recipe": candidate.recipe,
        }
        (place.parent / f"{candidate.number}.json").write_text(json.dumps(about, indent=1))


def is_list_of_words(candidate):
    """Whether a file imports a module by its first two lines, calls nothing, and is text: so begin lists of words, which
    are not refused. `docs/formats.md` says so."""
    if len(candidate.files) > 1 or "call=import alone" not in candidate.recipe:
        return False
    data = candidate.files[candidate.main]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            texts = [archive.read(name) for name in archive.namelist()]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        texts = [data]
    return any(text.isascii() and text.lstrip(b"(").startswith(b"c") for text in texts)


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
