#!/usr/bin/env python3
"""Lists every class of each minor release of a package, under the path that its pickles carry.

    python3 allowlists/verify/moved.py scikit-learn --since 0.18      what the list lacks
    python3 allowlists/verify/moved.py xgboost --all                  every class, listed or not
    python3 allowlists/verify/moved.py lightgbm --draft               as entries to judge

A pickle names a class by the module that defined it when it was written, so a class that moved needs an
entry for each place. The newest patch release of each minor one is downloaded as a wheel (`pip download
--no-deps`), unzipped and parsed; nothing of it is imported or run. A line of output is one path: the
releases that have it, whether the list has it, the hooks that unpickling may run with the class that defines
them, and `open` where a base class is not in the package and its hooks are therefore not known.

Compiled modules hold no source: a module that is there as a library alone is named at the end, and read by
hand.
"""

import argparse
import ast
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import yaml

LISTS = pathlib.Path(__file__).resolve().parent.parent

# What unpickling, or the end of an object, may run.
HOOKS = {
    "__new__", "__setstate__", "__getstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getattr__",
    "__getattribute__", "__setattr__", "__setitem__", "append", "extend", "add", "__hash__", "__eq__", "__del__",
    "__call__",
}
# Interpreters and platforms that old wheels were built for, the newest first.
TAGS = [("3.11", "manylinux2014_x86_64"), ("3.11", "manylinux_2_28_x86_64"), ("3.8", "manylinux2014_x86_64"),
        ("3.8", "manylinux1_x86_64"), ("3.6", "manylinux1_x86_64"), ("2.7", "manylinux1_x86_64")]
# Bases that have no hook.
PLAIN = {"object", "ABC", "Generic", "Protocol", "NamedTuple", "Exception", "ValueError", "UserWarning"}


def minors(package, since):
    """The newest patch of each minor release, the oldest first."""
    run = subprocess.run([sys.executable, "-m", "pip", "index", "versions", package], capture_output=True, text=True,
                         check=True)
    found = {}
    for version in re.search(r"Available versions: (.*)", run.stdout).group(1).split(", "):
        numbers = version.split(".")
        if not all(part.isdigit() for part in numbers):
            continue
        key = tuple(map(int, numbers[:2]))
        if key >= since:
            found.setdefault(key, version)
    return [found[key] for key in sorted(found)]


def wheel(package, version, folder):
    """The wheel of a release, or None where there is none for Linux."""
    target = folder / f"{package}-{version}"
    for python, platform in TAGS:
        if not any(target.glob("*.whl")):
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                 "--python-version", python, "--platform", platform, "--dest", target, f"{package}=={version}"],
                stderr=subprocess.DEVNULL, check=False,
            )
    return next(target.glob("*.whl"), None)


def body(nodes):
    """Statements of a module, those under `if` and `try` included."""
    for node in nodes:
        yield node
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try)):
                yield from body(getattr(node, part, []))
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from body(handler.body)


def name_of(node):
    """The last part of a name: `Base` of `module.Base[T]`."""
    if isinstance(node, ast.Subscript):
        return name_of(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "?"


def hooks_of(node):
    own = set()
    for item in body(node.body):
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if item.name in HOOKS:
                own.add(item.name)
            if any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in item.decorator_list):
                own.add(f"setter:{item.name}")
        elif isinstance(item, ast.Assign):
            names = {t.id for t in item.targets if isinstance(t, ast.Name)}
            own |= names & (HOOKS | {"__slots__"})
    return own


def classes(archive):
    """Classes of a wheel by path, with own hooks and bases; and the modules that are compiled."""
    found, compiled = {}, set()
    with zipfile.ZipFile(archive) as members:
        for name in members.namelist():
            path = pathlib.PurePosixPath(name)
            if re.search(r"(^|/)(tests?|conftest|setup|testing)(/|\.py)", name) or ".data/" in name:
                continue
            parts = list(path.with_suffix("").parts)
            if path.suffix in (".so", ".pyd"):
                compiled.add(".".join([*parts[:-1], path.name.split(".")[0]]))
            if path.suffix != ".py":
                continue
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            try:
                tree = ast.parse(io.TextIOWrapper(members.open(name), "utf-8").read())
            except (SyntaxError, ValueError):
                print(f"# {archive.name}: {name} is not read: no Python {sys.version_info[0]}", file=sys.stderr)
                continue
            for node in body(tree.body):
                if isinstance(node, ast.ClassDef):
                    found[f"{module}.{node.name}"] = (hooks_of(node), [name_of(base) for base in node.bases])
    return found, compiled


def inherited(path, found, by_name, seen=()):
    """Hooks of a class and its bases, with the class that has them; `open:` for bases from elsewhere."""
    own, bases = found[path]
    yield from ((hook, path) for hook in own)
    for base in bases:
        if base in PLAIN or base in seen:
            continue
        places = by_name.get(base)
        if not places:
            yield f"open:{base}", path
            continue
        # The nearest module of that name: the one with the longest common beginning.
        nearest = max(places, key=lambda p: len([1 for a, b in zip(p.split("."), path.split(".")) if a == b]))
        yield from inherited(nearest, found, by_name, (*seen, base))


def listed():
    """What the list and the refusals name."""
    entries, refused = set(), []
    for file in LISTS.glob("*.yaml"):
        for entry in yaml.safe_load(file.read_text()).get("allow", []):
            if file.name == "refused.yaml":
                refused.append(entry["import"])
            else:
                entries.add(entry["import"].replace(":", "."))
        refused += [entry["import"] for entry in yaml.safe_load(file.read_text()).get("refuse", [])]
    return entries, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--since", default="0.0", help="the first minor release (default: every one)")
    parser.add_argument("--all", action="store_true", help="also what the list has")
    parser.add_argument("--draft", action="store_true", help="print entries to fill in")
    parser.add_argument("--under", default="", help="modules that begin with this alone")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "fickgate-moved")
    args = parser.parse_args()
    since = tuple(int(part) for part in args.since.split(".")[:2])
    entries, refused = listed()
    releases, hooks, compiled = {}, {}, {}
    for version in minors(args.package, since):
        archive = wheel(args.package, version, args.folder)
        if archive is None:
            print(f"# {version}: no wheel", file=sys.stderr)
            continue
        found, libraries = classes(archive)
        by_name = {}
        for path in found:
            by_name.setdefault(path.rsplit(".", 1)[1], []).append(path)
        for path in found:
            releases.setdefault(path, []).append(version)
            hooks.setdefault(path, set()).update(inherited(path, found, by_name))
        for module in libraries:
            compiled.setdefault(module, []).append(version)
    for path in sorted(releases):
        barred = any(path == r or r.endswith(".**") and path.startswith(r[:-2]) for r in refused)
        state = "listed" if path in entries else "refused" if barred else "lacks"
        if not path.startswith(args.under) or not args.all and state != "lacks":
            continue
        span = f"{releases[path][0]}..{releases[path][-1]}"
        facts = " ".join(sorted(f"{h}({p.rsplit('.', 1)[1]})" for h, p in hooks[path]))
        if args.draft:
            print(f"  - import: {path}\n    kind: class\n    since: \"{releases[path][0]}\"\n    # {span}: {facts}\n    why:")
        else:
            print(f"{path}\t{span}\t{state}\t{facts}")
    for module, versions in sorted(compiled.items()):
        print(f"# compiled: {module} {versions[0]}..{versions[-1]}", file=sys.stderr)


if __name__ == "__main__":
    main()
