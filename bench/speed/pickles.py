"""Pickles by their opcodes, as picklers write them, of any size, with or without a planted call."""

import pathlib
import random
import struct

PLANTED = b"cos\nsystem\n\x8c\x04true\x85R"
BATCH = 1000


def numbers(i: int) -> bytes:
    """`(1, 2, 300), None, True`"""
    return b"K" + bytes([i & 255]) + b"K\7M" + struct.pack("<H", i & 65535) + b"\x87\x94N\x88"


def records(i: int) -> bytes:
    """`{'id': 1, 'name': '00000001', 'score': 0.5}`, the keys out of the memo"""
    return b"}\x94(h\1J" + struct.pack("<i", i) + b"h\2\x8c\x08" + b"%08d" % (i % 10**8) + b"\x94h\3G?\xe0\0\0\0\0\0\0u"


def objects(i: int) -> bytes:
    """`OrderedDict(id=1, name='score')`"""
    return b"h\4)R\x94(h\1K" + bytes([i & 255]) + b"h\2h\3u"


MIXES = {"numbers": numbers, "records": records, "objects": objects}
HEAD = b"\x80\x04]\x94(\x8c\x02id\x94\x8c\x04name\x94\x8c\x05score\x94ccollections\nOrderedDict\n\x94e"


def opcode_heavy(path: pathlib.Path, mix: str, size: int, planted: bool) -> None:
    """A list of rows in batches of a thousand."""
    row, written, i = MIXES[mix], len(HEAD), 0
    with path.open("wb") as out:
        out.write(HEAD)
        while written < size:
            batch = b"(" + b"".join(row(i + k) for k in range(BATCH)) + b"e"
            out.write(batch)
            written, i = written + len(batch), i + BATCH
        out.write(PLANTED + b"a." if planted else b".")


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"\x8c" + bytes([len(encoded)]) + encoded + b"\x94"


def small(rng: random.Random, size: int, planted: bool) -> bytes:
    """A dict of names and lists of numbers, some of it an `OrderedDict`: what a small configuration looks like."""
    out = bytearray(b"\x80\x04}\x94(")
    while len(out) < size:
        out += text("".join(rng.choices("abcdefghijklmnop", k=rng.randint(4, 12))))
        kind = rng.random()
        if kind < 0.1:
            out += b"ccollections\nOrderedDict\n)R\x94(" + text("a") + b"K\1" + text("b") + b"K\2u"
        elif kind < 0.5:
            floats = b"".join(b"G" + struct.pack(">d", rng.random()) for _ in range(rng.randint(2, 40)))
            out += b"]\x94(" + floats + b"e"
        else:
            out += b"J" + struct.pack("<i", rng.randint(0, 2**30))
    if planted:
        out += text("hook") + PLANTED
    return bytes(out + b"u.")


def folder(path: pathlib.Path, count: int, size: int, planted: bool, seed: int) -> None:
    """So many small pickles; one in a hundred has the planted call."""
    rng = random.Random(seed)
    path.mkdir()
    for i in range(count):
        body = small(rng, rng.randint(size // 4, size * 7 // 4), planted and i % 100 == 99)
        (path / f"{i:05}.pkl").write_bytes(body)


def tensor(key: int, elements: int) -> bytes:
    """A tensor of torch with a storage of its own, and what comes with it, without the PROTO."""
    size = b"J" + struct.pack("<i", elements)
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX" + struct.pack("<I", len(str(key))) + str(key).encode()
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + b"X\3\0\0\0cpu"
        + size
        + b"tQK\0"
        + size
        + b"\x85K\1\x85\x89"
        b"ccollections\nOrderedDict\n)RtR"
    )


def state_dict(sizes: list[int], planted: bool) -> bytes:
    out = bytearray(b"\x80\x02ccollections\nOrderedDict\n)R(")
    for key, elements in enumerate(sizes):
        name = f"layer{key}.weight".encode()
        out += b"X" + struct.pack("<I", len(name)) + name + tensor(key, elements)
    if planted:
        out += b"X\1\0\0\0xcos\nsystem\nX\4\0\0\0true\x85R"
    return bytes(out + b"u.")
