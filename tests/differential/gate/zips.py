"""Zip archives around a pickle, with the records that readers take in different ways."""

import bz2
import lzma
import struct
import zlib

from candidate import Candidate
from filename import name
from mutation import mutate

LOADERS = ["zipfile", "zipfile-read", "pandas-zip", "pandas", "numpy"]
METHODS = {"stored": 4, "deflated": 4, "bzip2": 0.6, "lzma": 0.6}
MOST = 0xFFFFFFFF
NUMBERS = {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
JUNK = [
    POINTER,
    b"#!/bin/sh\n",
    b"\0" * 100,
    b"\x80\x02}.",
    b"some text\n" * 9,
    b"PK\5\6" + bytes(18),
    b"\x89PNG\r\n\x1a\n",
    b"BM" + bytes(40),
]


def _packed(method, data):
    if method == "deflated":
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()
    if method == "bzip2":
        return bz2.compress(data)
    if method == "lzma":
        body = lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "preset": 0}])
        return b"\x09\x04\x05\0\x5d" + struct.pack("<I", 1 << 18) + body
    return data


def archive(draw, members, methods=METHODS, odd=0.6):
    """A zip of `members`, a list of (name, data). As often as `odd` says, its records are odd."""
    prefix, comment = b"", b""
    odd = draw.chance(odd, "odd zip")
    if odd and draw.chance(0.25, "zip prefix"):
        prefix = draw.quietly(JUNK)
    if odd and draw.chance(0.15, "zip comment"):
        comment = draw.quietly(JUNK + [b"c" * 300, b"PK\1\2", b"c" * 65535])
    base = len(prefix)
    if prefix and draw.chance(0.4, "offsets without prefix"):
        base = 0
    local, directory, count = b"", b"", 0
    for title, data in members:
        method = draw.pick("method", methods)
        packed = _packed(method, data)
        entry = {
            "local name": title.encode(),
            "name": title.encode(),
            "flags": 0,
            "local flags": 0,
            "method": NUMBERS[method],
            "local method": NUMBERS[method],
            "crc": zlib.crc32(data),
            "local crc": zlib.crc32(data),
            "packed": len(packed),
            "size": len(data),
            "local packed": len(packed),
            "local size": len(data),
            "extra": b"",
            "local extra": b"",
            "comment": b"",
            "offset": base + len(local),
            "name length": None,
            "extra length": None,
            "comment length": None,
            "attributes": 0o100644 << 16,
            "behind": b"",
        }
        if odd:
            _odd(draw, entry)
        local += (
            struct.pack(
                "<4sHHHHHIIIHH",
                b"PK\3\4",
                20,
                entry["local flags"],
                entry["local method"],
                0,
                0x21,
                entry["local crc"],
                entry["local packed"] & MOST,
                entry["local size"] & MOST,
                len(entry["local name"]),
                len(entry["local extra"]),
            )
            + entry["local name"]
            + entry["local extra"]
            + packed
            + entry["behind"]
        )
        lengths = [
            len(entry[field]) if entry[field + " length"] is None else entry[field + " length"]
            for field in ("name", "extra", "comment")
        ]
        directory += (
            struct.pack(
                "<4sHHHHHHIIIHHHHHII",
                b"PK\1\2",
                0x0314,
                20,
                entry["flags"],
                entry["method"],
                0,
                0x21,
                entry["crc"],
                entry["packed"] & MOST,
                entry["size"] & MOST,
                *lengths,
                0,
                0,
                entry["attributes"],
                entry["offset"] & MOST,
            )
            + entry["name"]
            + entry["extra"]
            + entry["comment"]
        )
        count += 1
        if odd and draw.chance(0.03, "entry twice"):
            directory += directory
            count *= 2
        if odd and draw.chance(0.08, "gap in zip"):
            local += draw.quietly([bytes(9), b"gap " * 30, draw.noise(60)])
    at = base + len(local)
    end = _end(draw, odd, at, len(directory), count, comment)
    out = prefix + local + directory + end
    if odd and draw.chance(0.25, "records mutated"):
        start = len(prefix) + len(local)
        out = out[:start] + mutate(draw, out[start:])
    elif odd and draw.chance(0.1, "zip mutated"):
        out = mutate(draw, out)
    if odd and draw.chance(0.1, "behind zip"):
        out += draw.quietly(JUNK)
    return out


