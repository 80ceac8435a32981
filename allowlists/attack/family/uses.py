"""Every entry in every use that it permits, with arguments and states of every kind."""

from node import Node, build, call, dict_, imp, lit, new

PLAIN = [
    [], [None], [0], [1], [255], ["x"], ["f8"], ["UTC"], ["D"], ["127.0.0.1"], ["::1"], ["127.0.0.0/8"], ["::/8"], ["2020-01-01"], [1, 2], ["a", "b"],
    ["a", 0], [()], [[]], [{}],
]


def plain(target):
    """The uses that honest files make, without anything of an attack's: what they leave behind is no effect."""
    for entry in target.entries:
        name = imp(entry.name)
        if "reference" in entry.uses:
            yield name
        if "create" in entry.uses:
            yield new(name)
            yield new(name, lit("f8"))
        if "call" in entry.uses:
            for args in PLAIN:
                yield call(name, *map(lit, args))
        if "state" in entry.uses and "create" in entry.uses:
            yield build(new(name), dict_())


def each(palette, number):
    """The entry of that number, in one of its uses."""
    rng, target = palette.rng, palette.target
    entry = target.turns[number % len(target.turns)]
    name, uses = imp(entry.name), sorted(entry.uses)
    use = uses[number // len(target.turns) % len(uses)]
    if use == "reference":
        return name
    if use == "call":
        node = call(name, *palette.arguments(entry, rng.randrange(2)))
        return Node("obj", node.kids) if target.facts[entry.name]["class"] and rng.random() < 0.2 else node
    made = new(name, *([] if rng.random() < 0.6 else palette.arguments(entry, 1)))
    if "create" not in entry.uses:
        made = call(name, *palette.arguments(entry, 1))
    elif rng.random() < 0.1:
        made = Node("newex", [*made.kids, dict_((lit(palette.text()), palette.value()))])
    if use == "state":
        return build(made, palette.state(entry))
    if use == "items":
        return palette.filled(made, entry, 1)
    return made


def any_(palette, number):
    """Objects of objects, up to four deep."""
    return palette.object(palette.rng.randrange(1, 4))
