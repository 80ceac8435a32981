"""The verdict of fickgate on candidates: by one report over many, and by the exit code of each."""

import json
import subprocess

CLEAN, REFUSED = 0, 1


class Gate:
    """A fickgate binary, run with its built-in list alone."""

    def __init__(self, binary):
        self.binary = str(binary)

    def refused(self, folder):
        """Names of the subfolders of `folder` with a finding of level error, and {name: why} of failures."""
        run = subprocess.run(
            [self.binary, "--no-policy", "--format", "json", "--jobs", "1", "."],
            cwd=folder,
            capture_output=True,
            timeout=3600,
        )
        report = json.loads(run.stdout)
        refused = {_top(finding["path"]) for finding in report["findings"] if finding["level"] == "error"}
        failed = {_top(str(failure.get("path", ""))): str(failure) for failure in report["failures"]}
        if (run.returncode == REFUSED) != bool(refused) and not failed:
            raise RuntimeError(f"exit code {run.returncode} with {len(refused)} refused in {folder}")
        return refused, failed

    def exit_code(self, path):
        """The exit code for one file or folder, judged alone."""
        return subprocess.run(
            [self.binary, "--no-policy", "--jobs", "1", "--", str(path)],
            capture_output=True,
            timeout=600,
        ).returncode


def _top(path):
    return path.removeprefix("./").split("/")[0]
