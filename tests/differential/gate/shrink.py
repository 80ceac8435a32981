"""Makes a file that passed smaller, as long as it still passes and its loader still runs the payload.

    python3 shrink.py --gate FICKGATE [--environments FOLDER] PASSED/NUMBER.json ... [--out FOLDER]

Prints what is left of each. The main file alone is cut; others beside it stay."""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from gate import CLEAN, Gate
from interpreter import Interpreter, find, stubs
from worker import write

LARGEST = 4 << 20  # larger files are left as they are


class Shrinker:
    def __init__(self, gate, environments, folder):
        self.gate, self.folder = Gate(gate), folder
        self.pythons = find(environments)
        self.running = {}
        stubs(folder / "stubs")

    def home(self, label):
        if label not in self.running:
            self.running[label] = Interpreter(label, self.pythons[label], self.folder / "stubs")
            self.running[label].greet()
        return self.running[label]

    def holds(self, data, about, files):
        """Whether `data` in place of the main file passes the gate and runs."""
        place = self.folder / "try"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for title, raw in files.items():
            write(place / title, raw)
        main = place / about["main"]
        write(main, data)
        if self.gate.exit_code(main if not files else place) != CLEAN:
            return False
        home = self.home(about["interpreter"])
        home.ask([["0", str(main), [about["loader"]]]], alone=True)
        return home.answers()["0"] is not None

    def shrink(self, data, about, files):
        if len(data) > LARGEST or not self.holds(data, about, files):
            return None
        step = len(data) // 2
        while step:
            at = 0
            while at < len(data):
                shorter = data[:at] + data[at + step :]
                if self.holds(shorter, about, files):
                    data = shorter
                else:
                    at += step
            step //= 2
        return data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gate", type=Path, required=True)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--out", type=Path, help="folder for what is left")
    parser.add_argument("passed", type=Path, nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fickgate-shrink-") as folder:
        shrinker = Shrinker(options.gate.resolve(), options.environments, Path(folder))
        for path in options.passed:
            about = json.loads(path.read_text())
            place = path.with_suffix("")
            found = {str(p.relative_to(place)): p for p in place.rglob("*") if p.is_file()}
            files = {title: p.read_bytes() for title, p in found.items() if title != about["main"]}
            small = shrinker.shrink((place / about["main"]).read_bytes(), about, files)
            if small is None:
                print(f"{path.stem}: passes no more, or does not run")
                continue
            shown = small if len(small) < 300 else small[:150] + b" ... " + small[-100:]
            by = f"{about['interpreter']} {about['loader']}"
            print(f"{path.stem}: {by}, {about['main']}, {len(small)} bytes\n  {shown!r}", flush=True)
            if options.out:
                options.out.mkdir(parents=True, exist_ok=True)
                (options.out / f"{path.stem}-{about['main']}").write_bytes(small)


if __name__ == "__main__":
    main()
