"""Random values for a place in a pickle: literals of every kind, objects of listed classes, tricks with keys."""

import struct

from node import Node, attributes, build, call, dict_, imp, list_, lit, new, tuple_

ADDRESS = 0x414141414141
NUMBERS = [
    0, 1, 2, 3, 5, 8, 16, 255, 256, 65535, 100_000, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, ADDRESS, 10**30,
    -1, -2, -8, -(2**31), -(2**32), -(2**63), 1 << 4000,
]
FLOATS = [0.0, 1.0, -1.0, 1e308, -1e-308, float("inf"), float("-inf"), float("nan")]
# Text that some converter gives a meaning: numbers, types, zones, paths, names.
TEXTS = [
    "", "x", "marker", "0", "1", "-1", "1.5", "1e5", "1e1000000000", "9" * 5000, "1/3", "nan", "inf", "NaT",
    "i8", "<i8", "f8", "b", "O", "V8", "S4", "U4", "M8[ns]", "datetime64[ns]", "int64", "float64", "object", "i8,i8", "(2,)i8",
    "UTC", "utc", "Europe/Berlin", "dateutil/marker", "dateutil//proc/version", "/proc/version", "tzlocal()", "+01:00", "D", "ns", "W-SUN", "MS",
    "datetime64[ns, dateutil/marker]", "period[D]", "interval[int64, right]", "category", "Sparse[int]", "string[pyarrow]",
    "cpu", "cuda:0", "meta", "latin1", "utf-8", "rot13", "zlib", "euclidean", "linear", "rbf", "left", "right", "both", "C", "r", "w",
    "2020-01-01", "12:00", "P1D", "00000000-0000-0000-0000-000000000001", "127.0.0.1", "::1", "127.0.0.0/8", "__main__", "os",
]
# Protocols of attribute look-ups that packages honour.
DUNDERS = [
    "__array_interface__", "__array_struct__", "__array__", "__array_function__", "__array_ufunc__", "__dlpack__",
    "__cuda_array_interface__", "__arrow_array__", "__arrow_c_array__", "__dataframe__", "__torch_function__", "__len__",
    "__iter__", "__float__", "__int__", "__index__", "__fspath__", "__setstate__", "__reduce__", "__reduce_ex__", "__call__",
    "__class__", "__dict__", "__hash__", "__eq__", "__del__", "__getattr__", "__setattr__", "__getstate__", "__sklearn_tags__",
]
ITEM_METHODS = ["append", "extend", "add", "__setitem__", "update", "keys", "items"]
WORDS = ["data", "dtype", "shape", "name", "values", "a", "args", "ndim", "size", "func", "index", "copy", "get", "type", "device"]
CONTAINERS = ["builtins:list", "builtins:dict", "builtins:set", "collections:OrderedDict", "collections:deque"]


