#!/usr/bin/env python3
"""Says which imports the list permits otherwise than at a commit, one a line, for `run.py --about`.

    python3 allowlists/attack/changed.py COMMIT > FILE

An import is among them if its entry is new, if what the entry says is (its words are not), if a hook of its class
was read since or is read otherwise, if other facts were measured of it, or if its guard's code has changed. Needs
PyYAML.
"""

import pathlib
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUARDS = "engine/src/pickle/known"
WORDS = ("why", "read", "dangerous")  # what a person reads


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], stdout=subprocess.PIPE, check=True, text=True).stdout


def lists(commit):
    """The text of every list by its name, of a commit or as it stands in this folder."""
    if commit is None:
        return {path.name: path.read_text() for path in (ROOT / "allowlists").iterdir() if path.suffix in (".yaml", ".tsv")}
    names = git("ls-tree", "--name-only", commit, "allowlists/").split()
    return {name.split("/")[-1]: git("show", f"{commit}:{name}") for name in names if name.endswith((".yaml", ".tsv"))}


def facts(texts):
    rows = (line.split("\t") for line in texts["facts.tsv"].splitlines() if line and not line.startswith("#"))
    return {row[0]: row[2].split() for row in rows}


def said(texts):
    """What the list of one time says of each import: its entry, its facts, and of each hook what it takes."""
    measured = facts(texts)
    hooks = {h["hook"]: (h.get("takes"), h.get("numbers")) for h in yaml.safe_load(quoted(texts["hooks.yaml"]))["hooks"]}
    found = {}
    for name, text in texts.items():
        if name.endswith(".yaml") and name not in ("hooks.yaml", "refused.yaml"):
            for entry in yaml.safe_load(quoted(text)).get("allow") or []:
                of_class = measured.get(entry["import"], [])
                taken = [(definer, hooks.get(definer)) for definer in map(definer_of, of_class) if definer]
                found[entry["import"]] = [{k: v for k, v in entry.items() if k not in WORDS}, of_class, taken]
    return found


def quoted(text):
    """YAML of a list in a form that PyYAML takes: it wants a word that ends with a question mark in quotes."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if "takes: [" in line and '"' not in line:
            head, _, rest = line.partition("takes: [")
            words = rest.rstrip().removesuffix("]").split(", ")
            lines[i] = f"{head}takes: [{', '.join(f'{chr(34)}{word}{chr(34)}' for word in words)}]"
    return "\n".join(lines)


def definer_of(word):
    """The name in hooks.yaml of a word of facts.tsv such as `setstate:py@module:Class`."""
    hook, _, definer = word.partition(":")
    name = hook if hook in ("append", "extend", "add") else f"__{hook}__"
    return f"{definer.split('@')[1]}.{name}" if "@" in definer else None


def guards_changed(commit):
    """The guards in whose files a line has changed, by the rows that call into these files."""
    files = git("diff", "--name-only", commit, "--", GUARDS).split()
    stems = {pathlib.Path(path).stem for path in files}
    rows = (ROOT / GUARDS / "mod.rs").read_text().splitlines()
    return {
        row.split("Guard::")[1].split("=>")[0].strip(" |(){")
        for row in rows if "Guard::" in row and "=>" in row and any(f"{stem}::" in row for stem in stems)
    }


def main():
    commit = sys.argv[1]
    old, new = said(lists(commit)), said(lists(None))
    guards = {guard.lower() for guard in guards_changed(commit)}
    for name, what in sorted(new.items()):
        guard = (what[0].get("guard") or "").replace("-", "")
        if old.get(name) != what or guard in guards:
            print(name)


if __name__ == "__main__":
    main()
