"""Files of torch: its zip, its legacy layout, its tar of 2016 and torch.package, around a pickle."""

import io
import pickle as op
import struct
import tarfile

from candidate import Candidate
from filename import name
from mutation import mutate
from zips import archive

LOADERS = ["torch", "torch-stream", "torch-mapped", "zipfile"]
MAGIC = op.dumps(0x1950A86A20F9469CFC6C, 2)
VERSION = op.dumps(1001, 2)
SYSTEM = op.dumps(
    {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2
)
STORAGE = (
    b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0%bX\3\0\0\0cpuK\x10tQ"  # a storage of 16 floats, by its key
)


def tensor(key=b"0"):
    """A pickle of a dict with one tensor."""
    rebuild = (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + STORAGE % key
        + b"K\0K\x10\x85K\1\x85\x89ccollections\nOrderedDict\n)RtR"
    )
    return b"\x80\x02}X\1\0\0\0w" + rebuild + b"s."


def candidate(draw, pickle):
    kind = draw.pick("torch", {"zip": 6, "storage": 2, "legacy": 4, "tar": 2, "package": 1})
    return {"zip": _zip, "storage": _storage, "legacy": _legacy, "tar": _tar, "package": _package}[kind](draw, pickle)


def within_bytes(draw, pickle):
    """A pickle that hands the bytes of a file to `torch.storage._load_from_bytes`, which loads them."""
    content = pickle
    if draw.chance(0.5):
        content = next(iter(candidate(draw, pickle).files.values()))
    length = struct.pack("<I", len(content))
    how = draw.pick("bytes", {"BINBYTES": 4, "BINBYTES8": 1, "BYTEARRAY8": 1, "latin1": 2, "memo": 1})
    spelled = content.decode("latin1").encode()
    literal = {
        "BINBYTES": b"B" + length + content,
        "BINBYTES8": b"\x8e" + length + bytes(4) + content,
        "BYTEARRAY8": b"\x96" + length + bytes(4) + content,
        "latin1": b"c_codecs\nencode\n(X" + struct.pack("<I", len(spelled)) + spelled + b"X\6\0\0\0latin1tR",
        "memo": b"B" + length + content + b"q\x050h\x05",
    }[how]
    call = draw.quietly([b"ctorch.storage\n_load_from_bytes\n%b\x85R", b"(%bitorch.storage\n_load_from_bytes\n"])
    data = b"\x80\x03" + call.replace(b"%b", literal) + b"."
    return Candidate({name(draw, [".pkl", ".pt"]): data}, ["pickle-torch", "torch"])


def _named(draw, data, loaders=LOADERS):
    return Candidate({name(draw, [".pt", ".pth", ".bin", ".ckpt"]): data}, list(loaders))


def _zip(draw, pickle):
    top = draw.quietly(["archive", "model", "x"])
    members = [(f"{top}/data.pkl", pickle), (f"{top}/byteorder", b"little"), (f"{top}/version", b"3\n")]
    if draw.chance(0.5):
        members.insert(draw.below(3), (f"{top}/data/0", bytes(64)))
    if draw.chance(0.1, "data.pkl twice"):
        members.insert(draw.below(2), (f"{top}/data.pkl", tensor()))
    data = archive(draw, members, {"stored": 6, "deflated": 1}, odd=0.5)
    if draw.chance(0.1, "exported"):
        return Candidate({name(draw, [".pt2"]): data}, ["torch-export", "torch"])
    return _named(draw, data)


def _storage(draw, pickle):
    """The payload stands in the storage that `data.pkl` names. torch takes it for floats; numpy opens any member that
    begins as a .npy does. That someone unpickles every member of a checkpoint is not held against the gate."""
    top = draw.quietly(["archive", "x"])
    header = b"{'descr':'|O','fortran_order':False,'shape':(1,)}"
    array = b"\x93NUMPY\1\0" + struct.pack("<H", len(header) + 1) + header + b"\n" + pickle
    members = [(f"{top}/data.pkl", tensor()), (f"{top}/data/0", array), (f"{top}/version", b"3\n")]
    if draw.chance(0.3, "storage not named"):
        members[1] = (f"{top}/data/1", array)
    return _named(draw, archive(draw, members, {"stored": 1}, odd=0.2), ["numpy", "torch"])


def _legacy(draw, pickle):
    parts = [MAGIC, VERSION, SYSTEM, tensor(), op.dumps(["0"], 2), struct.pack("<q", 16) + bytes(64)]
    at = draw.pick("legacy part", [0, 1, 2, 3, 4, 5, 6])
    if at == 5:
        parts[5] = struct.pack("<q", 16) + (pickle + bytes(64))[:64]
    elif at == 6:
        parts.append(pickle)
    else:
        parts[at] = pickle
    if draw.chance(0.15, "legacy mutated"):
        other = draw.below(len(parts))
        parts[other] = mutate(draw, parts[other])
    return _named(draw, b"".join(parts), ["torch", "torch-stream", "pickle", "pickle-rows", "joblib"])


def _tar(draw, pickle):
    members = {
        "storages": op.dumps(0, 2) + op.dumps([], 2),
        "tensors": op.dumps(0, 2),
        "pickle": op.dumps({}, 2),
        "sys_info": SYSTEM,
    }
    where = draw.pick("torch tar", ["storages", "storages, second", "tensors", "pickle"])
    if where == "storages, second":
        members["storages"] = op.dumps(0, 2) + pickle
    else:
        members[where] = pickle
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=draw.quietly([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
    ) as tar:
        for title, data in members.items():
            entry = tarfile.TarInfo(title)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return _named(draw, out.getvalue(), ["torch", "tarfile", "pandas-tar"])


def _package(draw, pickle):
    top = "pkg"
    members = [
        (f"{top}/.data/extern_modules", b""),
        (f"{top}/.data/version", b"6\n"),
        (f"{top}/byteorder", b"little"),
        (f"{top}/p/x.pkl", pickle),
        (f"{top}/version", b"6\n"),
    ]
    return _named(draw, archive(draw, members, {"stored": 1}, odd=0.3), ["torch-package", "zipfile"])
