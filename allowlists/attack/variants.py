"""Files that differ from one that passed in a literal or two, or in an import: cheap to make, and most of them pass."""

import random

from family.cost import LARGE
from family.stored import outward
from generator import File
from node import import_, imp, joined, lit, literal, opcodes
from palette import DUNDERS, FLOATS, NUMBERS, TEXTS, WORDS, Palette

LONGEST = 1 << 14  # bytes of a file that is worth it


def other(node, target, rng):
    """Another literal of the same kind, seldom of any; another import that may be used in the same ways."""
    if node.op == "imp":
        entry = target.by_name.get(node.data)
        alike = target.alike.get((entry.uses, entry.guard)) if entry else None
        return imp(rng.choice(alike).name) if alike else node
    kind = type(node.data) if rng.random() < 0.85 else rng.choice([int, str, float, bytes, bool])
    if kind is int:
        old = node.data if type(node.data) is int else 0
        return lit(rng.choice([old + 1, old - 1, -old, rng.randrange(-3, 9), rng.choice(NUMBERS), rng.choice(LARGE)]))
    if kind is str:
        roll = rng.random()
        if roll < 0.05:
            return lit(outward(Palette(target, rng))[1])
        return lit(rng.choice(TEXTS if roll < 0.4 else target.words or WORDS if roll < 0.9 else DUNDERS))
    if kind is float:
        return lit(rng.choice([*FLOATS, 1e9]))
    if kind in (bytes, bytearray):
        raw = bytes(node.data) if type(node.data) in (bytes, bytearray) else b""
        return lit(kind(rng.choice([raw[:-1], raw + b"\0", raw[::-1], b"\xff" * len(raw), bytes(len(raw)), b"", rng.randbytes(len(raw))])))
    return lit(rng.choice([None, True, False]))


def variants(target, file, seed, count):
    """Some files beside one that passed. A label is that of the file with the number of the variant."""
    root = file.graph
    if root.op == "zip" or len(file.data) > LONGEST:
        return
    out, spots = opcodes(root)
    if not spots:
        return
    rng = random.Random(f"{seed}:{file.label}~")
    for turn in range(count):
        changed, swap = out[:], {}
        for index, node in rng.sample(spots, min(len(spots), rng.choice([1, 1, 1, 2, 3]))):
            new = other(node, target, rng)
            swap[id(node)] = new
            changed[index] = literal(new.data) if new.op == "lit" else import_(new.data)
        yield File(f"{file.label}~{turn}", "variants", joined(changed), root, swap)
