#!/usr/bin/env python3
"""Checks every entry of allowlists/*.yaml against the real packages, and writes report.tsv and facts.tsv.

    python3 allowlists/verify/verify.py                     make the environments and check everything
    python3 allowlists/verify/verify.py --list torch        one list
    python3 allowlists/verify/verify.py --env torch=/venv   use an environment that exists already
    python3 allowlists/verify/verify.py --kept FOLDER       ask only what was not asked before
    python3 allowlists/verify/verify.py one IMPORT          what loading runs of one import, and a draft entry

Each environment of environments.json is a Python version and pinned packages from PyPI. An entry has to
exist in one of them (the first that has it is named in the report), be what its `kind` says, and not be
another name of something dangerous; a class must not have __getinitargs__, which would make INST call
it. An entry that exists in none needs `historical`, the source where its code was read, and `state` in words
where it permits state. What is one object for the whole process may have no state.

`one` shows the import in every environment that covers it. Where none does it installs the newest release of
the package into one of its own: `--package NAME` where the package on PyPI has another name than the module.

Needs PyYAML. Exit code 1 where an entry fails.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
LISTS = HERE.parent

# Facts of facts.tsv by the name that Python gives the hook.
HOOK_OF = {
    "setstate": "__setstate__", "setattr": "__setattr__", "delattr": "__delattr__", "getattr": "__getattr__",
    "getattribute": "__getattribute__", "del": "__del__", "hash": "__hash__", "eq": "__eq__", "append": "append",
    "extend": "extend", "add": "add", "setitem": "__setitem__", "call": "__call__", "new": "__new__",
    "init": "__init__", "reduce": "__reduce__",
}
# Hooks that open a trigger once they were read.
READ = {
    "__setstate__", "__setattr__", "__getattr__", "__getattribute__", "__del__", "__hash__", "__eq__", "append", "extend",
    "add", "__setitem__",
}
DEFAULT_USES = {
    "class": ["reference", "create", "state"], "function": ["call"], "enum": ["reference", "call"],
    "constant": ["reference"],
}
FACTS_HEAD = """\
# What code a class or callable brings that unpickling reaches, measured by verify/verify.py: the union over all
# environments that have it. `hook:py@module:Class` says in which language it is written, and where.
"""


def split(text):
    if ":" in text:
        return text.split(":", 1)
    return text.rsplit(".", 1)


def entries(wanted):
    for path in sorted(LISTS.glob("*.yaml")):
        if path.name in ("refused.yaml", "hooks.yaml") or (wanted and path.stem not in wanted):
            continue
        for entry in yaml.safe_load(path.read_text())["allow"]:
            yield path.stem, entry


def may_be_called(entry):
    return "call" in entry.get("use", ["call"] if entry["kind"] == "function" else [])


def make(env, folder):
    """Creates the environment's venv, unless it is there. uv makes it where there is one: it is much faster."""
    venv = folder / env["name"]
    python = venv / "bin" / "python"
    if (venv / "complete").exists():
        return python
    shutil.rmtree(venv, ignore_errors=True)
    base = env["python"]
    if base == "2.7":
        python.parent.mkdir(parents=True)
        python.symlink_to(shutil.which("python2.7"))
    else:
        subprocess.run([f"python{base}", "-m", "venv", venv], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    if shutil.which("uv") and not env.get("pip") and base not in ("3.6", "3.7"):
        pip = ["uv", "pip", "install", "--quiet", "--python", python]
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


def probe(python, kept, questions):
    """The facts of each import; those that `kept` has of an earlier run are not measured again."""
    answers = json.loads(kept.read_text()) if kept and kept.exists() else {}
    answers = {k: v for k, v in answers.items() if k.rsplit("?", 1)[0] in {f"{m}:{n}" for m, n, _ in questions}}
    new = [q for q in questions if "{}:{}?{:d}".format(*q) not in answers]
    if new:
        called = {f"{m}:{n}": c for m, n, c in new}
        for key, fact in ask(python, "probe.py", new).items():
            answers[f"{key}?{called[key]:d}"] = fact
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(answers))
    return {k.rsplit("?", 1)[0]: v for k, v in answers.items()}


