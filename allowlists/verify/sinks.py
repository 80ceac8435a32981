#!/usr/bin/env python3
"""Finds what is a reference of the built-in list and evaluates, imports, opens or starts something when it is called.

    python3 allowlists/verify/sinks.py                     make the environments and read each
    python3 allowlists/verify/sinks.py --folder FOLDER     use those that are there, made by verify.py

A reference stands in attributes that code calls, and who wrote the file chooses the arguments. So the constructor of
a class that is one (`__init__`, `__new__`, `__post_init__`, by facts.tsv those of its bases), the `__call__` of what
it makes, and a function that is one may do none of it. It reads the source and imports nothing: the code itself, and
what it calls by name in its module, in its class and in modules of its own package that it imports from. Needs
PyYAML. Exit code 1 where a reference does.
"""

import argparse
import ast
import collections
import functools
import json
import pathlib
import sys

from verify import DEFAULT_USES, HERE, LISTS, entries, make, split

# Calls that run text, import a name, open a path or start a program; `compile` and `eval` as names alone, since
# regular expressions and modules of torch have methods of these names.
NAMES = {"eval", "exec", "execfile", "compile", "__import__", "import_module", "open", "run_path", "run_module"}
METHODS = {
    "import_module", "exec_module", "load_module", "__import__", "open", "run_path", "run_module", "popen", "Popen",
    "check_output", "check_call", "CDLL", "LoadLibrary", "write_text", "write_bytes", "read_text", "read_bytes", "rmtree", "unlink",
}
CONSTRUCTORS = ("__init__", "__new__", "__post_init__", "__call__")
# How many calls it follows.
DEPTH = 3
# Places that were read, where what is called takes no text of who calls the reference: names of modules that stand in
# the code.
READ = {
    "torch.nn.functional:pad": "torch._decomp.decompositions, where algorithms have to be deterministic",
    "torch.nn.functional:interpolate": "torch._decomp.decompositions, where algorithms have to be deterministic",
    "transformers.utils.import_utils:_is_package_available": "asks for packages that transformers names",
}


class Source:
    """The source of one environment."""

    def __init__(self, roots):
        self.roots = roots
        self.module = functools.lru_cache(None)(self._module)
        self.sinks = functools.lru_cache(None)(self._sinks)

    def _module(self, name):
        """What a module defines by name, and which names it has from where."""
        for root in self.roots:
            base = root.joinpath(*name.split("."))
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if path.is_file():
                    try:
                        body = ast.parse(path.read_text(errors="replace")).body
                    except (SyntaxError, ValueError, RecursionError):
                        return {}, {}
                    defined = {n.name: n for n in body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
                    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
                    imported = {}
                    for node in body:
                        if isinstance(node, ast.ImportFrom):
                            above = package[: len(package) - node.level + 1] if node.level else []
                            where = ".".join(above + ([node.module] if node.module else []))
                            imported.update({a.asname or a.name: (where, a.name) for a in node.names})
                    return defined, imported
        return {}, {}

    def find(self, module, name):
        """The module and the definition behind a name, in the package of the module alone."""
        for _ in range(5):
            defined, imported = self.module(module)
            if name in defined:
                return module, defined[name]
            there = imported.get(name)
            if there is None or there[0].split(".")[0] != module.split(".")[0]:
                break
            module, name = there
        return None

    def family(self, module, cls):
        """A class and its bases, as far as its package defines them: constructors call those above them."""
        found, todo = [], [(module, cls)]
        while todo:
            where, node = todo.pop()
            if (where, node) in found or not isinstance(node, ast.ClassDef):
                continue
            found.append((where, node))
            bases = (self.find(where, base.id) for base in node.bases if isinstance(base, ast.Name))
            todo.extend(base for base in bases if base is not None)
        return found

    def _sinks(self, module, node, owner, depth):
        """Where a function, called, does what a reference may not."""
        found = set()
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            func, below = call.func, None
            if isinstance(func, ast.Name):
                if func.id in NAMES:
                    found.add((module, node.name if owner is None else owner.name + "." + node.name, func.id))
                    continue
                below = self.find(module, func.id)
            elif isinstance(func, ast.Attribute):
                if func.attr in METHODS:
                    found.add((module, node.name if owner is None else owner.name + "." + node.name, func.attr))
                elif owner is not None and isinstance(func.value, ast.Name) and func.value.id in ("self", "cls"):
                    method = next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == func.attr), None)
                    if method is not None and method is not node and depth:
                        found |= self.sinks(module, method, owner, depth - 1)
            if below is None or not depth:
                continue
            where, there = below
            if isinstance(there, ast.FunctionDef):
                if there is not node:
                    found |= self.sinks(where, there, None, depth - 1)
            else:
                for method in methods(there, ("__init__", "__new__", "__post_init__")):
                    if method is not node:
                        found |= self.sinks(where, method, there, depth - 1)
        return frozenset(found)


def methods(cls, names):
    return [n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name in names]


def definers(import_, facts):
    """The classes that define constructors and `__call__` of an import, as facts.tsv has them, and its own name."""
    places = {tuple(split(import_))}
    for word in facts.get(import_, "").split():
        hook, _, where = word.partition(":")
        if hook in ("init", "new", "call") and where.startswith("py@"):
            places.add(tuple(where[3:].split(":", 1)))
    return places


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/fickgate-verify"))
    args = parser.parse_args()
    rows = [line.split("\t") for line in (LISTS / "facts.tsv").read_text().splitlines() if not line.startswith("#")]
    facts = {row[0]: row[2] for row in rows if len(row) > 2}
    references = [e["import"] for _, e in entries(None) if "reference" in e.get("use", DEFAULT_USES[e["kind"]])]
    found = collections.defaultdict(set)
    for env in json.loads((HERE / "environments.json").read_text()):
        python = make(env, args.folder)
        source = Source(sorted(python.parent.parent.glob("lib/python*/site-packages")))
        for import_ in references:
            if split(import_)[0].split(".")[0] not in env["covers"]:
                continue
            for module, name in definers(import_, facts):
                below = source.find(module, name)
                if below is None:
                    continue
                where, node = below
                if isinstance(node, ast.ClassDef):
                    for above, cls in source.family(where, node):
                        for method in methods(cls, CONSTRUCTORS):
                            found[import_] |= source.sinks(above, method, cls, DEPTH)
                else:
                    found[import_] |= source.sinks(where, node, None, DEPTH)
    wrong = {i: sorted(p for p in places if f"{p[0]}:{p[1]}" not in READ) for i, places in sorted(found.items())}
    wrong = {i: places for i, places in wrong.items() if places}
    for import_, places in wrong.items():
        print(f"{import_} is a reference: " + ", ".join(f"{m}:{f} calls {c}" for m, f, c in places))
    print(f"{len(wrong)} of {len(references)} references", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
