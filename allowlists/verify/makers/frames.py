"""Frames, series, indexes and arrays of pandas; values of numpy; the standard library's."""

import collections
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import uuid

import numpy as np
import pandas as pd
from out import joblib, put

F = lambda: pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", "y"], "d": [True, False]})

put("frame", F)
put("frame-2", F, 2)
joblib("frame", F)
put("frame-empty", lambda: pd.DataFrame())
put("frame-dates", lambda: pd.DataFrame({"t": pd.date_range("2020-01-01", periods=3), "d": pd.to_timedelta([1, 2, 3], "s")}))
put("frame-zone", lambda: pd.DataFrame({"t": pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin")}))
put("frame-utc", lambda: pd.DataFrame({"t": pd.date_range("2020-01-01", periods=3, tz="UTC")}))
put("frame-categories", lambda: pd.DataFrame({"c": pd.Categorical(["a", "b", "a"], ordered=True)}))
put("frame-multi", lambda: F().set_index(["a", "c"]))
put("frame-multi-columns", lambda: F().pivot_table(index="a", columns="c", values="b", aggfunc=["mean", "sum"]))
put("frame-index-dates", lambda: pd.DataFrame({"a": [1, 2, 3]}, index=pd.date_range("2020-01-01", periods=3, freq="D")))
put("frame-period", lambda: pd.DataFrame({"a": [1, 2]}, index=pd.period_range("2020-01", periods=2, freq="M")))
put("frame-interval", lambda: pd.DataFrame({"a": pd.cut([1, 2, 3], 2)}))
put("frame-sparse", lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}))
put("frame-int64", lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")}))
put("frame-float64", lambda: pd.DataFrame({"a": pd.array([1.0, None], dtype="Float64")}))
put("frame-string", lambda: pd.DataFrame({"a": pd.array(["x", None], dtype="string")}))
put("frame-arrow", lambda: pd.DataFrame({"a": pd.array([1, None], dtype="int64[pyarrow]"), "s": pd.array(["x", None], dtype="string[pyarrow]")}))
put("frame-arrow-dates", lambda: pd.DataFrame({"a": pd.array([datetime.datetime(2020, 1, 1)], dtype="timestamp[ns][pyarrow]")}))
put("frame-converted", lambda: F().convert_dtypes())
put("frame-objects", lambda: pd.DataFrame({"a": [[1], {"b": 2}, None, datetime.date(2020, 1, 1), decimal.Decimal("1.5"), np.nan, pd.NaT, pd.Timestamp("2020-01-01", tz="UTC")]}))
put("frame-embeddings", lambda: pd.DataFrame({"text": ["a", "b"], "e": [np.zeros(3, "f4"), np.zeros(3, "f4")]}))
put("frame-describe", lambda: F().describe())
put("frame-corr", lambda: F()[["a", "b"]].corr())
def with_attrs():
    frame = F()
    frame.attrs["a"] = 1
    return frame


put("frame-attrs", with_attrs)
put("series", lambda: pd.Series([1.0, 2.0], name="s", index=["a", "b"]))
put("series-2", lambda: pd.Series([1.0, 2.0], name="s"), 2)
put("series-dates", lambda: pd.Series(pd.date_range("2020-01-01", periods=3, freq="MS")))
put("series-category", lambda: pd.Series(["a", "b"], dtype="category"))
put("series-objects", lambda: pd.Series([{"a": 1}, [1], np.zeros(2)]))
put("index", lambda: [pd.Index([1, 2]), pd.Index(["a"]), pd.RangeIndex(3), pd.MultiIndex.from_product([[1, 2], ["a"]])])
put("index-float", lambda: [pd.Index([1.5]), pd.Index([True]), pd.Index([1], dtype="uint64"), pd.CategoricalIndex(["a"])])
put("index-dates", lambda: [pd.date_range("2020", periods=2), pd.timedelta_range("1s", periods=2), pd.period_range("2020", periods=2, freq="D"), pd.interval_range(0, 2)])
put("offsets", lambda: [pd.offsets.Day(1), pd.offsets.MonthEnd(), pd.offsets.BDay(), pd.offsets.Hour(2), pd.offsets.Week(weekday=1), pd.offsets.QuarterEnd(), pd.DateOffset(months=1), pd.offsets.YearBegin(), pd.offsets.CustomBusinessDay()])
put("scalars", lambda: [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01", tz="US/Eastern"), pd.Timedelta("1s"), pd.Period("2020", "M"), pd.NaT, pd.Interval(0, 1)])
put("na", lambda: pd.NA)
put("dtypes", lambda: [F().dtypes, pd.CategoricalDtype(["a"]), pd.DatetimeTZDtype("ns", "UTC"), pd.Int64Dtype()])
put("panel", lambda: pd.Panel(np.zeros((1, 2, 2))))
put("sparse-frame", lambda: pd.SparseDataFrame({"a": [0, 0, 1]}))
put("groups", lambda: {k: v for k, v in F().groupby("c")})
put("groups-dict", lambda: F().groupby("c").groups)
put("grouper", lambda: F().groupby("c"))
put("dict-of-frames", lambda: {"x": F(), "columns": F().columns, "values": F().values, "medians": F()[["a", "b"]].median()})
put("columns", lambda: list(F().columns))
put("dummies", lambda: pd.get_dummies(F()))
put("rolling", lambda: F()[["a"]].rolling(2))
put("datetimes", lambda: pd.Series(pd.to_datetime(["2020-01-01 00:00:00+02:00"])))
put("second-units", lambda: pd.Series(np.array(["2020-01-01"], "M8[s]")))
joblib("dict", lambda: {"frame": F(), "a": np.zeros((2, 2)), "s": {1, 2}})

put("np-arrays", lambda: [np.zeros(2), np.zeros((2, 2), "f4"), np.arange(3), np.array(["a"]), np.array([b"a"]), np.zeros(2, bool), np.zeros(0), np.zeros(1, "c16"), np.asfortranarray(np.zeros((2, 2)))])
put("np-objects", lambda: np.array([{"a": 1}, [1], None, "x", np.zeros(2)], dtype=object))
put("np-records", lambda: np.zeros(2, dtype=[("a", "f4"), ("b", "O"), ("c", "U3")]))
put("np-recarray", lambda: np.rec.array([(1, "a")], dtype=[("x", "i4"), ("y", "U1")]))
put("np-scalars", lambda: [np.float64(1), np.float32(1), np.int64(1), np.bool_(True), np.str_("a"), np.bytes_(b"a"), np.datetime64("2020"), np.complex64(1), np.timedelta64(1, "s"), np.longdouble(1)])
put("np-dates", lambda: np.array(["2020-01-01"], "M8[D]"))
put("np-masked", lambda: np.ma.masked_array([1.0, 2.0], mask=[0, 1]))
put("np-matrix", lambda: np.matrix([[1, 2]]))
put("np-random", lambda: [np.random.RandomState(0), np.random.get_state()])
put("np-generator", lambda: [np.random.default_rng(0), np.random.Generator(np.random.MT19937(0)), np.random.Generator(np.random.Philox(0)), np.random.SeedSequence(1)])
put("np-dtypes", lambda: [np.dtype("f8"), np.float32, np.int64, np.dtype([("a", "f8")]), np.dtype("S5")])
put("np-poly", lambda: [np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2])])
put("np-functions", lambda: [np.mean, np.median, np.sum, np.log1p, np.exp, np.nanmean])
put("np-finfo", lambda: np.finfo("f4"))
put("np-chararray", lambda: np.char.array(["a"]))
joblib("np-objects", lambda: np.array([{"a": 1}, "x"], dtype=object))
joblib("np-memmap", lambda: np.zeros(10))
Point = collections.namedtuple("Point", "x y")
put("std", lambda: [datetime.datetime.now(), datetime.date(2020, 1, 1), datetime.timedelta(1), datetime.time(1), datetime.datetime.now(datetime.timezone.utc), decimal.Decimal("1"), fractions.Fraction(1, 2), uuid.uuid4(), ipaddress.ip_address("::1"), pathlib.PurePosixPath("a"), pathlib.Path("a"), collections.Counter("ab"), collections.OrderedDict(a=1), collections.deque([1], 3), collections.defaultdict(list), collections.defaultdict(int, a=1), collections.defaultdict(dict), 1j, range(3), slice(1), Ellipsis, frozenset([1]), bytearray(b"a"), float("inf")])
put("std-nested", lambda: collections.defaultdict(collections.Counter, a=collections.Counter("ab")))
put("std-chain", lambda: [collections.ChainMap({"a": 1}), collections.UserDict(a=1)])
put("std-random", lambda: __import__("random").getstate())
put("std-array", lambda: __import__("array").array("d", [1.0]))
put("std-types", lambda: [int, str, float, list, dict, type(None), bool, len, sorted, sum, max, min, abs, repr])
put("std-re", lambda: [__import__("re").compile("a+"), __import__("re").compile("a", __import__("re").I)])
put("std-time", lambda: __import__("time").localtime())
put("std-zoneinfo", lambda: __import__("zoneinfo").ZoneInfo("Europe/Berlin"))
put("std-pytz", lambda: [__import__("pytz").timezone("US/Eastern"), __import__("pytz").utc, datetime.datetime(2020, 1, 1, tzinfo=__import__("pytz").utc)])
put("std-dateutil", lambda: [__import__("dateutil.tz").tz.tzutc(), __import__("dateutil.relativedelta").relativedelta.relativedelta(months=1)])
put("std-functools", lambda: collections.defaultdict(__import__("functools").partial(collections.defaultdict, int)))
put("std-operator", lambda: __import__("operator").itemgetter(1))
put("std-str-methods", lambda: [str.lower, str.split, str.strip])
put("std-string", lambda: __import__("string").Template("a $b"))
put("std-errors", lambda: [ValueError("x"), KeyError("k")])
put("std-itertools", lambda: __import__("itertools").count(3))
put("std-simple", lambda: [__import__("types").SimpleNamespace(a=1), __import__("argparse").Namespace(a=1, b=None)])
