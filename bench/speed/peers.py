"""The other tools: each in its pinned environment, by its own command, on the rows of which it reads the format."""

import pathlib
import sys

from measure import Command

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "efficacy"))
import environment  # noqa: E402

# modelaudit tells its maker of each run, and waits for the answer, unless it is told not to.
QUIET = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}

# By name: the environment, the arguments before a path, and the formats that it claims to read.
PEERS = {
    "picklescan": ("picklescan", ["bin/picklescan", "-p"], {"pickle", "zip", "legacy", "npy", "npz"}),
    "modelscan": ("modelscan", ["bin/modelscan", "-p"], {"pickle", "zip", "legacy", "npy"}),
    "modelaudit": ("modelaudit", ["bin/modelaudit", "scan"], {"pickle", "zip", "legacy", "npy", "npz", "joblib"}),
    "fickling": ("fickling", ["bin/fickling", "--check-safety"], {"pickle", "zip"}),
}


def commands(environments: pathlib.Path, path: pathlib.Path, form: str, cwd: pathlib.Path) -> dict[str, Command]:
    """What each tool is run with that can read a file of this form."""
    found = {}
    for name, (home, (program, *arguments), forms) in PEERS.items():
        python = environments / home / "bin" / "python"
        if form not in forms or (name == "fickling" and path.is_dir()) or not python.exists():
            continue
        argv = [str(python.parent.parent / program), *arguments, str(path)]
        found[name] = Command(argv, cwd, environment=QUIET)
    return found


def prepare(environments: pathlib.Path) -> None:
    """Makes the environments that are not there, from the pins of the bench of what is caught."""
    for name in dict.fromkeys(name for name, _, _ in PEERS.values()):
        environment.of_tool(name, environments)


def writer(environments: pathlib.Path) -> pathlib.Path:
    """The Python that writes the work of joblib."""
    groups = [["--no-deps", *(HERE / "requirements.txt").read_text().split()]]
    return environment.install(environments / "speed", "3.11", groups)
