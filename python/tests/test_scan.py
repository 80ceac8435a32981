"""`scan` says what the gate says, of paths, bytes and file objects alike."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import fickgate
import pytest
from conftest import FIXTURES, fixtures

EVIL = b"cposix\nsystem\n(S'true'\ntR."


def binary():
    """The command that the wheel installs."""
    return Path(sys.executable).parent / ("fickgate.exe" if os.name == "nt" else "fickgate")


def told(finding):
    offset = finding["offset"]
    return (finding["rule"], finding["level"], finding["member"], offset, finding["import"], finding["message"])


def said(finding):
    return (finding.rule, finding.level, finding.member, finding.offset, finding.import_, finding.message)


@pytest.mark.parametrize("kind", ["malicious", "clean", "code", "not-pickle"])
def test_every_fixture_is_judged_as_by_the_command(kind, monkeypatch):
    monkeypatch.chdir(FIXTURES)
    command = [binary(), "--no-policy", "--exit-zero", "--format", "json", kind]
    # The policy of this repository excludes them.
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    by_path = {}
    for finding in json.loads(done.stdout)["findings"]:
        by_path.setdefault(finding["path"], []).append(told(finding))
    for path in fixtures(kind):
        name = path.relative_to(FIXTURES)
        if name.name == "manifest.json":
            continue
        judged = by_path.get(f"tests/fixtures/{name.as_posix()}", [])
        # What a pointer of git leads to, and what a checkout makes of one, is the gate's to say.
        if any(rule.startswith("pointer-") for rule, *_ in judged):
            continue
        report = fickgate.scan(name, policy=(), name=name)
        assert sorted(map(said, report.findings), key=str) == sorted(judged, key=str), name


def test_what_is_refused_names_import_place_line_and_help(outside):
    report = fickgate.scan(EVIL)
    assert not report.ok
    assert report.verdict == "refused"
    (finding,) = report.errors
    assert (finding.rule, finding.import_, finding.reason) == ("import-not-allowed", "posix.system", "dangerous")
    assert finding.call == "_1 = system('true')"
    assert finding.entry.source == "allowlists/refused.yaml"
    assert "do not load this file" in finding.help
    assert report.imports[0].uses == (fickgate.Use("call", 24, 1),)


def test_a_report_can_be_pickled(outside):
    report = fickgate.scan(EVIL)
    assert pickle.loads(pickle.dumps(report)) == report


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_content_may_be_given_in_any_form(kind, outside):
    assert fickgate.scan(kind(EVIL)).errors[0].import_ == "posix.system"


def test_a_pipe_is_read_to_its_end(outside):
    read, write = os.pipe()
    with open(write, "wb") as out:
        out.write(EVIL)
    with open(read, "rb") as pipe:
        assert not fickgate.scan(pipe).ok


def test_what_is_no_content_is_a_type_error(outside):
    with pytest.raises(TypeError, match="not int"):
        fickgate.scan(7)
    with pytest.raises(TypeError, match="mode 'rb'"):
        fickgate.scan(io.StringIO("text"))
    with pytest.raises(FileNotFoundError):
        fickgate.scan("nothing.pkl")


class Counting(io.BytesIO):
    """Says how many bytes were asked of it."""

    asked = 0

    def read(self, size=-1):
        data = super().read(size)
        self.asked += len(data)
        return data


def tensor(key):
    """A tensor of 1 MiB in storage `key`, as torch.save writes one."""
    text = lambda words: b"X" + len(words).to_bytes(4, "little") + words  # noqa: E731
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"%d" % key) + text(b"cpu") + b"J\0\0\4\0tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0J\0\0\4\0\x85K\1\x85\x89" + hooks + b"tR"


def test_of_a_large_archive_little_more_than_its_directory_is_read(outside):
    file = Counting()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02(" + b"".join(map(tensor, range(20))) + b"t.")
        archive.writestr("m/version", b"3\n")
        for key in range(20):
            archive.writestr(f"m/data/{key}", bytes(1 << 20))
    size = file.tell()
    file.seek(11)
    report = fickgate.scan(file, name="m.pt")
    assert report.findings == ()
    assert len(report.streams) == 1
    assert file.tell() == 11
    assert file.asked < size / 50


class Failing(io.BytesIO):
    def read(self, size=-1):
        raise OSError("the store is away")


def test_an_error_of_the_file_object_comes_through(outside):
    with pytest.raises(OSError, match="the store is away"):
        fickgate.scan(Failing(EVIL))


class Short(io.BytesIO):
    def read(self, size=-1):
        return b""


def test_a_file_that_shrinks_is_no_clean_file(outside):
    with pytest.raises(OSError, match="shorter"):
        fickgate.scan(Short(EVIL))


@pytest.mark.skipif(os.name != "posix", reason="no pipes by name here")
def test_what_is_no_regular_file_is_not_clean(outside):
    os.mkfifo("fifo")
    read, write = os.pipe()
    os.write(write, EVIL)
    os.close(write)
    for path in ("fifo", f"/dev/fd/{read}", "/dev/zero", "."):
        with pytest.raises(OSError, match="regular file"):
            fickgate.scan(path)
        (report,) = fickgate.scan_all([path])
        assert report.verdict == "failed"
    # What its read() gives is another thing.
    with open(read, "rb") as file:
        assert not fickgate.scan(file).ok
    with open("/dev/zero", "rb") as file, pytest.raises(OSError, match="longer than it says"):
        fickgate.scan(file)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no such files here")
def test_a_file_that_says_it_is_empty_and_is_not_is_not_clean(outside):
    with pytest.raises(OSError, match="longer than"):
        fickgate.scan("/proc/self/status")
    with open("/proc/self/status", "rb") as file, pytest.raises(OSError):  # noqa: PT011
        fickgate.scan(file)


def test_a_file_that_is_not_there_is_named(outside):
    with pytest.raises(FileNotFoundError) as raised:
        fickgate.scan("nothing.pkl")
    assert raised.value.filename == "nothing.pkl"
