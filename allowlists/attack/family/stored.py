"""Methods named by text beside the object that has them, for code that calls one by the other."""

from node import build, call, dict_, imp, list_, lit, new


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