class Palette:
    """Values for one file: everything is drawn from its own generator of random numbers."""

    def __init__(self, target, rng):
        self.target, self.rng = target, rng
        self.shared = []

    # ------------------------------------------------------------------------------- literals

    def number(self):
        return self.rng.choice(NUMBERS) if self.rng.random() < 0.5 else self.rng.randrange(-3, 9)

    def text(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.55:
            return rng.choice(TEXTS)
        if roll < 0.7:
            return rng.choice(WORDS)
        if roll < 0.8:
            return rng.choice(DUNDERS + ITEM_METHODS)
        return rng.choice(self.target.words or WORDS)

    def literal(self):
        rng = self.rng
        roll = rng.randrange(10)
        if roll < 3:
            return lit(self.number())
        if roll < 6:
            return lit(self.text())
        if roll == 6:
            return lit(rng.choice(FLOATS))
        if roll == 7:
            raw = rng.choice([b"", b"b", b"O", b"\0" * 8, b"\x01" + b"\0" * 7, struct.pack("<Q", ADDRESS), b"marker", b"\x80\x04N."])
            return lit(bytearray(raw) if rng.random() < 0.3 else raw)
        return lit(rng.choice([None, True, False]))

    def plain(self, depth=2):
        """A literal or a container of them."""
        rng = self.rng
        if depth == 0 or rng.random() < 0.5:
            return self.literal()
        kids = [self.plain(depth - 1) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 8]))]
        roll = rng.randrange(6)
        if roll < 2:
            return tuple_(*kids)
        if roll == 2:
            return list_(*kids)
        if roll == 3:
            return Node(rng.choice(["set", "frozenset"]), [self.key() for _ in kids])
        if roll == 4:
            return dict_(*((lit(self.text()), kid) for kid in kids))
        return dict_(*((self.key(), kid) for kid in kids))

    # ------------------------------------------------------------------------------- imports

    def reference(self):
        entry = self.target.mixed(self.rng, self.target.references)
        return imp(entry.name) if entry else lit(None)

    def canary(self):
        """An import that nothing may call."""
        return imp(self.rng.choice(self.target.canaries).name) if self.target.canaries else self.reference()

    # ------------------------------------------------------------------------------- keys

    def computed_text(self, text):
        """Text by way of a listed subclass of str."""
        if not self.target.texts:
            return lit(text)
        entry = self.rng.choice(self.target.texts)
        made = imp(entry.name)
        return new(made, lit(text)) if "create" in entry.uses else call(made, lit(text))

    def name(self, text):
        """A key or an argument that is text: sometimes not a literal."""
        return self.computed_text(text) if self.rng.random() < 0.25 else lit(text)

    def scalar(self):
        target = self.target
        name = next((n for n in ("numpy._core.multiarray:scalar", "numpy.core.multiarray:scalar") if n in target.by_name), None)
        if not name:
            return lit(self.number())
        code, raw = self.rng.choice([("i8", b"\x01" + b"\0" * 7), ("f8", b"\0" * 8), ("i4", b"\0" * 4), ("b1", b"\x01"), ("M8[ns]", b"\0" * 8)])
        return call(imp(name), call(imp("numpy:dtype"), lit(code), lit(False), lit(True)), lit(raw))

    def deep(self):
        """A tuple that holds itself twice, many times over: short to write, long to hash."""
        node, kinds = tuple_(lit(0)), self.rng.choice([["tuple"], ["tuple"], ["tuple", "frozenset"]])
        for _ in range(self.rng.choice([4, 8, 12, 12, 16, 62])):
            node = Node(self.rng.choice(kinds), [node, node])
        return node

    def key(self, depth=1):
        rng = self.rng
        roll = rng.randrange(20)
        if roll < 8:
            return lit(self.text())
        if roll < 11:
            return lit(rng.choice([None, True, self.number(), rng.choice(FLOATS), b"x"]))
        if roll < 13:
            return self.scalar()
        if roll == 13:
            return self.computed_text(self.text())
        if roll == 14 and rng.random() < 0.2:
            return self.deep()
        if roll == 15:
            return self.reference()
        if roll == 16 and depth:
            return tuple_(*[self.key(depth - 1) for _ in range(rng.randrange(3))])
        if depth:
            return self.object(depth - 1)
        return lit(self.text())

    # ------------------------------------------------------------------------------- objects

    def arguments(self, entry, depth):
        """Arguments for a call or `__new__`, as many as it may take or one off."""
        rng = self.rng
        arity = self.target.facts[entry.name].get("arity") or [0, 3]
        most = min(arity[1], arity[0] + 2, 6)
        count = rng.randint(min(arity[0], 6), max(most, min(arity[0], 6)))
        if rng.random() < 0.2:
            count = rng.randrange(4)
        return [self.value(depth) for _ in range(count)]

    def object(self, depth=1, entry=None):
        """An instance: made, then perhaps with items and a state."""
        rng, target = self.rng, self.target
        entry = entry or target.mixed(rng, target.creates if rng.random() < 0.6 else target.calls or target.creates)
        if entry is None:
            return self.plain(1)
        cls = imp(entry.name)
        create = "create" in entry.uses and ("call" not in entry.uses or rng.random() < 0.5)
        if create:
            args = [] if rng.random() < 0.8 else self.arguments(entry, depth)
            made = new(cls, *args)
        elif "call" in entry.uses:
            made = call(cls, *self.arguments(entry, depth))
        else:
            return cls
        if "items" in entry.uses and rng.random() < 0.5:
            made = self.filled(made, entry, depth)
        if "state" in entry.uses and rng.random() < 0.6:
            made = build(made, self.state(entry, depth))
            if rng.random() < 0.05:
                made = build(made, self.state(entry, depth))
            if "items" in entry.uses and rng.random() < 0.2:
                made = self.filled(made, entry, depth)
        if rng.random() < 0.15:
            self.shared.append(made)
        return made

    def filled(self, made, entry, depth):
        rng, base = self.rng, self.target.base(entry)
        roll = rng.random()
        if "dict" in base or "list" not in base and roll < 0.5:
            made = Node("setitems", [made, *self.pairs(depth)])
            if roll < 0.6:
                return made
        return Node(rng.choice(["append", "appends", "add"]), [made, self.value(depth)])

    def pairs(self, depth):
        rng, pairs = self.rng, []
        if rng.random() < 0.4:
            pairs += [self.key(), self.value(depth)]
        for _ in range(rng.randrange(3)):
            pairs += [self.name(rng.choice(ITEM_METHODS + DUNDERS + WORDS)), self.value(depth)]
        return pairs

    def words(self, entry):
        fact = self.target.facts[entry.name]
        roll = self.rng.random()
        if roll < 0.5 and fact.get("first"):
            return fact["first"]
        if roll < 0.85 and fact.get("rest"):
            return fact["rest"]
        return fact.get("slots") or self.target.words or WORDS

    def state(self, entry, depth=1):
        """A state: attributes that the class's code looks up, a list, a pair with slots, anything."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.65:
            return dict_(*(
                (self.name(rng.choice(self.words(entry))), self.value(depth)) for _ in range(rng.choice([0, 1, 1, 2, 3, 5]))
            ))
        if roll < 0.75:
            return tuple_(*[self.value(depth) for _ in range(rng.randrange(9))])
        if roll < 0.8:
            return tuple_(
                rng.choice([lit(None), self.plain(), attributes(a=self.value(depth))]),
                dict_(*((lit(rng.choice(self.words(entry))), self.value(depth)) for _ in range(rng.randrange(3)))),
            )
        if roll < 0.85:
            return self.pairs_of(entry, depth)
        if roll < 0.93:
            return self.plain()
        return self.value(depth)

    def pairs_of(self, entry, depth):
        """What `dict.update` takes for pairs: two of anything, the keys of a dict of two, a text of two letters."""
        rng, made = self.rng, []
        for _ in range(rng.choice([1, 2, 2, 3])):
            key, value = lit(rng.choice(self.words(entry))), self.value(depth)
            made.append(rng.choice([
                tuple_(key, value), list_(key, value), dict_((key, lit(None)), (lit(self.text()), lit(None))), lit("ab"),
                Node("set", [key, lit(self.text())]),
            ]))
        return Node(rng.choice(["tuple", "tuple", "list"]), made)

    def value(self, depth=1):
        """Anything."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.4:
            return self.literal()
        if roll < 0.55:
            return self.plain()
        if roll < 0.65:
            return self.canary()
        if roll < 0.7:
            return self.reference()
        if roll < 0.75:
            return self.computed_text(self.text())
        if roll < 0.8 and self.shared:
            return rng.choice(self.shared)
        if roll < 0.83 and depth:
            return Node(rng.choice(["list", "tuple"]), [self.value(depth - 1) for _ in range(rng.randrange(1, 3))])
        if depth:
            return self.object(depth - 1)
        return self.literal()
