#!/usr/bin/env python3
"""Attacks the built-in list: makes pickles that fickgate passes, loads them, and reports what they did.

    python3 allowlists/attack/run.py --binary target/release/fickgate --env /venv --seed 1 --count 100000 --resume DIR
    python3 allowlists/attack/run.py --binary target/debug/fickgate --quick
    python3 allowlists/attack/run.py --binary target/release/fickgate --rejudge DIR...

Exit code 1 where a file had an effect, 2 where the attack itself could not be carried out.
"""

import argparse
import hashlib
import pathlib
import sys
import tempfile
import time

import corpus
import judge
import listing
from environment import Environment
from family.uses import plain
from frontier import Frontier
from generator import TURNS, File, family_of, generate
from minimise import minimise
from node import dump, imports
from report import NotCarriedOut, Report, gravity, group
from store import Store, rejudge
from target import Target, survey
from variants import variants

# What frameworks wrote for the tests, to begin with.
CLEAN = pathlib.Path(__file__).resolve().parents[2] / "tests/fixtures/clean"
BATCH = 5_000
VARIANTS = 8
KEPT = 3  # files kept and made small for one group of effects
LATER = ["predict", "predict_proba", "transform", "decision_function", "score", "forward", "__call__", "repr", "len", "iter", "eq", "bool"]
QUICK = 6_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the fickgate whose list is attacked")
    parser.add_argument("--env", type=pathlib.Path, help="a virtual environment with the packages [default: this Python]")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=100_000, help="files to generate [default: 100000]")
    parser.add_argument("--passing", type=int, help="go on until so many files passed and were loaded")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds")
    parser.add_argument("--resume", type=pathlib.Path, metavar="DIR", help="where progress and effects are kept")
    parser.add_argument("--family", action="append", help="this family only, such as memory or memory.arrays (repeatable)")
    parser.add_argument("--package", action="append", help="entries of this package only (repeatable)")
    parser.add_argument("--about", type=pathlib.Path, metavar="FILE", help="files alone that name one of these imports, one a line (changed.py writes them)")
    parser.add_argument("--keep", type=int, default=KEPT, help=f"files kept for one group of effects [default: {KEPT}]")
    parser.add_argument("--variants", type=int, default=VARIANTS, metavar="N", help=f"files made from each that passed [default: {VARIANTS}]")
    parser.add_argument("--whole", action="store_true", help="keep objects whole when a file is made small: what else is wrong stays")
    parser.add_argument("--later", action="store_true", help="call methods of what was loaded, too")
    parser.add_argument("--rejudge", type=pathlib.Path, nargs="+", metavar="DIR", help="only count which files of earlier runs this binary still passes")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} files of the standard library alone, for CI")
    return parser.parse_args()


def name_of(number):
    """The family of a number: module and function."""
    family = family_of(number)
    return f"{family.__module__.split('.')[-1]}.{family.__name__}"


