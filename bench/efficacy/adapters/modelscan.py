"""modelscan: `ModelScan().scan`, what its command line calls, with the exit codes of its manual."""

import logging
import sys

import serve

sys.path.remove(sys.path[0])
from modelscan.modelscan import ModelScan  # noqa: E402
from modelscan.settings import DEFAULT_SETTINGS  # noqa: E402

logging.disable(logging.CRITICAL)


def judge(path, form):
    scan = ModelScan(settings=DEFAULT_SETTINGS)
    scan.scan(path)
    if not scan.scanned and not scan.errors:
        return "unread", "exit code 3"
    if scan.issues.all_issues:
        return "refused", scan.issues.all_issues[0].details.output_lines()[0] if hasattr(
            scan.issues.all_issues[0], "details"
        ) else ""
    if scan.errors:
        return "error", scan.errors[0]
    return "passed", ""


# Everything that a suffix of its settings stands for; it says by itself what it skipped.
serve.serve(judge)
