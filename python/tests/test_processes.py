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


@pytest.mark.parametrize("kind", ["pool", "executor"])
def test_an_exception_brings_its_attributes_and_notes(kind, tmp_path):
    assert run(kind, METHODS[0], "failure with a note", tmp_path) == "raised ModuleNotFoundError"


def test_a_report_is_a_result(tmp_path):
    assert run("pool", METHODS[0], "report", tmp_path) == "done [False]"


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
@pytest.mark.parametrize("case", ["honest", "data", "evil task", "evil result", "evil in the worker"])
def test_joblib_in_processes(backend, case, tmp_path):
    pytest.importorskip("joblib")
    outcome = run(f"joblib {backend}", METHODS[0], case, tmp_path)
    if case == "honest":
        assert outcome == "done [2, 4, 6]"
    elif case == "data":
        assert outcome == "done [[1.5, 1.5], ['text', 'text'], [b'bytes', b'bytes']]"
    else:
        # A pool of loky breaks at a message that cannot be read: nothing ran, and nothing waits for ever.
        assert outcome.startswith(("refused ", "raised BrokenProcessPool", "raised TerminatedWorkerError")), outcome


def test_loaders_of_torch_bring_tensors(tmp_path):
    pytest.importorskip("torch")
    program = (
        "import torch, fickgate\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "fickgate.protect(policy=())\n"
        "batches = DataLoader(TensorDataset(torch.arange(10.0)), 2, num_workers=2, timeout=60)\n"
        "print(sum(batch[0].sum().item() for batch in batches))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stdout == "45.0\n", done.stderr


STARTS = Path(__file__).with_name("starts.py")
# A process that is started by joblib's own means is told, whenever joblib was imported.
ANEW = [m for m in METHODS if m != "fork"] + ["loky"]


def starts(case, method, folder):
    if method == "loky":
        pytest.importorskip("joblib")
    command = [sys.executable, STARTS, case, method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("method", ANEW)
def test_what_a_protection_adds_goes_with_it_in_processes_too(method, tmp_path):
    assert starts("nested", method, tmp_path) == ["outer refused", "inner loaded", "outer refused", "without loaded"]


@pytest.mark.parametrize("method", [*METHODS, "loky"])
def test_a_policy_whose_files_are_gone_is_the_same_in_a_process(method, tmp_path):
    assert starts("carried", method, tmp_path) == ["child refused"]


@pytest.mark.skipif("fork" not in METHODS, reason="no forks here")
@pytest.mark.parametrize("method", ANEW)
def test_a_process_that_was_started_protects_itself_once(method, tmp_path):
    assert starts("forking", method, tmp_path) == ["child loaded, its own loaded"]
