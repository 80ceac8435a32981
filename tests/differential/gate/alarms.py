"""Counts false alarms: honest files, written by every interpreter there is, none of which may be refused.

    python3 alarms.py --gate FICKGATE [--count N] [--seed S] [--environments FOLDER] [--keep FOLDER]

Exit code 1: an honest file was refused."""

import argparse
import collections
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from interpreter import find

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gate", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60, help="files of each interpreter (60)")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--keep", type=Path, help="folder for the files that were refused")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fickgate-honest-") as name:
        folder = Path(name)
        for label, python in find(options.environments).items():
            (folder / label).mkdir()
            command = [python, HERE / "honest.py", folder / label, options.seed, str(options.count)]
            subprocess.run(command, check=True)
        files = sum(1 for path in folder.rglob("*") if path.is_file())
        command = [options.gate.resolve(), "--no-policy", "--format", "json", "."]
        report = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout
        errors = [f for f in json.loads(report)["findings"] if f["level"] == "error"]
        refused = collections.defaultdict(list)
        for finding in errors:
            refused[finding["path"]].append(finding)
        if options.keep:
            for path in refused:
                (options.keep / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / path, options.keep / path)
    print(f"seed {options.seed}: {files} honest files, {len(refused)} refused")
    kinds = collections.Counter(path.rpartition("/")[2].partition(".")[0] for path in refused)
    for kind, count in kinds.most_common():
        path, findings = next((p, f) for p, f in sorted(refused.items()) if p.rpartition("/")[2].startswith(kind))
        first = findings[0]
        said = f"{first['rule']} {first['import'] or ''} {first['message']}"
        print(f"  {kind}: {count}, such as {path} ({len(findings)} findings): {said}")
    sys.exit(bool(refused))


if __name__ == "__main__":
    main()
