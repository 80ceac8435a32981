"""A pickle as a graph of pieces, each with the opcodes that make it; as a file of torch, where its root says so.

A piece that is used twice is written once and fetched from the memo afterwards, so a container can be
changed after something else was built from it. Nothing here loads what it writes.
"""

import io
import pickle
import struct
import zipfile

# Operations whose first piece is the object that they change and leave on the stack.
CHANGES = ("build", "append", "appends", "setitem", "setitems", "add")
CONTAINERS = ("tuple", "list", "set", "frozenset", "dict")


class Node:
    """One piece: an operation, its literal (`lit`, `imp`) and the pieces that it needs."""

    __slots__ = ("op", "data", "kids")

    def __init__(self, op, kids=(), data=None):
        self.op, self.kids, self.data = op, list(kids), data


def lit(value):
    """None, a bool, a number, text, bytes or a bytearray; containers of them become pieces of their own."""
    if isinstance(value, (tuple, list)):
        return Node(type(value).__name__, [lit(v) for v in value])
    if isinstance(value, dict):
        return Node("dict", [lit(part) for pair in value.items() for part in pair])
    return Node("lit", data=value)


def imp(name):
    """An import, spelled `module:name`."""
    return Node("imp", data=name)


def call(function, *args):
    return Node("call", [function, Node("tuple", args)])


def new(cls, *args):
    return Node("new", [cls, Node("tuple", args)])


def build(obj, state):
    return Node("build", [obj, state])


def tuple_(*kids):
    return Node("tuple", kids)


def list_(*kids):
    return Node("list", kids)


def dict_(*pairs):
    return Node("dict", [part for pair in pairs for part in pair])


def attributes(**values):
    return Node("dict", [part for key, value in values.items() for part in (lit(key), value)])


def walk(root):
    """Every piece once, the ones it needs before it."""
    done, order, stack = set(), [], [(root, False)]
    while stack:
        node, seen = stack.pop()
        if seen:
            order.append(node)
        elif id(node) not in done:
            done.add(id(node))
            stack.append((node, True))
            stack.extend((kid, False) for kid in reversed(node.kids))
    return order


def imports(root):
    return sorted({node.data for node in walk(root) if node.op == "imp"})


def copy(root, swap=None):
    """A graph of its own. `swap` gives the piece that stands for another, by its id."""
    made = {}
    for node in walk(root):
        other = (swap or {}).get(id(node))
        made[id(node)] = other or Node(node.op, [made[id(kid)] for kid in node.kids], node.data)
    return made[id(root)]


# ---------------------------------------------------------------------------------------- JSON


def _plain(value):
    if isinstance(value, (bytes, bytearray)):
        return {type(value).__name__: value.decode("latin-1")}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return {"int": hex(value)}
    if isinstance(value, float):
        return {"float": value.hex()}
    return value


def _literal(value):
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "int":
        return int(text, 16)
    if kind == "float":
        return float.fromhex(text)
    return {"bytes": bytes, "bytearray": bytearray}[kind](text, "latin-1")


def to_rows(root):
    """The graph as JSON takes it: [operation, literal, indices of pieces] a row, the root last."""
    order = walk(root)
    index = {id(node): i for i, node in enumerate(order)}
    return [[node.op, _plain(node.data), [index[id(kid)] for kid in node.kids]] for node in order]


def from_rows(rows):
    made = []
    for op, data, kids in rows:
        made.append(Node(op, [made[kid] for kid in kids], _literal(data)))
    return made[-1]


# ---------------------------------------------------------------------------------------- opcodes


def literal(value):
    """The opcodes of a literal, as protocol 4 (and 5 for a bytearray) has them."""
    if value is None:
        return pickle.NONE
    if value is True or value is False:
        return pickle.NEWTRUE if value else pickle.NEWFALSE
    if isinstance(value, int):
        if 0 <= value < 256:
            return pickle.BININT1 + bytes([value])
        if -(2**31) <= value < 2**31:
            return pickle.BININT + struct.pack("<i", value)
        raw = pickle.encode_long(value)
        if len(raw) < 256:
            return pickle.LONG1 + bytes([len(raw)]) + raw
        return pickle.LONG4 + struct.pack("<i", len(raw)) + raw
    if isinstance(value, float):
        return pickle.BINFLOAT + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        if len(raw) < 256:
            return pickle.SHORT_BINUNICODE + bytes([len(raw)]) + raw
        return pickle.BINUNICODE + struct.pack("<I", len(raw)) + raw
    if isinstance(value, bytearray):
        return pickle.BYTEARRAY8 + struct.pack("<Q", len(value)) + bytes(value)
    if len(value) < 256:
        return pickle.SHORT_BINBYTES + bytes([len(value)]) + value
    return pickle.BINBYTES + struct.pack("<I", len(value)) + value