def merged(facts):
    """The facts of one import over all environments: a column of facts.tsv."""
    words, setters = set(), set()
    for fact in facts:
        for word in fact.get("facts", []):
            if word.startswith("setters:"):
                setters.update(word[len("setters:"):].split(","))
                continue
            hook = HOOK_OF.get(word.split(":")[0])
            place = fact.get("where", {}).get(hook)
            words.add(f"{word}@{place}" if place else word)
        for made in fact.get("made", []):
            way = made.split("=")[0]
            if "=" in made:
                words.add(f"singleton:{way}" + ("" if made.endswith("=()") else "-with"))
    words -= {f"{word}-with" for word in words}
    if setters:
        words.add("setters:" + ",".join(sorted(setters)))
    return " ".join(sorted(words))


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
    if kind == "class" and "call" not in uses and fact.get("getinitargs"):
        return "has __getinitargs__ and may not be called"
    return None


def claims(wanted):
    """What entries and hooks.yaml say of states that are attributes, and of arguments that are stored."""
    takes = {h["hook"]: h.get("takes") for h in yaml.safe_load((LISTS / "hooks.yaml").read_text())["hooks"]}
    rows = [line.split("\t") for line in (LISTS / "facts.tsv").read_text().splitlines() if line[:1] != "#"]
    definers = {
        row[0]: [w.split("@")[1] for w in row[2].split() if w.startswith("setstate:")] for row in rows if len(row) == 3
    }
    for _, entry in entries(wanted):
        claim = {}
        shapes = [entry["state"]] if "state" in entry else [
            takes.get(f"{definer}.__setstate__") for definer in definers.get(entry["import"], [])
        ]
        if "state" in entry.get("use", DEFAULT_USES[entry["kind"]]) and entry["kind"] == "class":
            for shape in shapes or ["attributes"]:
                if shape == "attributes":
                    claim.setdefault("touches", [])
                elif isinstance(shape, dict):
                    claim.setdefault("touches", []).extend(shape["touches"])
        for way in ("call", "create"):
            shape = entry.get(way)
            if shape == "stored":
                claim[way] = None
            elif isinstance(shape, list) and "stored" in shape:
                claim[way] = [i for i, word in enumerate(shape) if word == "stored"]
        if claim:
            yield [*split(entry["import"]), claim]


def shared(entry, facts):
    """What is wrong with the state of an entry, given all that was measured of its import."""
    words = merged(facts).split()
    uses = entry.get("use", DEFAULT_USES[entry["kind"]])
    made = [w for w in ("create", "call") if w in uses and f"singleton:{w}" in words]
    if "state" in uses and made and "guard" not in entry:
        return f"permits state, and {made[0]} hands out one object for the whole process"
    return None


def hooks(fact):
    """The hooks of a class as report.tsv shows them: an inherited one with the class that has it."""
    own = fact.get("own", "")
    for hook, place in sorted(fact.get("where", {}).items()):
        yield hook if place == own else "{}({})".format(hook, place.split(":")[1].split(".")[-1])


