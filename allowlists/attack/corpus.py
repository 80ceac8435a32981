"""Honest pickles as graphs: what frameworks wrote, for an attack that begins with something that passes.

The opcodes are followed with a stack and a memo of pieces; nothing is loaded.
"""

import base64
import pathlib
import pickletools

from node import Node, lit, walk

LARGEST = 1 << 16
MOST_PIECES = 400
_MARK = object()
_LITERALS = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False,
}
_ARGUMENTS = {
    "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "INT", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "STRING", "BINSTRING", "SHORT_BINSTRING",
}
_EMPTY = {"EMPTY_LIST": "list", "EMPTY_DICT": "dict", "EMPTY_SET": "set", "EMPTY_TUPLE": "tuple"}
_COUNTED = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARKED = {"TUPLE": "tuple", "LIST": "list", "DICT": "dict", "FROZENSET": "frozenset"}


class Unknown(Exception):
    """The pickle has an opcode that no graph stands for, such as a persistent id."""


def graph(data):
    """The graph of the pickle that `data` begins with."""
    stack, memo = [], {}

    def marked():
        at = max(i for i, value in enumerate(stack) if value is _MARK)
        kids = stack[at + 1 :]
        del stack[at:]
        return kids

    def change(op, kids):
        """Items of a container that is still being written are its own; others are a change."""
        target = stack[-1]
        plain = {"appends": "list", "setitems": "dict", "add": "set"}[op]
        if target.op == plain:
            target.kids.extend(kids)
        elif kids:
            stack[-1] = Node(op, [target, *kids])
            for key, value in memo.items():
                if value is target:
                    memo[key] = stack[-1]

    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            return stack.pop()
        if name in _LITERALS:
            stack.append(Node("lit", data=_LITERALS[name]))
        elif name in _ARGUMENTS:
            stack.append(Node("lit", data=argument))
        elif name == "BYTEARRAY8":
            stack.append(Node("lit", data=bytearray(argument)))
        elif name in _EMPTY:
            stack.append(Node(_EMPTY[name]))
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _COUNTED:
            kids = stack[-_COUNTED[name] :]
            del stack[-_COUNTED[name] :]
            stack.append(Node("tuple", kids))
        elif name in _MARKED:
            stack.append(Node(_MARKED[name], marked()))
        elif name in ("APPENDS", "SETITEMS", "ADDITEMS"):
            kids = marked()
            change({"APPENDS": "appends", "SETITEMS": "setitems", "ADDITEMS": "add"}[name], kids)
        elif name == "APPEND":
            change("appends", [stack.pop()])
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            change("setitems", [key, value])
        elif name == "GLOBAL":
            stack.append(Node("imp", data=":".join(argument.split(" ", 1))))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(Node("imp", data=f"{module.data}:{attribute.data}"))
        elif name in ("REDUCE", "NEWOBJ"):
            args, function = stack.pop(), stack.pop()
            stack.append(Node("call" if name == "REDUCE" else "new", [function, args]))
        elif name == "NEWOBJ_EX":
            keywords, args, cls = stack.pop(), stack.pop(), stack.pop()
            stack.append(Node("newex", [cls, args, keywords]))
        elif name == "BUILD":
            state, target = stack.pop(), stack[-1]
            stack[-1] = Node("build", [target, state])
            for key, value in memo.items():
                if value is target:
                    memo[key] = stack[-1]
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        else:
            raise Unknown(name)
    raise Unknown("no STOP")


def cyclic(root):
    """Whether a piece is part of itself, which no walk would end at."""
    state, stack = {}, [(root, False)]
    while stack:
        node, left = stack.pop()
        if left:
            state[id(node)] = 2
        elif state.get(id(node)) == 1:
            return True
        elif id(node) not in state:
            state[id(node)] = 1
            stack.append((node, True))
            stack.extend((kid, False) for kid in node.kids if state.get(id(kid)) != 2)
            if any(state.get(id(kid)) == 1 for kid in node.kids):
                return True
    return False


def shortened(node):
    """Long data is of no use to an attack."""
    return lit(node.data[:64]) if isinstance(node.data, (str, bytes, bytearray)) and len(node.data) > 512 else node


def honest(folder, known):
    """The bytes of honest files: those of a folder, then the samples of classes that the environment has."""
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and path.stat().st_size <= LARGEST:
            yield path.read_bytes()
    for name in sorted(known):
        yield from map(base64.b64decode, known[name].get("samples", ()))


def read(folder, known):
    """Objects of honest files, each once for each shape: a piece that makes something, with all that it needs.

    `known` are the facts of the names that the environment has.
    """
    found, shapes = [], set()
    for data in honest(folder, known):
        try:
            root = graph(data)
        except Exception:  # no pickle, or one that is not of this kind
            continue
        if not isinstance(root, Node) or cyclic(root):
            continue
        for node in walk(root):
            if node.op not in ("build", "call", "new", "newex", "obj", "setitems", "appends", "add"):
                continue
            pieces = walk(node)
            names = [piece.data for piece in pieces if piece.op == "imp"]
            if len(pieces) > MOST_PIECES or not names or not all(name in known for name in names):
                continue
            shape = tuple((piece.op, piece.data if piece.op == "imp" else type(piece.data).__name__) for piece in pieces)
            if shape not in shapes:
                shapes.add(shape)
                found.append(node)
    return found
