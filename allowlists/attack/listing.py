"""The list that is attacked, as a fickgate binary prints it."""

import json
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One import of the list. `name` is spelled `module:name`, with dots in the name for what is nested."""

    name: str
    kind: str
    uses: frozenset
    guard: str
    native: bool

    @property
    def package(self):
        return self.name.split(":")[0].split(".")[0]


def spelled(import_):
    """`module:name` of an import as the list spells it."""
    return import_ if ":" in import_ else ":".join(import_.rsplit(".", 1))


def read(binary):
    """The entries in force without any policy of a repository."""
    shown = subprocess.run(
        [binary, "policy", "show", "--no-policy", "--format", "json"], stdout=subprocess.PIPE, check=True
    )
    return [
        Entry(spelled(e["import"]), e["kind"], frozenset(e["use"]), e["guard"] or "", e["risk"] == "native-memory")
        for e in json.loads(shown.stdout)["entries"]
        if not e.get("deny")
    ]
