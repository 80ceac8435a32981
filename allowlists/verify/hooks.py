"""Runs inside one environment: which code of a class unpickling can reach, by the names of facts.tsv.

Hooks are resolved along the MRO as CPython does it, so an inherited one counts. Those of `object` do
not, nor do the ones that a type written in C names again although they are object's: they are compared
by the address of the C function. Only the standard library, Python 2.7 to 3.14.
"""

from __future__ import print_function

import ctypes
import inspect
import sys
import types

# The hook, and the name of its fact.
HOOKS = [
    ("__setstate__", "setstate"), ("__setattr__", "setattr"), ("__delattr__", "delattr"), ("__getattr__", "getattr"),
    ("__getattribute__", "getattribute"), ("__del__", "del"), ("__hash__", "hash"), ("__eq__", "eq"),
    ("append", "append"), ("extend", "extend"), ("add", "add"), ("__setitem__", "setitem"), ("__call__", "call"),
]
ITEMS = ("append", "extend", "add", "__setitem__")
# Types whose items, hash and comparison the engine knows by itself.
BUILTINS = {
    "dict": "dict", "list": "list", "set": "set", "frozenset": "frozenset", "str": "str", "unicode": "str",
    "bytes": "bytes", "bytearray": "bytearray", "int": "int", "long": "int", "float": "float", "complex": "complex",
    "tuple": "tuple",
}
OTHERS = {
    ("collections", "deque"): "deque", ("collections", "OrderedDict"): "OrderedDict",
    ("collections", "defaultdict"): "defaultdict", ("collections", "Counter"): "Counter",
    ("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): "dtype",
}
# Metaclasses without hooks that loading reaches.
PLAIN_METACLASSES = {"type", "ABCMeta", "EnumMeta", "EnumType", "_ProtocolMeta", "_pybind11_type"}
META_HOOKS = ["__call__", "__getattr__", "__getattribute__", "__setattr__"]
# Present on every instance, and never set by name.
NOT_SET = {"__dict__", "__weakref__", "__class__", "__doc__", "__module__"}


def wrapped(slot):
    """The address of the C function behind a slot of a type, or None."""
    if type(slot).__name__ not in ("wrapper_descriptor", "slot wrapper"):
        return None
    words = 6 if sys.version_info[0] > 2 else 5
    return ctypes.cast(id(slot), ctypes.POINTER(ctypes.c_void_p))[words]


def defined(cls, name):
    """The class that answers for a special method, and its answer; object's own do not count."""
    for base in inspect.getmro(cls):
        if name in vars(base):
            found = vars(base)[name]
            if base is object:
                return None, None
            plain = vars(object).get(name)
            if plain is not None and (found is plain or (wrapped(found) and wrapped(found) == wrapped(plain))):
                return None, None
            return base, found
    return None, None


def language(found):
    found = getattr(found, "__func__", found)
    found = getattr(found, "__wrapped__", found)
    if isinstance(found, property):
        found = found.fget
    return "py" if isinstance(found, types.FunctionType) else "c"


def builtin(base):
    """The name of a type that the engine knows, or None."""
    if base.__module__ in ("builtins", "__builtin__"):
        return BUILTINS.get(base.__name__)
    return OTHERS.get((base.__module__, base.__name__))


def setters(cls):
    """Attributes whose setting runs code: properties, descriptors, what C sets through a function."""
    found = set()
    for base in inspect.getmro(cls):
        if base is object:
            continue
        for name, value in list(vars(base).items()):
            if name in NOT_SET or not hasattr(type(value), "__set__") or isinstance(value, types.MemberDescriptorType):
                continue
            if isinstance(value, property) and value.fset is None:
                continue
            found.add(name)
    return sorted(found)


def of_class(cls):
    """The facts of a class, and where each hook is written: module:Class.hook."""
    facts, where = [], {}
    for hook, name in HOOKS:
        base, found = defined(cls, hook)
        if base is None:
            continue
        if hook == "__hash__" and found is None:
            facts.append("hash:none")
        elif found is not None and not (hook in ITEMS and builtin(base) and base.__module__ != "numpy"):
            facts.append(name + ":" + language(found))
            where[hook] = place(base)
    for hook, name in (("__new__", "new"), ("__init__", "init")):
        base, found = defined(cls, hook)
        if base is not None:
            facts.append(name + ":" + language(found))
            where[hook] = place(base)
    for hook in ("__reduce_ex__", "__reduce__"):
        base, found = defined(cls, hook)
        if base is not None:
            facts.append("reduce:" + language(found))
            where["__reduce__"] = place(base)
            break
    if any(vars(base).get("__slots__") for base in inspect.getmro(cls)):
        facts.append("slots")
    if cls.__dictoffset__:
        facts.append("dict")
    names = setters(cls)
    if names:
        facts.append("setters:" + ",".join(names))
    facts.extend(sorted(set("base:" + builtin(base) for base in inspect.getmro(cls) if builtin(base))))
    meta = type(cls)
    if meta.__name__ not in PLAIN_METACLASSES and any(
        hook in vars(base)
        for hook in META_HOOKS for base in inspect.getmro(meta) if base not in (type, object)
        and base.__name__ not in PLAIN_METACLASSES
    ):
        facts.append("meta")
        where["metaclass"] = place(meta)
    return facts, where


def place(cls):
    return "%s:%s" % (cls.__module__, getattr(cls, "__qualname__", cls.__name__))
