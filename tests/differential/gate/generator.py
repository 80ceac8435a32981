"""The candidate of a number: a payload, perhaps damaged, in a container, perhaps compressed, under a name."""

import arrays
import bases
import codec
import tars
import texts
import torches
import zips
from candidate import Candidate
from draw import Draw
from filename import name
from mutation import mutate
from payload import payload

PLAIN = [
    "pickle",
    "pickle-python",
    "pickle-unbuffered",
    "pickle-loads",
    "pickle-latin1",
    "pickle-rows",
    "pandas",
    "joblib",
    "torch",
    "numpy",
    "pickle-bytes",
]
PYTHON2 = ["cPickle", "pickle", "cPickle-loads", "pickle-python"]
KINDS = {
    "pickle": 28,
    "Python 2": 8,
    "compressed": 15,
    "zip": 13,
    "torch": 9,
    "tar": 8,
    "joblib": 9,
    "numpy": 4,
    "base": 3,
    "JSON": 3,
    "media": 2,
    "archive of files": 2,
    "bytes for torch": 2,
}
SAFETENSORS = b"\x02\0\0\0\0\0\0\0{}"
MEDIA = [
    SAFETENSORS,
    b"GGUF\3" + bytes(19),
    b"\x89PNG\r\n\x1a\n" + bytes(20),
    b"GIF89a" + bytes(30),
    b"RIFF\4\0\0\0WAVE",
    b"%PDF-1.4\n",
    b"ID3\3" + bytes(20),
    b"BM" + bytes(60),
]


def candidate(seed, number, kinds=()):
    """The candidate of a number, of one of `kinds` if any are named."""
    draw = Draw(seed, number)
    kind = draw.pick("kind", {kind: weight for kind, weight in KINDS.items() if not kinds or kind in kinds})
    raw = payload(draw, python2=kind == "Python 2")
    if draw.chance(0.2, "mutated"):
        raw = mutate(draw, raw)
    made = _wrapped(draw, kind, raw)
    made.recipe, made.number = draw.recipe, number
    return made


def _wrapped(draw, kind, raw):
    if kind == "Python 2":
        return Candidate({name(draw, [".pkl"]): raw}, list(PYTHON2))
    if kind == "compressed":
        how, data = codec.compress(draw, raw)
        if draw.chance(0.05, "compressed twice"):
            _, data = codec.compress(draw, data)
        return Candidate({name(draw, codec.EXTENSIONS[how]): data}, list(codec.LOADERS[how]))
    if kind == "JSON":
        return texts.candidate(draw, raw)
    if kind == "media":
        # Loaders that look only at the last bytes, behind the first bytes of another form.
        inner = zips.candidate(draw, raw)
        data = draw.quietly(MEDIA) + next(iter(inner.files.values()))
        return Candidate({name(draw, [".png", ".pdf", ".gif"]): data}, inner.loaders)
    if kind == "joblib":
        return arrays.joblib(draw, raw)
    if kind == "archive of files":
        inner = draw.quietly([torches, tars, zips, arrays]).candidate(draw, raw)
        content = next(iter(inner.files.values()))
        around = draw.quietly([zips, tars]).candidate(draw, content)
        return Candidate(around.files, ["members"])
    if kind == "bytes for torch":
        return torches.within_bytes(draw, raw)
    within = {"zip": zips, "torch": torches, "tar": tars, "numpy": arrays, "base": bases}.get(kind)
    if within:
        return within.candidate(draw, raw)
    return Candidate({name(draw, [".pkl", ".pt", ".joblib"]): raw}, list(PLAIN))
