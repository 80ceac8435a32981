"""Holds the policy's JSON Schema against the parser, with jsonschema and PyYAML.

What both have to take: the examples of the documentation and a table. What both have to refuse: a table. Needs
`.ci/requirements.txt` and a build of fickgate.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
FICKGATE = ROOT / "target" / "debug" / "fickgate"


class Core(yaml.SafeLoader):
    """YAML 1.2, as editors read it: a day is a text, and so are `yes` and `on`."""


Core.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] in ("int", "float", "null")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

HASH = "3b5d" * 16
ENTRY = "allow:\n  - import: a.B\n    reason: x\n    "
PIN = f"files:\n  - sha256: {HASH}\n    reason: x\n    "

TAKEN = [
    "{}",
    "version: 1",
    "version: '1'",
    "extends: none",
    "extends: [ml, -native-memory]",
    "extends: []",
    "allow:",
    "allow: []",
    ENTRY,
    ENTRY + "use: call",
    ENTRY + "use: [reference, create, state, items, call]",
    ENTRY + "kind: class",
    ENTRY + "guard: none",
    ENTRY + "paths: models/**",
    ENTRY + "paths: [/models/, '**/*.pkl']",
    ENTRY + "expires: 2027-06-30",
    "allow: [{import: 'ours.models:Outer.Inner', reason: x}, {import: ours.models.*, reason: x}]",
    "files:",
    PIN,
    PIN + "path: a b/[1].pkl",
    PIN + "expires: 2027-06-30",
    f"files: [{{sha256: {'Ab' * 32}, reason: x}}]",
    "deny: a.b",
    "deny: [a.b, a.**, a.*, 'a:b.c']",
    "deny:",
    "exclude: a/**",
    "exclude: [a, b/]",
    "exclude:",
    "levels: {pointer-unresolved: warning, import-not-allowed: error}",
    "levels:",
]

REFUSED = [
    "[]",
    "5",
    "version: 2",
    "version: 1.5",
    "version:",
    "extends:",
    "extends: 5",
    "extends: {ml: 1}",
    "extends: [[ml]]",
    "allow: 5",
    "allow: a.B",
    "allow: [a.B]",
    "allow: {import: a.B, reason: x}",
    "allow: [{import: a.B}]",
    "allow: [{reason: x}]",
    "allow: [{import: a.B, reason: ' '}]",
    "allow: [{import: a, reason: x}]",
    "allow: [{import: [a.B], reason: x}]",
    ENTRY + "use:",
    ENTRY + "use: []",
    ENTRY + "use: cal",
    ENTRY + "use: [call-result]",
    ENTRY + "kind: Class",
    ENTRY + "guard:",
    ENTRY + "paths:",
    ENTRY + "paths: []",
    ENTRY + "paths: ['../x']",
    ENTRY + "paths: ./x",
    ENTRY + "paths: 'a\\b'",
    ENTRY + "paths: '!x'",
    ENTRY + "expires:",
    ENTRY + "expires: 30.6.2027",
    ENTRY + "expires: 2027-06-30T00:00:00Z",
    ENTRY + "since: '1'",
    ENTRY + "why: x",
    "files: [x]",
    "files: [{sha256: 12, reason: x}]",
    f"files: [{{sha256: {HASH}0, reason: x}}]",
    f"files: [{{sha256: {HASH}}}]",
    PIN + "path: /x",
    PIN + "path: x/",
    PIN + "path: ''",
    PIN + "path:",
    PIN + "paths: [x]",
    "deny: 5",
    "deny: [{import: a.B}]",
    "deny: [x]",
    "exclude: ['!x']",
    "levels: []",
    "levels: {pointer-unresolved: off}",
    "levels: {pointer-unresolved:}",
    "levels: {import-not-allowed: note}",
    "levels: {no-such-rule: note}",
    "alow: []",
]


def parser_takes(text, folder):
    file = folder / "policy.yaml"
    file.write_text(text + "\n", encoding="utf-8")
    # 1 says that something is to be looked at: a pattern, a day that has passed.
    return subprocess.run([FICKGATE, "policy", "check", file], capture_output=True).returncode in (0, 1)


def main():
    schema = json.loads((ROOT / "docs" / "policy.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    printed = subprocess.run([FICKGATE, "policy", "schema"], capture_output=True, check=True).stdout
    wrong = [] if json.loads(printed) == schema else ["`fickgate policy schema` prints another schema"]

    template = (ROOT / "src" / "edit" / "init.yaml").read_text(encoding="utf-8")
    examples = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "policy.md").read_text(encoding="utf-8"), re.M | re.S)
    # A key that is commented out begins right behind the mark, a sentence does not.
    whole = re.sub(r"^#(?=[a-z]+:|  )", "", template, flags=re.M)
    examples += [template, whole, (ROOT / ".fickgate.yaml").read_text(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as folder:
        for text, taken in [(t, True) for t in TAKEN + examples] + [(t, False) for t in REFUSED]:
            document = yaml.load(text, Core)
            by_schema = document is None or validator.is_valid(document)
            by_parser = parser_takes(text, Path(folder))
            if (by_schema, by_parser) != (taken, taken):
                wrong.append(f"schema {by_schema}, parser {by_parser}, expected {taken}:\n{text}")
    for line in wrong:
        print(line, file=sys.stderr)
    count = len(TAKEN) + len(examples) + len(REFUSED)
    print(f"{count} policies, {len(examples)} of them examples: {len(wrong)} differ")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
