"""Files scanned by Dask: `python with_dask.py FOLDER`, or `scan` with the client of a cluster.

Every worker needs the package `fickgate` and the files; the policy is read here and sent along.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import fickgate
from distributed import Client, LocalCluster


def group(paths: Sequence[str], policy: fickgate.Policy) -> list[fickgate.Report]:
    """What one task does."""
    return list(fickgate.scan_all(paths, policy=policy))


def scan(client: Client, paths: Sequence[str], task=group, size: int = 64) -> list[fickgate.Report]:  # noqa: ANN001
    """Scans `size` files a task. A task whose worker is lost is done again by another one."""
    policy = fickgate.read_policy()
    groups = [paths[at : at + size] for at in range(0, len(paths), size)]
    done = client.gather(client.map(partial(task, policy=policy), groups, retries=2))
    return [report for reports in done for report in reports]


def main() -> None:
    """Prints one SARIF log."""
    paths = sorted(str(path) for path in Path(sys.argv[1]).rglob("*") if path.is_file())
    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster) as client:
        print(fickgate.merge(scan(client, paths), of=paths, format="sarif"))


if __name__ == "__main__":
    main()
