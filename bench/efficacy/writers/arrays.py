"""numpy and scipy: arrays of every kind, generators, sparse matrices, in pickles, .npy, .npz and joblib."""

import os

import numpy as np
from out import by, have, joblib, put, sections, seed

draw = np.random.RandomState(seed("arrays").randint(0, 2**31))
KINDS = {
    "float": lambda: draw.rand(6, 4),
    "float32": lambda: draw.rand(3, 3).astype("f4"),
    "fortran": lambda: np.asfortranarray(draw.rand(5, 3)),
    "int": lambda: np.arange(24).reshape(2, 3, 4),
    "uint8": lambda: np.arange(200, dtype="u1"),
    "bool": lambda: draw.rand(8) > 0.5,
    "complex": lambda: draw.rand(4) + 1j,
    "text": lambda: np.array(["cat", "dog", "a longer one"]),
    "bytes": lambda: np.array([b"a", b"bc"]),
    "time": lambda: np.array(["2020-01-01", "2021-05-06"], "M8[D]"),
    "delta": lambda: np.array([1, 2], "m8[s]"),
    "object": lambda: np.array(["a", None, 3, [1, 2]], dtype=object),
    "words": lambda: np.array(["x", "yy"], dtype=object),
    "records": lambda: np.array([(1, 2.5, "a")], dtype=[("id", "i4"), ("score", "f8"), ("name", "U5")]),
    "empty": lambda: np.zeros((0, 3)),
    "scalar": lambda: np.array(3.5),
    "big-endian": lambda: np.arange(5, dtype=">i4"),
}


def numpy():
    for name, make in KINDS.items():
        put("array-" + name, "numpy", make)
        by("array-%s.npy" % name, "npy", "numpy", make, lambda value, path: np.save(path, value))
        joblib("array-" + name, "numpy", lambda: {"weights": make(), "name": name})
    put("scalars", "numpy", lambda: [np.float64(1.5), np.int32(3), np.bool_(True), np.float32(2), np.str_("a")])
    put("weights", "numpy", lambda: {"layer%d" % i: draw.randn(4, 4) for i in range(4)}, range(6))
    put("list-of-arrays", "numpy", lambda: [draw.randn(3), [draw.randn(2, 2)], {"b": draw.randint(0, 5, 7)}], range(6))
    put("masked", "numpy", lambda: np.ma.masked_array([1.0, 2.0, 3.0], mask=[0, 1, 0]))
    put("random-state", "numpy", lambda: np.random.RandomState(3))
    put("dtype", "numpy", lambda: [np.dtype("f4"), np.dtype([("a", "i8")])])
    if hasattr(np.random, "default_rng"):
        put("generator", "numpy", lambda: np.random.default_rng(3))
    by("numbers.npz", "npz", "numpy", lambda: None, lambda _, path: np.savez(path, a=np.arange(5), b=draw.rand(2, 2)))
    by(
        "deflated.npz",
        "npz",
        "numpy",
        lambda: None,
        lambda _, path: np.savez_compressed(path, a=np.arange(500), b=np.ones(3)),
    )
    by(
        "objects.npz",
        "npz",
        "numpy",
        lambda: None,
        lambda _, path: np.savez(path, a=KINDS["object"](), b=np.array({"k": 1}, dtype=object)),
    )
    by(
        "objects-deflated.npz",
        "npz",
        "numpy",
        lambda: None,
        lambda _, path: np.savez_compressed(path, words=KINDS["words"](), x=draw.rand(9)),
    )
    by(
        "dict.npy",
        "npy",
        "numpy",
        lambda: {"a": draw.rand(3), "meta": {"classes": ["x", "y"]}},
        lambda value, path: np.save(path, value),
    )


def scipy():
    from scipy import sparse

    for kind in (
        "csr_matrix",
        "csc_matrix",
        "coo_matrix",
        "lil_matrix",
        "dok_matrix",
        "dia_matrix",
        "bsr_matrix",
        "csr_array",
    ):
        if hasattr(sparse, kind):
            put("sparse-" + kind, "scipy", lambda: getattr(sparse, kind)(np.eye(4)))
    joblib("sparse", "scipy", lambda: sparse.random(20, 20, 0.2, "csr", random_state=draw))
    by(
        "sparse.npz",
        "npz",
        "scipy",
        lambda: sparse.csr_matrix(np.eye(5)),
        lambda value, path: sparse.save_npz(path, value),
    )
    from scipy import interpolate, spatial, stats

    put("spline", "scipy", lambda: interpolate.UnivariateSpline(np.arange(10.0), np.arange(10.0) ** 2))
    put("cubic", "scipy", lambda: interpolate.CubicSpline(np.arange(5.0), np.arange(5.0) ** 2))
    put("tree", "scipy", lambda: spatial.cKDTree(draw.rand(20, 2)))
    put("kde", "scipy", lambda: stats.gaussian_kde(draw.rand(20)))
    put("rotation", "scipy", lambda: spatial.transform.Rotation.from_euler("z", 90, degrees=True))


def joblib_codecs():
    for codec in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        joblib("codec-" + codec, "joblib", lambda: [draw.rand(40), {"a": "b" * 100}], (codec, 3))
    joblib("plain", "joblib", lambda: {"x": draw.rand(30), "y": ["a", "b"], "o": np.array(["a", 1], dtype=object)}, 0)


os.environ["OPENBLAS_NUM_THREADS"] = "1"
sections(numpy, scipy)
if have("joblib"):
    joblib_codecs()
