"""The policy is found as the gate finds it."""

import json
import pickle
import subprocess
import zipfile

import fickgate
import pytest
from fickgate.judging import policy_of
from test_scan import binary

OURS = b"cours.models\nRanker\n(S'x'\ntR."
ALLOW = "allow:\n  - {import: ours.models.Ranker, use: [call], reason: reviewed}\n"


def repository(folder):
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (folder / "a" / "b").mkdir(parents=True)


LAYOUTS = {
    "none": {},
    "root": {".fickgate.yaml": ALLOW},
    "github": {".github/fickgate.yaml": ALLOW},
    "both": {".fickgate.yaml": ALLOW, ".github/fickgate.yaml": ALLOW},
    "misnamed": {".fickgate.yml": ALLOW},
    "below": {"a/b/.fickgate.yaml": ALLOW},
    "broken": {".fickgate.yaml": "allow: [{import: os.system}]\n"},
    "folder": {".fickgate.yaml/x": ""},
    "denied": {".fickgate.yaml": "deny: [collections.*]\n"},
}


@pytest.mark.parametrize("inside", [True, False], ids=["repository", "folder"])
@pytest.mark.parametrize("below", [".", "a/b"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_policy_in_force_is_the_gates(layout, below, inside, tmp_path, monkeypatch):
    if inside:
        repository(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True, exist_ok=True)
    for name, text in LAYOUTS[layout].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path / below)
    done = subprocess.run([binary(), "policy", "show", "--format", "json"], capture_output=True)
    if done.returncode == 2:
        said = done.stderr.decode().partition("error: ")[2].splitlines()[0]
        with pytest.raises(fickgate.PolicyError) as raised:
            policy_of(None)
        # The two name a folder in other words.
        assert said.split(" is a folder")[0].split("/")[-1] in str(raised.value)
        return
    shown = json.loads(done.stdout)
    rows = shown["entries"] + shown["deny"]
    sources = {row["source"] for row in rows if row["layer"] == "repository"}
    assert set(policy_of(None).sources) == sources


def test_a_linked_policy_is_not_followed(tmp_path, monkeypatch):
    repository(tmp_path)
    (tmp_path / "elsewhere.yaml").write_text(ALLOW)
    (tmp_path / ".fickgate.yaml").symlink_to("elsewhere.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fickgate.PolicyError, match="symbolic link"):
        fickgate.scan(OURS)


def test_layers(tmp_path, monkeypatch):
    repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert fickgate.scan(OURS).errors[0].reason == "unknown"
    (tmp_path / ".fickgate.yaml").write_text(ALLOW)
    assert fickgate.scan(OURS).ok
    assert not fickgate.scan(OURS, policy=()).ok
    (tmp_path / "other.yaml").write_text(ALLOW)
    (tmp_path / ".fickgate.yaml").unlink()
    assert fickgate.scan(OURS, policy="other.yaml").ok
    assert fickgate.scan(OURS, also_allow=["ours.models.Ranker"]).ok
    assert not fickgate.scan(OURS).ok


def test_paths_of_a_policy_begin_at_the_repository(tmp_path, monkeypatch):
    repository(tmp_path)
    (tmp_path / ".fickgate.yaml").write_text(
        "allow:\n  - {import: ours.models.Ranker, use: [call], paths: [a/*.pkl], reason: x}\n"
    )
    (tmp_path / "a" / "m.pkl").write_bytes(OURS)
    (tmp_path / "m.pkl").write_bytes(OURS)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert fickgate.scan("../m.pkl").ok
    assert not fickgate.scan("../../m.pkl").ok


def test_pinned_content_is_accepted_and_an_exclusion_makes_nothing_safe(tmp_path, monkeypatch):
    import hashlib

    monkeypatch.chdir(tmp_path)
    pin = f"files: [{{sha256: {hashlib.sha256(OURS).hexdigest()}, reason: x}}]\nexclude: ['old/**']\n"
    (tmp_path / ".fickgate.yaml").write_text(pin)
    report = fickgate.scan(OURS)
    assert report.ok
    assert report.accepted == ".fickgate.yaml:1 (repository)"
    report = fickgate.scan(OURS + b" ", name="old/m.pkl")
    assert report.excluded == ".fickgate.yaml:2 (repository)"
    assert not report.ok


def test_also_allow_is_a_list():
    with pytest.raises(TypeError, match="sequence"):
        fickgate.scan(OURS, also_allow="ours.models.Ranker")


PATHS = "allow:\n  - {import: ours.models.Ranker, use: [call], paths: ['models/**'], reason: x}\n"


def let_in(load):
    """Whether a load comes as far as to import what no environment has."""
    try:
        load()
    except fickgate.UnsafePickle:
        return False
    except ModuleNotFoundError:
        return True
    return True


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A repository with a policy for some of its paths, where a protection holds, and a folder elsewhere."""
    ours, elsewhere = tmp_path / "ours", tmp_path / "elsewhere"
    repository(ours)
    (ours / ".fickgate.yaml").write_text(PATHS)
    for folder in (ours, elsewhere):
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "m.pkl").write_bytes(OURS)
    monkeypatch.chdir(ours)
    fickgate.protect()
    yield ours, elsewhere
    fickgate.unprotect()


def test_paths_are_held_against_where_a_file_lies(models, monkeypatch):
    ours, elsewhere = models
    policy = fickgate.read_policy()

    def loads(path):
        with open(path, "rb") as file:
            by_pickle = let_in(lambda: pickle.load(file))
            assert by_pickle == let_in(lambda: fickgate.load(path, policy=policy))
            assert by_pickle == fickgate.scan(path, policy=policy).ok
            file.seek(0)
            assert by_pickle == let_in(lambda: fickgate.load(file, policy=policy))
        return by_pickle

    assert loads("models/m.pkl")
    assert loads(ours / "models" / "m.pkl")
    (ours / "models" / "link.pkl").symlink_to(elsewhere / "models" / "m.pkl")
    assert loads("models/link.pkl")
    assert not loads(elsewhere / "models" / "m.pkl")
    assert not loads("models/../../elsewhere/models/m.pkl")
    monkeypatch.chdir(elsewhere)
    assert not loads("models/m.pkl")
    assert loads(ours / "models" / "m.pkl")


def test_a_member_is_not_where_its_archive_says(models, monkeypatch):
    _, elsewhere = models
    with zipfile.ZipFile("download.zip", "w") as archive:
        archive.writestr("models/m.pkl", OURS)
        archive.writestr("models/other.pkl", OURS)
    with zipfile.ZipFile("download.zip") as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                assert not let_in(lambda: pickle.load(member))
            with archive.open(name) as member:
                assert not let_in(lambda: fickgate.load(member))
            with archive.open(name) as member:
                assert fickgate.scan(member).path == f"<{name.split('/')[1]}>"
    # A name is what it was where the file was opened.
    with open("../elsewhere/models/m.pkl", "rb") as other, open("models/m.pkl", "rb") as file:
        monkeypatch.chdir(elsewhere / "models")
        assert not let_in(lambda: pickle.load(other))
        assert not let_in(lambda: pickle.load(file))
