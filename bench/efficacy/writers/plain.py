"""What programs pickle without any library: vocabularies, settings, results, caches. Python 2.7 to 3.13."""

import array
import collections
import datetime
import decimal
import fractions
import uuid

from out import PYTHON, put, seed

draw = seed("plain")
WORDS = [
    "%s%s" % (a, b) for a in ("tok", "ing", "##er", "un", "caf\u00e9", "der", "s") for b in ("", "a", "ed", "_1", "ly")
]
ALL = range(6)


def number():
    return draw.choice([draw.randint(-5, 5), draw.randint(-(2**40), 2**70), draw.random(), 1e300, True, None])


def row():
    return {
        "id": draw.randint(0, 10**6),
        "text": draw.choice(WORDS) * 3,
        "score": draw.random(),
        "tags": draw.sample(WORDS, 3),
    }


def tree(depth):
    if depth == 0:
        return number()
    kind = draw.randint(0, 3)
    if kind == 0:
        return [tree(depth - 1) for _ in range(3)]
    if kind == 1:
        return dict((word, tree(depth - 1)) for word in draw.sample(WORDS, 3))
    return (tree(depth - 1), tree(depth - 1)) if kind == 2 else draw.choice(WORDS)


def graph():
    nodes = [{"name": "n%d" % i, "to": []} for i in range(8)]
    for node in nodes:
        node["to"] += draw.sample(nodes, 2)
    return nodes


put("vocab", "python", lambda: dict((word, i) for i, word in enumerate(WORDS)), ALL)
put("ordered", "python", lambda: collections.OrderedDict((word, i) for i, word in enumerate(WORDS)), ALL)
put("counter", "python", lambda: collections.Counter(draw.choice(WORDS) for _ in range(200)), ALL)
put("defaultdict", "python", lambda: collections.defaultdict(list, {"a": [1], "b": [2, 3]}), ALL)
put("defaultdict-int", "python", lambda: collections.defaultdict(int, {"a": 1, "b": 2}))
put("deque", "python", lambda: collections.deque([row() for _ in range(5)], maxlen=10), ALL)
put("rows", "python", lambda: [row() for _ in range(20)], ALL)
put("graph", "python", graph, ALL)
put("bytes", "python", lambda: {"raw": bytes(bytearray(range(256))), "array": bytearray(b"abc" * 20)}, ALL)
put(
    "dates",
    "python",
    lambda: [
        datetime.datetime(2020, 1, 2, 3, 4, 5),
        datetime.date(2021, 2, 3),
        datetime.timedelta(3),
        datetime.time(1, 2),
    ],
    ALL,
)
put("decimal", "python", lambda: [decimal.Decimal("1.50"), fractions.Fraction(1, 3), complex(1, 2)], ALL)
put("uuid", "python", lambda: [uuid.UUID(int=draw.getrandbits(128)) for _ in range(4)])
put("sets", "python", lambda: {"stop": set(WORDS), "kept": frozenset(WORDS[:4])}, ALL)
put("array", "python", lambda: array.array("d", [draw.random() for _ in range(50)]))
put("q-table", "python", lambda: dict(((i, j), [draw.random()] * 4) for i in range(5) for j in range(5)), ALL)
put("range", "python", lambda: {"steps": range(0, 100, 5), "cut": slice(1, 5)})
put(
    "settings",
    "python",
    lambda: {"lr": 3e-4, "layers": [64, 64], "name": "run", "seed": 1, "nested": {"a": {"b": {}}}},
    ALL,
)
put("text", "python", lambda: "A long text, with a newline\nand 'quotes' " * 50, ALL)
put("pairs", "python", lambda: [(word, draw.random()) for word in WORDS], ALL)
put("random-state", "python", lambda: seed("state").getstate())
put("random", "python", lambda: seed("state"))
for index in range(12):
    put("tree-%d" % index, "python", lambda: tree(4))
if PYTHON != "2.7":
    import ipaddress
    import pathlib
    import types

    put(
        "path",
        "python",
        lambda: {"root": pathlib.PurePosixPath("data/train"), "where": ipaddress.ip_address("10.0.0.1")},
    )
    put("namespace", "python", lambda: types.SimpleNamespace(lr=0.1, layers=[1, 2]))
    put("chain", "python", lambda: collections.ChainMap({"a": 1}, {"b": 2}))
    put("zone", "python", lambda: datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))))
    put("argparse", "python", lambda: __import__("argparse").Namespace(lr=0.1, model="x", layers=[1, 2]), ALL)
