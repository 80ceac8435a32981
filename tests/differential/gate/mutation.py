"""Small damage to bytes. What it does to the payload the loaders tell."""

FAVOURED = b"\0\x01\x7f\x80\xff\n .(0}]cibtRNI"


def mutate(draw, data, count=None):
    """`data` with one to four changes."""
    out = bytearray(data)
    for _ in range(count or draw.quietly([1, 1, 1, 2, 4])):
        if not out:
            break
        at = draw.below(len(out))
        kind = draw.pick("mutation", ["set", "flip", "insert", "delete", "double", "cut", "swap"])
        if kind == "set":
            out[at] = draw.quietly(FAVOURED)
        elif kind == "flip":
            out[at] ^= 1 << draw.below(8)
        elif kind == "insert":
            out[at:at] = bytes(draw.quietly(FAVOURED) for _ in range(1 + draw.below(3)))
        elif kind == "delete":
            del out[at : at + 1 + draw.below(8)]
        elif kind == "double":
            out[at:at] = out[at : at + 1 + draw.below(16)]
        elif kind == "cut":
            del out[len(out) - draw.below(1 + len(out) // 3) :]
        else:
            other = draw.below(len(out))
            out[at], out[other] = out[other], out[at]
    return bytes(out)
