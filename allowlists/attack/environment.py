"""One environment's loader: a process that has the packages, asked over pipes."""

import base64
import json
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


class Environment:
    """Starts the loader in a folder of its own and speaks its lines of JSON."""

    def __init__(self, python, target):
        self.sandbox = tempfile.TemporaryDirectory(prefix="fickgate-sandbox-")
        variables = {
            "PATH": os.environ.get("PATH", ""), "HOME": self.sandbox.name, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            # Memory that was given back is filled, so that what still points there does not look well.
            "MALLOC_PERTURB_": "165",
        }
        variables.update({k: v for k, v in os.environ.items() if k.startswith("OPENBLAS_")})
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [python, HERE / "loader.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            cwd=self.sandbox.name, env=variables,
        )
        self.ask({
            "allowed": [e.name for e in target.entries], "canaries": [e.name for e in target.canaries],
            "modules": sorted({e.name.split(":")[0] for e in target.entries}),
        })

    def send(self, question):
        self.process.stdin.write((json.dumps(question) + "\n").encode())
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            ended = self.process.wait()
            self.errors.seek(0, os.SEEK_END)
            self.errors.seek(max(0, self.errors.tell() - 2000))
            raise RuntimeError(f"the loader ended with {ended}: {self.errors.read().decode(errors='replace')}")
        return json.loads(line)

    def ask(self, question):
        self.send(question)
        return self.receive()

    def warm(self, files, later=()):
        return self.ask({"warm": [base64.b64encode(f).decode() for f in files], "later": list(later)})["warm"]

    def begin(self, files, later=()):
        """Loads files while the caller goes on; `outcomes` waits for them."""
        self.send({"load": [base64.b64encode(f).decode() for f in files], "later": list(later)})

    def outcomes(self):
        return self.receive()["outcomes"]

    def load(self, files, later=()):
        self.begin(files, later)
        return self.outcomes()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.sandbox.cleanup()
