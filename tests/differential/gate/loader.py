"""The loaders that are asked, by name. Runs inside the interpreters: CPython 2.7 and 3.8 to 3.14.

Each takes the path of a file, loads it as its library does, and may raise what it likes."""

import io
import os
import pickle
import sys
import zipfile

PYTHON2 = sys.version_info[0] == 2


def plain(path):
    with open(path, "rb") as source:
        pickle.load(source)


def python(path):
    with open(path, "rb") as source:
        (pickle.Unpickler if PYTHON2 else pickle._Unpickler)(source).load()


def unbuffered(path):
    with open(path, "rb", 0) as source:
        pickle.load(source)


def loads(path):
    with open(path, "rb") as source:
        pickle.loads(source.read())


def latin1(path):
    with open(path, "rb") as source:
        pickle.load(source, encoding="latin1")


def as_bytes(path):
    with open(path, "rb") as source:
        pickle.load(source, encoding="bytes")


def rows(path):
    """As those read who wrote several pickles into one file."""
    with open(path, "rb") as source:
        for _ in range(200):
            pickle.load(source)


def c_python2(path):
    import cPickle

    with open(path, "rb") as source:
        cPickle.load(source)


def c_python2_loads(path):
    import cPickle

    with open(path, "rb") as source:
        cPickle.loads(source.read())


# ------------------------------------------------------------------------------------------- codecs


def by_gzip(path):
    import gzip

    with gzip.open(path) as source:
        pickle.load(source)


def by_bz2(path):
    import bz2

    with (bz2.BZ2File if PYTHON2 else bz2.open)(path) as source:
        pickle.load(source)


def by_lzma(path):
    import lzma

    with lzma.open(path) as source:
        pickle.load(source)


def by_zlib(path):
    import zlib

    with open(path, "rb") as source:
        pickle.loads(zlib.decompress(source.read()))


def by_zlib_stream(path):
    """As those read who feed a decompressor and take what comes."""
    import zlib

    out, reader = b"", zlib.decompressobj()
    with open(path, "rb") as source:
        try:
            for piece in iter(lambda: source.read(512), b""):
                out += reader.decompress(piece)
        except zlib.error:
            pass
    pickle.loads(out)


def by_lz4(path):
    import lz4.frame

    with lz4.frame.open(path) as source:
        pickle.load(source)


# ----------------------------------------------------------------------------------------- archives


def zip_members(path):
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            _each(lambda name=name: pickle.load(archive.open(name)))


def zip_entries(path):
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            _each(lambda entry=entry: pickle.loads(archive.read(entry)))


def zip_streams(path):
    """As `stable_baselines3` and others: JSON of the member `data`, pickles in base64."""
    import base64
    import json

    with zipfile.ZipFile(path) as archive:
        _serialized(json, base64, archive.read("data").decode())


def json_values(path):
    import base64
    import json

    with io.open(path, encoding="utf-8") as source:
        _serialized(json, base64, source.read())


def _serialized(json, base64, text):
    for value in json.loads(text).values():
        if isinstance(value, dict) and ":serialized:" in value:
            _each(lambda value=value: pickle.loads(base64.b64decode(value[":serialized:"].encode())))


def tar_members(path):
    import tarfile

    with tarfile.open(path) as archive:
        for entry in archive:
            if entry.isdir():
                continue
            source = archive.extractfile(entry)
            if source is not None:
                _each(lambda source=source: pickle.load(source))


def tar_stream(path):
    import tarfile

    with tarfile.open(path, "r|*") as archive:
        for entry in archive:
            source = archive.extractfile(entry)
            if source is not None:
                _each(lambda source=source: pickle.load(source))


def tar_unpacked(path):
    """As those read who unpack first."""
    import tarfile

    os.mkdir("unpacked")
    with tarfile.open(path) as archive:
        for entry in archive:
            _each(lambda entry=entry: archive.extract(entry, "unpacked"))
    for folder, _, names in os.walk("unpacked"):
        for name in names:
            _each(lambda folder=folder, name=name: plain(os.path.join(folder, name)))


def _each(load):
    try:
        load()
    except Exception:
        pass


def members(path):
    """As those read who keep checkpoints, arrays and compressed pickles in archives: each member by its own loader."""
    import tarfile

    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            sources = [archive.extractfile(entry) for entry in archive if entry.isreg()]
            contents = [source.read() for source in sources if source is not None]
    else:
        with zipfile.ZipFile(path) as archive:
            contents = [archive.read(entry) for entry in archive.infolist()]
    for content in contents:
        with open("member", "wb") as out:
            out.write(content)
        for load in (plain, zip_members, tar_members, joblib_load, numpy_load, torch_load, by_gzip, by_bz2):
            _each(lambda load=load: load("member"))


# ---------------------------------------------------------------------------------------- databases


def by_shelve(path):
    import shelve

    shelf = shelve.open(os.path.splitext(path)[0], flag="r")
    for key in list(shelf.keys()):
        _each(lambda key=key: shelf[key])


def by_sqlite(path):
    import sqlite3

    base = sqlite3.connect(path)
    for (name,) in base.execute("select name from sqlite_master where type = 'table'").fetchall():
        for row in base.execute('select * from "%s"' % name):
            for value in row:
                if isinstance(value, bytes):
                    _each(lambda value=value: pickle.loads(value))


# ---------------------------------------------------------------------------------------- libraries


