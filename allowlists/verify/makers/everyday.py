"""What scripts keep beside models: values of the standard library, graphs, geometries, tables, results of a run."""

import array
import collections
import datetime
import decimal
import fractions
import functools
import importlib
import ipaddress
import operator
import pathlib
import random
import re
import types
import uuid

from out import joblib, put, section, sections, torch


def standard():
    put("datetime", lambda: [datetime.datetime(2024, 1, 2, 3, 4), datetime.date(2024, 1, 2), datetime.time(3), datetime.timedelta(1)])
    put("datetime-2", lambda: {"at": datetime.datetime(2024, 1, 2)}, 2)
    put("datetime-utc", lambda: datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc))
    put("datetime-offset", lambda: datetime.timezone(datetime.timedelta(hours=2), "CEST"))
    put("zone", lambda: datetime.datetime(2024, 1, 2, tzinfo=importlib.import_module("zoneinfo").ZoneInfo("Europe/Berlin")))
    put("decimal", lambda: [decimal.Decimal("1.50"), decimal.Decimal("NaN"), fractions.Fraction(1, 3)])
    put("uuid", lambda: [uuid.UUID(int=1), uuid.uuid4(), uuid.uuid5(uuid.NAMESPACE_DNS, "a")])
    put("paths", lambda: {"root": pathlib.Path("a/b"), "pure": pathlib.PurePosixPath("/x"), "win": pathlib.PureWindowsPath("C:/x")})
    put("counter", lambda: collections.Counter("abca"))
    put("defaultdicts", lambda: [collections.defaultdict(kind) for kind in (list, dict, set, int, float, str)])
    put("defaultdict-counter", lambda: collections.defaultdict(collections.Counter, {"a": collections.Counter("ab")}))
    put("defaultdict-partial", lambda: collections.defaultdict(functools.partial(collections.defaultdict, list)))
    put("defaultdict-partial-int", lambda: collections.defaultdict(functools.partial(collections.defaultdict, int), {"a": collections.defaultdict(int, b=1)}))
    put("defaultdict-partial-value", lambda: collections.defaultdict(functools.partial(int, 0)))
    put("ordered", lambda: collections.OrderedDict([("a", 1), ("b", {"c": [1, (2, 3)]})]))
    put("deque", lambda: collections.deque([1, 2], maxlen=5))
    put("chain", lambda: collections.ChainMap({"a": 1}, {"b": 2}))
    put("user", lambda: [collections.UserDict(a=1), collections.UserList([1])])
    put("namespace", lambda: types.SimpleNamespace(lr=0.1, name="a"))
    put("mapping", lambda: dict(types.MappingProxyType({"a": 1})))
    put("arguments", lambda: importlib.import_module("argparse").Namespace(lr=0.1, gpus=[0], out=None))
    put("array", lambda: array.array("d", [1.0, 2.0]))
    put("numbers", lambda: {"int": 2 ** 70, "complex": 1 + 2j, "float": float("inf"), "bytes": b"\x00" * 300, "ba": bytearray(b"x"), "set": {1, 2}, "frozen": frozenset("ab"), "slice": slice(1, 2), "range": range(3), "none": None, "dots": Ellipsis})
    for protocol in range(5):
        put("plain-%d" % protocol, lambda: {"a": [1, 2.5, "é", b"x", (1,), {"b": None}], "t": True, "s": {1, 2}}, protocol)
    put("regex", lambda: [re.compile(r"\w+", re.I), re.compile(b"a|b")])
    put("addresses", lambda: [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_network("10.0.0.0/8")])
    put("random", lambda: random.getstate())
    put("random-whole", lambda: random.Random(1))
    put("functions", lambda: {"len": len, "max": max, "min": min, "sum": sum, "abs": abs, "round": round, "sorted": sorted})
    put("functions-more", lambda: [repr, ord, chr, divmod, pow, all, any, hash, enumerate, zip, reversed])
    put("types", lambda: {"a": int, "b": str, "c": dict, "d": type(None), "e": object, "f": bytes, "g": Exception})
    put("errors", lambda: [ValueError("a"), KeyError("b"), RuntimeError("c", 1), TypeError()])
    put("getters", lambda: [operator.itemgetter(1), operator.attrgetter("a")])
    put("operators", lambda: [operator.add, operator.mul, operator.lt])
    put("flags", lambda: [re.IGNORECASE, importlib.import_module("http").HTTPStatus.OK, importlib.import_module("signal").SIGTERM])
    put("struct-time", lambda: importlib.import_module("time").gmtime(0))
    put("calendar", lambda: importlib.import_module("calendar").TextCalendar())
    put("template", lambda: importlib.import_module("string").Template("$a"))
    put("email", lambda: importlib.import_module("email.message").EmailMessage())
    put("urls", lambda: [importlib.import_module("urllib.parse").urlparse("http://a/b?c"), importlib.import_module("urllib.parse").urlsplit("http://a")])
    put("version", lambda: importlib.import_module("sys").version_info[:3])
    put("difflib", lambda: importlib.import_module("difflib").Match(1, 2, 3))
    put("weakset", lambda: list(importlib.import_module("weakref").WeakSet()))
    put("count", lambda: importlib.import_module("itertools").count(3))
    put("elements", lambda: importlib.import_module("xml.etree.ElementTree").fromstring("<a><b>x</b></a>"))
    put("csv", lambda: [collections.OrderedDict(a="1", b="2")])
    put("statistics", lambda: importlib.import_module("statistics").NormalDist(0, 1))
    put("file", lambda: importlib.import_module("io").BytesIO(b"abc"))
    put("text-file", lambda: importlib.import_module("io").StringIO("abc"))
    put("qualified", lambda: [dict.fromkeys, str.lower, str.join, "a b".split])
    put("cache", lambda: {("a", 1): [0.5], ("b", 2): [1.5], frozenset([1]): "x"})


