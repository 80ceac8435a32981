"""What loading a pickle would import and call, judged by an allowlist before it is loaded.

- `protect` holds every unpickling of the process to the policy, whoever asks for it.
- `scan` reads a file, bytes or a file object and gives a `Report`: nothing is unpickled, imported or run.
- `scan_all`, `merge` and `to_arrow` do so for many files, on many machines.
- `load` unpickles what the policy permits, from the very bytes that were judged.

The policy is that of the gate: the built-in list, and over it the repository's `.fickgate.yaml`, found from the working
directory. `docs/python.md` says what this can stop, and what it cannot.
"""

from ._native import Policy, PolicyError
from .errors import UnsafePickle, UnsafePickleWarning
from .judging import load, read_policy, scan, scan_all
from .merging import merge
from .protection import protect, protected, unprotect
from .report import Entry, Fault, Finding, Import, Line, Report, Stream, Use
from .tables import from_arrow, schema, to_arrow

__all__ = [
    "Entry",
    "Fault",
    "Finding",
    "Import",
    "Line",
    "Policy",
    "PolicyError",
    "Report",
    "Stream",
    "UnsafePickle",
    "UnsafePickleWarning",
    "Use",
    "from_arrow",
    "load",
    "merge",
    "protect",
    "protected",
    "read_policy",
    "scan",
    "scan_all",
    "schema",
    "to_arrow",
    "unprotect",
]
