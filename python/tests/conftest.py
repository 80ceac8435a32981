"""The installed wheel is what is tested: nothing here is imported from the source folder."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def fixtures(kind):
    return sorted(path for path in (FIXTURES / kind).rglob("*") if path.is_file() and path.suffix != ".md")


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A working directory without a policy."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
