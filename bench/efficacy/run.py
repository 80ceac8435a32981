#!/usr/bin/env python3
"""What scanners catch and what they pass: clean files, attacks made of them, every tool's verdict, tables, a picture.

    python3 bench/efficacy/run.py --quick             an eighth of everything, minutes
    python3 bench/efficacy/run.py                     the whole; hours on two cores, goes on where it ended
    python3 bench/efficacy/run.py --clean DIR …       with files of somebody's folder (`listing.py` downloads some)

Environments with pinned packages are made below `--work`, or taken from `--environments`. What is written: `clean.csv`,
`attacks.csv`, `verdicts/TOOL.csv`, `results.csv`, `tables.md` and `picture.svg` below `--work`; `--publish` puts the
last three where the project keeps them.
"""

import argparse
import concurrent.futures
import csv
import dataclasses
import json
import os
import pathlib
import random
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="an eighth of the clean files, 500 attacks")
    parser.add_argument(
        "--clean", type=pathlib.Path, action="append", default=[], metavar="DIR", help="clean files of a folder as well"
    )
    parser.add_argument(
        "--largest", type=int, default=3 << 20, metavar="BYTES", help="files of such folders up to this size (3 MiB)"
    )
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "efficacy")
    parser.add_argument("--environments", type=pathlib.Path, help="environments that exist already, NAME/bin/python")
    parser.add_argument("--binary", type=pathlib.Path, help="fickgate; built with `cargo build --release` if not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--attacks", type=int, help="malicious files (6,000; 500 with --quick)")
    parser.add_argument(
        "--minutes",
        type=float,
        default=60,
        help="for each tool; what it does not reach is left out, a sample by the seed",
    )
    parser.add_argument("--tools", nargs="*", help="only these, by the names of tools.json")
    parser.add_argument("--jobs", type=int, default=2, help="tools that work at a time")
    parser.add_argument("--publish", action="store_true", help="write tables and picture into docs/")
    return parser.parse_args()


def within(environments: pathlib.Path) -> None:
    """Goes on in the environment of the bench, which has the codecs and joblib."""
    import environment

    if os.environ.get("FICKGATE_EFFICACY") != "1":
        python = environment.of_tool("bench", environments)
        os.execve(python, [str(python), *sys.argv], dict(os.environ, FICKGATE_EFFICACY="1"))


def write_rows(path: pathlib.Path, rows: list) -> None:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(rows[0])])
        writer.writeheader()
        for row in rows:
            values = dataclasses.asdict(row)
            writer.writerow(
                {
                    key: " ".join(map(".".join, value)) if isinstance(value, tuple) else value
                    for key, value in values.items()
                }
            )


def prove(made: list, store: pathlib.Path) -> dict[str, dict]:
    """What each attack resolves, from a child that loads it with stubs; kept in a file."""
    known = {}
    if store.exists():
        known = {row["path"]: row for row in map(json.loads, store.read_text().splitlines())}
    left = [attack for attack in made if attack.path not in known]
    with open(store, "a") as file:
        while left:
            questions = "".join(json.dumps({"path": attack.path, "format": attack.format}) + "\n" for attack in left)
            run = subprocess.run(
                [sys.executable, "-W", "ignore", str(HERE / "proof.py")],
                input=questions,
                capture_output=True,
                text=True,
                check=False,
            )
            answers = [json.loads(line) for line in run.stdout.splitlines()]
            if len(answers) < len(left):
                # The interpreter ended over the next one.
                answers.append({"path": left[len(answers)].path, "imports": [], "error": run.stderr[-200:]})
            for answer in answers:
                known[answer["path"]] = answer
                file.write(json.dumps(answer) + "\n")
            left = left[len(answers) :]
    return known


def attacks(rows: list, count: int, seed: int, folder: pathlib.Path) -> list:
    """Malicious copies, every payload as often as every other, over all clean files in turn."""
    import injection
    import payload

    folder.mkdir(parents=True, exist_ok=True)
    every = payload.payloads()
    draw = random.Random(f"{seed} attacks")
    order = sorted(rows, key=lambda row: row.path)
    made, number, failed = [], 0, 0
    turns: list = []
    while len(made) < count and failed < count:
        if number % len(order) == 0:
            draw.shuffle(order)
        if not turns:
            turns = draw.sample(every, len(every))
        chosen = turns.pop()
        try:
            made.append(injection.attack(order[number % len(order)], chosen, number, seed, folder))
        except (ValueError, EOFError, OSError, KeyError, RuntimeError) as error:
            # A stream that breaks under the disassembler has no place that could be found.
            failed += 1
            print(f"no attack from {order[number % len(order)].path}: {error}", file=sys.stderr)
        number += 1
    return made


def main() -> None:
    given = arguments()
    given.work = given.work.resolve()
    environments = (given.environments or given.work / "environments").resolve()
    within(environments)
    import clean
    import judge
    import table

    binary = given.binary
    if binary is None:
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        binary = ROOT / "target" / "release" / "fickgate"
    binary = binary.resolve()
    run = given.work / (f"quick-{given.seed}" if given.quick else f"run-{given.seed}")
    run.mkdir(parents=True, exist_ok=True)

    honest = clean.write(given.work, environments, given.seed, given.quick)
    for folder in given.clean:
        rows = clean.given(folder, given.largest)
        honest += random.Random(given.seed).sample(rows, len(rows) // 10) if given.quick else rows
    print(f"{len(honest)} clean files of {len({row.library for row in honest})} libraries", flush=True)
    write_rows(run / "clean.csv", honest)

    made = attacks(honest, given.attacks or (500 if given.quick else 6000), given.seed, run / "attacks")
    proofs = prove(made, run / "proofs.jsonl")
    proven = [
        attack for attack in made if set(attack.imports) <= {tuple(pair) for pair in proofs[attack.path]["imports"]}
    ]
    print(f"{len(proven)} of {len(made)} attacks resolve their payload", flush=True)
    write_rows(run / "attacks.csv", proven)

    files = {row.path: row.format for row in (*honest, *proven)}
    tools = [
        tool
        for tool in json.loads((HERE / "tools.json").read_text())
        if given.tools is None or tool["name"] in given.tools
    ]
    verdicts, versions = {}, {}

    def ask(tool: dict) -> None:
        word = re.sub(r"[^a-z]+", "-", tool["name"].lower())
        if "adapter" not in tool:
            said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
            versions[tool["name"]] = said.stdout.split()[-1]
            answers = judge.Answers(run / "verdicts" / f"{word}-{judge.digest(binary)}.csv")
            judge.ask_gate(binary, files, answers, given.seed)
        else:
            versions[tool["name"]] = judge.version_of(tool, environments)
            answers = judge.Answers(run / "verdicts" / f"{word}.csv")
            judge.ask_tool(tool, files, answers, environments, given.seed, given.minutes)
        verdicts[tool["name"]] = answers.rows
        print(f"{tool['name']}: {len(answers.rows)} answers", flush=True)

    # fickgate alone: its processor time is that of all children that end meanwhile.
    for tool in tools:
        if "adapter" not in tool:
            ask(tool)
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(ask, (tool for tool in tools if "adapter" in tool)))
    verdicts = {tool["name"]: verdicts[tool["name"]] for tool in tools}
    table.publish(run, honest, proven, verdicts, versions, ROOT / "docs" if given.publish else None)


if __name__ == "__main__":
    main()
