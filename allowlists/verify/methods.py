#!/usr/bin/env python3
"""Writes allowlists/methods.tsv: the methods of every listed class, in all releases of the environments together.

    python3 allowlists/verify/methods.py                          make the environments and ask each
    python3 allowlists/verify/methods.py --folder FOLDER          use those that are there, made by verify.py

An attribute that a state sets hides the method of its name. Needs PyYAML.
"""

import argparse
import collections
import json
import pathlib
import sys

from verify import HERE, LISTS, ask, entries, make, split

HEAD = """\
# The methods of classes, measured by verify/methods.py: the union over all environments that have them. A row is a
# class, its bases, and what it defines itself; one that is spelled as an entry spells it, and lies elsewhere, has the
# class as its base.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/fickgate-verify"))
    args = parser.parse_args()
    listed = sorted({tuple(split(entry["import"])) for _, entry in entries(None) if entry["kind"] in ("class", "function")})
    bases, methods = collections.defaultdict(set), collections.defaultdict(set)
    for env in json.loads((HERE / "environments.json").read_text()):
        wanted = [name for name in listed if name[0].split(".")[0] in env["covers"]]
        answer = ask(make(env, args.folder), "methods_of.py", wanted)
        for where, (over, names) in answer["rows"].items():
            bases[where].update(over)
            methods[where].update(names)
        for name, where in answer["classes"].items():
            if name != where:
                bases[name].add(where)
        print(f"{env['name']}: {len(answer['classes'])} of {len(wanted)}", file=sys.stderr, flush=True)
    # Only what a listed class leads to, and of that only what has a method or leads to one.
    reached, todo = set(), [":".join(name) for name in listed]
    while todo:
        where = todo.pop()
        if where not in reached and where in {**bases, **methods}:
            reached.add(where)
            todo.extend(bases[where])
    lines = [
        "\t".join([where, " ".join(sorted(bases[where] & reached)), " ".join(sorted(methods[where]))])
        for where in sorted(reached)
    ]
    (LISTS / "methods.tsv").write_text(HEAD + "".join(line.rstrip() + "\n" for line in lines))


if __name__ == "__main__":
    main()
