"""Writes honest files with the writers of the interpreter it runs in, for counting false alarms.

    python honest.py FOLDER SEED COUNT        CPython 2.7 and 3.8 to 3.14, with whatever libraries are there

Every file holds plain values, arrays or tables alone, under the name its writer gives it."""

import bz2
import gzip
import io
import json
import os
import pickle
import random
import sys
import tarfile
import zipfile
import zlib
from collections import Counter, OrderedDict, defaultdict, deque

PYTHON2 = sys.version_info[0] == 2


def optional(name):
    try:
        return __import__(name)
    except ImportError:
        return None


numpy, pandas, joblib, torch, lzma, zstandard = map(
    optional, ("numpy", "pandas", "joblib", "torch", "lzma", "zstandard")
)


def value(chance, depth=0):
    """A plain value, or a container of such."""
    kinds = ["int", "big", "float", "text", "long text", "bytes", "none", "bool", "date"]
    if depth < 3:
        kinds += ["list", "dict", "tuple", "set", "ordered", "default", "deque", "counter", "shared"] * 2
        if numpy:
            kinds += ["array", "array", "text array", "object array", "scalar", "empty array", "structured"]
        if pandas and depth < 2:
            kinds += ["frame", "series"]
    kind = chance.choice(kinds)
    some = [value(chance, depth + 1) for _ in range(chance.randrange(4))] if depth < 3 else []
    keys = ["model", "label_encoder", "features", "weights", "os", "system", "a b", "", "x.y"]
    if kind == "int":
        return chance.choice([0, 1, -1, 255, 256, 70000, 2**31])
    if kind == "big":
        return chance.choice([-1, 1]) * 2 ** chance.randrange(40, 3000)
    if kind == "float":
        return chance.choice([0.5, -0.0, 1e300, float("inf")])
    if kind == "text":
        return chance.choice(["", "import os", "caf\u00e9", "(lp0\n.", "a" * 300])
    if kind == "long text":
        return "some text, " * chance.choice([100, 7000])
    if kind == "bytes":
        return chance.choice([b"", b"\x80\x02.", b"PK\x03\x04", bytes(bytearray(range(256)))])
    if kind == "none":
        return None
    if kind == "bool":
        return True
    if kind == "date":
        import datetime

        return datetime.datetime(2020, 1, 2, 3, 4, 5)
    if kind == "dict":
        return dict(zip(keys, some))
    if kind == "set":
        return set([1, "a"])
    if kind == "tuple":
        return tuple(some)
    if kind == "ordered":
        return OrderedDict(zip(keys, some))
    if kind == "default":
        return defaultdict(list, {"a": some})
    if kind == "deque":
        return deque(some)
    if kind == "counter":
        return Counter("abracadabra")
    if kind == "shared":
        return [some, some]
    if kind == "array":
        return numpy.arange(chance.choice([1, 7, 5000])).astype(
            chance.choice(["u1", "f4", "f8", "i8", "c16", "?", ">f8"])
        )
    if kind == "text array":
        return numpy.array(["yes", "no"])
    if kind == "object array":
        return numpy.array(["M", "F", None], dtype=object)
    if kind == "scalar":
        return numpy.float64(1.5)
    if kind == "empty array":
        return numpy.zeros((0, 3))
    if kind == "structured":
        return numpy.zeros(3, dtype=[("a", "<f8"), ("b", "<i4")])
    if kind == "frame":
        return pandas.DataFrame({"a": ["x", "y"], "n": [1.0, 2.0], "i": [1, 2]})
    if kind == "series":
        return pandas.Series([1, 2, 3], index=["a", "b", "c"])
    return some


def pickled(chance):
    return pickle.dumps(value(chance), chance.randrange(pickle.HIGHEST_PROTOCOL + 1))


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)


def plain(chance, stem):
    write(stem + chance.choice([".pkl", ".pickle", ".p", ".dat", ".model", ".sav"]), pickled(chance))


def row(chance, stem):
    write(stem + ".pkl", b"".join(pickled(chance) for _ in range(3)))


def compressed(chance, stem):
    packers = [(".pkl.gz", lambda d: packed_gzip(d)), (".pkl.bz2", bz2.compress), (".pkl.z", zlib.compress)]
    if lzma:
        packers += [(".pkl.xz", lzma.compress), (".pkl.lzma", lambda d: lzma.compress(d, lzma.FORMAT_ALONE))]
    if zstandard:
        packers.append((".pkl.zst", zstandard.ZstdCompressor(level=chance.choice([1, 19])).compress))
    if optional("lz4.frame"):
        packers.append((".pkl.lz4", sys.modules["lz4.frame"].compress))
    ending, pack = chance.choice(packers)
    write(stem + ending, pack(pickled(chance)))