def numpy_load(path):
    import numpy

    loaded = numpy.load(path, allow_pickle=True)
    if hasattr(loaded, "files"):
        for name in loaded.files:
            _each(lambda name=name: loaded[name])


def numpy_rows(path):
    """As those read who saved several arrays into one file."""
    import numpy

    with open(path, "rb") as source:
        for _ in range(20):
            numpy.load(source, allow_pickle=True)


def joblib_load(path):
    import joblib

    joblib.load(path)


def joblib_mapped(path):
    import joblib

    joblib.load(path, mmap_mode="r")


def pandas_load(path):
    import pandas

    pandas.read_pickle(path)


def _pandas(codec):
    def load(path):
        import pandas

        pandas.read_pickle(path, compression=codec)

    return load


def pandas_hdf(path):
    import pandas

    pandas.read_hdf(path)


def tables_all(path):
    import tables

    with tables.open_file(path) as base:
        for node in base.walk_nodes("/"):
            for name in node._v_attrs._v_attrnames:
                _each(lambda node=node, name=name: getattr(node._v_attrs, name))
            if hasattr(node, "read"):
                _each(node.read)


def torch_load(path):
    import torch

    torch.load(path, map_location="cpu", weights_only=False)


def pickle_beside_torch(path):
    """A plain pickle whose imports are those of torch."""
    plain(path)


def torch_mapped(path):
    import torch

    torch.load(path, map_location="cpu", weights_only=False, mmap=True)


def torch_stream(path):
    import torch

    with open(path, "rb") as source:
        torch.load(io.BytesIO(source.read()), map_location="cpu", weights_only=False)


def torch_package(path):
    import torch.package

    reader = torch.package.PackageImporter(path)
    reader.load_pickle("p", "x.pkl")


def zarr_all(path):
    import zarr

    zarr.open(os.path.dirname(path), mode="r")[:]


def torch_exported(path):
    import torch.export

    torch.export.load(path)


def arrow_stream(path):
    import pyarrow

    with open(path, "rb") as source:
        pyarrow.ipc.open_stream(source).read_all()


def arrow_file(path):
    import pyarrow

    pyarrow.ipc.open_file(path).read_all()


def arrow_parquet(path):
    import pyarrow.parquet

    pyarrow.parquet.read_table(path)


LOADERS = {
    "pickle": plain,
    "pickle-python": python,
    "pickle-unbuffered": unbuffered,
    "pickle-loads": loads,
    "pickle-latin1": latin1,
    "pickle-bytes": as_bytes,
    "pickle-rows": rows,
    "cPickle": c_python2,
    "cPickle-loads": c_python2_loads,
    "gzip": by_gzip,
    "bz2": by_bz2,
    "lzma": by_lzma,
    "zlib": by_zlib,
    "zlib-stream": by_zlib_stream,
    "lz4": by_lz4,
    "zipfile": zip_members,
    "zipfile-read": zip_entries,
    "zip-json": zip_streams,
    "json": json_values,
    "tarfile": tar_members,
    "tarfile-stream": tar_stream,
    "tarfile-unpacked": tar_unpacked,
    "members": members,
    "shelve": by_shelve,
    "sqlite": by_sqlite,
    "numpy": numpy_load,
    "numpy-rows": numpy_rows,
    "joblib": joblib_load,
    "joblib-mapped": joblib_mapped,
    "pandas": pandas_load,
    "pandas-gzip": _pandas("gzip"),
    "pandas-bz2": _pandas("bz2"),
    "pandas-xz": _pandas("xz"),
    "pandas-zstd": _pandas("zstd"),
    "pandas-zip": _pandas("zip"),
    "pandas-tar": _pandas("tar"),
    "pandas-hdf": pandas_hdf,
    "tables": tables_all,
    "torch": torch_load,
    "torch-mapped": torch_mapped,
    "pickle-torch": pickle_beside_torch,
    "torch-stream": torch_stream,
    "torch-package": torch_package,
    "torch-export": torch_exported,
    "zarr": zarr_all,
    "arrow-stream": arrow_stream,
    "arrow-file": arrow_file,
    "arrow-parquet": arrow_parquet,
}
# What an interpreter has, by a module that must be importable.
NEEDS = {
    "numpy": "numpy",
    "numpy-rows": "numpy",
    "joblib": "joblib",
    "joblib-mapped": "joblib",
    "lz4": "lz4.frame",
    "pandas-hdf": "tables",
    "tables": "tables",
    "zarr": "zarr",
    "torch": "torch",
    "torch-mapped": "torch",
    "torch-stream": "torch",
    "torch-package": "torch",
    "pickle-torch": "torch",
    "torch-export": "torch",
    "arrow-stream": "pyarrow",
    "arrow-file": "pyarrow",
    "arrow-parquet": "pyarrow",
    "lzma": "lzma",
    "cPickle": "cPickle",
    "cPickle-loads": "cPickle",
}
PYTHON3_ALONE = ["pickle-latin1", "pickle-bytes", "lzma", "pandas-tar", "tarfile-stream"]


def here():
    """The loaders that this interpreter has."""
    found = []
    for name in LOADERS:
        need = NEEDS.get(name, "pandas" if name.startswith("pandas") else None)
        if PYTHON2 and name in PYTHON3_ALONE:
            continue
        if need:
            try:
                __import__(need)
            except ImportError:
                continue
        found.append(name)
    return sorted(found)
