"""Whole pickles that call a target: the call in all its forms, what stands before it, and how the stream ends."""

import pickle as op
import struct

from noise import noise
from stream import Stream
from target import ON_IMPORT, STUB, TARGETS

FLOOD = 100_100  # more different imports than any limit allows
ENDINGS = {
    "STOP": 42,
    "nothing": 8,
    "no opcode": 8,
    "zeros": 3,
    "newline": 3,
    "words": 6,
    "underflow": 4,
    "number cut off": 3,
    "no such memo": 3,
    "no such import": 3,
    "text cut off": 3,
    "STOP, junk": 5,
    "STOP, pickle": 4,
    "STOP, zip": 2,
    "STOP, zeros": 3,
    "many STOPs": 1,
    "persistent id": 3,
    "extension": 2,
    "next buffer": 1,
    "unhashable": 2,
    "protocol 9": 1,
}


def payload(draw, python2=False):
    """A pickle whose loading leaves the marker."""
    protocol = draw.pick("protocol", range(3) if python2 else range(6))
    stream = Stream(draw, protocol, python2)
    proto = op.PROTO + bytes([protocol])
    start = draw.pick("PROTO", {"first": 55, "none": 22, "second": 12, "late": 11})
    if start == "none" and protocol > 3:
        protocol = stream.protocol = 3  # names are mapped as below protocol 3, and have no dots
    if start == "first":
        stream.add(proto)
    elif start == "second":
        stream.add(
            draw.quietly([op.NONE + op.POP, op.INT + b"1\n" + op.POP, op.MARK + op.POP_MARK, op.EMPTY_LIST + op.POP]),
            proto,
        )
    body_from = len(stream.out)
    for _ in range(draw.quietly([0, 0, 1, 1, 2, 3, 6])):
        noise(stream)
    if draw.chance(0.0006, "import flood"):
        for i in range(FLOOD):
            stream.add(op.GLOBAL, b"%s\nn%d\n0" % (STUB.encode(), i))
    if start == "late":
        stream.add(proto)
    _call(stream, mapped=protocol < 3)
    for _ in range(draw.quietly([0, 0, 0, 1, 2])):
        noise(stream)
    _end(stream)
    if not python2 and draw.chance(0.3):
        _frame(stream, body_from)
    return bytes(stream.out)


def _call(stream, mapped):
    draw, protocol = stream.draw, stream.protocol
    forms = {
        "REDUCE": 10,
        "INST": 3,
        "OBJ": 2,
        "NEWOBJ": 1,
        "BUILD": 1,
        "APPEND": 0.5,
        "SETITEM": 0.5,
        "import alone": 1,
        "getattr": 0.5,
    }
    if stream.python2:
        forms.pop("getattr")
    else:
        forms |= {"NEWOBJ_EX": 0.5, "ADDITEMS": 0.3, "lib-dynload": 1}
    form = draw.pick("call", forms)
    if form == "import alone":
        stream.name(ON_IMPORT, "anything" if not stream.python2 else "hit")
    elif form in ("NEWOBJ", "NEWOBJ_EX"):
        stream.name(STUB, "Made")
        stream.add(op.EMPTY_TUPLE, op.NEWOBJ if form == "NEWOBJ" else op.EMPTY_DICT + op.NEWOBJ_EX)
    elif form in ("BUILD", "APPEND", "SETITEM", "ADDITEMS"):
        stream.name(STUB, "Taker")
        stream.add(op.EMPTY_TUPLE, draw.quietly([op.REDUCE, op.NEWOBJ]))
        stream.add(
            {
                "BUILD": op.EMPTY_DICT + op.BUILD,
                "APPEND": op.NONE + op.APPEND,
                "SETITEM": op.NONE + op.NONE + op.SETITEM,
                "ADDITEMS": op.MARK + op.NONE + op.ADDITEMS,
            }[form]
        )
    elif form == "getattr":
        stream.name("__builtin__" if mapped else "builtins", "getattr")
        stream.add(op.MARK)
        stream.name("os", "getcwd")  # a function of C has its module as __self__
        stream.text("__self__")
        stream.add(op.TUPLE, op.REDUCE)
        getter = stream.put()
        stream.add(op.POP)
        stream.name("__builtin__" if mapped else "builtins", "getattr")
        stream.add(op.MARK, getter)
        stream.text("mkdir")
        stream.add(op.TUPLE, op.REDUCE)
        stream.tuple(("M",))
        stream.add(op.REDUCE)
    elif form == "lib-dynload":
        # A folder on the path of every CPython on Unix, which imports as a namespace package. Protocol 4 walks on.
        stream.add(op.PROTO, bytes([draw.quietly([4, 5])]))
        stream.protocol = 4
        stream.name("lib-dynload", "__loader__.__init__.__builtins__.__getitem__")
        stream.tuple(("exec",))
        stream.add(op.REDUCE)
        stream.tuple(("import os;os.mkdir('M')",))
        stream.add(op.REDUCE)
    else:
        fit = [
            t for t in TARGETS if t.lowest <= protocol <= t.highest and (t.python2 if stream.python2 else t.python3)
        ]
        if form == "INST":
            fit = [t for t in fit if (t.module + t.name).isascii()]
        target = draw.random.choices(fit, [t.weight for t in fit])[0]
        draw.note("target", target.label)
        if form == "REDUCE":
            stream.name(target.module, target.name)
            stream.tuple(target.arguments)
            stream.add(op.REDUCE)
        else:
            stream.add(op.MARK)
            if form == "OBJ":
                stream.name(target.module, target.name)
            for argument in target.arguments:
                stream.value(argument)
            if form == "INST":
                stream.add(op.INST, target.module.encode(), b"\n", target.name.encode(), b"\n")
            else:
                stream.add(op.OBJ)


