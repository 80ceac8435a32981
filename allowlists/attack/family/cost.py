"""Small files that ask for much: numbers that size something, containers that double, keys that collide, ranges."""

from node import Node, call, copy, dict_, imp, lit, new, tuple_, walk

LARGE = [10**5, 10**6, 10**7, 10**8, 10**9, 10**9, 2**31 - 1, 2**33, 10**12, 2**62, -(10**9), 1e9, 1e300]
LONG = ["9" * 4000, "a" * 100_000, "(" * 5000, "[\0-\U0010ffff]" * 2000, "a:b:" * 5000, "1e999999999", "x+" * 2000 + "x", "(a+b+c+d+e+f+g)**9"]
# A divisor of the hashes of numbers: its multiples all have the hash 0.
MODULUS = 2**61 - 1


def doubled(palette):
    """A container that holds another twice, which holds another twice."""
    rng = palette.rng
    kinds = rng.choice([["list"], ["dict"], ["tuple"], ["list", "dict"], ["tuple", "list"], ["list", "dict", "tuple"]])
    node = lit(rng.choice([0, "x"]))
    for _ in range(rng.choice([12, 18, 26, 40])):
        kind = rng.choice(kinds)
        node = dict_((lit("a"), node), (lit("b"), node)) if kind == "dict" else Node(kind, [node, node])
    return node


def colliding(palette):
    """Keys that all have one hash."""
    rng = palette.rng
    count = rng.choice([100, 1000, 4000, 20_000])
    keys = [lit((n + 1) * MODULUS) for n in range(count)]
    if rng.random() < 0.3:
        keys = [tuple_(key, lit(0)) for key in keys]
    return dict_(*((key, lit(0)) for key in keys)) if rng.random() < 0.5 else Node(rng.choice(["set", "frozenset"]), keys)


def span(palette):
    """A range, as short to write as it is long."""
    name = next((n for n in ("builtins:range", "__builtin__:xrange") if n in palette.target.by_name), None)
    end = lit(palette.rng.choice(LARGE[:9]))
    return call(imp(name), end) if name and palette.rng.random() < 0.5 else call(imp(name), lit(0), end, lit(1)) if name else end


def large(palette):
    rng = palette.rng
    roll = rng.random()
    if roll < 0.6:
        return lit(rng.choice(LARGE))
    if roll < 0.7:
        return span(palette)
    if roll < 0.85:
        return doubled(palette)
    if roll < 0.855:
        return colliding(palette)
    if roll < 0.95:
        return lit(rng.choice(LONG))
    return Node(rng.choice(["list", "tuple"]), [lit(rng.choice(LARGE)) for _ in range(rng.choice([1, 2, 3, 4]))])


def sized(palette, number):
    """A call or an object with something large among its arguments or in its state."""
    rng, target = palette.rng, palette.target
    entry = target.mixed(rng, target.calls if rng.random() < 0.6 else target.creates)
    if entry is None or rng.random() < 0.03:
        return rng.choice([doubled, colliding, span])(palette)
    args = palette.arguments(entry, 0) or [lit(1)]
    for _ in range(rng.choice([1, 1, 1, 2, len(args)])):
        args[rng.randrange(len(args))] = large(palette)
    make = call if "call" in entry.uses else new
    return make(imp(entry.name), *args)


def grown(palette, number):
    """An honest object with larger numbers, or something large in place of a part."""
    rng, target = palette.rng, palette.target
    if not target.honest:
        return sized(palette, number)
    root = rng.choice(target.honest)
    order = walk(root)[:-1]
    numbers = [n for n in order if n.op == "lit" and type(n.data) in (int, float)]
    places = numbers if numbers and rng.random() < 0.7 else [n for n in order if n.op != "imp"] or order
    if not places:
        return copy(root)
    swap = {}
    for place in rng.sample(places, min(len(places), rng.choice([1, 1, 1, 2, 4]))):
        swap[id(place)] = lit(rng.choice(LARGE)) if place in numbers and rng.random() < 0.9 else large(palette)
    return copy(root, swap)
