"""Items on objects that look attributes up among them: `append`, `extend` and `add` are attributes, too."""

from family import stored
from node import Node, build, call, copy, imp, lit, new, walk


def _made(palette, entry):
    name = imp(entry.name)
    return new(name) if "create" in entry.uses else call(name)


def methods(palette, number):
    """An item named like a method of items, then an item the other way."""
    rng, target = palette.rng, palette.target
    pool = target.answers_items if rng.random() < 0.6 else target.items
    entry = target.mixed(rng, pool or target.items)
    if entry is None:
        return palette.object()
    made = _made(palette, entry)
    pairs = [palette.key(), palette.literal()] if rng.random() < 0.6 else []
    method = rng.choice(["append", "append", "extend", "add", "__setitem__", "__setstate__"])
    pairs += [palette.name(method), palette.canary() if rng.random() < 0.6 else callable_(palette)]
    change = Node("setitems" if rng.random() < 0.8 else "setitem", [made, *pairs])
    if "state" in entry.uses and rng.random() < 0.2:
        change = build(change, palette.state(entry))
    last = {"extend": "appends", "add": "add", "__setitem__": "setitem"}.get(method, "append")
    if method == "__setstate__":
        return build(change, palette.value())
    kids = [change, palette.value()] if last != "setitem" else [change, palette.key(), palette.value()]
    return Node(last, kids)


def callable_(palette, depth=2):
    """An instance with `__call__`, or an object that holds one, with the attributes that it asks for."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.callables)
    if entry is None or rng.random() < 0.2:
        return palette.canary()
    made = new(imp(entry.name))
    if "state" not in entry.uses:
        return made
    words = target.facts[entry.name]["first"] or ["a"]
    pairs = []
    for word in rng.sample(words, min(len(words), rng.choice([1, 2, 3, 6]))):
        pairs += [lit(word), callable_(palette, depth - 1) if depth and rng.random() < 0.6 else palette.value(0)]
    return build(made, Node("dict", pairs))


def through(palette, number):
    """An item that answers for a method, and behind it honest objects that call one another: the last of them calls a
    method by its name."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.answers_items)
    if entry is None:
        return palette.object()
    method = rng.choice(["append", "append", "extend", "add"])
    pairs = [palette.scalar() if rng.random() < 0.7 else palette.key(), lit(0), lit(method), chained(palette, rng.choice([0, 1, 2, 2, 3]))]
    last = {"extend": "appends", "add": "add"}.get(method, "append")
    return Node(last, [Node("setitems", [_made(palette, entry), *pairs]), rng.choice([lit("marker"), lit([[1.0]]), palette.value(0)])])


def chained(palette, depth):
    """An honest object that can be called, with such objects for its parts."""
    rng, target = palette.rng, palette.target
    if not depth or not target.callable_honest:
        return stored.renamed(palette, 0)
    root = rng.choice(rng.choice(target.callable_honest))
    order = walk(root)[:-1]
    parts = [n for n in order if n.op in ("build", "new", "call") and n is not root.kids[0]]
    swap = {id(part): chained(palette, depth - 1) for part in parts if rng.random() < 0.8}
    for node in order:
        if node.op == "list" and rng.random() < 0.3:
            swap[id(node)] = lit("marker")
    return copy(root, swap)


def linked(palette, number):
    """An item that answers for a method, and behind it a chain of honest objects, each a part of the one before that
    this one calls: the survey has seen which do."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.answers_items)
    chain = link(palette, "__call__", 1, 4)
    if entry is None or rng.random() < 0.3:
        return chain
    pairs = [palette.scalar() if rng.random() < 0.7 else palette.key(), lit(0)] if rng.random() < 0.8 else []
    argument = rng.choice([lit("marker"), lit([[1.0]]), palette.scalar(), palette.value(1)])
    return Node("append", [Node("setitems", [_made(palette, entry), *pairs, lit("append"), chain]), argument])


def link(palette, way, count, depth):
    """An object whose method is called with so many arguments, and which hands on to the next."""
    rng, target = palette.rng, palette.target
    known = target.links.get((way, count), ())
    # Once a name in the state decides, or the chain is long enough, it ends.
    ends = [row for row in known if row[4]]
    if ends and (depth <= 1 or rng.random() < 0.4):
        known = ends
    if not known or depth <= 0:
        return palette.canary() if way == "__call__" else stored.outward(palette)[0]
    alike = {row[0] for row in known}
    name = rng.choice(sorted(alike))
    _, part, method, arguments, text = rng.choice([row for row in known if row[0] == name])
    if text:
        next_, method = stored.outward(palette)
    else:
        next_ = link(palette, method, arguments, depth - 1)
    root = rng.choice(target.honest_of[name])
    pairs = root.kids[1].kids
    swap = {}
    for key, value in zip(pairs[::2], pairs[1::2]):
        inner = value.kids[0] if value.op in ("list", "tuple") and value.kids else value
        if key.data == part:
            swap[id(inner)] = next_
        elif text and key.data == text:
            swap[id(inner)] = lit(method)
        elif value.op in ("list", "build") and rng.random() < 0.3:
            swap[id(value)] = lit("marker")
    return copy(root, swap)


def late(palette, number):
    """A container that changes after something was built from it."""
    rng, target = palette.rng, palette.target
    box = Node(rng.choice(["list", "dict", "set"]), [])
    user = target.mixed(rng, target.calls if rng.random() < 0.6 else target.states)
    if user is None:
        return box
    made = call(imp(user.name), box, *palette.arguments(user, 0)[1:]) if "call" in user.uses else build(
        new(imp(user.name)), Node("dict", [lit(rng.choice(palette.words(user))), box])
    )
    change = {"list": "append", "dict": "setitem", "set": "add"}[box.op]
    kids = [box, palette.name(palette.text()), palette.value()] if change == "setitem" else [box, palette.value()]
    again = [made] if rng.random() < 0.3 else []
    return Node("tuple", [made, Node(change, kids), *again, palette.value(0)])
