"""Reports of many files: sent between processes, put together, and as tables."""

import json
import pickle
import subprocess
import sys

import fickgate
import pytest
from conftest import FIXTURES, fixtures

FILES = [str(path) for kind in ("clean", "malicious") for path in fixtures(kind)[::4] if path.name != "manifest.json"]


def test_together_they_are_what_the_command_writes(monkeypatch):
    monkeypatch.chdir(FIXTURES)
    for format in ("json", "sarif", "concise"):
        command = [fickgate.merging.command_path(), "--no-policy", "--exit-zero", "--format", format, *FILES]
        written = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert fickgate.merge(fickgate.scan_all(FILES, policy=()), format=format) == written


def test_what_is_missing_or_was_read_in_vain_is_a_failure(outside):
    (outside / "a.pkl").write_bytes(b"N.")
    reports = list(fickgate.scan_all(["a.pkl", "nothing.pkl"]))
    assert [report.verdict for report in reports] == ["clean", "failed"]
    assert not reports[1].ok
    document = json.loads(fickgate.merge(reports, of=["a.pkl", "nothing.pkl", "lost.pkl"]))
    assert {failure["path"] for failure in document["failures"]} == {"nothing.pkl", "lost.pkl"}
    assert document["summary"]["blobs"] == 1


def test_a_path_may_be_written_in_more_than_one_way(outside):
    (outside / "models").mkdir()
    (outside / "a.pkl").write_bytes(pickle.dumps([1]))
    for path in ("./a.pkl", "models/../a.pkl", str(outside / "a.pkl")):
        document = json.loads(fickgate.merge(fickgate.scan_all([path]), of=[path]))
        assert document["summary"]["failures"] == 0, path


def test_a_file_that_was_scanned_twice_counts_once(outside):
    (outside / "a.pkl").write_bytes(b"N.")
    (report,) = fickgate.scan_all(["a.pkl"])
    failed = fickgate.Report.failed("a.pkl", "the store was away")
    once = fickgate.merge([report])
    assert fickgate.merge([failed, report, report, failed]) == once
    (outside / "a.pkl").write_bytes(b"cos\nsystem\n.")
    with pytest.raises(ValueError, match=r"a\.pkl say different things"):
        fickgate.merge([report, *fickgate.scan_all(["a.pkl"])])


def test_what_the_policy_lets_pass_is_said(outside):
    (outside / ".fickgate.yaml").write_text("exclude: [a.pkl]\n")
    (outside / "a.pkl").write_bytes(b"cos\nsystem\n.")
    document = json.loads(fickgate.merge(fickgate.scan_all(["a.pkl"])))
    assert document["findings"] == []
    by = {"source": ".fickgate.yaml", "line": 1, "layer": "repository"}
    reason = "excluded by .fickgate.yaml:1 (repository)"
    assert document["skipped"] == [{"path": "a.pkl", "reason": reason, "kind": "excluded", "by": by}]


def test_a_policy_goes_where_its_files_are_not(outside, tmp_path_factory, monkeypatch):
    (outside / ".fickgate.yaml").write_text("deny: [decimal.*]\n")
    (outside / "more.yaml").write_text("deny: [fractions.*]\n")
    policies = [fickgate.read_policy(also_allow=["a.B"]), fickgate.read_policy("more.yaml")]
    carried = pickle.dumps(policies)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (outside / ".fickgate.yaml").unlink()
    (outside / "more.yaml").unlink()
    for policy, module in zip(pickle.loads(carried), ["decimal", "fractions"]):
        (finding,) = fickgate.scan(b"c%b\nX\n." % module.encode(), policy=policy).errors
        assert finding.entry is not None
    assert fickgate.scan(b"ca\nB\n.", policy=pickle.loads(carried)[0]).ok


def test_a_table_keeps_all_of_a_report(outside):
    pytest.importorskip("pyarrow")
    reports = [*fickgate.scan_all(FILES, policy=()), fickgate.Report.failed("x", "gone")]
    table = fickgate.to_arrow(reports)
    assert table.schema == fickgate.schema()
    assert table.column("verdict").to_pylist() == [report.verdict for report in reports]
    assert fickgate.from_arrow(table) == reports


def test_nothing_needs_pyarrow_but_tables():
    code = "import sys; sys.modules['pyarrow'] = None; import fickgate; print(fickgate.scan(b'N.').ok)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
