"""Types, arrays, scalars and tensors whose parts disagree: fields that overlap, sizes that lie, memory that goes away."""

import struct

from node import Node, build, call, dict_, imp, list_, lit, new, tuple_
from palette import ADDRESS

SIMPLE = [("i8", 8), ("f8", 8), ("i4", 4), ("u1", 1), ("b1", 1), ("O8", 8), ("O", 8), ("V8", 8), ("V16", 16), ("S4", 4), ("U4", 16), ("M8", 8), ("c16", 16)]
OBJECT_FLAGS = 63
VOID = ("V8", "V16", "V", "V4")


def _find(palette, *names):
    return next((imp(n) for n in names if n in palette.target.by_name), None)


def _reconstruct(palette):
    return _find(palette, "numpy._core.multiarray:_reconstruct", "numpy.core.multiarray:_reconstruct")


def dtype(palette, depth=2):
    """A dtype, its size and whether objects are in it; with a state of its own, right or not."""
    rng = palette.rng
    code, size = rng.choice(SIMPLE)
    made = call(imp("numpy:dtype"), lit(code), lit(False), lit(True))
    objects = code[0] == "O"
    roll = rng.random()
    if depth and roll < 0.55:
        return record(palette, depth)
    if roll < 0.9:
        order = "|" if code[0] in "OVSbu" else rng.choice("<<<>")
        parts = [3, order, None, None, None, -1, -1, OBJECT_FLAGS if objects else 0]
        if code[0] in "SVU":
            parts[5:7] = [size, 1 if code[0] != "U" else 4]
        if code[0] == "M" and rng.random() < 0.8:
            unit = rng.choice([("ns", 1, 1, 1), ("ns", 1, 1, 1), ("D", 7, 1, 1), ("ns", 0, 1, 1), ("ns", 1, 0, 1), ("x", 1, 1, 1), ("ns",), (), ("ns", 2**31, 1, 1), (b"ns", 1, 1, 1), None])
            parts.append(rng.choice([(None, unit), ({}, unit), (unit,), None]))
        elif rng.random() < 0.1:
            parts = rng.choice([parts[:7], [1, *parts[1:7]], [*parts, {"a": 1}], [4, *parts[1:], None], [*parts, (None, ("ns", 1, 1, 1))]])
        if rng.random() < 0.1:
            parts[rng.randrange(5, 7)] = rng.choice([0, 1, 3, 8, 64, 2**31, -8])
        made = build(made, lit(tuple(parts)))
    return made, size, objects


def record(palette, depth):
    """A record with fields, or an array of something, as the state of a void type."""
    rng = palette.rng
    made = call(imp("numpy:dtype"), lit(rng.choice(["V8", "V16", "V16", "V4"])), lit(False), lit(True))
    if rng.random() < 0.4:
        inner, size, objects = dtype(palette, depth - 1)
        count = rng.choice([0, 1, 2, 3])
        shape = rng.choice([(count,), (count,), (count, 1), (-1,), (2**31,), ()])
        total = size * count if rng.random() < 0.7 else rng.choice([0, 8, 16, -8, -(2**32)])
        subarray = tuple_(inner, lit(shape))
        state = [lit(3), lit("|"), subarray, lit(None), lit(None), lit(total), lit(1), lit(OBJECT_FLAGS if objects else 0)]
        return build(made, tuple_(*state)), total, objects
    offset, names, fields, objects, end = 0, [], [], False, 0
    for name in "abc"[: rng.choice([1, 2, 2, 3])]:
        inner, size, inside = dtype(palette, depth - 1)
        at = rng.choice([offset, offset, 0, 0, offset + 4, -8, end])
        names.append(lit(name))
        fields += [lit(name), tuple_(inner, lit(at))]
        objects |= inside
        offset, end = at + size, max(end, at + size)
    total = rng.choice([end, end, end, offset, 8, 16, 0, -8, -(2**32)])
    flags = OBJECT_FLAGS if objects else rng.choice([0, 0, 0, 16])
    if rng.random() < 0.1:
        flags = rng.choice([0, 1, 27, 63])
    state = tuple_(lit(3), lit("|"), lit(None), Node("tuple", names), Node("dict", fields), lit(total), lit(rng.choice([1, 1, 8])), lit(flags))
    return build(made, state), total, objects


