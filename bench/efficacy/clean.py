"""Clean files: what the writers make in their environments, and folders that somebody gives. One row a file."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

import environment
import formats

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Clean:
    """An honest file: where it is, what made it, and its format, a word of `formats.py`."""

    path: str
    source: str
    format: str
    library: str
    release: str
    python: str


def write(work: pathlib.Path, environments: pathlib.Path, seed: int, quick: bool) -> list[Clean]:
    """Runs every writer whose folder is not complete; `quick` takes an eighth of each."""
    rows = []
    for line in json.loads((HERE / "writers.json").read_text()):
        for writer, share in line["writers"].items():
            share = share / 8 if quick else share
            folder = work / "clean" / f"{'quick-' if quick else ''}{seed}" / line["in"] / writer
            if not (folder / "complete").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                python = environment.of_writer(line["in"], environments)
                command = [
                    python,
                    "-W",
                    "ignore",
                    HERE / "writers" / f"{writer}.py",
                    folder.resolve(),
                    str(seed),
                    str(share),
                ]
                print(f"writing: {writer} in {line['in']}", flush=True)
                surroundings = dict(
                    os.environ, PYTHONHASHSEED="0", OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1", HF_HUB_OFFLINE="1"
                )
                with open(folder / "left-out.txt", "w") as said:
                    subprocess.run(command, check=False, cwd=folder, stderr=said, env=surroundings, timeout=1800)
                (folder / "complete").touch()
            if (folder / "manifest.jsonl").exists():
                for text in (folder / "manifest.jsonl").read_text().splitlines():
                    row = json.loads(text)
                    place = (folder / row["file"]).resolve()
                    # A release that does not know a codec writes a plain pickle under the name that was asked for.
                    form = formats.of(place.read_bytes(), place.name) or row["format"]
                    rows.append(Clean(str(place), "written", form, row["library"], row["release"], row["python"]))
    return rows


def given(folder: pathlib.Path, largest: int) -> list[Clean]:
    """Files of a folder that somebody gave, by what they hold; those over `largest` bytes are left out."""
    rows = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.stat().st_size > largest:
            continue
        form = formats.of(path.read_bytes(), path.name)
        if form:
            rows.append(Clean(str(path.resolve()), "given", form, "?", "?", "?"))
    return rows
