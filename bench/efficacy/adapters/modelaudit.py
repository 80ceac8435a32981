"""modelaudit: `scan_model_directory_or_file`, what its command line calls, and its exit code. `strict` as argument."""

import logging
import os
import sys

import serve

sys.path.remove(sys.path[0])
os.environ.update(PROMPTFOO_DISABLE_TELEMETRY="1", NO_ANALYTICS="1")
from modelaudit.core import determine_exit_code, scan_model_directory_or_file  # noqa: E402
from modelaudit.core_results import results_have_security_findings  # noqa: E402

logging.disable(logging.CRITICAL)
OPTIONS = {"cache_enabled": False}
if "strict" in sys.argv[1:]:
    OPTIONS.update(use_hf_whitelist=False, skip_file_types=False, strict_license=True)


def judge(path, form):
    results = scan_model_directory_or_file(path, timeout=60, **OPTIONS)
    code = determine_exit_code(results)
    if code == 1 or results_have_security_findings(results):
        # A finding counts for it, also where it says with exit code 2 that it could not read everything.
        return "refused", next(
            (issue.message for issue in results.issues if issue.severity.value in ("critical", "warning")), ""
        )
    if code == 0:
        return "passed", ""
    if not results.files_scanned:
        return "unread", "exit code 2, no file scanned"
    return "error", "exit code 2: " + next((issue.message for issue in results.issues), "")


# Its manual names gzip, bzip2, xz, lz4 and zlib around models.
serve.serve(judge, tuple(form for form in serve.FORMATS if form not in ("lzma", "zstd")))