def one(text, package, folder, environments, given, only_given):
    """Shows one import as a reviewer needs it, and drafts its entry."""
    module, name = split(text)
    top = module.split(".")[0]
    covering = [env for env in environments if top in env["covers"]]
    if not covering or package:
        package = package or top.replace("_", "-")
        label = re.sub(r"[^A-Za-z0-9.-]", "-", package)
        covering = [{"name": f"one-{label}", "python": "3.11", "install": [[package]], "covers": [top]}]
    facts = []
    for env in covering:
        if only_given and env["name"] not in given:
            continue
        python = pathlib.Path(given[env["name"]]) / "bin" / "python" if env["name"] in given else make(env, folder)
        subprocess.run([python, "-W", "ignore", HERE / "show.py", module, name], stderr=subprocess.DEVNULL)
        fact = probe(python, None, [[module, name, True]])[f"{module}:{name}"]
        if "missing" in fact:
            print(f"=== {env['name']}: {fact['missing']}\n")
        else:
            facts.append(fact)
    if not facts:
        print(f"no environment has {text}")
        return 1
    known = {h["hook"] for h in yaml.safe_load((LISTS / "hooks.yaml").read_text())["hooks"]}
    places = {f"{p}.{h}" for f in facts for h, p in f.get("where", {}).items()}
    unread = sorted(p for p in places if p not in known and not p.startswith("builtins:")
                    and p.rsplit(".", 1)[1] in READ)
    print("=== facts.tsv\n" + "\t".join([text, facts[0]["kind"], merged(facts)]) + "\n")
    if facts[0].get("danger") or facts[0]["kind"] == "module":
        print(f"This is {facts[0].get('danger', 'a module')}: it belongs into refused.yaml.")
        return 1
    if unread:
        print("=== to read first, and to write into hooks.yaml\n")
        for place in unread:
            takes = "    takes: what was read, instead of this line\n" if place.endswith("__setstate__") else ""
            print(f"  - hook: {place}\n{takes}    why: What it does with what it is given.\n")
    print("=== draft entry: give no use that honest files do not need\n")
    print(f"  - import: {text}\n    kind: {facts[0]['kind']}")
    if facts[0]["kind"] == "function":
        print("    use: [reference]")
    print("    why: What the code does with its state, or with its arguments, in your own words.")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="append", help="check this list only (repeatable)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VENV")
    parser.add_argument("--only-given", action="store_true", help="use the environments of --env alone")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/fickgate-verify"))
    parser.add_argument("--kept", type=pathlib.Path, help="folder that keeps answers: only new questions are asked")
    parser.add_argument("--claims", action="store_true", help="print what spies.py is asked")
    parser.add_argument("words", nargs="*", metavar="one IMPORT", help="show one import")
    parser.add_argument("--package", help="what to install for `one`: NAME or NAME==VERSION")
    args = parser.parse_args()
    given = dict(e.split("=", 1) for e in args.env)
    if args.words:
        if len(args.words) != 2 or args.words[0] != "one":
            parser.error("the only words are: one IMPORT")
        environments = json.loads((HERE / "environments.json").read_text())
        return one(args.words[1], args.package, args.folder, environments, given, args.only_given)
    if args.claims:
        json.dump(list(claims(args.list)), sys.stdout)
        return 0
    environments = json.loads((HERE / "environments.json").read_text())

    callable_ = {":".join(split(e["import"])): may_be_called(e) for _, e in entries(args.list)}
    todo = {k: [*k.split(":", 1), called] for k, called in callable_.items()}
    found, versions, missing = {}, {}, {}
    for env in environments:
        name = env["name"]
        tops = set(env["covers"])
        wanted = [q for q in todo.values() if q[0].split(".")[0] in tops]
        if args.list and not wanted:
            continue
        if name in given:
            python = pathlib.Path(given[name]) / "bin" / "python"
        elif args.only_given:
            continue
        else:
            python = make(env, args.folder)
        for key, fact in probe(python, args.kept and args.kept / f"{name}.json", wanted).items():
            if "missing" in fact:
                missing.setdefault(key, f"{name}: {fact['missing']}")
            else:
                found.setdefault(key, []).append((name, fact))
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
            if "state" in entry.get("use", DEFAULT_USES[entry["kind"]]) and not {"state", "guard"} & set(entry):
                failures.append(f"{stem}: {entry['import']}: permits state that nobody measured: say `state`")
            rows.append([entry["import"], "historical", entry["kind"], "", entry.get("historical", "MISSING")])
        else:
            env, fact = found[key][0]
            if "historical" in entry:
                failures.append(f"{stem}: {entry['import']}: marked historical, but {env} has it")
            for other, seen in found[key]:
                wrong = complaint(entry, seen)
                if wrong:
                    failures.append(f"{stem}: {entry['import']}: {wrong} ({other})")
            wrong = shared(entry, [f for _, f in found[key]])
            if wrong:
                failures.append(f"{stem}: {entry['import']}: {wrong}")
            rows.append([entry["import"], env, fact["kind"], fact.get("is", ""), " ".join(hooks(fact))])
    if not args.list and not args.only_given:
        with open(HERE / "report.tsv", "w") as out:
            for name, text in versions.items():
                out.write(f"# {name}: {text}\n")
            out.write("import\tenvironment\tkind\tis\thooks\n")
            out.writelines("\t".join(row) + "\n" for row in sorted(rows))
    if not args.list:
        with open(LISTS / "facts.tsv", "w") as out:
            out.write(FACTS_HEAD)
            for row in sorted(rows):
                seen = found.get(":".join(split(row[0])))
                if seen:
                    out.write("\t".join([row[0], row[2], merged([f for _, f in seen])]) + "\n")
    print(*failures, sep="\n")
    print(f"{len(rows)} entries, {len(failures)} failures, {sum(r[1] == 'historical' for r in rows)} historical")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
