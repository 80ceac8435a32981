"""The state of the process that outlives a load: what modules, classes, registries and singletons hold."""

import ctypes
import sys
import types
from array import array

# Tables that no module's name leads to, or that lie behind an attribute of an instance.
DEPTH = 2
# The interpreter's and the attack's own.
LEFT_OUT = {"__main__", "audit", "snapshot", "touch", "loader"}
# Counters and notes that Python's own machinery keeps in passing.
PASSING = {"__warningregistry__", "_abc_impl", "__annotations__", "__abstractmethods__", "__firstlineno__", "__static_attributes__"}


def parts(value):
    """A container as it holds things: [container, how to read it]; nothing for what holds none."""
    if isinstance(value, type):
        return vars(value)
    if type(value) in (dict, list, set, types.MappingProxyType):
        return value
    if isinstance(value, (dict, list)):
        return value
    if isinstance(value, (types.ModuleType, types.FunctionType, types.BuiltinFunctionType)):
        return None
    try:
        return object.__getattribute__(value, "__dict__")
    except Exception:
        return None


def held(container):
    """The identities of what a container holds, in order; of a table, of its values."""
    if isinstance(container, dict):
        return [*map(id, dict.values(container))]
    if isinstance(container, types.MappingProxyType):
        return [*map(id, container.values())]
    return [*map(id, container)]


def keys(container):
    return [*(dict.keys(container) if isinstance(container, dict) else container)]


def table(container):
    return isinstance(container, (dict, types.MappingProxyType))


def read(address):
    return ctypes.c_uint64.from_address(address).value


def version_at(container):
    """Where CPython counts the changes of a dict, or of the dict behind a class: [address], nothing for others.

    Before 3.12 each dict has such a number. To look at it touches no object, so that a child shares the memory of its
    parent still; a look at all that is held costs some hundred times as much.
    """
    if sys.version_info >= (3, 12):
        return None
    place = id(container)
    if type(container) is types.MappingProxyType:
        place = read(place + 16)
    return place + 24 if read(place + 8) == id(dict) or isinstance(container, dict) else None


class Snapshot:
    """What every module held when it was taken. Taken before the fork, compared after it."""

    def __init__(self, packages, growing=()):
        self.growing, self.passing = growing, set()
        self.kept = []  # keeps what is watched alive, so that an id stays one object's
        seen = set()
        todo = [(name, vars(module), 0) for name, module in list(sys.modules.items())
                if isinstance(module, types.ModuleType) and name.split(".")[0] in packages - LEFT_OUT]
        todo.append(("sys.modules", sys.modules, DEPTH))
        while todo:
            path, container, depth = todo.pop()
            if id(container) in seen:
                continue
            seen.add(id(container))
            self.kept.append((path, container, held(container), keys(container) if table(container) else None))
            if depth > DEPTH:
                continue
            pairs = list(container.items()) if hasattr(container, "items") else list(enumerate(container))
            if depth and len(pairs) > 2000:
                continue
            for key, value in pairs:
                if isinstance(key, str) and key in PASSING:
                    continue
                # A class's table is a new view each time it is asked for: the class stands for it.
                if isinstance(value, type) and id(value) in seen:
                    continue
                inner = parts(value)
                if inner is not None:
                    if isinstance(value, type):
                        seen.add(id(value))
                    todo.append((f"{path}.{key}" if isinstance(key, str) else f"{path}[{shown(key)}]", inner, depth + 1))
        self.places, self.versions, self.others = array("Q"), array("Q"), array("Q")
        self.counted = array("Q")
        for at, (_, container, *_) in enumerate(self.kept):
            place = version_at(container)
            if place is None:
                self.others.append(at)
            else:
                self.counted.append(at)
                self.places.append(place)
                self.versions.append(read(place))

    def suspects(self):
        """Places of `kept` that may have changed."""
        yield from self.others
        for at, place, version in zip(self.counted, self.places, self.versions):
            if read(place) != version:
                yield at

    def changes(self):
        """What is not as it was: the place in `kept`, the path, what became of it, the key."""
        found = []
        for at in self.suspects():
            path, container, before, names = self.kept[at]
            if held(container) != before:
                found.extend([at, *row] for row in self.told(path, container, before, names))
        return found

    def told(self, path, container, before, names):
        now = held(container)
        if names is None:
            rows = [[path, "items", ""]]
        else:
            rows = []
            old, new = dict(zip(map(id, names), before)), dict(zip(map(id, keys(container)), now))
            called = {id(key): key for key in (*names, *keys(container))}
            for key in {**old, **new}:
                if old.get(key) != new.get(key):
                    what = "added" if key not in old else "removed" if key not in new else "set"
                    if type(container) is dict and type(dict.get(container, called[key])) is types.ModuleType:
                        continue  # a package looked up one of its own modules at last
                    rows.append([path, what, shown(called[key])])
        return [
            [path, what, name] for path, what, name in rows
            if name not in PASSING and (path, name) not in self.passing and not (what != "set" and path in self.growing)
        ]


class Watch:
    """A few containers of a snapshot, looked at after every file: which file changed them."""

    def __init__(self, snapshot, places):
        self.snapshot, self.places = snapshot, places
        self.before = {}
        self.changes()

    def changes(self):
        found = []
        for at in self.places:
            path, container, *_ = self.snapshot.kept[at]
            before = self.before.get(at)
            if before and held(container) != before[0]:
                found.extend(self.snapshot.told(path, container, *before))
            if before is None or held(container) != before[0]:
                self.before[at] = held(container), keys(container) if table(container) else None
        return found


def shown(key):
    return key if type(key) is str else type(key).__name__ if not isinstance(key, type) else key.__qualname__
