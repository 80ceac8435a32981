"""Runs inside one environment: names the methods that listed code calls while a pickle is loaded.

Reads a JSON list of [module, name, called] from standard input and writes a JSON list of names. The code
of hooks (`__setstate__` and the like; `__init__` where a class may be called) is followed through
functions and methods of the same package. What counts is the attribute's name alone: the value before
the dot may come from the pickle, and its state may hold anything under that name.
Only the standard library, Python 3.6 to 3.14.
"""

import ast
import importlib
import inspect
import json
import os
import sys
import textwrap
import types
import warnings

warnings.simplefilter("ignore")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("MPLBACKEND", "Agg")

HOOKS = [
    "__setstate__", "__new__", "__setattr__", "__setitem__", "append", "extend", "add", "__getattr__",
    "__getattribute__", "__hash__", "__eq__", "__del__", "__len__", "__iter__", "__getitem__", "__contains__",
    "__bool__",
    # A warning or an error quotes what it is about, and numpy asks for an array.
    "__repr__", "__str__", "__format__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__array__",
    "__array_finalize__", "__array_wrap__", "__array_ufunc__", "__array_function__", "__float__", "__int__",
    "__index__", "__complex__", "__fspath__", "__next__", "__reversed__",
]
DEPTH = 7

# Honest files keep functions here: TfidfModel of gensim weighs words by two of a few listed ones. Graphs of
# networkx keep the view of their degrees, which can be called.
KEPT = {"wlocal", "wglobal", "degree"}


# Compiled code calls these: datetime those of a time zone (a hash is enough), pandas those of a calendar.
COMPILED = {"utcoffset", "dst", "tzname", "fromutc", "holidays"}


class Search:
    def __init__(self):
        self.names, self.seen = set(), set()

    def follow(self, function, cls, depth):
        """The calls in a function; `cls` is the class whose method it is."""
        function = inspect.unwrap(getattr(function, "__func__", function))
        if isinstance(function, property):
            function = function.fget
        if not isinstance(function, types.FunctionType) or depth > DEPTH:
            return
        if (function.__code__, cls) in self.seen:
            return
        self.seen.add((function.__code__, cls))
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        except (OSError, TypeError, SyntaxError):
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and cls and isinstance(node.value, ast.Name) and node.value.id == "self":
                found = inspect.getattr_static(cls, node.attr, None)
                if isinstance(found, property):
                    self.follow(found, cls, depth + 1)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                self.near(function, function.__globals__.get(node.func.id), depth)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                self.method(function, cls, node.func, depth)

    def near(self, caller, callee, depth):
        """A function of the caller's own package."""
        if isinstance(callee, types.FunctionType):
            if callee.__module__.split(".")[0] == caller.__module__.split(".")[0]:
                self.follow(callee, None, depth + 1)

    def method(self, function, cls, call, depth):
        owner = call.value
        if isinstance(owner, (ast.Constant, ast.JoinedStr)):
            return
        if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
            for base in inspect.getmro(cls)[1:] if cls else ():
                self.follow(vars(base).get(call.attr), cls, depth + 1)
            return
        if isinstance(owner, ast.Name):
            value = function.__globals__.get(owner.id)
            if isinstance(value, types.ModuleType):
                self.near(function, getattr(value, call.attr, None), depth)
                return
            if inspect.isclass(value):
                return
        self.names.add(call.attr)
        if cls and isinstance(owner, ast.Name) and owner.id in function.__code__.co_varnames[:1]:
            self.follow(inspect.getattr_static(cls, call.attr, None), cls, depth + 1)

    def entry(self, module, name, called):
        try:
            found = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception:
            return
        if not inspect.isclass(found):
            # A function that is a reference runs only where a name of this list is replaced.
            if called:
                self.follow(found, None, 0)
            return
        for attribute in dir(found):
            value = inspect.getattr_static(found, attribute, None)
            if isinstance(value, property):
                self.follow(value, found, 0)
                # BUILD sets attributes one by one where a state has two halves.
                self.follow(value.fset, found, 0)
        for hook in HOOKS + (["__init__"] if called else []):
            for base in inspect.getmro(found):
                if hook in vars(base):
                    if base not in (object, dict, list):
                        self.follow(vars(base)[hook], found, 0)
                    break


def main():
    search = Search()
    sink, sys.stdout = sys.stdout, sys.stderr
    for module, name, called in json.load(sys.stdin):
        search.entry(module, name, called)
    dunder = {name for name in search.names if name.startswith("__") and name.endswith("__")}
    json.dump(sorted((search.names | COMPILED) - dunder - KEPT), sink)


if __name__ == "__main__":
    main()
