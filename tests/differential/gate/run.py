"""Holds fickgate against real loaders: every file whose payload a loader runs has to be refused by exit code.

    python3 run.py --gate FICKGATE --count N [--seed S] [--state FOLDER] [--environments FOLDER] [--jobs N]

Numbers make files, batches of numbers are judged and loaded, and the state folder keeps what each came to: a second
run goes on where the first ended. What the loaders said is kept for another binary too, which is then judged in a
fraction of the time. Exit code 1: a file passed whose payload ran."""

import argparse
import collections
import multiprocessing
import sys
import tempfile
from pathlib import Path

from interpreter import find, stubs
from ledger import BATCH, Ledger, Loads
from worker import Worker

worker = None


def _start(options, interpreters, stub_folder):
    global worker
    worker = Worker(options, interpreters, stub_folder)


def _work(task):
    return worker.batch(*task)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gate", type=Path, help="the fickgate binary; without one files are loaded, not judged")
    parser.add_argument("--count", type=int, default=4000, help=f"files, in batches of {BATCH} (4000)")
    parser.add_argument("--seed", default="1", help="any text; the same text makes the same files (1)")
    parser.add_argument("--state", type=Path, help="folder that keeps results, to go on from (a new one)")
    parser.add_argument("--environments", type=Path, help="folder of the pinned environments (none)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=[], help="kinds of `generator.py` (all)")
    options = parser.parse_args()
    options.gate = options.gate and options.gate.resolve()
    options.state = (options.state or Path(tempfile.mkdtemp(prefix="fickgate-state-"))).resolve()
    options.state.mkdir(parents=True, exist_ok=True)
    interpreters = find(options.environments and options.environments.resolve())
    stub_folder = options.state / "stubs"
    stubs(stub_folder)

    ledger = Ledger(options.state, options.gate, options.seed, options.kinds, sorted(interpreters))
    wanted = range(-(-options.count // BATCH))
    known = ledger.verdicts if options.gate else ledger.loads
    tasks = [(i, ledger.loads.get(i, Loads())) for i in wanted if i not in known]
    if tasks:
        start = (options, interpreters, stub_folder)
        with multiprocessing.get_context("fork").Pool(min(options.jobs, len(tasks)), _start, start) as pool:
            for verdict, loads in pool.imap_unordered(_work, tasks):
                ledger.add(verdict, loads)
                if sys.stderr.isatty() or verdict["passed"]:
                    print(
                        f"batch {verdict['batch']}: {verdict['ran']} ran, passed {verdict['passed']}", file=sys.stderr
                    )
    if options.gate is None:
        sys.exit(f"{len(ledger.loads)} batches loaded, none judged")
    print(f"sources {ledger.files['sources']}, binary {ledger.binary['gate']}")
    sys.exit(summary([ledger.verdicts[i] for i in wanted], options))


def summary(results, options):
    """Prints what all batches came to; 1 if a payload got past the gate."""
    total = collections.Counter()
    kinds, loaders, passed, differ, failed = collections.Counter(), collections.Counter(), [], [], []
    words = []
    for result in results:
        for field in ("files", "ran", "refused"):
            total[field] += result[field]
        kinds.update(result["kinds"])
        loaders.update(result["loaders"])
        passed += result["passed"]
        words += result.get("words", [])
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
    print(f"{len(words)} import a module by the first lines of a text, call nothing, and are not refused: {sorted(words)}")
    print(f"{len(passed)} passed" + (f", kept in {options.state / 'passed'}: {sorted(passed)[:40]}" if passed else ""))
    return 1 if passed or differ or failed else 0


if __name__ == "__main__":
    main()
