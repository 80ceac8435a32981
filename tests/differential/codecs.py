"""Writes damaged compressed streams, each with what the C libraries make of it before they raise.

    python codecs.py CASES SEED FILE [MOST]
    FICKGATE_CODECS=FILE cargo test -p fickgate-engine --lib c_libraries

A case is a letter for the codec, the length of the stream and of the output (little endian, four bytes each), and both.
zlib, bz2 and lzma are CPython's; `zstandard` is left out where it is not installed. Longer cases than MOST are left out:
`codecs.py 4000 1 codecs.cases 180`, with zstandard 0.25.0, made the file beside this one, which the test takes unless told.
"""

import bz2
import gzip
import lzma
import random
import struct
import sys
import zlib

try:
    import zstandard
except ImportError:
    zstandard = None


def plain(rng):
    """Text, noise, runs and repeats, in any order: every kind of symbol that a codec has."""
    parts = []
    for _ in range(rng.randrange(1, 9)):
        kind = rng.randrange(4)
        if kind == 0:
            parts.append(bytes(rng.choices(b"cos\nsystem(S'R.", k=rng.randrange(400))))
        elif kind == 1:
            parts.append(rng.randbytes(rng.randrange(3000)))
        elif kind == 2:
            parts.append(bytes([rng.randrange(256)]) * rng.randrange(1, 90_000))
        else:
            parts.append(rng.choice(parts) if parts else b"x")
    return b"".join(parts)


def packed(rng, data):
    """A codec's letter, a stream, and what makes a decoder for it."""
    level = rng.randrange(1, 7)
    kinds = [
        ("g", lambda: gzip.compress(data, level, mtime=0), lambda: zlib.decompressobj(31)),
        ("z", lambda: zlib.compress(data, level), zlib.decompressobj),
        ("b", lambda: bz2.compress(data, level), bz2.BZ2Decompressor),
        ("x", lambda: lzma.compress(data, preset=level), lzma.LZMADecompressor),
        ("x", lambda: lzma.compress(data, check=lzma.CHECK_NONE, preset=level), lzma.LZMADecompressor),
        ("l", lambda: lzma.compress(data, format=lzma.FORMAT_ALONE, preset=level), lzma.LZMADecompressor),
    ]
    if zstandard:
        kinds += [
            (
                "s",
                lambda: zstandard.ZstdCompressor(
                    level=level, write_checksum=rng.random() < 0.5, write_content_size=rng.random() < 0.5
                ).compress(data),
                lambda: zstandard.ZstdDecompressor().decompressobj(),
            )
        ] * 2
    letter, pack, decoder = rng.choice(kinds)
    return letter, pack(), decoder()


def damaged(rng, stream):
    stream = bytearray(stream)
    for _ in range(rng.randrange(1, 3)):
        kind = rng.randrange(4)
        at = rng.randrange(12, len(stream)) if len(stream) > 12 else len(stream)
        if kind == 0:
            del stream[at:]
        elif kind == 1 and at < len(stream):
            stream[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            stream[at:at] = rng.randbytes(rng.randrange(1, 40))
        else:
            del stream[at : at + rng.randrange(1, 40)]
    return bytes(stream)


def before_the_error(decoder, stream):
    """Fed a byte at a time: the most that any reader gets."""
    out = []
    try:
        for i in range(len(stream)):
            out.append(decoder.decompress(stream[i : i + 1]))
            if getattr(decoder, "eof", False):
                break
    except Exception:
        pass
    return b"".join(out)


def main():
    cases, seed, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    most = int(sys.argv[4]) if len(sys.argv) > 4 else sys.maxsize
    rng = random.Random(seed)
    with open(file, "wb") as out:
        for _ in range(cases):
            letter, stream, decoder = packed(rng, plain(rng))
            if rng.random() < 0.9:
                stream = damaged(rng, stream)
            if len(stream) > most:
                continue
            expected = before_the_error(decoder, stream)
            if len(expected) > 2 * most:
                continue
            out.write(letter.encode() + struct.pack("<II", len(stream), len(expected)) + stream + expected)


main()
