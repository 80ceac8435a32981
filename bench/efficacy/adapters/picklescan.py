"""picklescan: `scan_file_path`, as its command line, with the exit codes of its manual. `strict` as argument."""

import logging
import sys

import serve

sys.path.remove(sys.path[0])
from picklescan.scanner import scan_file_path  # noqa: E402

logging.disable(logging.CRITICAL)
STRICT = "strict" in sys.argv[1:]


def judge(path, form):
    result = scan_file_path(path, strict=STRICT)
    if result.issues_count:
        return "refused", ", ".join(f"{g.module}.{g.name}" for g in result.globals if g.safety.value != "innocuous")
    if result.scan_err:
        return "error", "exit code 2"
    return ("passed", "") if result.scanned_files else ("unread", "scanned files: 0")


# Pickles, torch's files, .npy, and archives of zip are in its manual; compressed files are not.
serve.serve(judge, ("pickle", "torch", "torch-legacy", "joblib", "npy", "npz", "zip"))
