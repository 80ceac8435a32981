"""pandas: frames, series and indexes, by `to_pickle` with each of its codecs, by pickle and by joblib."""

import numpy as np
import pandas as pd
from out import by, joblib, put, seed

draw = np.random.RandomState(seed("frames").randint(0, 2**31))
CODECS = {"": "pickle", ".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip", ".zst": "zstd"}


def numbers():
    return pd.DataFrame(draw.rand(8, 3), columns=list("abc"))


def mixed():
    return pd.DataFrame(
        {
            "id": range(5),
            "name": ["a", "b", None, "d", "e"],
            "when": pd.date_range("2020-01-01", periods=5),
            "kind": pd.Categorical(["x", "y", "x", "x", "y"]),
            "price": [1.5, 2, np.nan, 4, 5],
        }
    )


MAKES = {
    "numbers": numbers,
    "mixed": mixed,
    "series": lambda: pd.Series([1, 2, 3], name="s"),
    "text": lambda: pd.Series(["a", "b", None]),
    "by-time": lambda: pd.Series(range(4), pd.date_range("2020", periods=4, freq="D")),
    "multi": lambda: mixed().set_index(["name", "kind"]),
    "categories": lambda: pd.Series(list("abca"), dtype="category"),
    "zone": lambda: pd.Series(pd.date_range("2020", periods=3, tz="Europe/Paris")),
    "sparse": lambda: pd.DataFrame(np.eye(4)),
    "index": lambda: pd.Index(["a", "b"]),
    "range": lambda: pd.RangeIndex(5),
    "periods": lambda: pd.period_range("2020-01", periods=4, freq="M"),
    "intervals": lambda: pd.cut(pd.Series([1, 5, 9]), 3),
    "stamps": lambda: [pd.Timestamp("2020-05-06"), pd.Timedelta("3h"), pd.NaT],
    "booleans": lambda: pd.Series([True, False, None], dtype="boolean"),
    "nullable": lambda: pd.Series([1, None], dtype="Int64"),
    "frames": lambda: {"train": numbers(), "test": mixed()},
    "described": lambda: mixed().describe(),
    "grouped": lambda: mixed().groupby("kind").price.mean(),
    "pivot": lambda: mixed().pivot_table(index="kind", values="price"),
    "dummies": lambda: pd.get_dummies(mixed().kind),
    "columns-multi": lambda: pd.concat({"a": numbers(), "b": numbers()}, axis=1),
    "wide": lambda: pd.DataFrame(draw.randint(0, 9, (4, 40))),
    "objects": lambda: pd.DataFrame({"v": [[1, 2], {"a": 1}, None]}),
    "resampled": lambda: MAKES["by-time"]().resample("2D").sum(),
}
for name, make in MAKES.items():
    put("pd-" + name, "pandas", make)
    suffix, form = seed(name).choice(sorted(CODECS.items()))
    by("pd-%s.pickle%s" % (name, suffix), form, "pandas", make, lambda value, path: pd.to_pickle(value, path))
for suffix, form in CODECS.items():
    by("pd-table.pkl" + suffix, form, "pandas", mixed, lambda value, path: value.to_pickle(path))
joblib("pd-numbers", "pandas", numbers)
joblib("pd-mixed", "pandas", mixed)
