"""Virtual environments with pinned packages: for each tool, for each set of writers, for the bench itself."""

import json
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Pins of the writers' environments are those that the allowlist is verified in.
PINS = ROOT / "allowlists" / "verify" / "environments.json"


def interpreter(version: str) -> str:
    """A CPython of that version: one of pyenv, or what PATH has."""
    found = sorted(pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}") or f"python{version}"


def install(folder: pathlib.Path, version: str, groups: list[list[str]]) -> pathlib.Path:
    """Makes the environment unless it is there and complete; gives its Python."""
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    home = interpreter(version)
    if version == "2.7":
        python.parent.mkdir(parents=True, exist_ok=True)
        python.unlink(missing_ok=True)
        python.symlink_to(home)
    elif shutil.which("uv") and tuple(map(int, version.split("."))) >= (3, 8):
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--seed", "--python", home, str(folder)], check=True)
        for group in groups:
            subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), *group], check=True)
    else:
        subprocess.run([home, "-m", "venv", "--clear", str(folder)], check=True)
        for group in groups:
            subprocess.run(
                [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *group], check=True
            )
    (folder / "complete").touch()
    return python


def of_writer(name: str, folder: pathlib.Path) -> pathlib.Path:
    pins = next(pins for pins in json.loads(PINS.read_text()) if pins["name"] == name)
    return install(folder / name, pins["python"], pins["install"])


def of_tool(name: str, folder: pathlib.Path) -> pathlib.Path:
    """An environment from `requirements/NAME.txt`, whose lines are all pinned."""
    lines = [line.strip() for line in (HERE / "requirements" / f"{name}.txt").read_text().splitlines()]
    groups = [["--no-deps", *(line for line in lines if line and not line.startswith("#"))]]
    return install(folder / name, "3.11", groups)
