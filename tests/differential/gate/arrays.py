"""Files of numpy and joblib: arrays of objects, and pickles between and inside raw arrays."""

import bz2
import gzip
import lzma
import struct
import zlib

from candidate import Candidate
from filename import name
from mutation import mutate
from zips import archive

OBJECTS = [
    "'|O'",
    "'O'",
    '"|O"',
    "'|O8'",
    "'\\x7cO'",
    "'|' 'O'",
    "[('a', '|O')]",
    "[('a', '<f8'), ('b', 'O')]",
    "[('a', 'O', (2,))]",
    "'object'",
    "'<f8', 'descr': '|O'",
    "('|O', (2,))",
    "[('a', [('b', '|O')])]",
    "'|O', # comment\n",
    "b'O'",
    "u'O'",
]


def npy(draw, pickle):
    """A .npy of objects."""
    descr = draw.pick("descr", OBJECTS)
    shape = draw.quietly(["(1,)", "()", "(2, 3)", "(0,)", "(1L,)", "(1 , )", "[1]"])
    header = f"{{'descr': {descr}, 'fortran_order': {draw.quietly(['False', 'True'])}, 'shape': {shape}, }}"
    version = draw.pick("npy version", [(1, 0), (2, 0), (3, 0)])
    width = "<H" if version == (1, 0) else "<I"
    raw = header.encode()
    raw += b" " * (-(9 + struct.calcsize(width) + len(raw)) % 64) + b"\n"
    if draw.chance(0.05, "long npy header"):
        raw = header.encode() + b" " * draw.quietly([9000, 60000]) + b"\n"
        if len(raw) > 10000:
            width, version = "<I", (2, 0)
    data = b"\x93NUMPY" + bytes(version) + struct.pack(width, len(raw)) + raw
    if draw.chance(0.1, "npy mutated"):
        data = mutate(draw, data, 1)
    return data + pickle


def plain_npy(count=8):
    raw = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" % count
    raw += b" " * (-(11 + len(raw)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw)) + raw + bytes(8 * count)


def _dtype(code):
    order = b"|" if code[0] in b"O|" or code[1:] == b"1" else b"<"
    flags = b"K\x3f" if code == b"O8" else b"K\0"
    spelled = b"X" + struct.pack("<I", len(code)) + code
    state = b"(K\x03X\1\0\0\0" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff" + flags + b"tb"
    return b"cnumpy\ndtype\n" + spelled + b"\x89\x88\x87R" + state


def _number(value):
    return b"J" + struct.pack("<i", value)


def wrapper(code, count, alignment=None, mapped=False, shape=None):
    """The object that joblib pickles in place of an array, up to the BUILD that makes joblib read the bytes."""
    shape = _number(count) + b"\x85" if shape is None else shape
    state = (
        b"}(X\x08\0\0\0subclasscnumpy\nndarray\nX\x05\0\0\0shape"
        + shape
        + b"X\x05\0\0\0orderX\1\0\0\0CX\x05\0\0\0dtype"
        + _dtype(code)
        + b"X\x0a\0\0\0allow_mmap"
        + (b"\x88" if mapped else b"\x89")
    )
    if alignment is not None:
        state += b"X\x1b\0\0\0numpy_array_alignment_bytesK" + bytes([alignment])
    return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81" + state + b"ub"


