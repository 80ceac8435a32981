"""Runs inside one environment: says what the entries are there, for the generator to aim at.

Reads a JSON list of `module:name` from standard input and writes a JSON object on standard output. What it
says is a hint about where code is, not a judgement: nothing of it decides whether a file passes.
"""

import base64
import importlib
import inspect
import json
import os
import pickle
import re
import signal
import sys
import types
import warnings

BUILTINS = (str, bytes, bytearray, int, float, complex, dict, list, set, frozenset, tuple)
HOOKS = (
    "__getattr__", "__getattribute__", "__setattr__", "__setstate__", "__call__", "__hash__", "__eq__", "__del__",
    "__setitem__", "append", "extend", "add", "__len__", "__iter__", "__missing__", "__reduce__",
)
# What loading runs on an object, as opposed to what a program does with it later.
LOADING = ("__new__", "__init__", "__setstate__", "__setattr__", "__getattr__", "__getattribute__", "__setitem__",
           "__hash__", "__eq__", "__call__", "__del__", "append", "extend", "add", "update")
LATER = ("predict", "transform", "forward", "score")
# Methods by which objects use their parts, and the name that a spy is asked for where text in the object says which.
LINKED = ("__call__", "score", "predict", "predict_proba", "decision_function", "transform", "forward")
NAMED = "fickgate_named"
# Names in a method's code that lead out of the process: where to look first, nothing else.
OUT = {"open", "exec", "eval", "compile", "__import__", "import_module", "unlink", "mkdir", "rename", "loads",
       "system", "Popen", "urlopen", "connect", "touch", "symlink_to", "rmdir", "exec_module", "rmtree"}
# An honest object of a class: made without arguments, and fitted where it can be.
SAMPLE, SECONDS = 1 << 15, 2
ROWS = [[float(i % 3), float(i), float(i * i % 7)] for i in range(12)], [i % 2 for i in range(12)]
WORD = re.compile(r"[A-Za-z_]\w{0,40}(/|:)?\Z")


def codes(function):
    """The code objects of a function, with those nested in it."""
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    todo = [code] if code else []
    while todo:
        code = todo.pop()
        yield code
        todo.extend(const for const in code.co_consts if isinstance(const, types.CodeType))


def words(function):
    """Names and short texts in a function's code: attributes and keys that it may look up."""
    for code in codes(function):
        for word in (*code.co_names, *code.co_consts, *code.co_varnames[: code.co_argcount]):
            for part in word if isinstance(word, tuple) else (word,):
                if isinstance(part, str) and WORD.match(part):
                    yield part


def methods_of(cls):
    for base in cls.__mro__:
        if base not in (object, *BUILTINS):
            for name, value in vars(base).items():
                value = getattr(value, "__func__", value)
                if isinstance(value, property):
                    value = value.fget
                if callable(value) and not isinstance(value, type):
                    yield name, value


def arity(function):
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in positional)
    return [least, len(positional)]


def about_class(cls):
    fact = {"class": True, "base": [b.__name__ for b in BUILTINS if b in cls.__mro__]}
    hooks, compiled = [], []
    for hook in HOOKS:
        owner = next((base for base in cls.__mro__ if hook in vars(base)), object)
        if owner is not object and owner not in BUILTINS:
            hooks.append(hook)
            # Cython's functions have a __code__ as well, without any code in it.
            if not isinstance(inspect.unwrap(getattr(owner, hook)), types.FunctionType):
                compiled.append(hook)
    fact["hooks"], fact["compiled"] = hooks, compiled
    first, rest, out = [], [], []
    for name, method in methods_of(cls):
        found = list(words(method))
        (first if name in LOADING else rest).extend(found)
        if OUT.intersection(found) or name in OUT:
            out.append(name)
    rest.extend(name for name, _ in methods_of(cls))
    fact["first"] = sorted(set(first))[:150]
    fact["rest"] = sorted(set(rest) - set(first))[:250]
    fact["slots"] = sorted(
        {name for base in cls.__mro__ for name, value in vars(base).items() if inspect.isdatadescriptor(value)}
        - {"__dict__", "__weakref__", "__class__"}
    )[:40]
    fact["out"] = sorted({name for name in out if not name.startswith("_")})[:30]
    fact["later"] = [name for name in LATER if hasattr(cls, name)]
    return fact


