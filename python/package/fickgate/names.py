"""Where a program keeps what is replaced: modules that took a name of `pickle` before, and modules that come later."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Optional

# What is replaced: the original by its identity, and what stands for it.
Replacements = Mapping[int, Any]
# What was replaced: a namespace, a name in it, the original, what stands for it.
Replaced = tuple[Any, str, Any, Any]


def replace(replacements: Replacements, prefix: str = "") -> list[Replaced]:
    """Puts the replacements wherever a module, or a class of a module, has an original under some name."""
    done: list[Replaced] = []
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or name.partition(".")[0] == "fickgate" or not name.startswith(prefix):
            continue
        for key, value in list(vars(module).items()):
            if id(value) in replacements:
                done.append((module, key, value, replacements[id(value)]))
            # Not isinstance(): objects that stand for others, as torch has some, answer that with a warning. Nor are
            # classes asked for attributes, which a class of theirs may answer with whatever it likes.
            elif issubclass(type(value), type) and _attributes(value).get("__module__") == name:
                for key_, value_ in list(_attributes(value).items()):
                    plain = value_.__func__ if isinstance(value_, staticmethod) else value_
                    if id(plain) in replacements:
                        done.append((value, key_, value_, replacements[id(plain)]))
    return [change for change in done if _set(change[0], change[1], change[3])]


# What a class has itself, whatever its own class says.
_attributes: Callable[[Any], Mapping[str, Any]] = type.__dict__["__dict__"].__get__


def restore(replaced: Sequence[Replaced]) -> None:
    """Puts the originals back, where nobody else has put something else meanwhile."""
    for namespace, name, original, replacement in replaced:
        attributes = _attributes(namespace) if issubclass(type(namespace), type) else vars(namespace)
        if attributes.get(name) is replacement:
            _set(namespace, name, original)


def _set(namespace: Any, name: str, value: Any) -> bool:
    try:
        setattr(namespace, name, value)
    except Exception:
        # A class of compiled code, a module that is none, or one that lets nobody set anything: the audit hook is left.
        return False
    return True


class Watch(MetaPathFinder):
    """Calls back when one of these modules has been imported."""

    def __init__(self, wanted: Sequence[str], done: Callable[[str], None]) -> None:
        self.wanted = frozenset(wanted)
        self.done = done

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """Finds the module as it would be found without this, and has it tell when it is there."""
        if fullname not in self.wanted:
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec: Optional[ModuleSpec] = find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Telling(spec.loader, self.done)
                return spec
        return None


class _Telling(Loader):
    """A loader that tells when it is done."""

    def __init__(self, inner: Any, done: Callable[[str], None]) -> None:
        self.inner = inner
        self.done = done

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        """As without this."""
        created: Optional[ModuleType] = self.inner.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        """As without this, and nothing of this is left behind."""
        if module.__spec__ is not None:
            module.__spec__.loader = self.inner
        module.__loader__ = self.inner
        self.inner.exec_module(module)
        self.done(module.__name__)
