"""The interpreters that are asked, each a running `server.py`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from target import ODD_MODULES, ON_IMPORT, STUB

HERE = Path(__file__).parent


def stubs(folder: Path):
    """Writes the importable stubs into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (STUB, ON_IMPORT, *ODD_MODULES):
        shutil.copy(HERE / "stub.py", folder / f"{name}.py")


class Interpreter:
    """One interpreter. Tasks are sent with `ask` and answered with `answers`, so that several work at a time.
    It is ready to be asked after `greet`; imports take a while."""

    def __init__(self, label, python, stub_folder):
        self.label = label
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
            "PYTHONUTF8": "1",
        }
        self.process = subprocess.Popen(
            [str(python), str(HERE / "server.py"), str(stub_folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def greet(self):
        hello = self._line()
        self.version, self.loaders = hello["version"], set(hello["loaders"])

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server of {self.label} ended; run its server.py by hand to see why")
        return json.loads(line)

    def ask(self, tasks, alone=False):
        self.process.stdin.write(json.dumps({"tasks": tasks, "alone": alone}) + "\n")
        self.process.stdin.flush()

    def answers(self):
        """{id: loader or None} for the tasks asked."""
        return dict(self._line())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def find(environments: Path | None):
    """{label: python}: CPythons of pyenv or the PATH, and the environments of `environments`, if any."""
    found = {}
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for python in sorted(versions.glob("*/bin/python")):
        version = python.parent.parent.name
        if version.startswith("2.7") or (version.startswith("3.") and int(version.split(".")[1]) >= 8):
            found[f"cpython-{version}"] = python
    if not found:
        found["cpython"] = Path(shutil.which("python3"))
    for label in ("oracle-modern", "oracle-joblib-1.1", "oracle-joblib-0", "oracle-pyarrow-14", "torch"):
        python = environments and environments / label / "bin" / "python"
        if python and python.exists():
            found[label.removeprefix("oracle-")] = python
    return found