def import_(name):
    module, attribute = name.split(":")
    return literal(module) + literal(attribute) + pickle.STACK_GLOBAL


_TUPLES = {0: pickle.EMPTY_TUPLE, 1: pickle.TUPLE1, 2: pickle.TUPLE2, 3: pickle.TUPLE3}


class _Writer:
    def __init__(self, root):
        self.memo, self.out = {}, []
        self.spots = []  # where in `out` each literal and import is
        uses, todo = {id(root): 0}, [root]
        while todo:
            for kid in todo.pop().kids:
                key = id(kid)
                if key in uses:
                    uses[key] += 1
                else:
                    uses[key] = 1
                    todo.append(kid)
        self.uses = uses

    def memoize(self, node):
        if self.uses[id(node)] > 1:
            self.memo[id(node)] = len(self.memo)
            self.out.append(pickle.MEMOIZE)

    def many(self, kids, opcode):
        if kids:
            self.out.append(pickle.MARK)
            for kid in kids:
                self.write(kid)
            self.out.append(opcode)

    def write(self, node):
        out, op, kids = self.out, node.op, node.kids
        if id(node) in self.memo:
            index = self.memo[id(node)]
            out.append(pickle.BINGET + bytes([index]) if index < 256 else pickle.LONG_BINGET + struct.pack("<I", index))
            return
        if op in ("lit", "imp"):
            self.spots.append((len(out), node))
            out.append(literal(node.data) if op == "lit" else import_(node.data))
        elif op == "tuple":
            if len(kids) in _TUPLES:
                for kid in kids:
                    self.write(kid)
                out.append(_TUPLES[len(kids)])
            else:
                self.many(kids, pickle.TUPLE)
        elif op == "frozenset":
            out.append(pickle.MARK)
            for kid in kids:
                self.write(kid)
            out.append(pickle.FROZENSET)
        elif op in ("list", "dict") and node.data == "mark":
            out.append(pickle.MARK)
            for kid in kids:
                self.write(kid)
            out.append(pickle.LIST if op == "list" else pickle.DICT)
        elif op in ("list", "dict", "set"):
            empty, fill = {
                "list": (pickle.EMPTY_LIST, pickle.APPENDS),
                "dict": (pickle.EMPTY_DICT, pickle.SETITEMS),
                "set": (pickle.EMPTY_SET, pickle.ADDITEMS),
            }[op]
            out.append(empty)
            self.memoize(node)
            self.many(kids, fill)
            return
        elif op == "obj" or op == "inst" and kids[0].op != "imp":
            self.many([kids[0], *kids[1].kids], pickle.OBJ)
        elif op == "inst":
            module, name = kids[0].data.split(":")
            out.append(pickle.MARK)
            for kid in kids[1].kids:
                self.write(kid)
            out.append(pickle.INST + f"{module}\n{name}\n".encode())
        elif op in CHANGES:
            self.write(kids[0])
            if op in ("append", "build"):
                for kid in kids[1:]:
                    self.write(kid)
                    out.append(pickle.APPEND if op == "append" else pickle.BUILD)
            elif op == "setitem":
                for key, value in zip(kids[1::2], kids[2::2]):
                    self.write(key)
                    self.write(value)
                    out.append(pickle.SETITEM)
            else:
                self.many(
                    kids[1:], {"appends": pickle.APPENDS, "setitems": pickle.SETITEMS, "add": pickle.ADDITEMS}[op]
                )
        else:
            for kid in kids:
                self.write(kid)
            out.append(
                {"call": pickle.REDUCE, "new": pickle.NEWOBJ, "newex": pickle.NEWOBJ_EX, "pers": pickle.BINPERSID}[op]
            )
        self.memoize(node)


def dump(root):
    """The bytes of a file that gives the root."""
    if root.op == "zip":
        return archive(root)
    return joined(opcodes(root)[0])


def opcodes(root):
    """The opcodes of a root, and where among them its literals and imports are: [index, piece] each."""
    writer = _Writer(root)
    writer.write(root)
    return writer.out, writer.spots


def joined(out):
    return pickle.PROTO + b"\x05" + b"".join(out) + pickle.STOP


def archive(root):
    """A file of `torch.save`: the pickle of the only piece, and records of storages, `[name, size]` each."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as out:
        def record(name, data):
            out.writestr(zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0)), data)

        record("data.pkl", dump(root.kids[0]))
        record("byteorder", b"little")
        for name, size in root.data:
            record(f"data/{name}", b"\1" * size)
        record("version", b"3\n")
    return raw.getvalue()
