"""Names of files: of every family of extensions, of none, and misleading ones."""

LOADER = ["pt", "pth", "ptl", "joblib", "jbl", "npy", "npz", "pdparams", "distcp", "pt2"]
PICKLE = ["pkl", "pickle", "p", "pk", "dill", "cpkl"]
SHARED = ["bin", "ckpt", "model", "mdl", "dat", "data", "sav", "th", "mar", "nemo"]
FOREIGN = [
    "png",
    "mp3",
    "pdf",
    "py",
    "md",
    "json",
    "csv",
    "yaml",
    "safetensors",
    "gguf",
    "onnx",
    "h5",
    "parquet",
    "ipynb",
]
PLAIN = ["txt", "log", "tmp", "bak", "x", "arrows", "dir", "1", "cache"]
CODEC = ["gz", "bz2", "xz", "zst", "lz4", "z", "zip", "tar", "tgz"]
WHOLE = [
    "model",
    "README",
    "data.",
    ".hidden",
    "a b.pkl",
    "x.PKL",
    "checkpoint-100",
    "x.pkl ",
    "Makefile",
    "caf\u00e9.pkl",
    "pytorch_model",
    ".metadata",
]


def name(draw, usual=(), fixed=False):
    """A file name; three in ten, or all when `fixed`, end as one of `usual`."""
    if usual and (fixed or draw.chance(0.3)):
        ending = draw.quietly(list(usual))
        draw.note("name", ending)
        return "x" + ending
    family = draw.pick(
        "name", {"loader": 3, "pickle": 4, "shared": 3, "foreign": 3, "plain": 3, "codec": 1.5, "none": 1, "whole": 2}
    )
    if family == "none":
        return "x"
    if family == "whole":
        return draw.quietly(WHOLE)
    lists = {"loader": LOADER, "pickle": PICKLE, "shared": SHARED, "foreign": FOREIGN, "plain": PLAIN, "codec": CODEC}
    return "x." + draw.quietly(lists[family])
