"""Files scanned by Spark: `spark-submit with_spark.py FOLDER`, or `scan` with a session of a cluster.

Every worker needs the packages `fickgate` and `pyarrow`, and the files; the policy is read here and sent along.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import fickgate
import pandas
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema


def rows(batches: Iterator[pandas.DataFrame], policy: fickgate.Policy) -> Iterator[pandas.DataFrame]:
    """What one task does: paths to reports."""
    for batch in batches:
        yield fickgate.to_arrow(fickgate.scan_all(batch["path"], policy=policy)).to_pandas()


def scan(spark: SparkSession, paths: Sequence[str], task=rows, parts: int = 8) -> DataFrame:  # noqa: ANN001
    """One row a file, with the columns of `fickgate.schema()`."""
    policy = fickgate.read_policy()
    frame = spark.createDataFrame([(path,) for path in paths], "path string").repartition(parts)
    return frame.mapInPandas(partial(task, policy=policy), from_arrow_schema(fickgate.schema()))


def main() -> None:
    """Prints one SARIF log."""
    paths = sorted(str(path) for path in Path(sys.argv[1]).rglob("*") if path.is_file())
    spark = SparkSession.builder.appName("fickgate").getOrCreate()
    reports = fickgate.from_arrow(scan(spark, paths).toArrow())
    print(fickgate.merge(reports, of=paths, format="sarif"))


if __name__ == "__main__":
    main()