class Attack:
    def __init__(self, options, folder):
        self.options, self.report = options, Report(folder)
        self.binary = str(pathlib.Path(options.binary).resolve())
        entries = listing.read(self.binary)
        if options.quick:
            entries = [e for e in entries if e.package in sys.stdlib_module_names]
        if options.package:
            entries = [e for e in entries if e.package in options.package]
        python = str(options.env / "bin" / "python") if options.env else sys.executable
        facts = survey(python, entries, folder / "survey.json")
        about = options.about.read_text().split() if options.about else []
        self.target = Target(entries, facts, corpus.read(CLEAN, facts), {listing.spelled(name) for name in about})
        if about and not self.target.about:
            raise NotCarriedOut(f"the environment has none of the imports of {options.about}")
        self.environment = Environment(python, self.target)
        self.later = LATER if options.later else []
        self.frontier = Frontier(self.target, options.seed)
        digest = hashlib.sha256(pathlib.Path(self.binary).read_bytes()).hexdigest()[:16]
        self.run = [digest, str(options.env), options.seed, options.family, options.package, options.later, sorted(about)]
        self.kept = set()
        self.store = Store(folder / "loaded")
        share = sum(self.wanted(name_of(turn)) for turn in range(len(TURNS))) / len(TURNS)
        if not share:
            raise NotCarriedOut(f"no family is named {options.family}")
        self.size = int((2000 if options.quick else BATCH) / share)

    def wanted(self, name):
        return not self.options.family or bool({name, name.split(".")[0]} & set(self.options.family))

    def files(self, first, count):
        """The next files: by number, followers of what was loaded, and variants of what passed."""
        made = []
        for number in range(first, first + count):
            name = name_of(number)
            if self.wanted(name):
                root = generate(self.target, self.options.seed, number)
                if self.target.about and self.target.about.isdisjoint(imports(root)):
                    continue
                made.append(File(str(number), name, dump(root), root))
        made += [File(label, "frontier", dump(root), root) for label, root in self.frontier.take(max(1, len(made)) // 2)]
        return made

    def judged(self, made):
        """Those of some new files that pass."""
        figures = self.report.figures
        made = [file for file in made if self.store.new(file.data)]
        fine = judge.passing(self.binary, [file.data for file in made]) if made else []
        passed = [file for file, ok in zip(made, fine) if ok]
        figures["generated"] += len(made)
        for part, files in (("generated", made), ("passing", passed)):
            for file in files:
                figures[f"{part} {file.family}"] += 1
        return passed

    def batch(self):
        """Generates and judges; gives those that pass."""
        passed = self.judged(self.files(self.report.next, self.size))
        self.report.next += self.size
        if self.options.variants:
            seed, count = self.options.seed, self.options.variants
            passed += self.judged([v for file in passed if not file.family.startswith("cost") for v in variants(self.target, file, seed, count)])
        return passed

    def take(self, passed, outcomes):
        figures = self.report.figures
        rows = []
        for file, outcome in zip(passed, outcomes):
            figures[f"ended {outcome['ended'].split(':')[0]}"] += 1
            effects = outcome["effects"]
            if effects:
                native = sorted(n for n in imports(file.graph) if getattr(self.target.by_name.get(n), "native", False))
                effects = [e for e in effects if not (native and e[0] == "crash")]
                if not effects:
                    figures["crash under native-memory"] += 1
                    continue
                self.effect(file, min(effects, key=gravity), native)
            figures["loaded"] += 1
            rows.append((bool(effects), file.data))
            self.frontier.offer(file, outcome)
        if rows:
            # The first label names the pack: the same number again means the same files again.
            self.store.add(passed[0].label, rows)

    def effect(self, file, effect, native):
        family, node = file.family, file.graph
        self.report.figures["with an effect"] += 1
        key = group(effect, family)
        self.report.groups[key] += 1
        if self.report.groups[key] > self.options.keep:
            return
        smallest, outcome = node, None
        if effect[0] not in ("time", "memory"):  # each try would cost as much again
            smallest, outcome = minimise(
                self.binary, self.environment, node, effect[0], self.later, whole=self.options.whole
            )
        small = next((e for e in (outcome or {"effects": []})["effects"] if e[0] == effect[0]), effect)
        minimal = dump(smallest)
        if minimal in self.kept:
            return
        self.kept.add(minimal)
        row = self.report.keep(file.label, family, file.data, minimal, small, imports(smallest), native, bool(self.later))
        print(f"{row['kind']}: {row['detail']} [{row['size']} bytes, {family}, {row['minimal']}]", flush=True)
        print(f"    imports {' '.join(row['imports'])}", flush=True)
        if row["way"]:
            print(f"    by {' > '.join(row['way'])}", flush=True)

    def enough(self):
        options, figures = self.options, self.report.figures
        if options.seconds and time.monotonic() - self.began > options.seconds:
            return True
        if options.passing:
            return figures["loaded"] >= options.passing
        return self.report.next >= options.count

    def attack(self):
        self.began = time.monotonic()
        kept = self.report.resume(self.run)
        if kept:
            self.frontier.restore(kept)
            self.store.resume()
        warm = [dump(node) for node in (*plain(self.target), *self.target.honest)]
        warm = [data for data, fine in zip(warm, judge.passing(self.binary, warm)) if fine]
        settled = self.environment.warm(warm, self.later)
        print(f"{len(self.target.entries)} entries here, {len(self.target.canaries)} canaries, {settled} plain uses before it begins", flush=True)
        waiting, shown = [], time.monotonic()
        while not self.enough():
            # One batch is made and judged while another is loaded.
            self.environment.begin([file.data for file in waiting], self.later)
            passed = self.batch()
            self.take(waiting, self.environment.outcomes())
            waiting = passed
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                self.progress()
                self.report.save(self.run, self.frontier.state())
        self.take(waiting, self.environment.load([file.data for file in waiting], self.later))
        self.report.save(self.run, self.frontier.state())
        self.environment.close()
        return self.closing()

    def progress(self):
        f = self.report.figures
        print(
            f"{time.monotonic() - self.began:.0f} s: {f['generated']} generated, {f['loaded']} passed and loaded, "
            f"{f['with an effect']} with an effect, {len(self.frontier.seen)} ways to end", flush=True,
        )

    def closing(self):
        figures = self.report.figures
        self.progress()
        for name in sorted(n for n in figures if n.startswith("generated ")):
            family = name.split(" ", 1)[1]
            print(f"  {family:24} {figures[name]:8} generated {figures['passing ' + family]:8} passed")
        for key, count in self.report.groups.most_common():
            print(f"  {count:6} x {' | '.join(part for part in key if part)}")
        if not figures["loaded"]:
            raise NotCarriedOut("no file passed, so none was loaded: choose other families, packages or a larger --count")
        return 1 if self.report.groups else 0


def main():
    options = arguments()
    if options.rejudge:
        return rejudge(options.binary, options.rejudge)
    if options.quick:
        options.count = QUICK
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.resume or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return Attack(options, folder).attack()
        except NotCarriedOut as reason:
            print(f"run.py: {reason}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
