"""Runs inside one environment: prints what loading runs of one import, with its source.

    /venv/bin/python show.py module name

For a reviewer. The MRO, each hook with the class that has it, and the text of those that unpickling
reaches. Cython and C have no text in a wheel, unless the .pyx lies beside the module.
Only the standard library, Python 2.7 to 3.14.
"""

from __future__ import print_function

import inspect
import os
import re
import sys
import warnings

import hooks
import probe

warnings.simplefilter("ignore")
# Hooks whose code is shown, in the order in which loading meets them.
SHOWN = ["__new__", "__init__", "__setstate__", "__setattr__", "__getattr__", "__getattribute__", "append", "extend",
         "add", "__setitem__", "__hash__", "__eq__", "__del__", "__reduce_ex__", "__reduce__"]


def version(module):
    top = sys.modules.get(module.split(".")[0])
    return "%s %s" % (module.split(".")[0], getattr(top, "__version__", sys.version.split()[0]))


def text(found, owner):
    """The source of a function, from its .py or the .pyx beside the module."""
    found = getattr(found, "__func__", found)
    try:
        return inspect.getsource(found)
    except (OSError, IOError, TypeError):
        pass
    module = sys.modules.get(getattr(owner, "__module__", None) or "")
    path = getattr(module, "__file__", None) or ""
    pyx = re.sub(r"(\.cpython[^/]*|\.abi3)?\.so$", ".pyx", path)
    name = getattr(found, "__name__", "")
    if pyx.endswith(".pyx") and os.path.exists(pyx):
        lines = open(pyx).read().split("\n")
        for at, line in enumerate(lines):
            if re.match(r"\s*(def|cpdef)\s.*\b%s\(" % re.escape(name), line) and _inside(lines, at, owner):
                indent = len(line) - len(line.lstrip())
                end = at + 1
                while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
                    end += 1
                return "\n".join(lines[at:end]).rstrip() + "\n"
    return "    (%s, without source in the package)\n" % type(found).__name__


def _inside(lines, at, owner):
    """Whether the class that the line stands in is `owner`."""
    name = getattr(owner, "__name__", None)
    for line in reversed(lines[:at]):
        if re.match(r"(cdef )?class \w+", line):
            return re.match(r"(cdef )?class (\w+)", line).group(2) == name
    return not inspect.isclass(owner)


def show(module, name):
    found = probe.resolve(module, name)
    print("=== %s, Python %s" % (version(module), sys.version.split()[0]))
    if not inspect.isclass(found):
        print("%s: %s" % (type(found).__name__, getattr(found, "__module__", "")))
        owner = sys.modules.get(getattr(found, "__module__", None) or "")
        print(text(found, owner) if callable(found) else repr(found)[:200])
        return
    print("MRO: " + " > ".join(hooks.place(base) for base in inspect.getmro(found)))
    facts, _ = hooks.of_class(found)
    print("facts: " + " ".join(facts))
    for hook in SHOWN:
        base, code = hooks.defined(found, hook)
        if base is not None and code is not None and not hooks.builtin(base):
            print("--- %s.%s" % (hooks.place(base), hook))
            print(text(code, base))


if __name__ == "__main__":
    show(sys.argv[1], sys.argv[2])