def _end(stream):
    draw = stream.draw
    ending = draw.pick("ending", ENDINGS)
    stream.add(
        {
            "STOP": op.STOP,
            "nothing": b"",
            "no opcode": draw.quietly([b"\xff", b"\x01", b"!", b"\x7f\x45"]),
            "zeros": bytes(1 + draw.below(600)),
            "newline": b"\n",
            "words": b" and so on, as words go.\n" * (1 + draw.below(40)),
            "underflow": op.POP * 40,
            "number cut off": op.INT + b"12",
            "no such memo": op.BINGET + b"\xfe" + op.STOP,
            "no such import": op.GLOBAL + b"fickgate_nowhere\nnothing\n" + op.STOP,
            "text cut off": op.BINUNICODE + b"\xff\xff\0\0abc",
            "STOP, junk": op.STOP + draw.noise(1 + draw.below(300)),
            "STOP, pickle": op.STOP + op.PROTO + b"\x02}" + op.STOP,
            "STOP, zip": op.STOP + b"PK\5\6" + bytes(18),
            "STOP, zeros": op.STOP + bytes(1 + draw.below(9000)),
            "many STOPs": op.STOP * 300,
            "persistent id": draw.quietly([op.PERSID + b"abc\n", op.NONE + op.BINPERSID]) + op.STOP,
            "extension": op.EXT1 + b"\x07" + op.STOP,
            "next buffer": op.NEXT_BUFFER + op.STOP,
            "unhashable": op.EMPTY_DICT + op.EMPTY_LIST + op.NONE + op.SETITEM + op.STOP,
            "protocol 9": op.PROTO + b"\x09" + op.STOP,
        }[ending]
    )


def _frame(stream, start):
    """Puts frames round what follows `start`: whole, in two, too short or too long."""
    draw = stream.draw
    body = bytes(stream.out[start:])
    how = draw.pick("frame", {"whole": 6, "two": 2, "short": 1, "long": 0.5, "empty": 1, "within": 0.5})

    def frame(data, length=None):
        return op.FRAME + struct.pack("<Q", len(data) if length is None else length) + data

    cut = draw.below(len(body) + 1)
    stream.out[start:] = {
        "whole": frame(body),
        "two": frame(body[:cut]) + frame(body[cut:]),
        "short": frame(body, draw.below(20)),
        "long": frame(body, len(body) + draw.below(9)),
        "empty": frame(b"") + body,
        "within": frame(frame(body)),
    }[how]
