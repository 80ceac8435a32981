"""The script that builds the wheel."""

import importlib.util
import json
import os
import sys

import pytest
from conftest import ROOT

CARGO = """#!{python}
import sys
assert "--message-format" in sys.argv
print({messages!r})
"""


@pytest.mark.skipif(os.name != "posix", reason="a script stands for cargo")
def test_the_binary_is_where_cargo_says(tmp_path, monkeypatch):
    # Environment, configuration and targets have a say in that.
    binary = tmp_path / "elsewhere" / "fickgate"
    messages = [
        {"reason": "compiler-artifact", "executable": None},
        {"reason": "compiler-artifact", "executable": str(binary)},
        {"reason": "build-finished", "success": True},
    ]
    cargo = tmp_path / "cargo"
    cargo.write_text(CARGO.format(python=sys.executable, messages="\n".join(map(json.dumps, messages))))
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    spec = importlib.util.spec_from_file_location("build_wheel", ROOT / "python" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    assert build.built("dev", None) == binary
