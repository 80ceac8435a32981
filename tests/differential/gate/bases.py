"""Databases, tables and arrays in pieces that hold pickles: dbm.dumb, SQLite, HDF5, Arrow, Parquet, Zarr."""

import gzip
import json
import os
import sqlite3
import tempfile
import zlib

from candidate import Candidate
from filename import name

try:
    import h5py
except ImportError:
    h5py = None
try:
    import numcodecs
except ImportError:
    numcodecs = None
try:
    import pyarrow
    import pyarrow.parquet
except ImportError:
    pyarrow = None


def kinds():
    """Kinds that can be written here, with weights."""
    here = {"dumb": 5, "sqlite": 3, "zarr": 2}
    if h5py:
        here["hdf5"] = 2
    if pyarrow:
        here["arrow"] = 2
    return here


def candidate(draw, pickle):
    kind = draw.pick("base", kinds())
    return {"dumb": _dumb, "sqlite": _sqlite, "hdf5": _hdf5, "arrow": _arrow, "zarr": _zarr}[kind](draw, pickle)


def _dumb(draw, pickle):
    """Records at the places that NAME.dir gives."""
    front = draw.pick("dumb front", {"none": 2, "text": 3, "pickle": 2, "zeros": 2, "noise": 2})
    length = draw.quietly([512, 4096, 6656, 66048, 400_000 // 512 * 512])
    before = {
        "none": b"",
        "text": b"some text, some more text\n" * (length // 26 + 1),
        "pickle": b"\x80\x02}.",
        "zeros": bytes(length),
        "noise": draw.noise(length),
    }[front][:length]
    at = len(before) if draw.chance(0.3) else -(-len(before) // 512) * 512
    data = before.ljust(at, b" " if front == "text" else b"\0") + pickle
    if draw.chance(0.5):
        data += draw.quietly([bytes(300), b"text " * 60, draw.noise(70000), bytes(300_000)])
    spelled = draw.quietly(["'k', (%d, %d)\n", "'k',(%d,%d)\n", "('k'),(0x%x, 0x%x)\n", '"k", (%d, %d)\n']) % (
        at,
        len(pickle),
    )
    return Candidate({"x.dat": data, "x.dir": spelled.encode(), "x.bak": b""}, ["shelve"])


def _sqlite(draw, pickle):
    rows = draw.quietly([0, 0, 30, 3000])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.db")
        base = sqlite3.connect(path)
        base.execute("pragma page_size = %d" % draw.quietly([512, 4096, 65536]))
        base.execute("create table cache (k text, v blob)")
        filler = [(f"key {i}", bytes([i % 251]) * 300) for i in range(rows)]
        at = draw.below(rows + 1)
        base.executemany("insert into cache values (?, ?)", [*filler[:at], ("k", pickle), *filler[at:]])
        base.commit()
        base.close()
        with open(path, "rb") as source:
            data = source.read()
    return Candidate({name(draw, [".db", ".sqlite", ".cache"]): data}, ["sqlite"])


def _hdf5(draw, pickle):
    """Objects as PyTables keeps them: in attributes, and in arrays of variable length."""
    import numpy

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.h5")
        block = draw.pick("user block", {0: 5, 512: 1, 2048: 1})
        with h5py.File(path, "w", userblock_size=block) as base:
            base.attrs["PYTABLES_FORMAT_VERSION"] = numpy.bytes_("2.1")
            base.attrs["CLASS"], base.attrs["TITLE"], base.attrs["VERSION"] = map(numpy.bytes_, ("GROUP", "", "1.0"))
            before, behind = draw.quietly([0, 100, 9000, 60000]), draw.quietly([0, 100, 9000, 60000])
            if before:
                base["a"] = numpy.arange(before)
            kind = draw.pick("hdf5 object", ["attribute", "vlarray"])
            if kind == "attribute" and len(pickle) < 60000:
                base.attrs["object"] = numpy.void(pickle) if draw.chance(0.3) else numpy.bytes_(pickle)
            else:
                values = base.create_dataset("v", (1,), h5py.vlen_dtype(numpy.uint8), maxshape=(None,), chunks=(1,))
                values[0] = numpy.frombuffer(pickle, numpy.uint8)
                for key, value in {"CLASS": "VLARRAY", "VERSION": "1.3", "TITLE": "", "PSEUDOATOM": "object"}.items():
                    values.attrs[key] = numpy.bytes_(value)
            if behind:
                base["z"] = numpy.arange(behind)
        with open(path, "rb") as source:
            data = bytearray(source.read())
    if block and draw.chance(0.5):
        data[:block] = (b"some text\n" * 300)[:block]
    return Candidate({name(draw, [".h5", ".hdf5"]): bytes(data)}, ["tables"])


def _arrow(draw, pickle):
    """The extension type that pyarrow before 14.0.1 unpickles."""
    extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickle}
    schema = pyarrow.schema([pyarrow.field("a", pyarrow.int64(), metadata=extension)])
    table = pyarrow.table({"a": [1, 2, 3] * draw.quietly([1, 3000])}, schema=schema)
    form = draw.pick("arrow", ["stream", "file", "parquet"])
    out = pyarrow.BufferOutputStream()
    if form == "parquet":
        pyarrow.parquet.write_table(table, out)
        return Candidate({name(draw, [".parquet"]): out.getvalue().to_pybytes()}, ["arrow-parquet"])
    with (pyarrow.ipc.new_stream if form == "stream" else pyarrow.ipc.new_file)(out, schema) as writer:
        writer.write_table(table)
    return Candidate({name(draw, [".arrow", ".feather", ".arrows"]): out.getvalue().to_pybytes()}, [f"arrow-{form}"])


def _zarr(draw, pickle):
    """A chunk of an array of objects, which the filter `pickle` of numcodecs loads."""
    packers = {"none": bytes, "zlib": zlib.compress, "gzip": lambda data: gzip.compress(data, mtime=0)}
    settings = {"none": None, "zlib": {"id": "zlib", "level": 1}, "gzip": {"id": "gzip", "level": 1}}
    if numcodecs:
        for inner in ("lz4", "zstd", "blosclz", "zlib"):
            shuffle = draw.below(3)
            packers[inner] = numcodecs.Blosc(inner, 5, shuffle).encode
            settings[inner] = {"id": "blosc", "cname": inner, "clevel": 5, "shuffle": shuffle, "blocksize": 0}
    how = draw.pick("zarr compressor", list(packers))
    filters = [{"id": "pickle", "protocol": draw.below(6)}]
    about = {
        "zarr_format": 2,
        "shape": [1],
        "chunks": [1],
        "dtype": "|O",
        "compressor": settings[how],
        "filters": filters,
    }
    about |= {"fill_value": None, "order": "C"}
    spelled = json.dumps(about, indent=draw.quietly([None, 4])).encode()
    return Candidate({"x.zarr/.zarray": spelled, "x.zarr/0": bytes(packers[how](pickle))}, ["zarr"])
