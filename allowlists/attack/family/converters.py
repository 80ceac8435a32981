"""An object that answers for attributes from its items, given to what converts its arguments."""

from node import Node, attributes, build, call, dict_, imp, lit, new
from palette import ADDRESS, DUNDERS, TEXTS

# Text that makes a converter open something.
OUTWARD = [word for word in TEXTS if "marker" in word or "/proc" in word]


def interface(palette):
    """What `__array_interface__` promises of an address."""
    pairs = [
        (palette.name("typestr"), lit(palette.rng.choice(["<i8", "|u1", "|O8"]))), (lit("shape"), lit((2,))), (lit("version"), lit(3)),
        (lit("data"), lit((ADDRESS, palette.rng.random() < 0.5))),
    ]
    return dict_(*pairs)


def answering(palette):
    """An object with attributes that the file names: by its items, or by its state."""
    rng, target = palette.rng, palette.target
    name = rng.choice(["__array_interface__"] * 4 + DUNDERS)
    value = interface(palette) if "interface" in name else rng.choice([palette.canary(), palette.value(0)])
    pool = target.answers_items
    if pool and rng.random() < 0.7:
        made = new(imp(rng.choice(pool).name))
        first = [palette.key(), lit(0)] if rng.random() < 0.7 else []
        return Node("setitems", [made, *first, palette.name(name), value])
    entry = target.mixed(rng, target.made_states)
    if entry is None:
        return palette.plain()
    return build(new(imp(entry.name)), dict_((lit(name), value)))


def converted(palette, number):
    rng, target = palette.rng, palette.target
    object_ = answering(palette)
    entry = target.mixed(rng, target.calls if rng.random() < 0.7 else target.creates)
    if entry is None:
        return object_
    args = palette.arguments(entry, 0) or [lit(1)]
    args = [rng.choice([a, lit((1, 2))]) for a in args]
    args[rng.randrange(len(args))] = object_
    if rng.random() < 0.5:
        args[0] = object_
    make = call if "call" in entry.uses else new
    return make(imp(entry.name), *args)


def text(palette, number):
    """Text with a meaning for a converter, as a literal or by way of a subclass of str."""
    rng, target = palette.rng, palette.target
    pool = target.guarded if target.guarded and rng.random() < 0.5 else target.calls
    entry = target.mixed(rng, pool if rng.random() < 0.8 else target.creates)
    if entry is None:
        return palette.plain()
    word = rng.choice(TEXTS if rng.random() < 0.5 else OUTWARD)
    word = palette.computed_text(word) if rng.random() < 0.6 else lit(word)
    if rng.random() < 0.5:
        args = [lit(rng.choice(["ns", "ns", "D", 1, None, "x"])) for _ in range(rng.randrange(3))] + [word]
    else:
        args = palette.arguments(entry, 0) or [lit("x")]
        args[rng.randrange(len(args))] = word
    make = call if "call" in entry.uses else new
    return make(imp(entry.name), *args)
