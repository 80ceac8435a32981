#!/usr/bin/env python3
"""The kinds of attack that got through the list when it still decided by names, and how each is known by its effect.

Runs against a binary of that time have to find all of them by themselves. The files of those days are not read here.

    python3 allowlists/attack/kinds.py DIR...        which kinds the effects in these folders are of
"""

import json
import pathlib
import pickletools
import re
import sys

CORE = {"numpy", "builtins"}


def tops(row):
    return {name.split(":")[0].split(".")[0] for name in row["imports"]}


def numbers(data):
    """The integers that a pickle has as literals."""
    return [argument for opcode, argument, _ in pickletools.genops(data) if type(argument) is int and "INT" in opcode.name]


def texts(data):
    return {argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)}


def of_numpy(row, data):
    """A crash by a record of numpy alone, without a time, whose type crashes by itself."""
    records = any(text.startswith("V") for text in texts(data)) and not any(text.startswith(("M", "m")) for text in texts(data))
    return row["kind"] == "crash" and tops(row) <= CORE and records


def modest(data):
    """Whether no shape is absurd, which crashes by itself: no number is large but the forged address."""
    large = [a for _, a, _ in pickletools.genops(data) if type(a) is int and a >= 2**16 and a != 0x414141414141]
    return not large and 65536 not in numbers(data)


def negative(data):
    return any(number < 0 and number != -1 for number in numbers(data))


def exponent(data):
    return any(re.search(r"\de\d{3}", text) for text in texts(data))


def outward(row):
    """Something outside of the process: code that runs, or what the file names, or what a path does to its file."""
    if row["kind"] in ("exec", "compile"):
        return True
    named = row["kind"].startswith(("open", "import", "os.", "shutil.")) and "marker" in row["detail"]
    return named or row["kind"].startswith("os.") and bool(row["way"]) and "/pathlib.py:" in row["way"][-1]


# Name, and whether a row of effects.jsonl with its smallest file is of that kind.
KINDS = [
    ("a call of any import, by an item that hides an attribute", lambda row, data: row["kind"] == "call" and {"append", "extend", "add"} & texts(data)),
    ("a chain of calls while loading, by what the objects of the file hold", lambda row, data: row["kind"] == "call" and row["way"] and {"append", "extend", "add"} & texts(data)),
    ("code or files reached through a chain of calls while loading", lambda row, data: outward(row) and len(row["way"]) > 1 and {"append", "extend", "add"} & texts(data)),
    ("text that is executed at the end of a chain of calls while loading", lambda row, data: row["kind"] in ("exec", "compile") and len(row["way"]) > 3 and not row["later"]),
    ("code or files reached by a method that the state names, when predicting", lambda row, data: outward(row) and row["later"]),
    ("time: a number with an exponent", lambda row, data: row["kind"] in ("time", "memory") and exponent(data)),
    ("time: nested tuples as a key", lambda row, data: row["kind"] == "time" and not exponent(data)),
    ("a file opened by text that is no literal", lambda row, data: row["kind"] == "open" and any("dateutil" in text for text in texts(data))),
    ("memory of an array that gets its first state later", lambda row, data: row["kind"] == "crash" and any("_reconstruct" in name for name in row["imports"]) and "torch" in tops(row)),
    ("a compiled state of too few parts", lambda row, data: row["kind"] == "crash" and "numpy" not in tops(row) and len(row["imports"]) == 1),
    ("a dtype of negative size", lambda row, data: of_numpy(row, data) and negative(data)),
    ("a dtype with fields over each other", lambda row, data: of_numpy(row, data) and not negative(data) and modest(data) and {"a", "b"} <= texts(data)),
    ("an address by way of an array interface", lambda row, data: row["kind"] == "crash" and "__array_interface__" in texts(data)),
    ("state of a singleton: a time zone", lambda row, data: row["kind"] == "state" and "tz" in row["detail"]),
    ("state of a singleton: limits of numbers", lambda row, data: row["kind"] == "state" and "finfo" in row["detail"]),
    ("state of a singleton: not a time", lambda row, data: row["kind"] == "state" and "NaT" in row["detail"]),
    ("attributes of an imported class", lambda row, data: row["kind"] == "state" and "omegaconf" in row["detail"]),
]


def main():
    rows = [
        (json.loads(line), pathlib.Path(folder))
        for folder in sys.argv[1:] if (pathlib.Path(folder) / "effects.jsonl").exists()
        for line in (pathlib.Path(folder) / "effects.jsonl").read_text().splitlines()
    ]
    missing = 0
    for name, known in KINDS:
        hit = next(((row, folder) for row, folder in rows if known(row, (folder / row["minimal"]).read_bytes())), None)
        missing += hit is None
        where = f": {hit[1] / hit[0]['minimal']}, {hit[0]['size']} bytes, {hit[0]['family']}" if hit else ""
        print(f"{'found' if hit else 'MISSING':8}{name}{where}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
