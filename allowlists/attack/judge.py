"""Asks a fickgate binary which of many pickles it lets pass, a folder at a time."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

# Memory, where there is such a folder: the files live for one run of the binary.
PLACE = "/dev/shm" if os.path.isdir("/dev/shm") else None


def passing(binary, files):
    """For each of the pickles, whether the binary has nothing against it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fickgate-attack-", dir=PLACE))
    try:
        for index, data in enumerate(files):
            (folder / f"{index}.pkl").write_bytes(data)
        run = subprocess.run(
            [binary, "--no-policy", "--format", "json", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if run.returncode not in (0, 1):
            raise RuntimeError(f"{binary} ended with {run.returncode}: {run.stderr.decode()[-500:]}")
        told = json.loads(run.stdout)
        if told["summary"]["blobs"] != len(files):
            raise RuntimeError(f"{binary} judged {told['summary']['blobs']} of {len(files)} files")
        refused = set()
        for part in ("findings", "skipped", "failures"):
            for row in told[part]:
                refused.add(int(pathlib.PurePath(row["path"]).stem))
        return [index not in refused for index in range(len(files))]
    finally:
        shutil.rmtree(folder)
