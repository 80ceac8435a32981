"""Copies of clean files with a payload in them: which file, which payload, where and how is drawn from the seed."""

import dataclasses
import hashlib
import pathlib
import random

import formats
import opcodes
from clean import Clean
from payload import Payload

WHERE = ("first", "last", "between", "inside")
# Codecs and archives that people put around a pickle of their own.
AROUND = (*formats.SUFFIXES, "zip")


@dataclasses.dataclass(frozen=True)
class Attack:
    """A malicious file and how it came about; `imports` has to be resolved when it is loaded."""

    path: str
    clean: str
    source: str
    format: str
    library: str
    family: str
    payload: str
    style: str
    where: str
    imports: tuple[tuple[str, str], ...]


def recipe(seed: int, clean: Clean, number: int) -> random.Random:
    """Draws for one copy: the same for the same seed, number and content, wherever the file lies."""
    content = hashlib.sha256(pathlib.Path(clean.path).read_bytes()).hexdigest()
    return random.Random(f"{seed} {number} {content}")


def attack(clean: Clean, payload: Payload, number: int, seed: int, folder: pathlib.Path) -> Attack | None:
    """Writes one copy; None where this file has no room for the payload."""
    draw = recipe(seed, clean, number)
    data = pathlib.Path(clean.path).read_bytes()
    found = formats.places(data, clean.format)
    place = draw.choice(found)
    style, where, share = draw.choice(opcodes.STYLES), draw.choice(WHERE), draw.random()
    reader = draw.choice(opcodes.READERS)
    stream = place.stream
    if not place.whole:
        # Arrays stand between the opcodes: what comes before the first of them is safe to move.
        where, style = "first", style if style != "stack-global-memo" else "stack-global"
    code = opcodes.encode(payload, style, 5000 + len(stream) // 2, reader)
    if code.memo:
        stream = opcodes.plain(stream)
    new = {
        "first": lambda: opcodes.first(stream, code),
        "last": lambda: opcodes.last(stream, code),
        "between": lambda: opcodes.between(stream, code, share),
        "inside": lambda: opcodes.inside(stream, code, share),
    }[where]()
    made, form = place.replaced(new), clean.format
    suffix = "".join(pathlib.Path(clean.path).suffixes[-1:]) or ".bin"
    if form == "pickle" and draw.random() < 0.4:
        form = draw.choice(AROUND)
        if form == "zip":
            made, suffix = formats.archive("model.pkl", made), ".zip"
        else:
            made, suffix = formats.CODECS[form][0](made), suffix + formats.SUFFIXES[form]
    imports = {reader} if style == "nested" else payload.imports()
    # The name has the content in it: what is kept about a file of an earlier run is about the same bytes.
    stem = pathlib.Path(clean.path).name.split(".")[0][:60]
    path = folder / f"{number:05d}-{stem}-{hashlib.sha256(made).hexdigest()[:8]}{suffix}"
    path.write_bytes(made)
    return Attack(
        str(path.resolve()),
        clean.path,
        clean.source,
        form,
        clean.library,
        payload.family,
        payload.name,
        style,
        f"{where} ({place.name.split('!')[-1]})" if form == "torch-legacy" else where,
        tuple(sorted(imports | payload.imports())),
    )