def packed_gzip(data):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as stream:
        stream.write(data)
    return out.getvalue()


def zipped(chance, stem):
    with zipfile.ZipFile(stem + ".zip", "w", chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        archive.writestr("x.pkl", pickled(chance))
        archive.writestr("config.json", json.dumps({"a": 1}))
        if chance.random() < 0.5:
            archive.comment = b"made by hand"


def tarred(chance, stem):
    kinds = [("w", ".tar"), ("w:gz", ".tar.gz"), ("w:bz2", ".tar.bz2")]
    mode, ending = chance.choice(kinds)
    form = chance.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
    with tarfile.open(stem + ending, mode, format=form) as archive:
        for name in ("x.pkl", "d/" * chance.choice([1, 48]) + "y.pkl"):
            data = pickled(chance)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def base64_json(chance, stem):
    import base64

    coded = base64.b64encode(pickle.dumps([1, {"a": 2.5}], 2)).decode()
    body = json.dumps({"policy_class": {":type:": "x", ":serialized:": coded}, "n": 1})
    with zipfile.ZipFile(stem + ".zip", "w") as archive:
        archive.writestr("data", body)
        archive.writestr("_stable_baselines3_version", "2.0")


def shelf(chance, stem):
    import shelve

    if PYTHON2:
        import dumbdbm as dumb
    else:
        from dbm import dumb
    base = shelve.Shelf(dumb.open(stem, "n"), protocol=chance.randrange(3))
    for key in ("a", "b", "c"):
        base[key] = value(chance)
    base.close()


def cache(chance, stem):
    import sqlite3

    base = sqlite3.connect(stem + ".db")
    base.execute("create table cache (k text, v blob)")
    blobs = [("k%d" % i, sqlite3.Binary(pickled(chance))) for i in range(chance.choice([1, 20]))]
    base.executemany("insert into cache values (?, ?)", blobs)
    base.commit()
    base.close()


def array(chance, stem):
    made = value(chance)
    numpy.save(stem + ".npy", made if isinstance(made, numpy.ndarray) else numpy.array(["a", None, 1.5], dtype=object))


def arrays(chance, stem):
    save = chance.choice([numpy.savez, numpy.savez_compressed])
    save(stem + ".npz", a=numpy.arange(9.0), b=numpy.array(["x", None], dtype=object))


def joblib_file(chance, stem):
    compress = chance.choice([0, 0, 0, 3, ("gzip", 3), ("bz2", 3), ("xz", 1), ("lzma", 1)] if lzma else [0, 3])
    options = {} if chance.random() < 0.7 else {"protocol": chance.randrange(2, 5)}
    joblib.dump(value(chance), stem + chance.choice([".joblib", ".pkl", ".sav"]), compress=compress, **options)


def frame(chance, stem):
    made = pandas.DataFrame({"a": ["x", None, "z"], "n": [1.0, 2.0, 3.0], "d": pandas.date_range("2020", periods=3)})
    if chance.random() < 0.3:
        made["c"] = made["a"].astype("category")
    made.to_pickle(stem + chance.choice([".pkl", ".pkl.gz", ".pkl.bz2", ".pkl.xz", ".zip"]))


def checkpoint(chance, stem):
    made = {"model": OrderedDict(w=torch.zeros(3, 4), b=torch.ones(3)), "epoch": 3, "history": value(chance)}
    new = chance.random() < 0.7
    torch.save(made, stem + chance.choice([".pt", ".pth", ".ckpt", ".bin"]), _use_new_zipfile_serialization=new)


def writers():
    found = [plain, row, compressed, zipped, tarred, base64_json, shelf, cache]
    if numpy:
        found += [array, arrays]
    if pandas:
        found += [frame]
    if joblib:
        found += [joblib_file] * 4
    if torch:
        found += [checkpoint] * 3
    return found


def main():
    folder, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    for number in range(count):
        chance = random.Random("%s/%d" % (seed, number))
        writer = chance.choice(writers())
        place = os.path.join(folder, str(number))
        os.makedirs(place)
        try:
            writer(chance, os.path.join(place, writer.__name__))
        except (TypeError, ValueError, pickle.PicklingError, AttributeError) as error:
            sys.stderr.write("%s %d: %s\n" % (writer.__name__, number, error))


if __name__ == "__main__":
    main()
