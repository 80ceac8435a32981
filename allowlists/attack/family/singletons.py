"""State and items on what a call gave: where it is not new, the whole process has them."""

from node import Node, build, call, imp, lit, new

ARGUMENTS = [[], [None], [0], [1], ["f8"], ["UTC"], ["x"], ["NaT"], [b""], [()], [1, 2], ["a", 0], [None, 0]]


def changed(palette, number):
    rng, target = palette.rng, palette.target
    calls = target.called_states
    entry = target.mixed(rng, calls if calls and rng.random() < 0.6 else target.states)
    if entry is None:
        return palette.object()
    args = [lit(a) for a in rng.choice(ARGUMENTS)]
    if rng.random() < 0.2:
        args = palette.arguments(entry, 0)
    made = call(imp(entry.name), *args) if "call" in entry.uses and rng.random() < 0.8 else new(imp(entry.name), *args)
    pairs = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        pairs += [lit(rng.choice(palette.words(entry))), rng.choice([lit(1.0), lit(0), lit("x"), palette.canary(), palette.value(0)])]
    state = Node("dict", pairs)
    if rng.random() < 0.2:
        state = Node("tuple", [lit(None), state])
    return build(made, state)


def handed_on(palette, number):
    """An import, or what a call gave, where code of the class changes a part of its state."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.hooked_states)
    if entry is None or "create" not in entry.uses:
        return palette.object()
    words = target.facts[entry.name]["first"] or ["a"]
    own = target.of_package(entry.package)
    pairs = []
    for word in rng.sample(words, min(len(words), rng.choice([1, 2, 3, 4]))):
        pairs += [lit(word), imp(rng.choice(own).name) if own and rng.random() < 0.5 else palette.value(1)]
    return build(new(imp(entry.name)), Node("dict", pairs))
