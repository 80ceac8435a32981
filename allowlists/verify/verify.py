#!/usr/bin/env python3
"""Checks every entry of allowlists/*.yaml against the real packages and writes report.tsv.

    python3 allowlists/verify/verify.py                     make the environments and check everything
    python3 allowlists/verify/verify.py --list torch        one list
    python3 allowlists/verify/verify.py --env torch=/venv   use an environment that exists already

Each environment of environments.json is a Python version and pinned packages from PyPI. An entry has to
exist in one of them (the first that has it is named in the report), be what its `kind` says, and not be
another name of something dangerous; a class must not have __getinitargs__, which would make INST call
it. An entry that exists in none needs `historical`, the source where its code was read. called.py runs
beside and names the methods that this code calls; called.txt keeps their names.

Needs PyYAML. Exit code 1 where an entry fails.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
LISTS = HERE.parent

CALLED_HEAD = """\
# Methods that listed code calls, on its own objects and on what their state holds, while it loads.
# Written by verify/called.py: what stands under these names in a state must not be callable.
"""
# What code without readable source calls: CPython's dict and defaultdict, the hooks of Cython classes, and
# what calling a module of torch comes down to.
C_CODE = [
    "get", "items", "iteritems", "keys", "pop", "setdefault", "update", "values", "default_factory",
    "forward", "_call_impl", "_compiled_call_impl", "_slow_forward", "_wrapped_call_impl", "_val",
]


def split(text):
    if ":" in text:
        return text.split(":", 1)
    return text.rsplit(".", 1)


def entries(wanted):
    for path in sorted(LISTS.glob("*.yaml")):
        if path.name == "refused.yaml" or (wanted and path.stem not in wanted):
            continue
        for entry in yaml.safe_load(path.read_text())["allow"]:
            yield path.stem, entry


def may_be_called(entry):
    return "call" in entry.get("use", ["call"] if entry["kind"] == "function" else [])


def make(env, folder):
    """Creates the environment's venv, unless it is there."""
    venv = folder / env["name"]
    python = venv / "bin" / "python"
    if (venv / "complete").exists():
        return python
    shutil.rmtree(venv, ignore_errors=True)
    base = env["python"]
    subprocess.run([f"python{base}", "-m", "venv", venv], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    for step in env["install"]:
        subprocess.run([*pip, *step], check=True)
    (venv / "complete").touch()
    return python


def ask(python, script, question):
    """The answer of a script that runs inside an environment."""
    run = subprocess.run(
        [python, "-W", "ignore", HERE / script], input=json.dumps(question).encode(), stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if run.returncode:
        sys.exit(f"{python}: {script} ended with {run.returncode}")
    return json.loads(run.stdout)


def complaint(entry, fact):
    """What is wrong with an entry, given what its import is."""
    kind, uses = entry["kind"], entry.get("use", [])
    # numpy.memmap opens a file when it is called; an array subclass is named as a value.
    if fact.get("danger") and uses != ["reference"]:
        return f"is another name of {fact['danger']}"
    if fact["kind"] == "module":
        return "is a module"
    if kind == "class" and fact["kind"] != "class":
        return f"is a {fact['kind']}, not a class"
    if kind == "enum" and fact["kind"] != "enum":
        return f"is a {fact['kind']}, not an enum"
    # builtins.type is called like a function, under a guard, and never created.
    if kind == "function" and fact["kind"] == "class" and not ("guard" in entry and uses == ["call"]):
        return "is a class, not a function"
    if kind == "class" and "call" not in uses and any(h.startswith("__getinitargs__") for h in fact.get("hooks", [])):
        return "has __getinitargs__ and may not be called"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="append", help="check this list only (repeatable)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VENV")
    parser.add_argument("--only-given", action="store_true", help="use the environments of --env alone")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/fickgate-verify"))
    parser.add_argument("--questions", action="store_true", help="print what called.py and spies.py are asked")
    args = parser.parse_args()
    if args.questions:
        json.dump([[*split(e["import"]), may_be_called(e)] for _, e in entries(args.list)], sys.stdout)
        return 0
    given = dict(e.split("=", 1) for e in args.env)
    environments = json.loads((HERE / "environments.json").read_text())

    todo = {f"{m}:{n}": [m, n] for _, e in entries(args.list) for m, n in [split(e["import"])]}
    callable_ = {":".join(split(e["import"])) for _, e in entries(args.list) if may_be_called(e)}
    found, versions, missing, called = {}, {}, {}, set(C_CODE)
    for env in environments:
        name = env["name"]
        if name in given:
            python = pathlib.Path(given[name]) / "bin" / "python"
        elif args.only_given:
            continue
        else:
            python = make(env, args.folder)
        tops = set(env["covers"])
        covered = {k: v for k, v in todo.items() if v[0].split(".")[0] in tops}
        wanted = [v for k, v in covered.items() if k not in found]
        facts = ask(python, "probe.py", wanted) if wanted else {}
        if env["python"] != "2.7":
            called.update(ask(python, "called.py", [[*v, k in callable_] for k, v in covered.items()]))
        for key, fact in facts.items():
            if "missing" in fact:
                missing.setdefault(key, f"{name}: {fact['missing']}")
            else:
                found[key] = (name, fact)
        versions[name] = f"Python {env['python']}: " + ", ".join(p for s in env["install"] for p in s if p[0] != "-")

    failures, rows = [], []
    for stem, entry in entries(args.list):
        module, name = split(entry["import"])
        key = f"{module}:{name}"
        if entry.get("container") == "torchscript" and key not in found:
            rows.append([entry["import"], "torchscript", entry["kind"], "", ""])
        elif key not in found:
            if "historical" not in entry:
                failures.append(f"{stem}: {entry['import']}: in no environment ({missing.get(key, 'no environment covers it')})")
            rows.append([entry["import"], "historical", entry["kind"], "", entry.get("historical", "MISSING")])
        else:
            env, fact = found[key]
            if "historical" in entry:
                failures.append(f"{stem}: {entry['import']}: marked historical, but {env} has it")
            wrong = complaint(entry, fact)
            if wrong:
                failures.append(f"{stem}: {entry['import']}: {wrong} ({env})")
            rows.append([entry["import"], env, fact["kind"], fact.get("is", ""), " ".join(fact.get("hooks", []))])
    if not args.list:
        if not args.only_given:
            (LISTS / "called.txt").write_text(CALLED_HEAD + "".join(f"{name}\n" for name in sorted(called)))
        with open(HERE / "report.tsv", "w") as out:
            for name, text in versions.items():
                out.write(f"# {name}: {text}\n")
            out.write("import\tenvironment\tkind\tis\thooks\n")
            out.writelines("\t".join(row) + "\n" for row in sorted(rows))
    print(*failures, sep="\n")
    print(f"{len(rows)} entries, {len(failures)} failures, {sum(r[1] == 'historical' for r in rows)} historical")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
