"""What payloads call: it leaves the marker, a folder named M where the loader runs, and does nothing else.

Copied under many names into a folder on the path of every loader; runs on CPython 2.7 and 3."""

import os

MARKER = "M"


def hit(*arguments, **keywords):
    try:
        os.mkdir(MARKER)
    except OSError:
        pass


class Made(object):
    """Leaves the marker when it is made by `__new__`."""

    def __new__(cls, *arguments, **keywords):
        hit()
        return object.__new__(cls)


class Taker(object):
    """Leaves the marker when something is done to an instance."""

    __setstate__ = append = extend = add = __setitem__ = hit


class Plain(object):
    pass


def __getattr__(name):  # any name is there; CPython 3.7 and later
    if name.startswith("__"):
        raise AttributeError(name)
    return hit


if __name__.startswith("fickgate_on_import"):
    hit()
