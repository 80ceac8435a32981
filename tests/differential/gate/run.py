"""Holds fickgate against real loaders: every file whose payload a loader runs has to be refused by exit code.

    python3 run.py --gate FICKGATE --count N [--seed S] [--state FOLDER] [--environments FOLDER] [--jobs N]

Numbers make files, batches of numbers are judged and loaded; what a batch came to is kept in the state folder, and a
second run with the same state goes on where the first ended. Exit code 1: a file passed whose payload ran."""

import argparse
import collections
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import generator
from gate import CLEAN, REFUSED, Gate
from interpreter import Interpreter, find, stubs

BATCH = 400
TRIES = 3  # loaders asked about a file that is refused: it only has to be counted
HOMES = 3  # interpreters that are asked with one loader about a file that is not refused
SAMPLE = 50  # one refused file of so many is judged alone as well, by its exit code

worker = None


class Worker:
    """One process: a gate and its running interpreters."""

    def __init__(self, options, interpreters, stub_folder):
        self.options, self.gate = options, Gate(options.gate)
        self.interpreters = [Interpreter(label, python, stub_folder) for label, python in interpreters.items()]

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

    def load(self, candidates, folder, wanted):
        """{number: (interpreter, loader)} of what left the marker, with `wanted(candidate)` pairs each at most."""
        seen, queue = {}, {c.number: self.pairs(c)[: wanted(c)] for c in candidates}
        paths = {c.number: str(folder / str(c.number) / c.main) for c in candidates}
        while True:
            tasks = collections.defaultdict(list)
            for number, pairs in queue.items():
                if number in seen or not pairs:
                    continue
                home = pairs[0][0]
                count = len(pairs) if wanted.everything(number) else 1
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

    def batch(self, index):
        started = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="fickgate-gate-"))
        try:
            return self._batch(index, folder) | {"seconds": round(time.monotonic() - started, 1)}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _batch(self, index, folder):
        first = self.options.start + index * BATCH
        last = min(first + BATCH, self.options.start + self.options.count)
        candidates = [
            generator.candidate(self.options.seed, number, self.options.kinds) for number in range(first, last)
        ]
        candidates = [candidate for candidate in candidates if self.pairs(candidate)]
        for candidate in candidates:
            place = folder / str(candidate.number)
            place.mkdir()
            for title, data in candidate.files.items():
                write(place / title, data)
        refused, failed = self.gate.refused(folder)
        judged = refused | set(failed)

        class Wanted:
            @staticmethod
            def everything(number):
                return str(number) not in judged

            def __call__(self, candidate):
                return 1000 if self.everything(candidate.number) else TRIES

        seen = self.load(candidates, folder, Wanted())
        result = {
            "batch": index,
            "files": len(candidates),
            "ran": len(seen),
            "refused": len(refused),
            "passed": [],
            "differ": [],
        }
        result["failed"] = [f"{number}: {why}" for number, why in failed.items()]
        result["kinds"] = collections.Counter(c.recipe[0] for c in candidates if c.number in seen)
        result["loaders"] = collections.Counter(" ".join(pair) for pair in seen.values())
        for candidate in candidates:
            number = candidate.number
            if str(number) in judged:
                if number % SAMPLE == 0 and self.exit_code(candidate, folder) != REFUSED:
                    result["differ"].append(number)
            elif number in seen:
                if self.exit_code(candidate, folder) != CLEAN:
                    result["differ"].append(number)
                elif self.alone(candidate, folder, *seen[number]):
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


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _start(options, interpreters, stub_folder):
    global worker
    worker = Worker(options, interpreters, stub_folder)


def _work(index):
    return worker.batch(index)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gate", type=Path, required=True, help="the fickgate binary")
    parser.add_argument("--count", type=int, default=4000, help="files to make (4000)")
    parser.add_argument("--start", type=int, default=0, help="number of the first file (0)")
    parser.add_argument("--seed", default="1", help="any text; the same text makes the same files (1)")
    parser.add_argument("--state", type=Path, help="folder that keeps results, to go on from (a new one)")
    parser.add_argument("--environments", type=Path, help="folder of the pinned environments (none)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=[], help="kinds of `generator.py` (all)")
    options = parser.parse_args()
    options.gate = options.gate.resolve()
    options.state = (options.state or Path(tempfile.mkdtemp(prefix="fickgate-state-"))).resolve()
    options.state.mkdir(parents=True, exist_ok=True)
    interpreters = find(options.environments and options.environments.resolve())
    stub_folder = options.state / "stubs"
    stubs(stub_folder)

    log = options.state / "batches.jsonl"
    key = [options.seed, options.start, options.kinds]
    done = {}
    if log.exists():
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        done = {line["batch"]: line for line in lines if line["key"] == key}
    batches = [i for i in range(-(-options.count // BATCH)) if i not in done]
    with (
        log.open("a") as out,
        multiprocessing.get_context("fork").Pool(options.jobs, _start, (options, interpreters, stub_folder)) as pool,
    ):
        for result in pool.imap_unordered(_work, batches):
            result["key"] = key
            done[result["batch"]] = result
            out.write(json.dumps(result) + "\n")
            out.flush()
            if sys.stderr.isatty() or result["passed"]:
                print(f"batch {result['batch']}: {result['ran']} ran, passed {result['passed']}", file=sys.stderr)
    sys.exit(summary(done.values(), options))


def summary(results, options):
    """Prints what all batches came to; 1 if a payload got past the gate."""
    total = collections.Counter()
    kinds, loaders, passed, differ, failed = collections.Counter(), collections.Counter(), [], [], []
    for result in results:
        for field in ("files", "ran", "refused"):
            total[field] += result[field]
        kinds.update(result["kinds"])
        loaders.update(result["loaders"])
        passed += result["passed"]
        differ += result["differ"]
        failed += result["failed"]
    print(f"seed {options.seed}: {total['files']} files, {total['ran']} ran their payload, {total['refused']} refused")
    print("ran, by kind:", ", ".join(f"{kind.partition('=')[2]} {count}" for kind, count in kinds.most_common()))
    for what, at in (("interpreter", 0), ("loader", 1)):
        sums = collections.Counter()
        for pair, count in loaders.items():
            sums[pair.split(" ")[at]] += count
        print(f"ran, by {what}:", ", ".join(f"{name} {count}" for name, count in sums.most_common()))
    if differ:
        print(f"report and exit code differ: {sorted(differ)}")
    if failed:
        print(f"fickgate failed on {len(failed)}: {failed[:3]}")
    print(f"{len(passed)} passed" + (f", kept in {options.state / 'passed'}: {sorted(passed)[:40]}" if passed else ""))
    return 1 if passed or differ or failed else 0


if __name__ == "__main__":
    main()
