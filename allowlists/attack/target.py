"""What is attacked: the entries of the list that one environment has, with what the survey says of each."""

import collections
import json
import os
import pathlib
import subprocess
import tempfile

from node import CHANGES, imports, walk

HERE = pathlib.Path(__file__).resolve().parent


class Target:
    """Entries by use and by property. `rng.choice` over these lists is all that a generator needs."""

    # Methods that code looks up by a name in the state.
    METHODS = ("predict", "predict_proba", "decision_function", "transform", "fit_transform", "score", "fit", "forward", "call")

    def __init__(self, entries, facts, honest=(), about=frozenset()):
        self.entries = [e for e in entries if e.name in facts]
        # Where only some entries are meant, half of what is drawn is of these.
        self.about = frozenset(e.name for e in self.entries if e.name in about)
        self.turns = [e for e in self.entries if e.name in self.about] or self.entries
        self.honest = self.favoured(list(honest), lambda root: not self.about.isdisjoint(imports(root)))
        self.facts = facts
        self.by_name = {e.name: e for e in self.entries}
        self.classes = [e for e in self.entries if facts[e.name]["class"]]
        self.creates = [e for e in self.classes if "create" in e.uses]
        self.calls = [e for e in self.entries if "call" in e.uses]
        self.states = [e for e in self.entries if "state" in e.uses]
        self.items = [e for e in self.entries if "items" in e.uses]
        self.references = [e for e in self.entries if "reference" in e.uses]
        # A guard looks at what they are given: where what it looks for may be hidden.
        self.guarded = [e for e in self.calls if e.guard]
        # Called by nothing but an attack.
        self.canaries = [
            e for e in self.entries
            if e.uses == {"reference"} and not facts[e.name]["class"] and facts[e.name].get("callable")
        ]
        self.texts = [e for e in self.classes if "str" in self.base(e) and e.uses & {"create", "call"}]
        self.answers = self.having("__getattr__", self.creates)
        self.callables = self.having("__call__", self.creates)
        self.leading_out = [e for e in self.creates if facts[e.name].get("out")]
        self.compiled = [e for e in self.states if "__setstate__" in facts[e.name].get("compiled", ())]
        self.answers_items = [e for e in self.answers if "items" in e.uses]
        self.made_states = [e for e in self.states if "create" in e.uses]
        self.called_states = [e for e in self.states if "call" in e.uses]
        self.hooked_states = self.having("__setstate__", self.states)
        self.later = [e for e in self.states if facts[e.name].get("later")]
        later = {e.name for e in self.later}
        self.later_honest = [root for root in self.honest if later.intersection(imports(root))]
        callables = {e.name for e in self.callables}
        alike = collections.defaultdict(list)
        for root in self.honest:
            if made_by(root) in callables:
                alike[made_by(root)].append(root)
        self.callable_honest = list(alike.values())  # of one class each
        self.honest_of = collections.defaultdict(list)
        for root in self.honest:
            if root.op == "build" and root.kids[1].op == "dict":
                self.honest_of[made_by(root)].append(root)
        # What objects do with their parts, by the method that is called and how many arguments it gets.
        self.links = collections.defaultdict(list)
        for entry in self.made_states:
            for way, count, *link in facts[entry.name].get("links") or ():
                if self.honest_of[entry.name]:
                    self.links[way, count].append((entry.name, *link))
        self.naming = [root for root in self.later_honest if any(n.op == "lit" and n.data in self.METHODS for n in walk(root))]
        self.words = sorted({w for e in self.entries for w in facts[e.name].get("first", ())})
        self.alike = collections.defaultdict(list)
        for entry in self.entries:
            self.alike[entry.uses, entry.guard].append(entry)
        self.grouped, self.meant, self.own = {}, {}, {}

    def base(self, entry):
        return self.facts[entry.name].get("base", [])

    def hooks(self, entry):
        return self.facts[entry.name].get("hooks", [])

    def having(self, hook, entries):
        return [e for e in entries if hook in self.hooks(e)]

    def of_package(self, package):
        """References of one package."""
        if package not in self.own:
            self.own[package] = [e for e in self.references if e.package == package]
        return self.own[package]

    def favoured(self, things, meant):
        """Things of which half are meant, where only some entries are."""
        some = [thing for thing in things if self.about and meant(thing)]
        return things + some * max(1, len(things) // len(some)) if some else things

    def mixed(self, rng, entries):
        """One of the entries: half the time a package first, so that a long list does not drown a short one."""
        if not entries:
            return None
        if self.about and rng.random() < 0.5:
            if id(entries) not in self.meant:
                self.meant[id(entries)] = entries, [e for e in entries if e.name in self.about]
            entries = self.meant[id(entries)][1] or entries
        if rng.random() < 0.5:
            return rng.choice(entries)
        if id(entries) not in self.grouped:
            packages = collections.defaultdict(list)
            for entry in entries:
                packages[entry.package].append(entry)
            self.grouped[id(entries)] = entries, list(packages.values())
        return rng.choice(rng.choice(self.grouped[id(entries)][1]))


def made_by(root):
    """The import that makes an object, before its items and its state."""
    while root.op in CHANGES:
        root = root.kids[0]
    return root.kids[0].data if root.op in ("new", "call", "newex", "obj") else None


def survey(python, entries, kept=None):
    """The facts of an environment, from the file where they are kept if it is there."""
    if kept and kept.exists():
        return json.loads(kept.read_text())
    with tempfile.TemporaryDirectory(prefix="fickgate-survey-") as folder:  # what a constructor writes stays there
        run = subprocess.run(
            [python, "-W", "ignore", HERE / "survey.py"], input=json.dumps([e.name for e in entries]).encode(),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, cwd=folder, env={**os.environ, "HOME": folder},
        )
    facts = json.loads(run.stdout)
    if kept:
        kept.write_text(json.dumps(facts))
    return facts
