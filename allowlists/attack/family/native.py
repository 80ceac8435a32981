"""States for compiled code: tuples of every length, of parts that it does not expect."""

from node import Node, build, call, imp, lit, new


def states(palette, number):
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.compiled or target.states)
    if entry is None:
        return palette.object()
    made = new(imp(entry.name)) if "create" in entry.uses else call(imp(entry.name), *palette.arguments(entry, 0))
    roll = rng.random()
    if roll < 0.6:
        state = Node("tuple", [palette.value(0) for _ in range(rng.choice([0, 1, 1, 2, 3, 4, 5, 7]))])
    elif roll < 0.8:
        state = Node("tuple", [lit(rng.choice([None, 0, 1, -1, 2**40, b"", b"\0" * 8, "x"])) for _ in range(rng.randrange(9))])
    else:
        state = palette.state(entry)
    return build(made, state)