def _odd(draw, entry):
    """One or two odd things about an entry."""
    for _ in range(draw.quietly([0, 1, 1, 2])):
        kind = draw.pick(
            "entry",
            [
                "flag",
                "local flag",
                "method",
                "local method",
                "crc",
                "local crc",
                "sizes",
                "local sizes",
                "local name",
                "NUL in name",
                "name length",
                "extra length",
                "comment length",
                "descriptor",
                "zip64",
                "extra",
                "link",
                "no name",
                "offset",
            ],
        )
        if kind in ("flag", "local flag"):
            bit = draw.quietly([1, 2, 8, 0x20, 0x40, 0x800, 0x2000])
            entry["local flags"] |= bit
            entry["flags"] |= bit if kind == "flag" else 0
        elif kind in ("method", "local method"):
            entry[kind] = draw.quietly([0, 8, 9, 12, 93, 99])
        elif kind in ("crc", "local crc"):
            entry[kind] = draw.quietly([0, 1, 0xFFFFFFFF])
        elif kind == "sizes":
            entry["size"] = draw.quietly([0, 1, entry["size"] + 1, entry["size"] + 4000, 0xFFFFFFFF])
        elif kind == "local sizes":
            entry["local packed"] = entry["local size"] = draw.quietly([0, 1, entry["size"] + 9, 0xFFFFFFFF])
        elif kind == "local name":
            entry["local name"] = draw.quietly(
                [b"other.txt", b"", b"data.txt", entry["name"].upper(), entry["name"] + b"\0"]
            )
        elif kind == "NUL in name":
            entry["name"] = entry["name"] + b"\0.txt"
            if draw.chance(0.7):
                entry["local name"] = entry["name"]
        elif kind in ("name length", "extra length", "comment length"):
            field = kind.split()[0]
            entry[kind] = draw.quietly([len(entry[field]) + 1, 200, 11819, 0xFFFF, 0])
        elif kind == "descriptor":
            entry["flags"] |= 8
            entry["local flags"] |= 8
            body = struct.pack("<III", entry["crc"], entry["packed"] & MOST, entry["size"] & MOST)
            entry["behind"] = draw.quietly([b"PK\7\x08" + body, body, b""])
            entry["local crc"] = entry["local packed"] = entry["local size"] = 0
        elif kind == "zip64":
            sizes = struct.pack("<QQ", entry["size"], entry["packed"])
            entry["extra"] = struct.pack("<HH", 1, 16) + sizes
            if draw.chance(0.8):
                entry["size"] = entry["packed"] = 0xFFFFFFFF
            if draw.chance(0.5):
                entry["local extra"] = entry["extra"]
                entry["local packed"] = entry["local size"] = 0xFFFFFFFF
        elif kind == "extra":
            field = draw.quietly(
                [struct.pack("<HH", 0x7075, 9) + bytes(9), struct.pack("<HH", 9, 4) + b"abcd", b"\1", b"\1\0\xff\xff"]
            )
            entry["extra"] = field
            if draw.chance(0.5):
                entry["local extra"] = field
        elif kind == "link":
            entry["attributes"] = draw.quietly([0o120777, 0o040755, 0]) << 16 | draw.quietly([0, 0x10])
        elif kind == "no name":
            entry["name"] = b""
        else:
            entry["offset"] += draw.quietly([1, -1, 4, 1000, 1 << 31]) if entry["offset"] else 1


def _end(draw, odd, at, size, count, comment):
    end = {"disk": 0, "here": count, "count": count, "size": size, "at": at}
    extra = b""
    if odd and draw.chance(0.2, "end record"):
        field = draw.quietly(list(end))
        end[field] = draw.quietly([0, 1, end[field] + 1, max(0, end[field] - 1), 0xFFFF, end[field] + 4])
    if odd and draw.chance(0.1, "zip64 end"):
        record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
        locator = struct.pack("<4sIQI", b"PK\6\7", 0, at + size, 1)
        extra = record + locator
        if draw.chance(0.7):
            end["here"] = end["count"] = 0xFFFF
            end["size"] = end["at"] = 0xFFFFFFFF
    return (
        extra
        + struct.pack(
            "<4sHHHHIIH",
            b"PK\5\6",
            0,
            end["disk"] & 0xFFFF,
            end["here"] & 0xFFFF,
            end["count"] & 0xFFFF,
            end["size"] & MOST,
            end["at"] & MOST,
            len(comment),
        )
        + comment
    )


def candidate(draw, pickle):
    """A zip of one pickle, alone or among other members."""
    title = draw.quietly(
        ["x.pkl", "policy.pth", "data", "a/b.bin", "x.txt", "x.py", "README.md", "archive/data/0", "x.png", "m/"]
    )
    members = [(title, pickle)]
    if draw.chance(0.4):
        members.insert(
            draw.below(2), (draw.quietly(["version", "x.json", "b.pkl"]), draw.quietly([b"3\n", b"{}", b"\x80\x02}."]))
        )
    data = archive(draw, members)
    if draw.chance(0.06, "two archives"):
        other = archive(draw, [("y.txt", b"text")], odd=0)
        data = data + other if draw.chance(0.5) else other + data
    if draw.chance(0.08, "in a pickle"):
        data = b"\x80\x04B" + struct.pack("<I", len(data)) + data + b"."
    elif draw.chance(0.04, "in a comment"):
        data = b"PK\5\6" + bytes(16) + struct.pack("<H", len(data) & 0xFFFF) + data
    return Candidate({name(draw, [".zip", ".npz", ".pt", ".whl"]): data}, list(LOADERS))