def numpy():
    import numpy as np

    put("np-scalars", lambda: {"a": np.float64(1), "b": np.int32(2), "c": np.bool_(True), "d": np.str_("x"), "e": np.datetime64("2024-01-01"), "f": np.complex64(1)})
    put("np-arrays", lambda: [np.zeros(2, d) for d in ("f8", "f4", "i8", "u1", "?", "c16", "U3", "S3", "M8[ns]", "O")])
    put("np-object", lambda: np.array([{"a": 1}, None, "x", [1, 2], datetime.date(2024, 1, 1)], dtype=object))
    put("np-struct", lambda: np.zeros(2, dtype=[("a", "f8"), ("b", "U4"), ("c", "i4", (2,))]))
    put("np-rec", lambda: np.rec.array([(1, "a")], dtype=[("n", "i4"), ("t", "U1")]))
    put("np-masked", lambda: np.ma.masked_array([1, 2], mask=[0, 1]))
    put("np-fortran", lambda: np.asfortranarray(np.ones((2, 3))))
    put("np-order", lambda: np.zeros(2, ">f4"))
    put("np-matrix", lambda: np.matrix([[1, 2]]))
    put("np-char", lambda: np.char.array(["a", "b"]))
    put("np-poly", lambda: [np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2]), np.polynomial.Chebyshev([1])])
    put("np-random", lambda: [np.random.RandomState(1), np.random.default_rng(1)])
    put("np-random-state", lambda: np.random.get_state())
    put("np-types", lambda: [np.float32, np.dtype("i4"), np.ndarray, np.int64])
    put("np-functions", lambda: [np.mean, np.median, np.log1p, np.sqrt, np.max])
    put("np-vectorize", lambda: np.vectorize(len))
    for protocol in (2, 3, 4, 5):
        if protocol < 5 or hasattr(importlib.import_module("pickle"), "PickleBuffer"):
            put("np-%d" % protocol, lambda: {"x": np.arange(12.0).reshape(3, 4), "y": np.arange(3)}, protocol)
    joblib("np", lambda: {"x": np.arange(12.0).reshape(3, 4), "names": np.array(["a"], dtype=object)})


