"""Makes a graph smaller while the binary passes it and the effect stays."""

import judge
from node import Node, copy, dump, lit, walk


def smaller(root, whole=False):
    """Graphs with one piece less, the boldest first. `whole`: objects go or stay, and are not taken apart."""
    order = walk(root)
    for node in order[:-1]:
        yield copy(node)
    if whole:
        return
    for node in reversed(order):
        kids = node.kids
        if node.op in ("build", "append", "appends", "setitem", "setitems", "add"):
            yield copy(root, {id(node): copy(kids[0])})
        step = 2 if node.op in ("dict", "setitems", "setitem") else 1
        first = 1 if node.op in ("setitems", "setitem", "append", "appends", "add") else 0
        if node.op in ("dict", "list", "tuple", "set", "frozenset", "setitems", "appends", "add", "append", "setitem"):
            for at in range(first, len(kids), step):
                left = [copy(kid) for kid in kids[:at] + kids[at + step :]]
                yield copy(root, {id(node): Node(node.op, left)})
        if node.op not in ("lit", "imp") or node.data not in (None, 0):
            yield copy(root, {id(node): lit(None)})
            if node.op == "lit" and isinstance(node.data, (str, bytes)) and len(node.data) > 40:
                yield copy(root, {id(node): lit(node.data[: len(node.data) // 2])})


def same(outcome, kind):
    return any(effect[0] == kind for effect in outcome["effects"])


def minimise(binary, environment, root, kind, later=(), rounds=40, whole=False):
    """The smallest graph found that still has an effect of this kind, and its outcome.

    Copies of one piece would no longer be one piece, so a step that makes the effect go away is undone.
    """
    best, told = root, None
    for _ in range(rounds):
        size = len(dump(best))
        seen, tries = set(), []
        for graph in smaller(best, whole):
            data = dump(graph)
            if len(data) < size and data not in seen:
                seen.add(data)
                tries.append((len(data), data, graph))
            if len(tries) >= 200:
                break
        tries.sort(key=lambda t: t[:2])
        passed = [t for t, fine in zip(tries, judge.passing(binary, [t[1] for t in tries])) if fine] if tries else []
        for at in range(0, len(passed), 25):
            part = passed[at : at + 25]
            outcomes = environment.load([t[1] for t in part], later)
            hit = next(((t, o) for t, o in zip(part, outcomes) if same(o, kind)), None)
            if hit:
                best, told = hit[0][2], hit[1]
                break
        else:
            break
    return best, told
