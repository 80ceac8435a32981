"""How fast fickgate is: the same work for every tool, next to the least that has to be done, in one run.

`python3 bench/speed/run.py` writes its work sets below `target/speed` and prints a table; `--quick` takes minutes;
`--publish` puts the table and the picture into `docs/`. Times are medians of whole processes that ran in turn.
"""

import argparse
import dataclasses
import json
import pathlib
import platform
import subprocess
import sys

import peers
import plot
import repository
import rows as of_rows
from measure import Measured, alternating, scratch
from rows import Row, Tools

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.svg"
PARTS = ("files", "arrays", "joblib", "git", "growth")
BEGIN, END = "<!-- the table of bench/speed -->", "<!-- behind it -->"


def built(given: str | None, profile: str) -> tuple[str, str]:
    """The gate and the least, built unless a folder with both is given."""
    folder = pathlib.Path(given) if given else ROOT / "target" / ("release" if profile == "release" else profile)
    if not given:
        cargo = ["cargo", "build", "--profile", profile, "--manifest-path", str(ROOT / "Cargo.toml")]
        subprocess.run(cargo, check=True)
        subprocess.run([*cargo, "--package", "fickgate-engine", "--example", "least"], check=True)
    return str((folder / "fickgate").resolve()), str((folder / "examples" / "least").resolve())


def time(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.0f} ms" if value >= 0.01 else f"{value * 1e3:.1f} ms"


def ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def shown(row: Row, found: dict[str, Measured], others: list[str]) -> str:
    ours = found["fickgate"]
    beside = []
    for name in row.beside:
        clock = ratio(ours.wall / found[name].wall)
        processor = ratio(ours.processor / max(found[name].processor, 1e-4))
        beside.append(f"{name}: {time(found[name].wall)}, **{clock}** ({processor})")
    cells = []
    for name in others:
        peer = found.get(name)
        if peer is None:
            cells.append("")
        elif peer.cut:
            cells.append(f"> {time(peer.wall)}")
        else:
            cells.append(time(peer.wall))
    goal = f"{row.goal:g}" if row.goal else ""
    return " | ".join([row.name, time(ours.wall), "; ".join(beside), goal, f"{ours.memory:.0f}", *cells])


def table(done: list[tuple[Row, dict[str, Measured]]]) -> str:
    others = [name for name in peers.PEERS if any(name in found for _, found in done)]
    head = ["work", "fickgate", "beside, ratio of the clock (of processor time)", "goal", "MiB", *others]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + [f"| {shown(row, found, others)} |" for row, found in done]) + "\n"


def publish(text: str | None, picture: str | None) -> None:
    if text:
        page = PAGE.read_text()
        before, rest = page.split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}")
    if picture:
        PICTURE.write_text(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller work, fewer rounds")
    parser.add_argument("--part", choices=PARTS, action="append", help="this kind of work alone; growth is the picture")
    parser.add_argument("--only", default="", help="rows whose name holds this, and no picture")
    parser.add_argument("--rounds", type=int, help="counted rounds of each row: 9, or 3 with --quick")
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a peer is cut off")
    parser.add_argument("--no-peers", action="store_true", help="fickgate and the least alone")
    parser.add_argument("--environments", type=pathlib.Path, default=ROOT / "target" / "efficacy" / "environments")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "target" / "speed", help="where work sets lie")
    parser.add_argument("--binaries", help="a folder with fickgate and examples/least, instead of building them")
    parser.add_argument("--profile", default="release", help="the profile to build")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md and its picture")
    given = parser.parse_args()
    rounds = given.rounds or (3 if given.quick else 9)
    gate, least = built(given.binaries, given.profile)
    tools = Tools(gate, least, scratch())
    given.data.mkdir(parents=True, exist_ok=True)
    if not given.no_peers:
        peers.prepare(given.environments)
    made = {
        "files": lambda: of_rows.files(tools, given.data, given.quick),
        "arrays": lambda: of_rows.arrays(tools, given.data),
        "joblib": lambda: of_rows.of_joblib(tools, given.data, peers.writer(given.environments), given.quick),
        "git": lambda: repository.rows(tools, given.data, given.quick),
        "growth": list,
    }
    all_rows = [row for part in PARTS if part in (given.part or PARTS) for row in made[part]()]
    done = []
    for row in (row for row in all_rows if given.only in row.name):
        commands = {"fickgate": row.gate, **row.beside}
        found = alternating(commands, rounds, 600, 20 if given.quick else 60)
        if found["fickgate"].refuses != row.refuses:
            sys.exit(f"{row.name}: exit code {found['fickgate'].code}")
        # Once, and beside what is clean, where it has to be quick: some take most of a minute.
        if row.path and not given.no_peers and not (given.quick and row.refuses):
            others = peers.commands(given.environments, row.path, row.form, tools.scratch)
            found |= alternating(others, 0 if given.quick else 1, given.limit, given.limit / 4)
        done.append((row, found))
        print(table([done[-1]]).splitlines()[-1], flush=True)
    picture = None
    if not given.only and "growth" in (given.part or PARTS):
        curves = {}
        for name, points in of_rows.growth(tools, given.data, given.quick).items():
            measured = [
                (size, alternating({"gate": ours, "least": floor}, rounds, 600, 20)) for size, ours, floor in points
            ]
            curves[name] = [(size, found["gate"].wall, found["least"].wall) for size, found in measured]
        picture = plot.svg(curves)
        (given.data / "growth.svg").write_text(picture)
    results = [{"work": row.name, **{k: dataclasses.asdict(v) for k, v in found.items()}} for row, found in done]
    machine = {"machine": platform.machine(), "python": platform.python_version(), "rounds": rounds}
    (given.data / f"results{'-'.join(['', *(given.part or [])])}.json").write_text(
        json.dumps({**machine, "rows": results}, indent=1) + "\n"
    )
    print()
    print(table(done))
    if given.publish:
        publish(table(done) if done else None, picture)


if __name__ == "__main__":
    main()