def networkx():
    import networkx as nx

    put("graph", lambda: nx.karate_club_graph())
    put("graph-directed", lambda: nx.DiGraph([(1, 2), (2, 3)]))
    put("graph-multi", lambda: nx.MultiDiGraph([(1, 2), (1, 2)]))
    put("graph-multi-u", lambda: nx.MultiGraph([("a", "b", {"w": 1})]))
    put("graph-data", lambda: seen(nx))
    put("graph-views", lambda: [nx.path_graph(3).nodes, nx.path_graph(3).edges, nx.path_graph(3).degree, nx.DiGraph([(1, 2)]).out_edges, nx.DiGraph([(1, 2)]).in_degree])
    put("graph-positions", lambda: nx.spring_layout(nx.path_graph(3), seed=1))
    put("graph-ordered", lambda: nx.OrderedDiGraph([(1, 2)]))
    put("graph-frozen", lambda: nx.freeze(nx.path_graph(3)))
    put("graph-subgraph", lambda: nx.path_graph(5).subgraph([1, 2]).copy())
    put("graph-view", lambda: nx.path_graph(5).subgraph([1, 2]))


def seen(nx):
    graph = nx.Graph(name="g", made=datetime.date(2024, 1, 1))
    graph.add_node("a", pos=(1, 2), tags={"x"})
    graph.add_edge("a", "b", weight=0.5, kind="road")
    list(graph.nodes), list(graph.edges), list(graph.adj), dict(graph.degree)
    return graph


def scipy():
    import numpy as np
    from scipy import interpolate, optimize, sparse, spatial

    for kind in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        put("sparse-" + kind, lambda: getattr(sparse, kind + "_matrix")(np.eye(3)))
        put("sparse-array-" + kind, lambda: getattr(sparse, kind + "_array")(np.eye(3)))
    put("trees", lambda: [spatial.cKDTree(np.eye(3)), spatial.KDTree(np.eye(3))])
    put("interpolators", lambda: [interpolate.interp1d([1, 2, 3], [1, 2, 3]), interpolate.CubicSpline([1, 2, 3], [1, 2, 3])])
    put("splines", lambda: [interpolate.UnivariateSpline([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]), interpolate.BSpline([0, 1, 2, 3], [1, 2], 1), interpolate.PchipInterpolator([1, 2, 3], [1, 2, 3])])
    put("grid", lambda: interpolate.RegularGridInterpolator(([0, 1], [0, 1]), np.eye(2)))
    put("optimum", lambda: optimize.minimize(np.sum, [1.0], method="Nelder-Mead", options={"maxiter": 2}))
    put("fit", lambda: optimize.curve_fit(np.polyval, [1, 2, 3], [1, 2, 3], p0=[1.0])[0])
    put("frozen", lambda: importlib.import_module("scipy.stats").norm(0, 1))
    put("kde", lambda: importlib.import_module("scipy.stats").gaussian_kde([1, 2, 3]))
    put("test", lambda: importlib.import_module("scipy.stats").ttest_ind([1, 2, 3], [2, 3, 4]))
    put("rotation", lambda: spatial.transform.Rotation.from_euler("x", 1))
    put("hull", lambda: spatial.ConvexHull(np.random.RandomState(0).rand(5, 2)))
    put("delaunay", lambda: spatial.Delaunay(np.random.RandomState(0).rand(5, 2)))


def shapely():
    from shapely import geometry

    put("shapes", lambda: [geometry.Point(1, 2), geometry.LineString([(0, 0), (1, 1)]), geometry.Polygon([(0, 0), (1, 0), (1, 1)]), geometry.MultiPoint([(0, 0)])])
    put("shapes-box", lambda: {"box": geometry.box(0, 0, 1, 1), "many": geometry.MultiPolygon([geometry.box(0, 0, 1, 1)])})


def geopandas():
    import geopandas
    from shapely import geometry

    put("geoframe", lambda: geopandas.GeoDataFrame({"a": [1]}, geometry=[geometry.Point(0, 0)]))
    put("geoframe-crs", lambda: geopandas.GeoDataFrame({"a": [1]}, geometry=[geometry.Point(0, 0)], crs="EPSG:4326"))
    put("geoseries", lambda: geopandas.GeoSeries([geometry.Point(0, 0)]))


