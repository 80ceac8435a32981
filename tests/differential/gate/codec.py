"""Compressed streams, sound, odd and broken behind what they hold."""

import bz2
import gzip
import lzma
import struct
import zlib

from mutation import mutate

try:
    import lz4.frame
except ImportError:
    lz4 = None
try:
    import zstandard
except ImportError:
    zstandard = None

# Loaders that decode the codec, and the extensions from which pandas infers it.
LOADERS = {
    "gzip": ["gzip", "pandas-gzip", "joblib", "pandas", "joblib-old"],
    "bz2": ["bz2", "pandas-bz2", "joblib", "pandas"],
    "xz": ["lzma", "pandas-xz", "joblib", "pandas"],
    "lzma": ["lzma", "pandas-xz", "joblib"],
    "zlib": ["zlib", "zlib-stream", "joblib"],
    "zstd": ["pandas-zstd", "pandas"],
    "lz4": ["joblib", "lz4"],
    "zfile": ["joblib", "joblib-old"],
}
EXTENSIONS = {
    "gzip": [".gz", ".pkl.gz", ".joblib.gz"],
    "bz2": [".bz2", ".pkl.bz2"],
    "xz": [".xz", ".pkl.xz"],
    "lzma": [".lzma", ".xz"],
    "zlib": [".z", ".zlib", ".joblib"],
    "zstd": [".zst", ".pkl.zst"],
    "lz4": [".lz4", ".joblib"],
    "zfile": [".joblib", ".z"],
}
WEIGHTS = {"gzip": 5, "bz2": 3, "xz": 3, "lzma": 3, "zlib": 2, "zstd": 3, "lz4": 2, "zfile": 1}


def codecs():
    """Codecs that can be written here, with weights."""
    here = dict(WEIGHTS)
    if lz4 is None:
        here.pop("lz4")
    if zstandard is None:
        here.pop("zstd")
    return here


def compress(draw, data):
    """(codec, stream). Three in ten are damaged, most of these behind the payload."""
    codec = draw.pick("codec", codecs())
    filler = draw.pick("filler", {"none": 5, "noise": 2, "text": 2, "zeros": 1})
    if filler != "none":
        length = draw.quietly([100, 5000, 9000, 30000, 70000, 140000, 300000])
        data += (
            draw.noise(length)
            if filler == "noise"
            else (b"filler, some text " * 20000)[:length]
            if filler == "text"
            else bytes(length)
        )
    stream = MAKERS[codec](draw, data)
    if draw.chance(0.3):
        stream = _break(draw, stream)
    return codec, stream


