"""Keys and items that are hashed and compared: long to hash, or with code of their class."""

from node import Node, dict_, list_, lit, tuple_


def hashed(palette, number):
    rng = palette.rng
    key = palette.deep() if rng.random() < 0.1 else palette.object(1)
    if rng.random() < 0.3:
        key = tuple_(key, lit(1))
    keys = [key] * rng.choice([1, 1, 2])
    if rng.random() < 0.5:
        return dict_(*((k, palette.literal()) for k in [*keys, palette.key()]))
    return Node(rng.choice(["set", "frozenset"]), keys)


def equal(palette, number):
    """Two keys that are equal and not the same: `__eq__` runs."""
    first, second = palette.key(), palette.key()
    text = palette.text()
    twins = [palette.computed_text(text), lit(text)]
    palette.rng.shuffle(twins)
    return list_(Node("set", twins), dict_((first, lit(1)), (twins[0], palette.value(0)), (second, lit(2)), (twins[1], palette.value(0))))
