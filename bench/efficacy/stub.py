"""Unpicklers whose imports are stubs: every name that is asked for is noted, nothing is imported, nothing is called."""

import io
import pickle
from collections.abc import Callable


class Meta(type):
    """Classes that answer for any attribute with themselves, so that names with dots are walked."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Stub(metaclass=Meta):
    """Puts up with whatever a stream does to it."""

    def __new__(cls, *arguments, **keywords):
        return super().__new__(cls)

    def __init__(self, *arguments, **keywords):
        pass

    def __call__(self, *arguments, **keywords):
        return Stub()

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        return iter(())

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self is other

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub()

    def _nothing(self, *arguments):
        pass

    append = extend = add = update = _nothing


# What reads a pickle out of its argument: the bench reads it as well.
NESTED = {"loads", "_load_from_bytes", "pickle.loads"}


class Resolved:
    """The names that unpicklers asked for."""

    def __init__(self) -> None:
        self.names: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> type:
        self.names.add((module, name))
        resolved = self

        class Named(Stub):
            def __new__(cls, *arguments, **keywords):
                if name in NESTED and arguments and isinstance(arguments[0], (bytes, bytearray)):
                    resolved.load(io.BytesIO(arguments[0]))
                return super().__new__(cls)

        return Named

    def unpickler(self, base: type = pickle.Unpickler) -> type:
        resolved = self

        class Stubbed(base):
            def find_class(self, module, name):
                return resolved.find_class(module, name)

            def persistent_load(self, identifier):
                # In torch's older layout the class of a module comes this way.
                return Stub

        return Stubbed

    def load(self, file: io.BytesIO, base: type = pickle.Unpickler, make: Callable | None = None) -> str | None:
        """Reads one pickle; the error that stopped it, or None."""
        try:
            # Text of Python 2 is read as the loaders of its files do.
            (make(file) if make else self.unpickler(base)(file, encoding="latin1")).load()
        except Exception as error:
            return f"{type(error).__name__}: {error}"[:200]
        return None
