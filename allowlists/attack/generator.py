"""A file for every number: the same seed and number give the same pickle, on every machine."""

import random

from family import converters, items, keys, memory, mutants, native, singletons, stored, uses
from palette import Palette

# The families with their shares of the files.
FAMILIES = [
    (uses.each, 5), (uses.any_, 4), (items.methods, 3), (items.late, 2), (singletons.changed, 3), (singletons.handed_on, 2),
    (keys.hashed, 1), (keys.equal, 1), (native.states, 2), (memory.arrays, 3), (memory.shared, 1), (memory.scalars, 1),
    (converters.converted, 3), (converters.text, 2),
    (stored.named, 1), (mutants.changed, 6), (mutants.pair, 2),
]
TURNS = [family for family, share in FAMILIES for _ in range(share)]


def family_of(number):
    return TURNS[number % len(TURNS)]


def generate(target, seed, number):
    """The graph of a file."""
    rng = random.Random(f"{seed}:{number}")
    return family_of(number)(Palette(target, rng), number // len(TURNS))
