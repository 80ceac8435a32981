"""Tar archives around a pickle: kinds of members, extended headers, sparse maps and links."""

import bz2
import gzip
import io
import lzma
import tarfile

from candidate import Candidate
from filename import name
from mutation import mutate

LOADERS = ["tarfile", "tarfile-stream", "tarfile-unpacked", "pandas-tar", "pandas"]
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def _summed(block):
    block = bytearray(block)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _header(title, size, kind=b"0", link=b"", magic=b"ustar\x0000", **fields):
    block = bytearray(512)
    block[: len(title)] = title[:100]
    block[100:108] = b"0000644\0"
    block[108:124] = b"0000000\0" * 2
    block[124:136] = size if isinstance(size, bytes) else b"%011o\0" % size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257 : 257 + len(magic)] = magic
    for at, raw in fields.get("patch", {}).items():
        block[at : at + len(raw)] = raw
    return _summed(block)


def _member(title, data, size=None, **fields):
    return _header(title, len(data) if size is None else size, **fields) + data + bytes(-len(data) % 512)


def _record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def _pax(records, kind=b"x"):
    return _member(b"././@PaxHeader", b"".join(_record(k, v) for k, v in records.items()), kind=kind)


def _body(draw, pickle):
    kind = draw.pick(
        "tar member",
        {
            "plain": 4,
            "odd type": 2,
            "size in base 256": 1,
            "odd size": 1.5,
            "pax size": 2,
            "pax path": 1,
            "global pax": 1,
            "sparse 1.0": 1,
            "sparse 0.1": 1,
            "old GNU sparse": 1,
            "hard link": 1,
            "symbolic link": 1,
            "long name": 1,
            "device with data": 1,
            "v7": 1,
            "two of a name": 1,
        },
    )
    size = len(pickle)
    if kind == "plain":
        return _member(b"x.pkl", pickle)
    if kind == "odd type":
        return _member(
            b"x.pkl", pickle, kind=draw.quietly([b"\0", b"7", b"S", b"D", b"A", b"Z", b"9", b"V", b"M", b"N"])
        )
    if kind == "size in base 256":
        return _member(b"x.pkl", pickle, size=b"\x80" + bytes(7) + size.to_bytes(4, "big"))
    if kind == "odd size":
        forms = [
            b"%o " % size,
            b" %o" % size,
            b"0o%o\0" % size,
            b"%o\0 junk" % size,
            b"%06o_0" % (size // 8),
            b"\t%o" % size,
        ]
        return _member(b"x.pkl", pickle, size=draw.quietly(forms).ljust(12, b"\0")[:12])
    if kind == "pax size":
        claimed = draw.quietly([0, 1, 512, size])
        value = draw.quietly(
            [b"%d" % size, b" %d" % size, b"%d " % size, b"+%d" % size, b"0%d" % size, b"%d.0" % size]
        )
        return _pax({b"size": value}) + _member(b"x.pkl", pickle, size=claimed)
    if kind == "pax path":
        records = {
            draw.quietly([b"path", b"linkpath", b"hdrcharset", b"comment"]): draw.quietly(
                [b"y.txt", b"", b"../y", b"BINARY", b"a\0b"]
            )
        }
        return _pax(records) + _member(b"x.pkl", pickle)
    if kind == "global pax":
        return _pax({b"size": b"%d" % size} if draw.chance(0.5) else {b"path": b"z"}, b"g") + _member(b"x.pkl", pickle)
    if kind == "sparse 1.0":
        table = (b"1\n0\n%d\n" % size).ljust(512, b"\0")
        records = {
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.name": b"x.pkl",
            b"GNU.sparse.realsize": b"%d" % size,
        }
        return _pax(records) + _member(b"GNUSparseFile.0/x.pkl", table + pickle)
    if kind == "sparse 0.1":
        return _pax({b"GNU.sparse.map": b"0,%d" % size, b"GNU.sparse.size": b"%d" % size}) + _member(b"x.pkl", pickle)
    if kind == "old GNU sparse":
        cut = draw.below(size + 1)
        table = b"".join(b"%011o\0" % n for n in (0, cut, cut + 512 * draw.below(2), size - cut))
        return _member(
            b"x.pkl", pickle, kind=b"S", magic=b"ustar  \0", patch={386: table, 483: b"%011o\0" % (size + 512)}
        )
    if kind == "hard link":
        return _member(b"x.bin", pickle) + _header(b"y.pkl", draw.quietly([0, size]), b"1", b"x.bin")
    if kind == "symbolic link":
        return _member(b"x.bin", pickle) + _header(b"y.pkl", 0, b"2", b"x.bin")
    if kind == "long name":
        return _member(b"././@LongLink", b"d/" * 80 + b"x.pkl\0", kind=b"L", magic=b"ustar  \0") + _member(
            b"x", pickle
        )
    if kind == "device with data":
        return _member(b"x.pkl", pickle, kind=draw.quietly([b"3", b"4", b"5", b"6"]))
    if kind == "v7":
        return _member(b"x.pkl", pickle, magic=b"")
    return _member(b"x.pkl", b"\x80\x02}.") + _member(b"x.pkl", pickle)


def candidate(draw, pickle):
    if draw.chance(0.2, "by tarfile"):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=FORMATS[draw.pick("format", list(FORMATS))]) as tar:
            entry = tarfile.TarInfo(draw.quietly(["x.pkl", "d/" * 60 + "x.pkl", "caf\u00e9.pkl"]))
            entry.size = len(pickle)
            tar.addfile(entry, io.BytesIO(pickle))
        data = out.getvalue()
    else:
        others = [_member(b"first.txt", b"text\n"), _member(b"d/", b"", kind=b"5")]
        data = (draw.quietly(others) if draw.chance(0.3) else b"") + _body(draw, pickle)
        end = draw.pick("tar end", {"two blocks": 6, "none": 1, "one block": 1, "block, member": 1, "junk": 1})
        if end == "block, member":
            data = _member(b"first.txt", b"text\n") + bytes(512) + data + bytes(1024)
        else:
            data += {"two blocks": bytes(1024), "none": b"", "one block": bytes(512), "junk": draw.noise(600)}[end]
        if draw.chance(0.15, "tar mutated"):
            block = mutate(draw, data[:512])[:512].ljust(512, b"\0")
            data = (_summed(block) if draw.chance(0.7) else block) + data[512:]
    wrap = draw.pick("tar in", {"nothing": 6, "gzip": 1.5, "bz2": 0.7, "xz": 0.7})
    data = {
        "nothing": lambda d: d,
        "gzip": lambda d: gzip.compress(d, mtime=0),
        "bz2": bz2.compress,
        "xz": lzma.compress,
    }[wrap](data)
    usual = {"nothing": [".tar", ".nemo"], "gzip": [".tar.gz", ".tgz"], "bz2": [".tar.bz2"], "xz": [".tar.xz"]}[wrap]
    return Candidate({name(draw, usual): data}, list(LOADERS))
