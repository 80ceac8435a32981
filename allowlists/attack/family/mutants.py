"""Honest objects with something else in one place or some, or parts of two of them in one."""

from node import CHANGES, Node, build, copy, imp, lit, walk


def changed(palette, number):
    """A few places of an honest object with other things in them."""
    rng, target = palette.rng, palette.target
    if not target.honest:
        return palette.object()
    root = copy(rng.choice(target.honest))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        root = once(palette, root)
    return root


def once(palette, root):
    rng, target = palette.rng, palette.target
    order = walk(root)
    roll = rng.random()
    if roll < 0.5:  # a value, by one of its own kind or by any
        places = [n for n in order[:-1] if n.op != "imp"] or order
        place = rng.choice(places)
        return copy(root, {id(place): near(palette, place) if rng.random() < 0.5 else palette.value(1)})
    places = [n for n in order if n.op == "imp"]
    if roll < 0.6 and places:  # an import, by one that may be used so
        place = rng.choice(places)
        old = target.by_name[place.data]
        likely = [target.creates, target.calls, target.references, target.states]
        pool = rng.choice([pool for pool in likely if old in pool] or [target.references])
        return copy(root, {id(place): imp(target.mixed(rng, pool).name)})
    if roll < 0.75:  # an attribute, an item or an argument more
        places = [n for n in order if n.op in ("dict", "list", "tuple", "set", "setitems", "appends")]
        if places:
            place = rng.choice(places)
            kids = [copy(kid) for kid in place.kids]
            more = [palette.name(palette.text()), palette.value(1)] if place.op in ("dict", "setitems") else [palette.value(1)]
            return copy(root, {id(place): Node(place.op, kids + more)})
    if roll < 0.85:  # one less
        places = [n for n in order if n.op in ("dict", "list", "tuple", "set") and n.kids]
        if places:
            place = rng.choice(places)
            step = 2 if place.op == "dict" else 1
            at = rng.randrange(0, len(place.kids), step)
            kids = [copy(kid) for kid in place.kids[:at] + place.kids[at + step :]]
            return copy(root, {id(place): Node(place.op, kids)})
    if roll < 0.93:  # part of another honest object
        other = rng.choice(walk(rng.choice(target.honest)))
        return copy(root, {id(rng.choice(order)): copy(other)})
    places = [n for n in order if n.op in ("new", "call", *CHANGES)] or order
    place = rng.choice(places)
    extra = [
        lambda n: build(n, palette.plain()), lambda n: Node("append", [n, palette.value(1)]),
        lambda n: Node("setitem", [n, palette.key(), palette.value(1)]), lambda n: Node("add", [n, palette.key()]),
    ]
    return copy(root, {id(place): rng.choice(extra)(copy(place))})


def near(palette, node):
    """A literal of the same type, a container with its parts in another order."""
    rng = palette.rng
    if node.op == "lit":
        if isinstance(node.data, bool) or node.data is None:
            return lit(rng.choice([None, True, False, 0]))
        if isinstance(node.data, int):
            return lit(rng.choice([node.data + 1, node.data - 1, -node.data, node.data * 2, palette.number()]))
        if isinstance(node.data, str):
            return palette.name(palette.text())
        if isinstance(node.data, (bytes, bytearray)):
            raw = bytes(node.data)
            other = rng.choice([raw[:-1], raw + b"\0", raw[::-1], b"\xff" * len(raw), raw * 2, b""])
            return lit(type(node.data)(other))
        return lit(rng.choice([float("nan"), 1e308, -1.0]))
    if node.op in ("list", "tuple", "set", "frozenset"):
        kids = [copy(kid) for kid in node.kids]
        rng.shuffle(kids)
        return Node(rng.choice([node.op, "list", "tuple"]), kids)
    return palette.plain()


def pair(palette, number):
    """Two honest objects, one of them in the other's state or arguments, or changed after the other took it."""
    rng, target = palette.rng, palette.target
    if not target.honest:
        return palette.object()
    first, second = copy(rng.choice(target.honest)), copy(rng.choice(target.honest))
    places = [n for n in walk(first)[:-1] if n.op != "imp"]
    if not places:
        return Node("tuple", [first, second])
    joined = copy(first, {id(rng.choice(places)): second})
    if rng.random() < 0.4:
        boxes = [n for n in walk(joined) if n.op in ("list", "dict")]
        if boxes:
            box = rng.choice(boxes)
            change = Node("append", [box, palette.value(0)]) if box.op == "list" else Node("setitem", [box, lit(palette.text()), palette.value(0)])
            return Node("tuple", [joined, change])
    return joined
