"""One candidate: files in a folder of their own, and the loaders that may run them."""

from dataclasses import dataclass, field


@dataclass
class Candidate:
    """`files` maps names to bytes, the one that is loaded first. `loaders` are names of `loader.py`."""

    files: dict
    loaders: list
    recipe: list = field(default_factory=list)
    number: int = -1

    @property
    def main(self):
        return next(iter(self.files))
