"""What the pre-commit framework installs for the hook `fickgate`: nothing but the wheel of this version.

The framework runs `pip install .` in this folder. A wheel takes a second; building the crate takes minutes.
"""

import re
from pathlib import Path

from setuptools import setup

MANIFEST = Path(__file__).with_name("Cargo.toml").read_text(encoding="utf-8")
VERSION = re.search(r'^version = "(.+)"$', MANIFEST, re.MULTILINE).group(1)

setup(name="fickgate-hook", version=VERSION, install_requires=[f"fickgate=={VERSION}"], packages=[], py_modules=[])
