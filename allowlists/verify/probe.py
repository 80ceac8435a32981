"""Runs inside one environment: looks imports up and says what they are.

Reads a JSON list of [module, name, whether it may be called] from standard input and writes a JSON object
on standard output. hooks.py measures what code a class brings, making.py whether what it makes is new.
Only the standard library, Python 2.7 to 3.14.
"""

from __future__ import print_function

import importlib
import inspect
import json
import os
import sys
import tempfile
import warnings

import hooks
import making

warnings.simplefilter("ignore")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("MPLBACKEND", "Agg")

# What no entry may be another name of: module, then names.
DANGEROUS = {
    "os": ["system", "popen", "execv", "spawnv", "startfile", "remove", "unlink", "rename"],
    "subprocess": ["Popen", "run", "call", "check_call", "check_output", "getoutput"],
    "pickle": ["load", "loads", "Unpickler", "_Unpickler"],
    "marshal": ["load", "loads"],
    "importlib": ["import_module", "reload"],
    "functools": ["partial", "reduce"],
    "operator": ["attrgetter", "itemgetter", "methodcaller"],
    "types": ["FunctionType", "CodeType", "MethodType", "ModuleType"],
    "shutil": ["rmtree", "move", "copy"],
    "codecs": ["open", "decode"],
    "numpy": ["load", "fromfile", "memmap"],
    "joblib": ["load", "Memory"],
    "torch": ["load"],
    "pandas": ["read_pickle", "eval"],
    "dill": ["load", "loads"],
    "cloudpickle": ["load", "loads"],
}
DANGEROUS_BUILTINS = [
    "eval", "exec", "compile", "getattr", "setattr", "delattr", "open", "__import__", "globals", "locals", "vars",
    "input", "map", "filter", "apply", "execfile", "reload", "breakpoint",
]


def dangerous_objects():
    found = []
    builtins = importlib.import_module("builtins" if sys.version_info[0] > 2 else "__builtin__")
    for name in DANGEROUS_BUILTINS:
        if hasattr(builtins, name):
            found.append((getattr(builtins, name), "builtins." + name))
    for module, names in DANGEROUS.items():
        loaded = sys.modules.get(module)
        if loaded is None and module in ("os", "subprocess", "pickle", "marshal", "importlib", "functools",
                                         "operator", "types", "shutil", "codecs"):
            loaded = importlib.import_module(module)
        for name in names:
            if loaded is not None and hasattr(loaded, name):
                found.append((getattr(loaded, name), module + "." + name))
    return found


# Modules that exist once another one was imported: Cython modules of scikit-learn 1.4 to 1.8.
REGISTERED_BY = {"_loss": "sklearn._loss"}


def resolve(module, name):
    if module in REGISTERED_BY:
        importlib.import_module(REGISTERED_BY[module])
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def describe(module, name, called):
    found = resolve(module, name)
    fact = {}
    if inspect.isclass(found):
        fact["kind"] = "class"
        try:
            from enum import Enum
            if issubclass(found, Enum):
                fact["kind"] = "enum"
        except ImportError:
            pass
        fact["facts"], fact["where"] = hooks.of_class(found)
        fact["own"] = hooks.place(found)
        fact["getinitargs"] = hasattr(found, "__getinitargs__")
    elif inspect.ismodule(found):
        fact["kind"] = "module"
    elif callable(found):
        fact["kind"] = "function"
    else:
        fact["kind"] = "constant"
    if fact["kind"] in ("class", "function"):
        fact["made"] = making.in_child(found, fact["kind"] == "class", called)
    owner = getattr(found, "__module__", None)
    own = getattr(found, "__qualname__", getattr(found, "__name__", None))
    if isinstance(owner, str) and isinstance(own, str) and (owner, own) != (module, name):
        fact["is"] = owner + "." + own
    for other, spelling in dangerous_objects():
        if found is other and spelling != module + "." + name:
            fact["danger"] = spelling
    return fact


def main():
    facts = {}
    stdout, sys.stdout = sys.stdout, sys.stderr
    questions = json.load(sys.stdin)
    os.chdir(tempfile.mkdtemp())
    for module, name, called in questions:
        key = module + ":" + name
        try:
            facts[key] = describe(module, name, called)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # a package may do anything while it is imported
            facts[key] = {"missing": "%s: %s" % (type(e).__name__, str(e).split("\n")[0][:160])}
    sys.stdout = stdout
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
