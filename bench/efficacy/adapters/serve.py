"""What the adapters share: a loop that answers for one file a line, in the tool's own environment.

It says `ready` once the tool is imported. Asked `{"path": …, "format": …}`, an adapter answers `{"verdict": …,
"detail": …, "seconds": …}`. Verdicts: `refused`, `passed`, `error` (the tool failed on the file) and `unread` (the tool
says that it did not look, or does not claim the format). Seconds are processor time of this process.
"""

import contextlib
import io
import json
import os
import sys
import time

FORMATS = (
    "pickle",
    "torch",
    "torch-legacy",
    "joblib",
    "joblib-compressed",
    "npy",
    "npz",
    "zip",
    "gzip",
    "bz2",
    "xz",
    "lzma",
    "zlib",
    "lz4",
    "zstd",
)


def serve(judge, reads=FORMATS):
    """`judge(path, format)` gives a verdict and a detail; what it raises is an error of the tool."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        begun = time.process_time()
        if asked["format"] not in reads:
            verdict, detail = "unread", "the format is not claimed"
        else:
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    verdict, detail = judge(asked["path"], asked["format"])
            except Exception as error:
                verdict, detail = "error", f"{type(error).__name__}: {error}"
        print(
            json.dumps({"verdict": verdict, "detail": str(detail)[:200], "seconds": time.process_time() - begun}),
            file=answers,
            flush=True,
        )
