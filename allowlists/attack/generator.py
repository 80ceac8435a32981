"""A file for every number: the same seed and number give the same pickle, on every machine."""

import random
from dataclasses import dataclass, field

from family import converters, cost, files, items, keys, memory, mutants, native, singletons, stored, uses
from node import Node, copy, walk
from palette import Palette

@dataclass
class File:
    """A file to try: its bytes, and the graph they are of, perhaps with other pieces in some places."""

    label: str
    family: str
    data: bytes
    root: Node
    swap: dict = field(default_factory=dict)

    @property
    def graph(self):
        if self.swap:
            self.root, self.swap = copy(self.root, self.swap), {}
        return self.root


# The families with their shares of the files: few where next to nothing passes, so that it is noticed if it does.
FAMILIES = [
    (uses.each, 3), (uses.any_, 6), (items.methods, 2), (items.late, 1), (items.through, 1), (items.linked, 1), (singletons.changed, 3), (singletons.handed_on, 3),
    (keys.hashed, 1), (keys.equal, 1), (native.states, 3), (memory.arrays, 3), (memory.shared, 1), (memory.scalars, 1),
    (converters.converted, 1), (converters.text, 2), (stored.named, 3), (stored.renamed, 3), (mutants.changed, 12), (mutants.pair, 2),
    (files.tensors, 2), (cost.sized, 2), (cost.grown, 3),
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
