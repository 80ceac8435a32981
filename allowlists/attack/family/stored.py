"""Methods named by text beside the object that has them, for code that calls one by the other."""

from node import build, call, copy, dict_, imp, list_, lit, new, walk


def outward(palette):
    """An object with methods that lead out of the process, and the name of one."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.leading_out)
    if entry is None:
        return palette.object(), "x"
    args = [lit("marker")] if "state" not in entry.uses or rng.random() < 0.3 else []
    if "call" in entry.uses and args:
        made = call(imp(entry.name), *args)
    else:
        made = new(imp(entry.name), *args)
        if "state" in entry.uses:
            made = build(made, dict_())
    return made, rng.choice(target.facts[entry.name]["out"])


def named(palette, number):
    """An estimator with objects and names among what its methods look up."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.later or target.states)
    if entry is None or "create" not in entry.uses:
        return palette.object()
    object_, method = outward(palette)
    fact = target.facts[entry.name]
    words = [w for w in (*fact["first"], *fact["rest"]) if not w.startswith("__")] or ["a"]
    pairs = []
    for word in rng.sample(words, min(len(words), rng.choice([2, 4, 8, 16]))):
        roll = rng.randrange(6)
        pairs.append((lit(word), [object_, list_(object_), lit(method), list_(lit(method)), palette.value(0), lit("x")][roll]))
    return build(new(imp(entry.name)), dict_(*pairs))


def kind(node):
    """What a place is: the text, or the class of the object."""
    while node.op == "build":
        node = node.kids[0]
    return node.data if node.op == "lit" or not node.kids else node.kids[0].data


def renamed(palette, number):
    """An honest object with names of such methods for its text, and such objects for its parts.

    Text that names a method and parts that are objects come first."""
    rng, target = palette.rng, palette.target
    honest = target.naming if target.naming and rng.random() < 0.7 else target.later_honest or target.honest
    if not honest:
        return palette.object()
    root = rng.choice(honest)
    object_, method = outward(palette)
    order = walk(root)[:-1]
    texts = [n for n in order if n.op == "lit" and type(n.data) is str]
    names = [n for n in texts if n.data in target.METHODS]
    parts = [n for n in order if n.op in ("build", "new", "call")]
    boxes = [n for n in order if n.op in ("list", "tuple")]
    swap = {}
    for places, new in ((names or texts, lit(method)), (parts or boxes, object_)):
        if places:
            place = rng.choice(places)
            alike = [n for n in places if kind(n) == kind(place)] if rng.random() < 0.6 else [place]
            swap.update((id(n), new) for n in alike)
    if boxes and rng.random() < 0.3:
        swap[id(rng.choice(boxes))] = list_(rng.choice([object_, lit(method)]))
    return copy(root, swap)
