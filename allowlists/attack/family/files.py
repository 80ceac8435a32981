"""Files of `torch.save`: storages by persistent id, tensors whose sizes, strides and records disagree."""

from node import Node, call, imp, lit, tuple_

KINDS = [("FloatStorage", 4), ("LongStorage", 8), ("ByteStorage", 1), ("DoubleStorage", 8), ("HalfStorage", 2), ("BoolStorage", 1), ("UntypedStorage", 1)]


def _number(rng, right):
    return right if rng.random() < 0.8 else rng.choice([0, 1, right + 1, right * 2, 2**31, 2**40, 2**62, -1, -right])


def storage(palette, name, count):
    """A persistent id, the bytes it stands for and how many items they are."""
    rng = palette.rng
    kind, size = rng.choice([k for k in KINDS if f"torch:{k[0]}" in palette.target.by_name or k[0] != "UntypedStorage"])
    module = "torch.storage" if kind == "UntypedStorage" else "torch"
    id_ = tuple_(lit("storage"), imp(f"{module}:{kind}"), lit(name), lit(rng.choice(["cpu", "cpu", "cpu", "cuda:0", "meta"])), lit(_number(rng, count)))
    return Node("pers", [id_]), max(0, min(_number(rng, count * size), 1 << 16))


def tensor(palette, stored, count):
    rng, target = palette.rng, palette.target
    rows = rng.choice([1, 2, count])
    shape = [rows, max(1, count // max(1, rows))]
    strides = [shape[1], 1]
    shape = [_number(rng, n) for n in shape]
    strides = [_number(rng, n) for n in strides]
    hooks = call(imp("collections:OrderedDict"))
    name = next((n for n in ("torch._utils:_rebuild_tensor_v2", "torch._utils:_rebuild_tensor") if n in target.by_name), None)
    made = call(imp(name), stored, lit(_number(rng, 0)), lit(tuple(shape)), lit(tuple(strides)), lit(False), hooks)
    if rng.random() < 0.3:
        made = call(imp("torch._utils:_rebuild_parameter"), made, lit(rng.random() < 0.5), call(imp("collections:OrderedDict")))
    return made


def tensors(palette, number):
    """A state dict of one or more tensors, some over the same storage."""
    rng, target = palette.rng, palette.target
    if "torch._utils:_rebuild_tensor_v2" not in target.by_name:
        return palette.object()
    pairs, records, stored = [], [], None
    for name in "ab"[: rng.choice([1, 2])]:
        count = rng.choice([0, 1, 4, 6, 16])
        if stored is None or rng.random() < 0.7:
            stored, size = storage(palette, str(len(records)), count)
            records.append([str(len(records)), size])
        pairs += [lit(name), tensor(palette, stored, count)]
    if rng.random() < 0.2:
        pairs += [lit("c"), palette.object(1)]
    return Node("zip", [Node("dict", pairs)], records)
