"""Every way in which a program comes to a pickle stops what would run, before anything of it is imported.

The files are loaded in a child process, in a folder of its own, behind a second hook that would stop what the first let
through. `FICKGATE_FULL=1` tries every file in every way.
"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FIXTURES, fixtures

sys.path.insert(0, str(Path(__file__).parent))
SCRIPT = Path(__file__).with_name("entries.py")
EVIL = [path for path in fixtures("malicious") if path.name != "manifest.json"]
BOMBS = {
    row["file"]
    for row in json.loads((FIXTURES / "malicious" / "manifest.json").read_text())
    if row["layer"] == "resource" or "resource-limit" in row["rules"]
}
ENTRIES = json.loads(
    subprocess.run(
        [sys.executable, "-c", "import entries, json; print(json.dumps(list(entries.ENTRIES)))"],
        cwd=SCRIPT.parent,
        capture_output=True,
        check=True,
    ).stdout
)


def run(entry, paths, folder):
    """What became of each file."""
    rows = []
    command = [sys.executable, SCRIPT, entry, folder]
    while len(rows) < len(paths):
        names = "\n".join(map(str, paths[len(rows) :]))
        patience = 60 if "hidden" in entry else 600
        try:
            done = subprocess.run(command, input=names.encode(), capture_output=True, timeout=patience)
            out, error = done.stdout, done.stderr.decode()
        except subprocess.TimeoutExpired as expired:
            # What looks up no name is not seen there, and may need more time than there is.
            assert "hidden" in entry, paths[len(rows)]
            row = {"path": "", "outcome": "took too long", "passed": [], "effects": []}
            out, error = (expired.stdout or b"") + json.dumps(row).encode(), ""
        new = [json.loads(line) for line in out.splitlines()]
        assert new, error[-2000:]
        rows += new
        rows[-1]["path"] = rows[-1]["path"] or str(paths[len(rows) - 1])
    assert [row["path"] for row in rows] == [str(path) for path in paths], error[-2000:]
    return rows


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_fixture_runs_anything(entry, tmp_path):
    full = entry == "pickle.loads" or os.environ.get("FICKGATE_FULL")
    paths = EVIL if full else EVIL[::10]
    if "hidden" in entry:
        # What looks up no name is not seen there, and may need more time than there is.
        paths = [path for path in paths if path.name not in BOMBS]
    for row in run(entry, paths, tmp_path):
        assert row["effects"] == [], row
        assert "let through" not in row["outcome"], row
    assert list(tmp_path.iterdir()) == []


def resolving(entry):
    """Malicious pickles that are nothing but a pickle, of which an unpickler comes to all imports."""
    manifest = json.loads((FIXTURES / "malicious" / "manifest.json").read_text())
    unpickler = "python" if "Python" in entry or entry.startswith(("pickle._", "dill")) else "c"
    for row in manifest:
        path = FIXTURES / "malicious" / row["file"]
        if row["layer"] == "pickle-vm" and path.suffix == ".pkl" and row["imports"] and path.is_file():
            if unpickler in row.get("resolved_by", []) and not row.get("stretch"):
                yield path


@pytest.mark.parametrize("entry", ["pickle.loads", "pickle._loads", "loads hidden before", "own find_class", "shelve"])
def test_what_would_import_is_refused_before_it_does(entry, tmp_path):
    paths = list(resolving(entry))
    assert len(paths) > 50
    rows = run(entry, paths, tmp_path)
    assert [row["path"] for row in rows if row["passed"]] == []
    # Of stacked pickles those behind the first are other loads, and bytes that are no ASCII end one that nobody judged
    # before.
    other = [Path(row["path"]).name for row in rows if row["outcome"] != "refused"]
    assert {name for name in other if not name.startswith("stacked-")} <= {"string-non-ascii-then-payload.pkl"}


CLEAN = [path for path in fixtures("clean") if path.suffix == ".pkl"]


@pytest.mark.parametrize("entry", ["pickle.loads", "pickle.load", "pickle._Unpickler"])
def test_no_honest_pickle_is_refused(entry, tmp_path):
    # What this environment has no package for is not imported, and said to be missing by the unpickler.
    for row in run(entry, CLEAN if os.environ.get("FICKGATE_FULL") else CLEAN[::3], tmp_path):
        assert row["outcome"] != "refused", row


CASES = os.environ.get("FICKGATE_CASES")


@pytest.mark.skipif(not CASES, reason="FICKGATE_CASES names a folder of files that run something")
@pytest.mark.parametrize("entry", ENTRIES)
def test_no_case_runs_anything(entry, tmp_path):
    paths = sorted(path for path in Path(CASES).rglob("*") if path.is_file() and path.suffix != ".md")
    assert paths
    for row in run(entry, paths, tmp_path):
        assert row["effects"] == [], row
        assert "let through" not in row["outcome"], row
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_honest_loads_to_equal_objects(protocol, tmp_path):
    """Under protection as without, by every function of the standard library."""
    code = (
        "import collections, datetime, decimal, enum, fickgate, fractions, io, pathlib, pickle, sys, uuid\n"
        "value = [collections.OrderedDict(a=1), collections.Counter('aab'), collections.deque([1], 3),\n"
        "  datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), decimal.Decimal('1.5'),\n"
        "  fractions.Fraction(1, 3), uuid.UUID(int=7), {1, 2}, frozenset([3]), bytearray(b'x'), b'y', 1 << 80, 1j,\n"
        "  range(3), slice(1, 2), pathlib.Path('a'), collections.defaultdict(list, a=[1]), None, True]\n"
        f"data = pickle.dumps(value, {protocol})\n"
        "fickgate.protect(policy=())\n"
        "loads = [pickle.loads, pickle._loads, lambda d: pickle.load(io.BytesIO(d)),\n"
        "  lambda d: pickle.Unpickler(io.BytesIO(d)).load(), lambda d: pickle._Unpickler(io.BytesIO(d)).load()]\n"
        "assert all(load(data) == value for load in loads)\n"
        "shared = []; again = pickle.loads(pickle.dumps([shared, shared]))\n"
        "assert again[0] is again[1]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
