"""Every clean fixture loads under protection to what it loads to without, by every loader that reads it.

`FICKGATE_FULL=1` takes all of them, a fifth is taken otherwise.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import fixtures

SCRIPT = Path(__file__).with_name("forms.py")


def forms(kind, folder):
    """What each loader makes of each fixture."""
    paths = fixtures("clean")
    names = "\n".join(map(str, paths if os.environ.get("FICKGATE_FULL") else paths[::5]))
    done = subprocess.run(
        [sys.executable, SCRIPT, kind, folder],
        input=names,
        capture_output=True,
        text=True,
        timeout=3000,
        # Sets are pickled in one order.
        env=dict(os.environ, PYTHONHASHSEED="0", OMP_NUM_THREADS="1"),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {(path, loader): outcome for path, loader, outcome in rows}


def test_clean_fixtures_load_to_equal_objects(tmp_path):
    without, protected = forms("plain", tmp_path), forms("protected", tmp_path)
    assert without.keys() == protected.keys()
    loaded = {key: outcome for key, outcome in without.items() if outcome.startswith("loaded")}
    different = {key: (outcome, protected[key]) for key, outcome in loaded.items() if protected[key] != outcome}
    assert different == {}
    # Nearly everything is compared by its bytes; the rest by its class.
    whole = [outcome for outcome in loaded.values() if "not pickled" not in outcome]
    print(f"{len(loaded)} loads of {len({path for path, _ in loaded})} files, {len(whole)} by their bytes")
    assert len(whole) > 50
    assert len(whole) / len(loaded) > 0.9
