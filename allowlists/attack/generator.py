"""A file for every number: the same seed and number give the same pickle, on every machine."""

import random

from family import converters, files, items, keys, memory, mutants, native, singletons, stored, uses
from node import walk
from palette import Palette

# The families with their shares of the files.
FAMILIES = [
    (uses.each, 4), (uses.any_, 4), (items.methods, 3), (items.late, 2), (singletons.changed, 3), (singletons.handed_on, 2),
    (keys.hashed, 1), (keys.equal, 1), (native.states, 2), (memory.arrays, 3), (memory.shared, 1), (memory.scalars, 1),
    (converters.converted, 3), (converters.text, 2),
    (stored.named, 1), (mutants.changed, 6), (mutants.pair, 2), (files.tensors, 2),
]
TURNS = [family for family, share in FAMILIES for _ in range(share)]


def family_of(number):
    return TURNS[number % len(TURNS)]


def generate(target, seed, number):
    """The graph of a file."""
    rng = random.Random(f"{seed}:{number}")
    root = family_of(number)(Palette(target, rng), number // len(TURNS))
    if rng.random() < 0.2:
        respell(root, rng)
    return root


def respell(root, rng):
    """Other opcodes for the same things, those of older protocols."""
    for node in walk(root):
        if rng.random() < 0.5:
            if node.op in ("list", "dict") and not any(kid is node for kid in node.kids):
                node.data = "mark"
            elif node.op == "call" and node.kids[1].op == "tuple":
                node.op = "inst" if node.kids[0].op == "imp" and rng.random() < 0.5 else "obj"
