"""Runs inside one environment: the methods of classes, by the class that defines each.

Reads a JSON list of [module, name] from standard input and writes a JSON object on standard output: under
`classes` the place of each class that was asked for, under `rows` the bases and the methods of every place that
answers for one. A method is what an attribute of the instance hides and a call by its name finds: no property, no
class, no name that has two underscores at both ends. Only the standard library, Python 2.7 to 3.14.
"""

from __future__ import print_function

import inspect
import json
import os
import sys
import tempfile
import warnings

from hooks import place
from probe import resolve

warnings.simplefilter("ignore")


def is_method(name, value):
    if name.startswith("__") or inspect.isclass(value) or hasattr(type(value), "__set__"):
        return False
    return callable(getattr(value, "__func__", value))


def add(cls, rows):
    where = place(cls)
    if where in rows or cls is object:
        return
    names = sorted(name for name, value in list(vars(cls).items()) if isinstance(name, str) and is_method(name, value))
    rows[where] = [[], names]
    for base in cls.__bases__:
        if base is not object:
            rows[where][0].append(place(base))
            add(base, rows)


def main():
    stdout, sys.stdout = sys.stdout, sys.stderr
    questions = json.load(sys.stdin)
    os.chdir(tempfile.mkdtemp())
    classes, rows = {}, {}
    for module, name in questions:
        try:
            found = resolve(module, name)
            if inspect.isclass(found):
                classes[module + ":" + name] = place(found)
                add(found, rows)
        except KeyboardInterrupt:
            raise
        except BaseException:  # a package may do anything while it is imported, and verify.py tells it
            pass
    sys.stdout = stdout
    json.dump({"classes": classes, "rows": rows}, sys.stdout)


if __name__ == "__main__":
    main()
