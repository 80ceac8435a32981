"""Objects of a store scanned where they are, through fsspec: `python with_s3.py s3://BUCKET/PREFIX`.

Of a checkpoint its directory and its pickles are read, by ranges; `gs://`, `abfs://`, `hf://` are the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import fickgate
import fsspec


def scan(url: str, **options: object) -> Iterator[fickgate.Report]:
    """Scans every object below an address. `options` are those of the file system."""
    fs, folder = fsspec.core.url_to_fs(url, **options)
    # fickgate asks for what it needs: a cache in between would read on ahead, into the tensors.
    return fickgate.scan_all(fs.find(folder), open=lambda path: fs.open(path, "rb", cache_type="none"))


def main() -> None:
    """Prints what is found."""
    reports = list(scan(sys.argv[1]))
    print(fickgate.merge(reports, format="human"), end="")
    sys.exit(not all(report.ok for report in reports))


if __name__ == "__main__":
    main()
