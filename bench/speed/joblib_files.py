"""Files of joblib, written by joblib: an array raw and compressed, and a forest. Runs in an environment that has it."""

import pathlib
import pickle
import sys

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier

FORMS = {"raw": 0, "zlib": ("zlib", 3), "lz4": "lz4"}


class Planted:
    """Pickled as a call of `os.system`."""

    def __reduce__(self):
        import os

        return os.system, ("true",)


def planted(value, yes):
    return [value, Planted()] if yes else [value]


def main(folder: pathlib.Path, size: int, trees: int) -> None:
    rng = numpy.random.default_rng(20)
    # Half of its bytes cannot be compressed, as with weights.
    array = rng.integers(0, 2**12, size // 4).astype(numpy.float32)
    for form, compress in FORMS.items():
        for yes in (False, True):
            joblib.dump(
                planted(array, yes), folder / f"joblib-{form}{'-planted' if yes else ''}.joblib", compress=compress
            )
    points = rng.normal(size=(4000, 12))
    forest = RandomForestClassifier(trees, random_state=20).fit(points, points[:, 0] + rng.normal(size=4000) > 0)
    for yes in (False, True):
        joblib.dump(planted(forest, yes), folder / f"forest{'-planted' if yes else ''}.joblib")


if __name__ == "__main__":
    assert pickle.HIGHEST_PROTOCOL == 5
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
