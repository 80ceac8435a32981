"""What to try after a load: where the error says what is missing, a file that has it.

The way of an unpickler through code of packages ends at the first attribute that is not there. A file that adds
it gets one step further, and so on: a chain of calls is found link by link.
"""

import collections
import random
import re

from family.items import callable_
from family.stored import outward
from generator import File
from node import Node, build, copy, from_rows, imp, imports, list_, lit, to_rows, tuple_, walk
from palette import Palette

DEEPEST = 14
OFTEN = 12  # followers of loads that ended the same way
LONGEST = 2_000


def ending(outcome):
    """How a load ended, without what differs from file to file; what was missing makes a difference."""
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", outcome["ended"])
    return re.sub(r"(['\"]).*?\1", "S", text)[:160] + " ".join(outcome.get("missing") or ())


class Frontier:
    """Files that got somewhere new, whose followers wait to be made and tried."""

    def __init__(self, target, seed):
        self.target, self.seed = target, seed
        self.seen, self.queue = collections.Counter(), collections.deque(maxlen=LONGEST)

    def offer(self, file, outcome):
        """Thinks of followers of a file that was loaded. A label is its number and the way to it."""
        label = file.label
        if outcome["ended"] in ("loaded", "stopped", "crash", "time") or label.count(".") >= DEEPEST:
            return
        way = ending(outcome)
        self.seen[way] += 1
        if self.seen[way] > OFTEN:
            return
        missing = outcome.get("missing") or self.unfitted(file.graph, outcome, label)
        self.queue.extend((f"{label}.{turn}", file, missing) for turn in range(4 if missing else 1))

    def unfitted(self, root, outcome, label):
        """An estimator wants any attribute that a fit would have set: one that its code looks up."""
        if not outcome["ended"].startswith("NotFittedError"):
            return None
        inner = root
        while inner.op in ("build", "setitems") and inner.kids:
            inner = inner.kids[0]
        fact = self.target.facts.get(inner.kids[0].data, {}) if inner.op in ("new", "call") else {}
        words = [w for w in (*fact.get("first", ()), *fact.get("rest", ())) if w.endswith("_") and not w.startswith("_")]
        return [inner.kids[0].data, random.Random(f"{self.seed}:{label}:fit").choice(words)] if words else None

    def take(self, most):
        """Some followers: each a label and a graph."""
        made = []
        while self.queue and len(made) < most:
            label, file, missing = self.queue.popleft()
            palette = Palette(self.target, random.Random(f"{self.seed}:{label}"))
            root = self.supplied(file.graph, missing, palette) if missing else self.mutated(file.graph, palette)
            if root is not None:
                made.append((label, root))
        return made

    # ------------------------------------------------------------------------------- followers

    def value(self, palette, root):
        """What may stand where something was missing; sometimes an import of a package that the file uses already."""
        rng = palette.rng
        roll = rng.randrange(18)
        if roll > 13:
            # A method of something that is in the file already, by its name.
            names = [method for name in imports(root) for method in self.target.facts.get(name, {}).get("out", ())]
            if names:
                return rng.choice([lit, lambda name: list_(lit(name))])(rng.choice(names))
        if roll > 11:
            own = self.target.of_package(rng.choice(imports(root) or ["builtins:list"]).split(":")[0].split(".")[0])
            return imp(rng.choice(own).name) if own else palette.reference()
        if roll < 2:
            return palette.canary()
        if roll < 5:
            return callable_(palette, 1)
        if roll < 8:
            thing, method = outward(palette)
            return rng.choice([thing, list_(thing), lit(method), list_(lit(method)), list_(tuple_(lit("a"), thing))])
        if roll < 10:
            return palette.value(1)
        return rng.choice([lit("marker"), lit([]), lit({}), lit(1), lit(None), list_(lit("marker")), palette.object(1)])

    def supplied(self, root, missing, palette):
        """The attribute or key that was asked for, in the state of an object of that class or in a dict."""
        cls, name = missing
        holders = []
        for node in walk(root):
            inner = node
            while inner.op == "build":
                inner = inner.kids[0]
            if cls and inner.op in ("new", "call", "obj", "newex") and inner.kids[0].op == "imp":
                fact = self.target.facts.get(inner.kids[0].data, {})
                entry = self.target.by_name.get(inner.kids[0].data)
                if entry and "state" in entry.uses and cls in (fact.get("is"), inner.kids[0].data):
                    holders.append(node)
            elif not cls and node.op == "dict":
                holders.append(node)
        if not holders:
            return self.mutated(root, palette)
        holder = holders[-1]
        value = self.value(palette, root)
        if holder.op == "dict":
            return copy(root, {id(holder): Node("dict", [*map(copy, holder.kids), lit(name), value])})
        if holder.op == "build" and holder.kids[1].op == "dict":
            state = Node("dict", [*map(copy, holder.kids[1].kids), lit(name), value])
            return copy(root, {id(holder): build(copy(holder.kids[0]), state)})
        return copy(root, {id(holder): build(copy(holder), Node("dict", [lit(name), value]))})

    def mutated(self, root, palette):
        """One place with something else in it."""
        order = walk(root)[:-1]
        places = [n for n in order if n.op != "imp"]
        if not places:
            return None
        return copy(root, {id(palette.rng.choice(places)): self.value(palette, root)})

    # ------------------------------------------------------------------------------- resume

    def state(self):
        queue = [[label, to_rows(file.graph), missing] for label, file, missing in self.queue]
        return {"seen": self.seen, "queue": queue}

    def restore(self, state):
        self.seen = collections.Counter(state["seen"])
        self.queue.extend((label, File(label, "frontier", b"", from_rows(rows)), missing) for label, rows, missing in state["queue"])