def pyproj():
    import pyproj

    put("crs", lambda: pyproj.CRS("EPSG:4326"))


def polars():
    import polars as pl

    put("polars", lambda: pl.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, 2.5]}))
    put("polars-series", lambda: pl.Series("a", [1, 2]))
    put("polars-dates", lambda: pl.DataFrame({"d": [datetime.date(2024, 1, 1)], "l": [[1, 2]]}))
    put("polars-schema", lambda: pl.DataFrame({"a": [1]}).schema)
    put("polars-lazy", lambda: pl.DataFrame({"a": [1]}).lazy())
    put("polars-expression", lambda: pl.col("a").sum())
    put("polars-types", lambda: [pl.Int64, pl.Utf8, pl.List(pl.Int8), pl.Datetime("us")])


def PIL():
    from PIL import Image

    put("image", lambda: Image.new("RGB", (2, 2)))
    put("images", lambda: {"a": Image.new("L", (2, 2)), "b": [Image.new("RGBA", (1, 1))]})


def sympy():
    import sympy

    x = sympy.symbols("x")
    put("sympy", lambda: x ** 2 + sympy.sin(x))


def matplotlib():
    import matplotlib

    matplotlib.use("agg")
    pyplot = importlib.import_module("matplotlib.pyplot")
    put("figure", lambda: pyplot.figure())
    put("colormap", lambda: pyplot.get_cmap("viridis"))


def plotly():
    figure = importlib.import_module("plotly.graph_objects").Figure
    put("plotly", lambda: figure())


def cv2():
    import cv2
    import numpy as np

    put("keypoints", lambda: [np.array([k.pt for k in cv2.ORB_create().detect(np.zeros((32, 32), "u1"))])])


def requests():
    import requests

    put("session-cookies", lambda: requests.Session().cookies)
    put("headers", lambda: requests.structures.CaseInsensitiveDict(a=1))


def yacs():
    config = importlib.import_module("yacs.config").CfgNode
    put("yacs", lambda: config({"MODEL": {"NAME": "x", "LAYERS": [1, 2]}, "LR": 0.1}))


def easydict():
    put("easydict", lambda: importlib.import_module("easydict").EasyDict({"a": {"b": 1}}))


def munch():
    put("munch", lambda: importlib.import_module("munch").munchify({"a": {"b": [1, {"c": 2}]}}))


def addict():
    put("addict", lambda: importlib.import_module("addict").Dict({"a": {"b": 1}}))


def box():
    kind = importlib.import_module("box")
    put("box", lambda: kind.Box(a=1))
    put("box-nested", lambda: kind.Box({"a": {"b": [1, {"c": 2}]}}))
    put("box-list", lambda: kind.BoxList([1, {"a": 2}]))
    put("box-default", lambda: kind.Box({"a": 1}, default_box=True))


def omegaconf():
    from omegaconf import OmegaConf

    put("omega", lambda: OmegaConf.create({"a": {"b": [1, 2, {"c": None}]}, "lr": 0.1}))
    put("omega-interpolation", lambda: OmegaConf.create({"a": 1, "b": "${a}"}))


def gymnasium():
    import gymnasium
    import numpy as np

    spaces = gymnasium.spaces
    put("spaces", lambda: spaces.Dict({"a": spaces.Box(0, 1, (2,), np.float32), "b": spaces.Discrete(3), "c": spaces.MultiBinary(2), "d": spaces.Tuple([spaces.Discrete(2)])}))
    put("q-table", lambda: {"q": collections.defaultdict(float, {((1, 2), 0): 0.5}), "episodes": 10})


section(standard)
sections(
    numpy, networkx, scipy, shapely, geopandas, pyproj, polars, PIL, sympy, matplotlib, plotly, cv2, requests, yacs, easydict,
    munch, addict, box, omegaconf, gymnasium,
)
