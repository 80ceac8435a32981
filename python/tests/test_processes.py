"""Messages between processes are pickles: a refused one ends what waits for it, and nothing hangs."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

POOL = Path(__file__).with_name("pool.py")
METHODS = [m for m in ("fork", "spawn", "forkserver") if m in multiprocessing.get_all_start_methods()]


def run(kind, method, case, folder):
    command = [sys.executable, POOL, kind, method, case]
    # What hangs fails: no run takes a tenth of this.
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    outcome, marker = done.stdout.splitlines()[-2:]
    assert marker == "no marker", done.stderr
    return outcome


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["pool", "apply", "executor"])
@pytest.mark.parametrize("case", ["honest", "evil task", "evil result", "evil in the worker", "failure"])
def test_a_pool_ends_with_the_refusal(kind, method, case, tmp_path):
    outcome = run(kind, method, case, tmp_path)
    if case == "honest":
        assert outcome == "done [2, 4, 6]"
    elif case == "failure":
        assert outcome == "raised KeyError"
    else:
        assert outcome.startswith("refused "), outcome
        assert "posix.system" in outcome


def test_a_function_that_no_list_names_is_no_task(tmp_path):
    assert run("pool", METHODS[0], "unlisted function", tmp_path).startswith("refused ")
