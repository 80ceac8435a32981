"""Builds the wheel: the binary first, then the native module and the package around it.

    python python/build.py --profile dist --out dist [--target TRIPLE] [--compatibility TAG...] [--zig]

`--binary FILE` takes a binary that is there already, for a wheel whose binary and module are built for two targets.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def built(profile: str, target: "str | None") -> Path:
    """Builds the binary and says where it lies, as cargo tells: settings and environment may name another folder."""
    command = ["cargo", "build", "--locked", "--package", "fickgate", "--bin", "fickgate", "--profile", profile]
    command += ["--message-format", "json-render-diagnostics"]
    if target:
        command += ["--target", target]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    made = [message["executable"] for message in messages if message.get("executable")]
    if not made:
        sys.exit("cargo built no binary of fickgate")
    return Path(made[-1])


def main() -> None:
    """Does what the arguments ask for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--profile", default="dist", help="cargo profile (default: dist)")
    options.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the wheel (default: dist)")
    options.add_argument("--target", help="target triple of the module, and of the binary unless it is there already")
    options.add_argument("--binary", type=Path, help="a binary that is there already")
    options.add_argument("--compatibility", nargs="*", default=[], help="platform tags of the wheel, for maturin")
    options.add_argument("--zig", action="store_true", help="link the module with zig, for an old glibc")
    given = options.parse_args()
    binary = given.binary or built(given.profile, given.target)
    scripts = HERE / "fickgate.data" / "scripts"
    shutil.rmtree(scripts, ignore_errors=True)
    scripts.mkdir(parents=True)
    shutil.copy2(binary, scripts / binary.name)
    command = [sys.executable, "-m", "maturin", "build", "--locked", "--profile", given.profile]
    command += ["--out", str(given.out.resolve())]
    if given.target:
        command += ["--target", given.target]
    if given.compatibility:
        command += ["--compatibility", *given.compatibility]
    if given.zig:
        command.append("--zig")
    subprocess.run(command, cwd=HERE, check=True)


if __name__ == "__main__":
    main()
