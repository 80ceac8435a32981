"""Files of torch and numpy around pickles: tensors are holes in the file where the layout lets them be."""

import pathlib
import struct
import zlib

import pickles

LAYERS = 100
MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
SYSTEM = b"\x80\x02}(X\x10\0\0\0protocol_versionM\xe9\3X\r\0\0\0little_endian\x88X\n\0\0\0type_sizes}(X\5\0\0\0shortK\2X\3\0\0\0intK\4X\4\0\0\0longK\4uu."


def zipped(path: pathlib.Path, members: list[tuple[str, bytes, int]]) -> None:
    """A zip of stored members: name, bytes, and length, where what is behind the bytes is a hole."""
    directory = bytearray()
    with path.open("wb") as out:
        for name, body, length in members:
            start = out.tell()
            crc = zlib.crc32(body) if length == len(body) else 0
            # torch begins each member at a multiple of 64, by an extra field.
            pad = -(start + 30 + len(name) + 4) % 64
            record = struct.pack("<HHHHHIII", 20, 0, 0, 0, 0, crc, length, length)
            extra = b"FB" + struct.pack("<H", pad) + b"Z" * pad
            out.write(b"PK\3\4" + record + struct.pack("<HH", len(name), len(extra)) + name.encode() + extra + body)
            out.seek(start + 30 + len(name) + len(extra) + length)
            directory += b"PK\1\2" + struct.pack("<H", 20) + record
            directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, start) + name.encode()
        start = out.tell()
        out.write(directory)
        count = len(members)
        out.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0))


def torch_zip(path: pathlib.Path, size: int, planted: bool) -> None:
    """What `torch.save` writes of a state dict of so many bytes."""
    elements = [size // LAYERS // 4] * LAYERS
    body = pickles.state_dict(elements, planted)
    members = [("m/data.pkl", body, len(body)), ("m/byteorder", b"little", 6)]
    members += [(f"m/data/{key}", b"", count * 4) for key, count in enumerate(elements)]
    zipped(path, [*members, ("m/version", b"3\n", 2)])


def legacy(path: pathlib.Path, size: int, planted: bool) -> None:
    """The same as torch wrote it before 1.6: five pickles, and the storages behind them."""
    elements = [size // LAYERS // 4] * LAYERS
    body = bytearray(pickles.state_dict(elements, planted))
    # Five parts of a persistent id became six: no view of another storage.
    body = body.replace(b"tQK\0", b"NtQK\0")
    keys = (
        b"\x80\x02](" + b"".join(b"X" + struct.pack("<I", len(str(k))) + str(k).encode() for k in range(LAYERS)) + b"e."
    )
    with path.open("wb") as out:
        out.write(MAGIC + SYSTEM + body + keys)
        for count in elements:
            out.write(struct.pack("<q", count))
            out.seek(count * 4, 1)
        out.truncate(out.tell())


def header(descr: str, shape: tuple[int, ...]) -> bytes:
    body = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    body += b" " * (-(len(body) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(body)) + body


def object_array(size: int, planted: bool) -> bytes:
    """An array of objects: floats, short texts and tuples."""
    rows, out = 0, bytearray()
    while len(out) < size:
        out += b"("
        for _ in range(333):
            out += b"G" + struct.pack(">d", rows * 0.1) + b"\x8c\4" + b"%04d" % (rows % 10000) + b"\x94K\1M\0\3\x86\x94"
            rows += 3
        out += b"e"
    if planted:
        out, rows = out + pickles.PLANTED + b"a", rows + 1
    head = b"\x80\4cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\1b\x87R(K\1J" + struct.pack(
        "<i", rows
    )
    head += b"\x85cnumpy\ndtype\n\x8c\2O8\x89\x88\x87R(K\3\x8c\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]"
    return header("|O", (rows,)) + head + bytes(out) + b"tb."


def deflated(path: pathlib.Path, members: list[tuple[str, bytes]]) -> None:
    """A zip of deflated members, as `numpy.savez_compressed` writes it."""
    directory = bytearray()
    with path.open("wb") as out:
        for name, body in members:
            start, deflate = out.tell(), zlib.compressobj(6, zlib.DEFLATED, -15)
            packed = deflate.compress(body) + deflate.flush()
            record = struct.pack("<HHHHHIII", 20, 0, 8, 0, 0, zlib.crc32(body), len(packed), len(body))
            out.write(b"PK\3\4" + record + struct.pack("<HH", len(name), 0) + name.encode() + packed)
            directory += b"PK\1\2" + struct.pack("<H", 20) + record
            directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, start) + name.encode()
        start, count = out.tell(), len(members)
        out.write(directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0))
