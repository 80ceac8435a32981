#!/usr/bin/env python3
"""Chooses small files of the test fixtures as seeds of the fuzz targets: `fuzz/seeds/TARGET/`.

The targets for zip and tar build their archives themselves: their seeds are the members, in the form
that `fuzz/src/lib.rs` takes them apart.
"""

import pathlib
import shutil

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent / "tests" / "fixtures"
LARGEST = 2048
EACH = 24

PICKLES = [b"cos\nsystem\n(S'true'\ntR.", b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x04true\x94\x85\x94R\x94.",
           b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s."]


def small():
    for path in sorted(FIXTURES.rglob("*")):
        if path.is_file() and path.suffix not in (".py", ".json", ".md", ".txt") and path.stat().st_size <= LARGEST:
            yield path.read_bytes()


def member(name, content):
    return bytes([len(name)]) + bytes([len(content)]) + name + content


def choose(files, each=EACH):
    """A spread over the sizes, each content once."""
    files = sorted(set(files), key=lambda data: (len(data), data))
    step = max(1, len(files) // each)
    return files[::step][:each]


def main():
    files = list(small())
    pickles = choose(f for f in files if f[:1] in (b"\x80", b"(", b"c", b"}", b"]"))
    seeds = {
        "machine": pickles,
        "scan": [bytes([i % 8]) + f for i, f in enumerate(choose(files))],
        "zip": [bytes([2]) + bytes(24) + member(b"a/data.pkl", p) + b"\0" + member(b"a/version", b"3\n") + b"\0"
                for p in PICKLES],
        "tar": [bytes([1]) + bytes(24) + b"0" + member(b"pickle", p) for p in PICKLES]
        + [bytes([2]) + bytes(24) + b"x" + member(b"p", b"17 path=a/b.pkl\n") + b"0" + member(b"q", PICKLES[0])],
        "numpy": choose(f[6:] for f in files if f.startswith(b"\x93NUMPY")),
        "joblib": choose(f for f in files if b"NumpyArrayWrapper" in f or f[:1] in (b"\x78", b"\x1f", b"B", b"\xfd")),
        "torch": [p * 3 for p in PICKLES],
        "codec": [bytes([i]) + f[len(magic):] for i, magic in enumerate(
            [b"\x1f\x8b\x08", b"\x78\x9c", b"BZh9", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd", b"\x5d\0\0\x80\0"])
            for f in choose(f for f in files if f.startswith(magic))[:4]] or [b"\0"],
        "embedded": [b"gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAR0cnVllIWUUpQu", b'{"cells": [{"outputs": [{"text": "gAJ9cQAu"}]}]}'],
        "hdf5": choose((f for f in files if f.startswith(b"\x89HDF")), 8),
        "unknown": [p + tail for p in PICKLES for tail in (b"", b"\xff\xfe" + p)],
        "policy": [b"version: 1\nallow:\n  - import: a.b.C\n    reason: ours\n", b"version: 1\nextends: [core, -native-memory]\ndeny: [a.b]\n",
                   b"version: 1\nallow:\n  - import: a.*\n    reason: ours\n    paths: ['m/**']\n    expires: 2027-01-01\nlevels: {pointer-unresolved: warning}\nexclude: ['x/**']\n",
                   b"version: 1\nfiles:\n  - sha256: " + b"a" * 64 + b"\n    path: m.pkl\n    reason: old\n"],
    }
    shutil.rmtree(HERE / "seeds", ignore_errors=True)
    for target, inputs in seeds.items():
        folder = HERE / "seeds" / target
        folder.mkdir(parents=True)
        for number, data in enumerate(inputs):
            (folder / f"{number:02}").write_bytes(data)
        print(target, len(inputs))


if __name__ == "__main__":
    main()