def joblib(draw, pickle):
    """A file as joblib writes it, with the payload in one of the places that one reader or another runs."""
    start = draw.quietly([b"\x80\x03", b"\x80\x04", b"\x80\x02", b""])
    where = draw.pick(
        "joblib",
        {
            "plain": 2,
            "behind array": 2,
            "before array": 1,
            "array as opcodes": 4,
            "object array": 3,
            "padding": 3,
            "other count": 2,
            "before padding existed": 2,
            "side file": 1.5,
            "two arrays": 1,
            "behind STOP": 1,
            "framed": 1,
        },
    )
    files, loaders = {}, ["joblib", "pickle", "pickle-python", "pickle-unbuffered", "joblib-mapped", "pandas", "numpy"]
    bare = pickle[2:] if pickle[:1] == b"\x80" and pickle[1] < 6 else pickle
    ending = draw.quietly([b".", b"0N.", b""])
    if where == "plain":
        data = pickle
    elif where == "behind array":
        data = start + wrapper(b"u1", 9) + bytes(9) + b"0" + bare
    elif where == "before array":
        data = start + bare.rstrip(b".") + b"0" + wrapper(b"u1", 9) + bytes(9) + ending
    elif where == "array as opcodes":
        body = draw.quietly([b"0", b"N", b"00", b""]) + (bare if draw.chance(0.7) else pickle)
        code, width = draw.quietly([(b"u1", 1), (b"f8", 8), (b"i4", 4)])
        body += b"." * (-len(body) % width)
        data = start + wrapper(code, len(body) // width, mapped=draw.chance(0.3)) + body + ending
    elif where == "object array":
        data = start + wrapper(b"O8", 1) + pickle + ending
    elif where == "padding":
        # One byte says how many follow; joblib steps over these, others read on.
        pad = draw.quietly([bytes([16]), bytes([0]), b"\xff", b"B", b"(", b"N", b"0", b"}", b"]"])
        inner = draw.quietly([b"", b"0", b"N"]) + bare
        inner = inner.ljust(pad[0], b"\0")[: max(pad[0], len(inner))]
        count = draw.quietly([8, max(0, len(inner) - pad[0]), len(inner)])
        data = start + wrapper(b"u1", count, draw.quietly([16, 16, 8])) + pad + inner + bytes(count) + ending
    elif where == "other count":
        shape = draw.quietly(
            [
                b"K\x02K\x08\x86",
                b")",
                b"J\xff\xff\xff\xff\x85",
                b"\x8a\x00\x85",
                b"\x88\x85",
                b"K\0\x85",
                b"G@ \0\0\0\0\0\0\x85",
            ]
        )
        body = draw.quietly([bytes(8), bytes(16), b"", b"0"]) + bare
        data = start + wrapper(b"u1", 0, shape=shape) + body + ending
    elif where == "before padding existed":
        # joblib before 1.2 takes the count as data and goes on at once.
        count = draw.quietly([8, 1, 0])
        skipped = b"B" + struct.pack("<I", 0) + b"\0" * 11
        skipped = skipped[:count] if draw.chance(0.5) else bytes(count)
        inner = draw.quietly([b"", b"0", b"\0"]) + bare
        length = min(255, len(inner) + count)
        data = (
            start
            + wrapper(b"u1", count, 16)
            + bytes([length if draw.chance(0.5) else draw.below(256)])
            + skipped[1:]
            + inner
        )
        data += bytes(300) + ending
    elif where == "side file":
        # joblib before 0.10: the array stands in a file of its own.
        old = b"cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}(X\x08\0\0\0filenameX\x08\0\0\0x_01.npy"
        old += b"X\x08\0\0\0subclasscnumpy\nndarray\nub"
        data = b"\x80\x02" + old + b"."
        if draw.chance(0.4, "old compressed"):
            data = b"ZF" + hex(len(data)).encode().ljust(19) + zlib.compress(data)
        files["x_01.npy"] = npy(draw, pickle)
    elif where == "two arrays":
        data = start + wrapper(b"u1", 3) + bytes(3) + b"0" + wrapper(b"O8", 1) + pickle + ending
    elif where == "behind STOP":
        data = start + wrapper(b"u1", 3) + bytes(3) + b"." + pickle
        loaders += ["pickle-rows"]
    else:
        body = wrapper(b"u1", len(bare) + 1)
        data = b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body + b"0" + bare + ending
    if draw.chance(0.12, "joblib mutated"):
        data = mutate(draw, data)
    packed = draw.pick("joblib in", {"nothing": 8, "zlib": 1, "gzip": 1, "bz2": 0.5, "xz": 0.5})
    pack = {"nothing": bytes, "zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[
        packed
    ]
    if packed == "gzip":
        loaders += ["gzip"]
    return Candidate({name(draw, [".joblib", ".pkl", ".sav"]): pack(data), **files}, loaders)


def candidate(draw, pickle):
    kind = draw.pick("array", {"npy": 3, "npz": 2, "npy rows": 1})
    if kind == "npz":
        members = [("a.npy", plain_npy()), ("b.npy", npy(draw, pickle))]
        if draw.chance(0.3):
            members[1] = (draw.quietly(["b", "b.npy", "c.txt"]), pickle)
        data = archive(draw, members, odd=0.4)
        return Candidate({name(draw, [".npz"]): data}, ["numpy", "zipfile"])
    data = npy(draw, pickle)
    if kind == "npy rows":
        data = plain_npy(3) * (1 + draw.below(3)) + data
    return Candidate({name(draw, [".npy"]): data}, ["numpy", "numpy-rows"])
