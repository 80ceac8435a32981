#!/usr/bin/env python3
"""How many ordinary texts are refused: licences, readmes and sources of folders, under their own names and as models.

    python3 bench/efficacy/texts.py --binary target/release/fickgate /usr/share/doc ~/.cargo/registry/src

Each text is taken once, however often it lies there; those over 300 kB, and what has a NUL in it, are no texts here. Of
sources an eighth is taken, by the hash of the path. They are linked or copied into a folder of their own, and judged with
the built-in list alone. Exit code 0 whatever is refused: the lines say it.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

DOCUMENTS = re.compile(
    r"LICEN[CS]E|README|COPYING|NOTICE|AUTHORS|CHANGE|HISTORY|COPYRIGHT|METADATA|RECORD|TODO|NEWS"
    r"|TOP_LEVEL|ENTRY_POINTS|INSTALLER|\.(TXT|MD|RST)$",
    re.IGNORECASE,
)
SOURCES = (".py", ".pyi", ".rs", ".c", ".h", ".toml", ".json", ".yaml", ".cfg")
LARGEST = 300_000


def is_wanted(path: pathlib.Path) -> bool:
    if DOCUMENTS.search(path.name):
        return True
    return path.suffix in SOURCES and hashlib.sha1(os.fsencode(path)).digest()[0] % 8 == 0


def texts(folders: list[pathlib.Path]):
    """Path and content of each text, once."""
    seen = set()
    for folder in folders:
        for place, _, names in os.walk(folder):
            for path in (pathlib.Path(place, name) for name in sorted(names)):
                if path.is_symlink() or not is_wanted(path) or path.stat().st_size > LARGEST:
                    continue
                data = path.read_bytes()
                digest = hashlib.sha1(data).digest()
                if data and b"\0" not in data and digest not in seen:
                    seen.add(digest)
                    yield path, data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--binary", type=pathlib.Path, default=pathlib.Path("target/release/fickgate"))
    parser.add_argument("--as", dest="suffixes", nargs="*", default=["bin", "pkl"], help="further names (bin, pkl)")
    given = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="texts-"))
    try:
        origins = {}
        for number, (path, data) in enumerate(texts(given.folders)):
            name = f"{number // 500:03}/{number}-{path.name}"
            origins[name] = path
            for suffix in ("", *given.suffixes):
                copy = scratch / (suffix or "own") / (name + (f".{suffix}" if suffix else ""))
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(data)
        print(f"{len(origins)} texts")
        for suffix in ("", *given.suffixes):
            command = [given.binary.resolve(), "--no-policy", "--format", "json", suffix or "own"]
            run = subprocess.run(command, cwd=scratch, capture_output=True, check=False)
            findings = [finding for finding in json.loads(run.stdout)["findings"] if finding["level"] == "error"]
            refused = {finding["path"] for finding in findings}
            rules = collections.Counter(finding["rule"] for finding in findings)
            label = f"as .{suffix}" if suffix else "under their own names"
            print(f"{label}: {len(refused)} refused", dict(rules))
            for path in sorted(refused) if not suffix else ():
                print(f"  {origins[path.partition('/')[2]]}")
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
