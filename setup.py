"""What the pre-commit framework installs for the hook `fickgate-wheel`: the wheel of this release, and nothing else.

The framework runs `pip install .` in this folder. A wheel takes seconds, building the crate takes minutes. Its SHA-256
stands in this tree, in `action/checksums.txt`, so a commit of this repository pins the wheel, and no name in a package
index has a part in it. FICKGATE_RELEASES names another host that has the file; the hash decides all the same.
"""

import os
import re
from pathlib import Path

from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename
from setuptools import setup

HERE = Path(__file__).parent
MANIFEST = (HERE / "Cargo.toml").read_text(encoding="utf-8")


def setting(key: str) -> str:
    """A text of the manifest, empty where it has none."""
    found = re.search(rf'^{key} = "(.+)"$', MANIFEST, re.MULTILINE)
    return found.group(1) if found else ""


def wheel(version: str) -> "tuple[str, str]":
    """The hash and the name of the wheel for this interpreter."""
    lines = (HERE / "action" / "checksums.txt").read_text(encoding="utf-8").splitlines()
    files = [line.split() for line in lines if line and not line.startswith("#")]
    wheels = [(name, digest) for digest, name in files if name.endswith(".whl") and name.startswith(f"fickgate-{version}-")]
    for tag in sys_tags():
        for name, digest in wheels:
            if tag in parse_wheel_filename(name)[3]:
                return digest, name
    raise SystemExit(
        f"fickgate: this commit has no wheel of {version} for this system: take the commit of a release, or the hook "
        "`fickgate`, which is built from source"
    )


VERSION = setting("version")
DIGEST, NAME = wheel(VERSION)
RELEASES = os.environ.get("FICKGATE_RELEASES") or f"{setting('repository')}/releases/download"

setup(
    name="fickgate-hook",
    version=VERSION,
    install_requires=[f"fickgate @ {RELEASES}/v{VERSION}/{NAME}#sha256={DIGEST}"],
    packages=[],
    py_modules=[],
)