class Slow(BaseException):
    """An object takes too long to make."""


def late(*_):
    raise Slow


def wrapped():
    """Arguments to try: none, then other objects to wrap, as meta-estimators, kernels and callbacks take them."""
    yield ()
    try:
        simple = importlib.import_module("sklearn.linear_model").LinearRegression()
    except BaseException:
        return
    yield (simple,)
    yield ([("a", simple)],)
    yield simple, simple
    yield simple, *ROWS, None


def samples(cls):
    """Pickles of an honest object of a class, as made and as fitted."""
    found, fits = {}, callable(getattr(cls, "fit", None))
    for args in wrapped():
        for fitted in (False, True) if fits else (False,):
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                made = cls(*args)
                if fitted:
                    made.fit(*ROWS)
                data = pickle.dumps(made, 4)
                if len(data) <= SAMPLE:
                    found.setdefault(fitted, base64.b64encode(data).decode())
            except BaseException:  # it wants other arguments, or is not to be pickled
                pass
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        if fits in found:
            break
    return list(found.values())


class Spy:
    """Stands for a part of an object, and notes what the object's code does with it."""

    def __init__(self, log, part):
        self.__dict__.update(log=log, part=part)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def method(*args, **_):
            self.log.append((self.part, name, len(args)))
            raise Slow

        return method

    def __call__(self, *args, **_):
        self.log.append((self.part, "__call__", len(args)))
        raise Slow


def spied(log, name, value):
    """A part of an object with spies in the place of its objects, or nothing where it has none."""
    if isinstance(value, (list, tuple)):
        parts = [spied(log, name, part) for part in value]
        return type(value)(new or part for new, part in zip(parts, value)) if any(parts) else None
    return Spy(log, name) if hasattr(value, "__dict__") and not isinstance(value, type) else None


def named(value):
    """Text, or texts in a list, with the name of a method in its place."""
    if isinstance(value, str):
        return NAMED
    return [NAMED for _ in value] if isinstance(value, list) and value and all(isinstance(v, str) for v in value) else None


def links(data):
    """What an honest object does with its parts: [method, arguments, part, method of the part, its arguments, the
    attribute that names that method]. Each part alone, then each text with all parts."""
    found, given = set(), [importlib.import_module("numpy").ones((1, 1)), None, None]
    own = vars(pickle.loads(data))
    tries = [(name, None) for name, value in own.items() if spied([], name, value)]
    tries += [(None, name) for name, value in own.items() if named(value)]
    for part, text in tries:
        for way in LINKED:
            for count in (1, 2, 3):
                made, log = pickle.loads(data), []
                method = getattr(made, way, None)
                if not callable(method):
                    continue
                for name, value in own.items():
                    if part in (name, None) and (spy := spied(log, name, value)):
                        made.__dict__[name] = spy
                if text:
                    made.__dict__[text] = named(own[text])
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                try:
                    method(*given[:count])
                except BaseException:  # it ends where a spy was met, or before
                    pass
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
                for met, called, arguments in log[:1]:
                    if not text:
                        found.add((way, count, met, called, arguments, None))
                    elif called == NAMED:
                        found.add((way, count, met, called, arguments, text))
    return sorted(found, key=str)


def about(name):
    module, attribute = name.split(":")
    found = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    if inspect.isclass(found):
        fact = about_class(found)
        fact["samples"] = samples(found)
        fact["links"] = []
        for data in map(base64.b64decode, fact["samples"][-1:]):
            try:
                fact["links"] = links(data)
            except BaseException:  # it has no attributes, or is not to be loaded again
                pass
    else:
        fact = {"class": False, "callable": callable(found), "first": sorted(set(words(found)))[:150]}
    fact["is"] = f"{getattr(found, '__module__', '')}:{getattr(found, '__qualname__', '')}"
    fact["arity"] = arity(found)
    return fact


def main():
    sys.path.pop(0)  # this folder, whose names are nobody's modules
    warnings.simplefilter("ignore")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    question = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGPROF, late)
    facts = {}
    for name in question:
        try:
            facts[name] = about(name)
        except BaseException:  # not in this environment, or its import fails here
            continue
    json.dump(facts, answer)


if __name__ == "__main__":
    main()