def _break(draw, stream):
    how = draw.pick("broken", ["cut", "tail", "junk", "anywhere", "checksum", "last half"])
    if how == "cut":
        return stream[: len(stream) - 1 - draw.below(max(1, len(stream) // 2))]
    if how == "tail":
        at = max(0, len(stream) - 40)
        return stream[:at] + mutate(draw, stream[at:])
    if how == "junk":
        return stream + draw.quietly(
            [b"\0" * 7, b"junk", draw.noise(40), b"\n", bytes(5000), b"\x1f\x8b", b"\x04\x22\x4d\x18"]
        )
    if how == "anywhere":
        return mutate(draw, stream)
    if how == "checksum":
        at = max(0, len(stream) - 12)
        return stream[:at] + draw.noise(12)
    at = len(stream) // 2
    return stream[:at] + mutate(draw, stream[at:])


def _parts(draw, data):
    """`data` in one to three pieces, some of which may be empty."""
    how = draw.pick("streams", {"one": 7, "two": 2, "first empty": 1, "last empty": 0.7, "many": 0.3})
    if how == "one":
        return [data]
    if how == "two":
        at = draw.below(len(data) + 1)
        return [data[:at], data[at:]]
    if how == "first empty":
        return [b"", data]
    if how == "last empty":
        return [data, b""]
    return [data[at : at + 7] for at in range(0, min(len(data), 700), 7)] + [data[700:]]


def _gzip(draw, data):
    out = b""
    for part in _parts(draw, data):
        body = gzip.compress(part, draw.quietly([0, 1, 6, 9]), mtime=0)
        if draw.chance(0.25, "gzip fields"):
            flags = draw.below(32) if draw.chance(0.8) else draw.below(256)
            head = bytearray(body[:10])
            head[3] = flags
            fields = b""
            if flags & 4:
                fields += struct.pack("<H", 4) + b"AB\0\0"
            if flags & 8:
                fields += b"name\0"
            if flags & 16:
                fields += b"comment\0"
            if flags & 2:
                fields += draw.quietly([struct.pack("<H", zlib.crc32(bytes(head) + fields) & 0xFFFF), b"\0\0"])
            body = bytes(head) + fields + body[10:]
        out += body
        if draw.chance(0.05, "zeros between"):
            out += bytes(1 + draw.below(600))
    return out


def _bz2(draw, data):
    return b"".join(bz2.compress(part, draw.quietly([1, 9])) for part in _parts(draw, data))


def _xz(draw, data):
    out = b""
    for part in _parts(draw, data):
        chain = draw.pick("xz filters", {"lzma2": 6, "delta": 1, "x86": 1, "arm": 0.5, "big dictionary": 0.3})
        last = {"id": lzma.FILTER_LZMA2, "preset": draw.quietly([0, 6])}
        filters = {
            "delta": [{"id": lzma.FILTER_DELTA, "dist": 1 + draw.below(256)}, last],
            "x86": [{"id": lzma.FILTER_X86}, last],
            "arm": [{"id": lzma.FILTER_ARM}, last],
            "big dictionary": [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 27}],
        }.get(chain, [last])
        check = draw.quietly([lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256])
        out += lzma.compress(part, lzma.FORMAT_XZ, check=check, filters=filters)
        if draw.chance(0.1, "xz padding"):
            out += bytes(draw.quietly([4, 8, 400, 3]))
    return out


def _lzma(draw, data):
    lc, lp = draw.quietly([(3, 0), (0, 0), (4, 0), (0, 4), (2, 2)])
    chain = {"id": lzma.FILTER_LZMA1, "preset": 0, "lc": lc, "lp": lp, "pb": draw.below(5)}
    chain["dict_size"] = draw.quietly([4096, 1 << 16, 1 << 20, (1 << 20) + (1 << 19)])
    stream = lzma.compress(data, lzma.FORMAT_ALONE, filters=[chain])
    if draw.chance(0.3, "lzma size"):
        stream = (
            stream[:5]
            + struct.pack("<Q", draw.quietly([len(data), len(data) - 1, len(data) + 1, 1 << 40]))
            + stream[13:]
        )
    if draw.chance(0.1, "lzma dictionary"):
        stream = stream[:1] + struct.pack("<I", draw.quietly([0, 1, 5000, 1 << 31, 0xFFFFFFFF])) + stream[5:]
    return stream


def _zlib(draw, data):
    packer = zlib.compressobj(draw.quietly([0, 1, 6, 9]), zlib.DEFLATED, draw.quietly([9, 12, 15]))
    return packer.compress(data) + packer.flush()


def _zfile(draw, data):
    length = hex(len(data)).encode()
    return b"ZF" + length.ljust(draw.quietly([19, 19, 19, 20])) + zlib.compress(data)


def _skippable(draw):
    return struct.pack("<II", 0x184D2A50 + draw.below(16), 5) + b"skip!"


def _zstd(draw, data):
    out = b""
    for part in _parts(draw, data):
        if draw.chance(0.1, "skippable frame"):
            out += _skippable(draw)
        options = {
            "level": draw.quietly([1, 3, 19]),
            "write_checksum": draw.chance(0.5),
            "write_content_size": draw.chance(0.6),
        }
        if draw.chance(0.2, "raw blocks"):
            out += _zstd_raw(draw, part)
        elif draw.chance(0.3, "zstd flushed"):
            packer = zstandard.ZstdCompressor(**options).compressobj()
            at = draw.below(len(part) + 1)
            out += packer.compress(part[:at]) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            out += packer.compress(part[at:]) + packer.flush()
        else:
            out += zstandard.ZstdCompressor(**options).compress(part)
    return out


def _zstd_raw(draw, data):
    """A frame of stored and run-length blocks, as no encoder cuts them."""
    out = b"\x28\xb5\x2f\xfd\x00" + bytes([draw.quietly([0x38, 0x48, 0x58, 0x68])])  # window, no size, no checksum
    step = draw.quietly([1, 40, 9000, 65536, 1 << 17])
    step = max(step, len(data) // 500 + 1)
    step = min(step, 1 << 17)
    blocks = [data[at : at + step] for at in range(0, len(data), step)] or [b""]
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        out += struct.pack("<I", len(block) << 3 | last)[:3] + block
    return out


def _lz4(draw, data):
    out = b""
    for part in _parts(draw, data):
        if draw.chance(0.1, "skippable frame"):
            out += _skippable(draw)
        out += lz4.frame.compress(
            part,
            block_size=draw.quietly([4, 5, 7]),
            block_linked=draw.chance(0.5),
            content_checksum=draw.chance(0.5),
            block_checksum=draw.chance(0.5),
            store_size=draw.chance(0.5),
        )
    return out


MAKERS = {
    "gzip": _gzip,
    "bz2": _bz2,
    "xz": _xz,
    "lzma": _lzma,
    "zlib": _zlib,
    "zfile": _zfile,
    "zstd": _zstd,
    "lz4": _lz4,
}
