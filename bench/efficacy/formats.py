"""Formats: which one some bytes have, which pickles they hold, the same file with one of them replaced."""

import bz2
import dataclasses
import gzip
import io
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator

CODECS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (lambda data: gzip.compress(data, 6, mtime=0), gzip.decompress),
    "bz2": (bz2.compress, bz2.decompress),
    "xz": (lzma.compress, lzma.decompress),
    "lzma": (lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE), lzma.decompress),
    "zlib": (zlib.compress, zlib.decompress),
}
try:
    import lz4.frame
    import zstandard

    CODECS["lz4"] = (lz4.frame.compress, lz4.frame.decompress)
    CODECS["zstd"] = (
        lambda data: zstandard.compress(data, 3),
        lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    )
except ImportError:
    # Whoever only sorts files does without; the environment of the bench has both.
    pass
SUFFIXES = {"gzip": ".gz", "bz2": ".bz2", "xz": ".xz", "lzma": ".lzma", "zlib": ".zlib", "lz4": ".lz4", "zstd": ".zst"}
MAGIC = [
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"]\0\0", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"x\x01", "zlib"),
    (b"x^", "zlib"),
    (b"x\x9c", "zlib"),
    (b"x\xda", "zlib"),
]
FORMATS = ("pickle", "torch", "torch-legacy", "joblib", "joblib-compressed", "npy", "npz", "zip", *SUFFIXES)
TORCH_MAGIC = re.compile(rb"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19\.")


@dataclasses.dataclass(frozen=True)
class Place:
    """A pickle inside of a file, and the file that has other bytes there."""

    name: str
    stream: bytes
    replaced: Callable[[bytes], bytes]
    # Whether opcodes go on to STOP without arrays between them.
    whole: bool = True


def codec_of(data: bytes) -> str | None:
    return next((codec for magic, codec in MAGIC if data.startswith(magic)), None)


def is_whole(data: bytes) -> bool:
    """Whether a pickle reaches STOP and something like it stands at the beginning."""
    try:
        for _ in pickletools.genops(data):
            pass
    except Exception:
        return False
    return True


def of(data: bytes, name: str = "") -> str | None:
    """The format of a file, None if it holds no pickle that the bench could know."""
    if data.startswith(b"\x93NUMPY"):
        return "npy"
    if data.startswith(b"PK\x03\x04"):
        try:
            names = zipfile.ZipFile(io.BytesIO(data)).namelist()
        except zipfile.BadZipFile:
            return None
        if any(member.endswith("/data.pkl") for member in names):
            return "torch"
        if names and all(member.endswith(".npy") for member in names):
            return "npz"
        return "zip"
    if TORCH_MAGIC.match(data):
        return "torch-legacy"
    codec = codec_of(data)
    if codec in CODECS:
        try:
            inner = CODECS[codec][1](data)
        except Exception:
            return None
        if b"NumpyArrayWrapper" in inner[:100_000] or name.endswith(".joblib"):
            return "joblib-compressed"
        return codec if inner[:1] == b"\x80" or is_whole(inner) else None
    if data[:1] == b"\x80" and data[1:2] < b"\x06":
        return "joblib" if b"NumpyArrayWrapper" in data else "pickle"
    if len(data) > 3 and data[:1] in b"(]}cIKFVSXU" and is_whole(data):
        return "pickle"
    return None


def zipped(data: bytes, member: str, content: bytes) -> bytes:
    """The archive with the content of one member replaced, or with one more member."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for info in source.infolist():
            target.writestr(info, content if info.filename == member else source.read(info))
        if member not in source.namelist():
            target.writestr(zipfile.ZipInfo(member), content)
    return out.getvalue()


def archive(member: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(zipfile.ZipInfo(member), content)
    return out.getvalue()


def stacked(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of the pickles that stand one behind the other in torch's older layout."""
    position = 0
    for _ in range(5):
        source = io.BytesIO(data[position:])
        for _ in pickletools.genops(source):
            pass
        yield position, position + source.tell()
        position += source.tell()


def objects(data: bytes) -> bytes:
    """A .npy file of objects whose pickle is `data`."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def npy(data: bytes) -> Place:
    """The pickle of an array of objects; an array of numbers becomes one of objects."""
    begin = 10 + int.from_bytes(data[8:10], "little") if data[6] == 1 else 12 + int.from_bytes(data[8:12], "little")
    if b"'|O'" in data[:begin]:
        return Place("npy", data[begin:], lambda new: data[:begin] + new)
    return Place("npy", b"\x80\x02]Na.", objects)


def places(data: bytes, form: str) -> list[Place]:
    """The pickles of a file of that format that something can be put into."""
    if form in ("pickle", "joblib"):
        return [Place("pickle", data, lambda new: new, is_whole(data))]
    if form in CODECS or form == "joblib-compressed":
        codec = codec_of(data)
        inner = CODECS[codec][1](data)
        return [Place(codec, inner, CODECS[codec][0], is_whole(inner))]
    if form == "npy":
        return [npy(data)]
    if form == "torch-legacy":
        found = []
        for index, (begin, end) in enumerate(stacked(data)):
            found.append(
                Place(
                    f"pickle {index}",
                    data[begin:end],
                    lambda new, begin=begin, end=end: data[:begin] + new + data[end:],
                )
            )
        return found
    found = []
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        for info in source.infolist():
            content = source.read(info)
            member = info.filename
            if form == "torch" and not member.endswith("/data.pkl"):
                continue
            inner = of(content, member)
            if inner and inner != "zip":
                for place in places(content, inner):
                    found.append(
                        dataclasses.replace(
                            place,
                            name=f"{member}!{place.name}",
                            replaced=lambda new, p=place, m=member: zipped(data, m, p.replaced(new)),
                        )
                    )
    if not found:
        found.append(Place("data.pkl", b"\x80\x02}.", lambda new: zipped(data, "data.pkl", new)))
    return found