def items(palette, objects):
    """Data of an array of objects: items, tuples for records, numbers where a pointer could be."""
    rng = palette.rng
    part = lambda: rng.choice([lit(None), lit(ADDRESS), lit((None, ADDRESS)), lit((ADDRESS, None)), lit(([1], [2])), lit([(1,), (2,)]), palette.plain(1)])  # noqa: E731
    return rng.choice([part(), tuple_(part()), tuple_(part(), part()), tuple_(list_(part(), part()))])


def fresh(palette):
    """An array before its state, as numpy writes it or with memory of its own."""
    rng = palette.rng
    made = _reconstruct(palette)
    shape = (0,) if rng.random() < 0.7 else rng.choice([(), (1,), (2, 2), (100_000,), (-1,), (2**40,), (65536,)])
    code = b"b" if rng.random() < 0.7 else rng.choice(["f8", "O", "b", b"O", "i8"])
    return call(made, imp("numpy:ndarray"), lit(shape), lit(code))


def filled(palette, made):
    """The state of an array."""
    rng = palette.rng
    type_, size, objects = dtype(palette)
    count = rng.choice([0, 1, 1, 2, 3])
    shape = rng.choice([(count,), (count,), (count, 1), (-1,), (2**62, 4)])
    if objects and rng.random() < 0.9:
        data = Node("list", [items(palette, objects) for _ in range(count)])
    else:
        amount = max(0, size * count) if rng.random() < 0.8 else rng.choice([0, 1, 7, 64])
        data = lit(struct.pack("<Q", ADDRESS) * (min(amount, 4096) // 8) + b"\1" * (min(amount, 4096) % 8))
    return build(made, tuple_(lit(1), lit(shape), type_, lit(rng.random() < 0.2), data))


def arrays(palette, number):
    if _reconstruct(palette) is None or "numpy:dtype" not in palette.target.by_name:
        return palette.object()
    rng = palette.rng
    array = filled(palette, fresh(palette))
    roll = rng.random()
    if roll < 0.1:
        return tuple_(array, filled(palette, array))
    if roll < 0.2:
        return over(palette, array)
    return array


def shared(palette, number):
    """Memory that something else looks at when the array gets its state."""
    if _reconstruct(palette) is None or "numpy:dtype" not in palette.target.by_name:
        return palette.object()
    rng = palette.rng
    array = fresh(palette)
    kids = [over(palette, array)]
    simple = build(call(imp("numpy:dtype"), lit("f8"), lit(False), lit(True)), lit((3, "<", None, None, None, -1, -1, 0)))
    kids.append(build(array, tuple_(lit(1), lit((1,)), simple, lit(False), lit(b"\0" * 8))))
    if rng.random() < 0.5:
        kids.append(lit(bytearray(b"Q" * rng.choice([8, 64, 800_000]))))
    return Node("tuple", kids)


def over(palette, array):
    """Something that may take an array's memory for its own."""
    rng, target = palette.rng, palette.target
    tensor = _find(palette, "torch._utils:_rebuild_device_tensor_from_numpy")
    if tensor is not None and rng.random() < 0.6:
        kind = rng.choice([n for n in ("torch:float64", "torch:int64", "torch:uint8") if n in target.by_name])
        return call(tensor, array, imp(kind), lit("cpu"), lit(False))
    entry = target.mixed(rng, target.calls)
    return call(imp(entry.name), array, *palette.arguments(entry, 0)[1:])


def scalars(palette, number):
    """Scalars from bytes, of every type, with too few or too many."""
    scalar = _find(palette, "numpy._core.multiarray:scalar", "numpy.core.multiarray:scalar")
    if scalar is None:
        return palette.object()
    type_, size, objects = dtype(palette)
    data = palette.rng.choice([b"\1" * max(0, min(size, 64)), b"", b"\1" * 8, b"\1" * 100])
    return call(scalar, type_, lit(data) if palette.rng.random() < 0.9 else palette.value(0))
