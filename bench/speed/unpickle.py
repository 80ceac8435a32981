"""`_pickle.Unpickler` with stubs in the place of all that is imported: the least that a reader in Python needs."""

import _pickle
import pathlib
import sys


class Stub:
    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass

    def append(self, value):
        pass

    def extend(self, values):
        pass


class Stubbed(_pickle.Unpickler):
    def find_class(self, module, name):
        return Stub

    def persistent_load(self, pid):
        return None


for argument in map(pathlib.Path, sys.argv[1:]):
    for path in sorted(argument.iterdir()) if argument.is_dir() else [argument]:
        with path.open("rb") as file:
            Stubbed(file).load()
