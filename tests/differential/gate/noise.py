"""Opcodes that leave the stack as it was, for before and behind the payload."""

import pickle as op
import struct


def noise(stream):
    """Writes one piece of noise to `stream`."""
    draw = stream.draw
    kinds = {
        "int": 4,
        "float": 2,
        "text": 2,
        "long text": 0.6,
        "blanks": 0.5,
        "list": 2,
        "dict": 1,
        "set": 0.5,
        "marks": 1,
        "dup": 1,
        "memo": 2,
        "bytes": 1,
        "harmless import": 1,
        "none": 2,
        "proto": 1,
        "buffer": 0.2,
        "many": 0.4,
        "nest": 0.3,
    }
    if stream.python2:
        for new in ("set", "bytes", "buffer"):
            kinds.pop(new)
    kind = draw.pick("noise", kinds)
    if kind == "int":
        stream.integer(draw.quietly([0, 1, 7, 255, 70000]))
        stream.add(op.POP)
    elif kind == "float":
        stream.real()
        stream.add(op.POP)
    elif kind == "text":
        stream.text("text " * draw.below(9))
        stream.add(op.POP)
    elif kind == "long text":
        raw = b"x" * draw.length("text length")
        stream.add(op.BINUNICODE, struct.pack("<I", len(raw)), raw, op.POP)
    elif kind == "blanks":
        stream.add(op.UNICODE, b" " * draw.length("UNICODE length"), b"\n", op.POP)
    elif kind == "list":
        stream.add(op.EMPTY_LIST, op.MARK)
        for _ in range(draw.below(4)):
            stream.integer(draw.below(300))
        stream.add(op.APPENDS, op.POP)
    elif kind == "dict":
        stream.add(op.EMPTY_DICT if draw.chance(0.7) else op.MARK + op.DICT, op.MARK)
        for i in range(draw.below(3)):
            stream.text(f"key {i}")
            stream.integer(draw.below(300))
        stream.add(op.SETITEMS, op.POP)
    elif kind == "set":
        stream.add(op.EMPTY_SET, op.MARK, op.BININT1, b"\x01", op.ADDITEMS, op.POP)
    elif kind == "marks":
        depth = 1 + draw.below(4)
        stream.add(op.MARK * depth, op.NONE, op.POP_MARK * depth if draw.chance(0.7) else op.POP + op.POP * depth)
    elif kind == "dup":
        stream.add(op.NONE, op.DUP, op.POP, op.POP)
    elif kind == "memo":
        stream.text("kept")
        get = stream.put()
        stream.add(op.POP)
        if draw.chance(0.5):
            stream.add(get, op.POP)
    elif kind == "bytes":
        raw = draw.quietly([b"", b"abc", b"\x80\x02.", b"PK\x03\x04", b"cos\nsystem\n.", bytes(300)])
        stream.add(op.BINBYTES, struct.pack("<I", len(raw)), raw, op.POP)
    elif kind == "harmless import":
        stream.name("collections", "OrderedDict")
        if draw.chance(0.5):
            stream.add(op.EMPTY_TUPLE, op.REDUCE)
        stream.add(op.POP)
    elif kind == "none":
        stream.add(draw.quietly([op.NONE, op.EMPTY_TUPLE, op.EMPTY_LIST]), op.POP)
    elif kind == "proto":
        stream.add(op.PROTO, bytes([stream.protocol]))
    elif kind == "buffer":
        stream.add(op.BYTEARRAY8, struct.pack("<Q", 3), b"abc", op.READONLY_BUFFER, op.POP)
    elif kind == "many":
        stream.add(
            draw.quietly([op.NONE + op.POP, op.EMPTY_LIST + op.POP, op.MARK + op.POP_MARK]) * (10 ** draw.below(5))
        )
    else:
        depth = 10 ** draw.below(4)
        stream.add(op.EMPTY_LIST * (depth + 1), op.APPEND * depth, op.POP)
