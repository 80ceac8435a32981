"""All mutants that `cargo mutants` lists, compiled into one copy of the tree, where a variable of the environment chooses.

A mutant then costs the tests that reach it, and no build. See README.md.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import tree_sitter
import tree_sitter_rust

ROOT = Path(__file__).resolve().parents[2]
ON = "crate::mutant::on"
RUST = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))

# What the copy asks which mutant is chosen; a run that traces writes down whom it asked about.
SWITCH = """//! Which mutant is chosen.
use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

static CHOSEN: LazyLock<u32> =
    LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|m| m.parse().ok()).unwrap_or(u32::MAX));
static TRACE: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("MUTANT_TRACE").ok());
static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

/// Whether this mutant is chosen.
pub fn on(mutant: u32) -> bool {
    if let Some(file) = TRACE.as_ref()
        && !SEEN[mutant as usize].swap(true, Ordering::Relaxed)
    {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(file);
        let _ = file.and_then(|mut file| file.write_all(format!("{mutant}\\n").as_bytes()));
    }
    *CHOSEN == mutant
}
"""


class Mutants:
    """The mutants of one file, by the node of its syntax that they change."""

    def __init__(self, source, mutants):
        self.source = source
        self.lines = [0]
        for line in source.split(b"\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)
        self.at = collections.defaultdict(list)
        for mutant in mutants:
            span = mutant["span"]
            self.at[self.byte(span["start"]), self.byte(span["end"])].append(mutant)
        self.left = {m["id"] for m in mutants}

    def byte(self, place):
        """The byte at a line and a column, which count characters from 1."""
        start = self.lines[place["line"] - 1]
        line = self.source[start : self.lines[place["line"]]].decode()
        return start + len(line[: place["column"] - 1].encode())

    def take(self, start, end, genre):
        """Mutants of this kind at this place, which are thereby dealt with."""
        found = [m for m in self.at.get((start, end), []) if m["genre"] == genre and m["id"] in self.left]
        self.left -= {m["id"] for m in found}
        return found

    def render(self, node):
        """The text of a node with its mutants in it, each between marks."""
        mutants = []
        if node.type == "function_item" and (body := node.child_by_field_name("body")):
            inner = [c for c in body.children if c.type not in ("{", "}", "line_comment", "block_comment")]
            span = (inner[0].start_byte, inner[-1].end_byte) if inner else (0, 0)
            given = node.child_by_field_name("return_type")
            if given and given.text.startswith(b"impl "):
                return self.children(node)
            found = self.take(body.start_byte, body.end_byte, "FnValue") or self.take(*span, "FnValue")
            early = "".join(marked(m["id"], f" if {ON}({m['id']}) {{ return {m['replacement']}; }}") for m in found)
            return self.children(node, {body.id: lambda: self.block(body, early)})
        if node.type in ("binary_expression", "compound_assignment_expr"):
            operator = node.child_by_field_name("operator")
            mutants = self.take(operator.start_byte, operator.end_byte, "BinaryOperator")
            if mutants:
                return self.binary(node, operator, mutants)
        if node.type == "unary_expression":
            operator = node.children[0]
            for mutant in self.take(operator.start_byte, operator.end_byte, "UnaryOperator"):
                operand = self.children(node, {operator.id: lambda: ""})
                test = f"{ON}({mutant['id']})"
                whole = self.children(node)
                text = (
                    f"({test} ^ ({whole}))"
                    if operator.text == b"!"
                    else f"(if {test} {{ {operand} }} else {{ {whole} }})"
                )
                return marked(mutant["id"], text)
        if node.type == "match_arm":
            return self.arm(node)
        if node.type == "struct_expression":
            return self.structure(node)
        return self.children(node)

    def children(self, node, instead=()):
        """The text of a node by that of its children."""
        if not node.children:
            return node.text.decode()
        text, place = "", node.start_byte
        for child in node.children:
            text += self.source[place : child.start_byte].decode()
            text += instead[child.id]() if child.id in instead else self.render(child)
            place = child.end_byte
        return text + self.source[place : node.end_byte].decode()

    def block(self, body, early):
        text = self.children(body)
        return "{" + early + text[1:]

    def binary(self, node, operator, mutants):
        left = self.render(node.child_by_field_name("left"))
        right = self.render(node.child_by_field_name("right"))
        own = operator.text.decode()
        if own in ("&&", "||") and [m["replacement"] for m in mutants] in (["||"], ["&&"]):
            chosen = f"{ON}({mutants[0]['id']})"
            branches = (
                f"{{ {right} }} else {{ mutant_left }}" if own == "&&" else f"{{ mutant_left }} else {{ {right} }}"
            )
            text = f"({{ let mutant_left: bool = {left}; if mutant_left != {chosen} {branches} }})"
            return marked(mutants[0]["id"], text)
        # No copies of operands that hold mutants themselves: there may be a long chain of them.
        nested = "\x01" in left + right
        if node.type == "compound_assignment_expr":
            before = f"let mutant_right = {right}; " if nested else ""
            operands = (left, "mutant_right" if nested else right)
        elif own in ("==", "!=", "<", "<=", ">", ">="):
            before, operands = "", ("mutant_left", "mutant_right") if nested else (f"({left})", f"({right})")
        else:
            before, operands = (
                f"let mutant_left = {left}; let mutant_right = {right}; ",
                ("mutant_left", "mutant_right"),
            )
        text = "{ " + own.join(operands) + " }"
        for mutant in mutants:
            other = mutant["replacement"].join(operands)
            text = marked(mutant["id"], f"if {ON}({mutant['id']}) {{ {other} }} else {text}")
            text = "{ " + text + " }"
        if nested and operands == ("mutant_left", "mutant_right") and not before:
            return f"(match (&({left}), &({right})) {{ (mutant_left, mutant_right) => {text} }})"
        text = "{ " + before + text + " }" if before else text
        return text if node.type == "compound_assignment_expr" else f"({text})"

    def arm(self, node):
        pattern = node.child_by_field_name("pattern")
        guard = pattern.child_by_field_name("condition")
        # An arm with a guard counts for nothing where the compiler asks whether all cases have one.
        last = [c for c in node.parent.children if c.type == "match_arm"][-1].child_by_field_name("pattern")
        whole = re.fullmatch(rb"_|[a-z]\w*", last.text)
        gone = self.take(node.start_byte, node.end_byte, "MatchArm") if whole else []
        forced = self.take(guard.start_byte, guard.end_byte, "MatchArmGuard") if guard else []
        if not gone and not forced:
            return self.children(node)
        condition = f"({self.render(guard)})" if guard else "true"
        for mutant in forced:
            test = f"{ON}({mutant['id']})"
            joined = f"({test} || {condition})" if mutant["replacement"] == "true" else f"(!{test} && {condition})"
            condition = marked(mutant["id"], joined)
        for mutant in gone:
            condition = marked(mutant["id"], f"(!{ON}({mutant['id']}) && {condition})")
        text = self.source[pattern.start_byte : guard.start_byte if guard else pattern.end_byte].decode()
        text = text if guard else text + " if "
        return self.children(node, {pattern.id: lambda: text + condition})

    def structure(self, node):
        """A struct some fields of which come from another one, which is made first."""
        fields = node.child_by_field_name("body")
        base = next((c for c in fields.children if c.type == "base_field_initializer"), None)
        instead = {}
        for child in fields.children:
            comma = child.next_sibling.end_byte if child.next_sibling else 0
            for mutant in self.take(child.start_byte, comma, "StructField") if base else []:
                instead[child.id] = lambda child=child, mutant=mutant: self.field(child, mutant)
        if not instead:
            return self.children(node)
        taken = self.children(base, {base.named_children[-1].id: lambda: "base"})
        instead[base.id] = lambda: taken
        name = self.render(node.child_by_field_name("name"))
        made = self.render(base.named_children[-1])
        return f"{{ let base = {made}; {name} {self.children(fields, instead)} }}"

    def field(self, node, mutant):
        name = (node.child_by_field_name("field") or node.named_children[-1]).text.decode()
        value = node.child_by_field_name("value")
        own = self.render(value) if value else name
        return marked(mutant["id"], f"{name}: if {ON}({mutant['id']}) {{ base.{name} }} else {{ {own} }}")


def marked(mutant, text):
    return f"\x01{mutant}\x02{text}\x03"


def unmarked(text):
    """The text without marks, and where in it each mutant stands."""
    clean, spans, opened, length = [], [], [], 0
    for part in re.split(r"(\x01\d+\x02|\x03)", text):
        if part.startswith("\x01"):
            opened.append((int(part[1:-1]), length))
        elif part == "\x03":
            mutant, start = opened.pop()
            spans.append((start, length, mutant))
        else:
            clean.append(part)
            length += len(part.encode())
    return "".join(clean), spans


def listing(files):
    """What cargo-mutants would try, with a number for each."""
    command = ["cargo", "mutants", "--workspace", "--list", "--json"]
    for file in files:
        command += ["--file", file]
    mutants = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    for number, mutant in enumerate(mutants):
        mutant["id"] = number
    return mutants


def copy_tree(tree):
    """The tracked files as they stand, into a tree of their own; what is built there stays."""
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, files.decode().split("\0")):
        source, target = ROOT / name, tree / name
        if not source.exists() and not source.is_symlink():
            continue
        if target.is_symlink() or (target.exists() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def write(tree, mutants, dropped):
    """Mutants into the files of the tree. Gives where each stands, and which could not be put anywhere."""
    by_file = collections.defaultdict(list)
    for mutant in mutants:
        by_file[mutant["file"]].append(mutant)
    spans, left = {}, set()
    for file, of_file in by_file.items():
        source = (ROOT / file).read_bytes()
        kept = [m for m in of_file if m["id"] not in dropped]
        state = Mutants(source, kept)
        text, spans[file] = unmarked(state.render(RUST.parse(source).root_node))
        left |= state.left
        put(tree / file, text)
    count = max(m["id"] for m in mutants) + 1
    put(tree / "engine/src/mutant.rs", SWITCH.replace("COUNT", str(count)))
    # The build script shares files with the engine; there no mutant is chosen.
    script = (ROOT / "engine/build.rs").read_text()
    never = "mod mutant {\n    pub const fn on(_: u32) -> bool {\n        false\n    }\n}\n"
    put(tree / "engine/build.rs", script.replace("use std::", never + "use std::", 1))
    # Programs that tests start have to be told as well.
    for test in [*(tree / "tests").rglob("*.rs"), *(tree / "engine/tests").rglob("*.rs")]:
        passed_on = '.env_clear().envs(std::env::vars().filter(|(name, _)| name.starts_with("MUTANT")))'
        text = test.read_text()
        if ".env_clear()\n" in text:
            put(test, text.replace(".env_clear()\n", passed_on + "\n"))
    face = (ROOT / "engine/src/lib.rs").read_text()
    put(tree / "engine/src/lib.rs", face.replace("pub mod content;", "mod mutant;\npub mod content;", 1))
    return spans, left


def put(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def cargo(tree, arguments):
    """The messages of cargo, and what else it says."""
    run = subprocess.run(["cargo", *arguments, "--message-format=json"], cwd=tree, capture_output=True, text=True)
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")], run.stderr


def broken(messages, spans):
    """The mutants in which the compiler finds errors, and the errors elsewhere."""
    mutants, elsewhere = set(), []
    for message in messages:
        message = message.get("message") or {}
        if message.get("level") != "error" or not message["spans"]:
            continue
        around = [
            (end - start, mutant)
            for place in message["spans"]
            for start, end, mutant in spans.get(place["file_name"], [])
            if place["is_primary"] and start <= place["byte_start"] and place["byte_end"] <= end
        ]
        if around:
            mutants.add(min(around)[1])
        else:
            elsewhere.append(message["rendered"])
    return mutants, elsewhere


def build(tree, mutants, state):
    """The tests of the tree, without the mutants that do not compile."""
    broken_before = tree.parent / "unviable.json"
    names = set(json.loads(broken_before.read_text())) if broken_before.exists() else set()
    dropped = {m["id"] for m in mutants if m["name"] in names}
    while True:
        spans, left = write(tree, mutants, dropped)
        code, messages, errors = cargo(tree, ["check", "--package", "fickgate-engine", "--lib"])
        if code == 0:
            break
        bad, elsewhere = broken(messages, spans)
        if not bad:
            sys.exit("errors outside of mutants:\n" + "\n".join(elsewhere) + errors)
        print(f"{len(bad)} do not compile, {len(elsewhere)} errors elsewhere", flush=True)
        dropped |= bad
        broken_before.write_text(json.dumps([m["name"] for m in mutants if m["id"] in dropped]))
    state["dropped"], state["left"] = sorted(dropped), sorted(left)
    code, messages, errors = cargo(tree, ["test", "--no-run", *state["build"]])
    if code:
        sys.exit(errors)
    made = [m for m in messages if m.get("executable") and m["profile"]["test"]]
    return [(m["executable"], str(Path(m["manifest_path"]).parent), m["target"]["name"]) for m in made]


def run(tests, limit, **environment):
    """How tests of one executable ended, their seconds, and the first that failed."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            [tests[0]["executable"], "--exact", *(test["name"] for test in tests)],
            cwd=tests[0]["folder"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return "timeout", time.monotonic() - start, tests[0]["name"]
    failed = re.search(rb"^test (\S+) .*FAILED$", done.stdout, re.MULTILINE)
    name = failed[1].decode() if failed else tests[0]["name"]
    return "missed" if done.returncode == 0 else "caught", time.monotonic() - start, name


def reach(executables, work, skip):
    """Every test, its seconds, and the mutants that it meets."""
    tests = []
    for executable, folder, target in executables:
        listed = subprocess.run([executable, "--list", "--format", "terse"], check=True, capture_output=True, text=True)
        for name in re.findall(r"^(.*): test$", listed.stdout, re.MULTILINE):
            test = {"executable": executable, "folder": folder, "name": name, "target": target}
            if skip and re.search(skip, f"{target}::{name}"):
                continue
            trace = work / "trace"
            trace.unlink(missing_ok=True)
            end, test["seconds"], _ = run([test], 600, MUTANT_TRACE=str(trace))
            if end != "missed":
                print(f"left out, as it fails without a mutant: {target}::{name}", flush=True)
                continue
            test["reaches"] = sorted({int(n) for n in trace.read_text().split()}) if trace.exists() else []
            tests.append(test)
    return sorted(tests, key=lambda test: test["seconds"])


# What of a second the tests of one run take, and how often each was the one that failed.
SHARE = 0.4
KILLS = collections.Counter()


def groups(tests):
    """Tests in runs of one executable each, the most telling for their time first."""
    runs, quick = [], collections.defaultdict(list)
    for test in sorted(tests, key=lambda test: -(KILLS[test["target"], test["name"]] + 0.1) / (test["seconds"] + 0.01)):
        if test["seconds"] > SHARE / 2:
            runs.append([test])
            continue
        group = quick[test["executable"]]
        if not group or sum(t["seconds"] for t in group) > SHARE:
            group = quick[test["executable"]] = []
            runs.append(group)
        group.append(test)
    return runs


def judge(mutant, tests):
    """What the tests that meet a mutant make of it."""
    spent = 0.0
    for group in groups(tests):
        limit = 20 + 10 * sum(test["seconds"] for test in group)
        end, seconds, name = run(group, limit, MUTANT=str(mutant["id"]))
        spent += seconds
        if end != "missed":
            KILLS[group[0]["target"], name] += 1
            return {"end": end, "by": f"{group[0]['target']}::{name}", "seconds": spent}
    return {"end": "missed" if tests else "unreached", "by": None, "seconds": spent}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", help="files, or globs of them, as cargo mutants takes them")
    parser.add_argument("--work", type=Path, required=True, help="folder of the copy and the results")
    parser.add_argument(
        "--build", type=str.split, default="--package fickgate-engine --lib --tests", help="what cargo builds"
    )
    parser.add_argument("--skip", help="tests to leave out, an expression over TARGET::NAME")
    parser.add_argument(
        "--keep", nargs="*", type=Path, default=[], help="results whose caught mutants are not run again"
    )
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    tree, results = given.work / "tree", given.work / "results.jsonl"
    tree.mkdir(parents=True, exist_ok=True)
    copy_tree(tree)
    mutants = [{key: m[key] for key in m if key != "diff"} for m in listing(given.files)]
    print(f"{len(mutants)} mutants", flush=True)
    state = {"dropped": [], "left": [], "build": given.build}
    executables = build(tree, mutants, state)
    print(f"{len(state['dropped'])} do not compile, {len(state['left'])} have no place", flush=True)
    tests = reach(executables, given.work, given.skip)
    print(f"{len(tests)} tests, {sum(t['seconds'] for t in tests):.0f} s", flush=True)
    (given.work / "tests.json").write_text(json.dumps(tests))
    reaching = collections.defaultdict(list)
    for test in tests:
        for mutant in test["reaches"]:
            reaching[mutant].append(test)
    out = {**dict.fromkeys(state["dropped"], "unviable"), **dict.fromkeys(state["left"], "unplaced")}
    kept = {}
    for line in (line for file in given.keep for line in file.read_text().splitlines()):
        before = json.loads(line)
        if before["end"] in ("caught", "timeout"):
            kept[before["name"]] = {key: before[key] for key in ("end", "by", "seconds")}
    with results.open("w") as file, concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for mutant in mutants:
            if mutant["id"] in out:
                file.write(json.dumps({**mutant, "end": out[mutant["id"]]}) + "\n")
            elif mutant["name"] in kept:
                file.write(json.dumps({**mutant, **kept[mutant["name"]]}) + "\n")
        alive = [m for m in mutants if m["id"] not in out and m["name"] not in kept]
        verdicts = pool.map(lambda mutant: judge(mutant, reaching[mutant["id"]]), alive)
        for mutant, verdict in zip(alive, verdicts, strict=True):
            file.write(json.dumps({**mutant, **verdict}) + "\n")
            file.flush()
            if verdict["end"] in ("missed", "unreached"):
                print(f"{verdict['end']}: {mutant['name']}", flush=True)


if __name__ == "__main__":
    main()
