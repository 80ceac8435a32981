#!/usr/bin/env python3
"""Has torch read, with weights_only, what `explain --safe-globals` prints a call for, and what it says no call lets in.

    /venv-with-torch/bin/python tests/differential/weights_only.py BINARY [FOLDER]

Each file below is written, the printed call is run in a child process, and then `torch.load(weights_only=True)` has to
read the file; where none is printed it must not. FOLDER adds files of one's own that pass, such as those of makers.
Exit code 1 where torch says otherwise. Files that the list does not let pass are left out.
"""

import pathlib
import pickle
import subprocess
import sys
import tempfile

import torch

NEVER = ("weights_only does not read", "weights_only keeps nothing out", "not written by torch.save", "TorchScript")


def written(folder):
    weights = torch.arange(3.0)
    torch.save({"weights": weights, "epoch": 1}, folder / "weights.pt")
    torch.save({"weights": weights}, folder / "weights-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 2), folder / "module.pt")
    # A persistent id for each module, with its source.
    torch.save(torch.nn.Linear(2, 2), folder / "module-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.optim.Adam(torch.nn.Linear(1, 1).parameters()), folder / "optimizer.pt")
    # No file of torch.save, though each tensor in it is one.
    for protocol in range(2, 6):
        (folder / f"plain-{protocol}.pkl").write_bytes(pickle.dumps({"weights": weights}, protocol))


def main():
    binary, *more = sys.argv[1:]
    wrong = seen = 0
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        written(folder)
        for path in sorted([*folder.iterdir(), *(f for more in more for f in pathlib.Path(more).iterdir())]):
            call = subprocess.run([binary, "explain", "--safe-globals", path], capture_output=True, text=True, check=False)
            if call.returncode and not any(reason in call.stderr for reason in NEVER):
                continue
            load = f"import torch\ntorch.load({str(path)!r}, weights_only=True)\n"
            run = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", call.stdout + load], capture_output=True, text=True, check=False)
            seen += 1
            if (run.returncode == 0) != (call.returncode == 0):
                wrong += 1
                last = run.stderr.strip().splitlines()[-1:] or ["it was read"]
                print(f"{path.name}: {'printed' if call.returncode == 0 else call.stderr.strip()}; torch: {last[0][:300]}")
    print(f"{seen - wrong} of {seen} as fickgate says, torch {torch.__version__}")
    return 1 if wrong or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
