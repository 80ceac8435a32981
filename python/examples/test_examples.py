"""The same files by an engine and by one process give the same report, also where a worker is killed half-way.

    pip install -r python/examples/requirements.txt && pytest python/examples

with the wheel installed. What is not installed is left out, and said so.
"""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import fickgate
import pytest

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[1] / "tests" / "fixtures"
MARKER = "worker-was-killed"
sys.path.insert(0, str(HERE))


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Fixtures in a folder of their own, and the paths of all, one of which is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    folder = tmp_path / "models"
    folder.mkdir()
    for kind in ("clean", "malicious"):
        for path in sorted((FIXTURES / kind).rglob("*.p*"))[::9]:
            shutil.copy2(path, folder / f"{kind}-{path.name}")
    (tmp_path / ".fickgate.yaml").write_text("deny: [collections.OrderedDict]\n")
    return [*(f"models/{path.name}" for path in sorted(folder.iterdir())), "models/nothing.pkl"]


def command(paths, format):
    """What the command makes of them."""
    command = [fickgate.merging.command_path(), "--format", format, "--exit-zero", "--policy", ".fickgate.yaml", *paths]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def same(reports, paths):
    """Reports of an engine are those of one process; together they are what the command writes."""
    alone = {report.path: report for report in fickgate.scan_all(paths)}
    assert {report.path: report for report in reports} == alone
    assert len(alone) == len(paths)
    assert sum(not report.ok for report in reports) > 20
    merged = fickgate.merge(reports, of=paths)
    assert merged == fickgate.merge(alone.values(), of=paths)
    # The policy was given by name there, and the command says for itself that a file is not there.
    there = [path for path in paths if "nothing" not in path]
    written = command(there, "json").replace('"layer": "command line"', '"layer": "repository"')
    assert fickgate.merge([report for report in reports if "nothing" not in report.path], of=there) == written


def killed_once(paths):
    """Kills the process that comes by first."""
    marker = Path(os.environ["FICKGATE_TEST_FOLDER"], MARKER)
    if any("malicious" in path for path in paths):
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def dask_task(paths, policy):
    import with_dask

    killed_once(paths)
    return with_dask.group(paths, policy)


def test_dask(files, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    import test_examples
    import with_dask

    monkeypatch.setenv("FICKGATE_TEST_FOLDER", str(tmp_path))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            same(with_dask.scan(client, files, size=10), files)
            same(with_dask.scan(client, files, test_examples.dask_task, size=10), files)
    assert (tmp_path / MARKER).exists()


def spark_task(batches, policy):
    import with_spark

    for batch in batches:
        killed_once(list(batch["path"]))
        yield from with_spark.rows(iter([batch]), policy)


def test_spark(files, tmp_path, monkeypatch):
    sql = pytest.importorskip("pyspark.sql")
    import test_examples
    import with_spark

    monkeypatch.setenv("FICKGATE_TEST_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark = sql.SparkSession.builder.master("local[2,3]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        same(fickgate.from_arrow(with_spark.scan(spark, files).toArrow()), files)
        same(fickgate.from_arrow(with_spark.scan(spark, files, test_examples.spark_task).toArrow()), files)
    finally:
        spark.stop()
    assert (tmp_path / MARKER).exists()


class Store:
    """An S3 in this process, which counts what it gives."""

    def __init__(self):
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        inner = DomainDispatcherApplication(create_backend_app)
        self.given = self.requests = 0

        def counting(environ, start):
            def begin(status, headers, *rest):
                if environ["REQUEST_METHOD"] == "GET":
                    self.requests += 1
                    self.given += int(dict(headers).get("Content-Length", 0))
                return start(status, headers, *rest)

            return inner(environ, begin)

        self.server = make_server("127.0.0.1", 0, counting, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"


def text(words):
    return b"X" + len(words).to_bytes(4, "little") + words


def checkpoint(path, tensors):
    """A checkpoint with tensors of 8 MiB, as torch.save writes one."""
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n"
    rest = text(b"cpu") + b"J\0\0\x20\0tQK\0J\0\0\x20\0\x85K\1\x85\x89ccollections\nOrderedDict\n)RtR"
    one = b"ctorch._utils\n_rebuild_tensor_v2\n("
    pickle = b"".join(text(b"w%d" % i) + one + storage + text(b"%d" % i) + rest for i in range(tensors))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}(" + pickle + b"u.")
        archive.writestr("m/version", b"3\n")
        for i in range(tensors):
            archive.writestr(f"m/data/{i}", bytes(8 << 20))


def test_s3(tmp_path, monkeypatch, capsys):
    pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    import threading

    import with_s3
    from moto.s3.models import s3_backends

    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    checkpoint("large.pt", 8)
    size = os.path.getsize("large.pt")
    Path("evil.pkl").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    store = Store()
    thread = threading.Thread(target=store.server.serve_forever, daemon=True)
    thread.start()
    try:
        s3fs.S3FileSystem(endpoint_url=store.url).mkdir("models")
        bucket = s3_backends["123456789012"]["aws"]
        for name in ("large.pt", "evil.pkl"):
            bucket.put_object("models", name, Path(name).read_bytes())
        store.given = store.requests = 0
        reports = {report.path: report for report in with_s3.scan("s3://models", endpoint_url=store.url)}
        given, requests = store.given, store.requests
    finally:
        store.server.shutdown()
        thread.join()
    assert {path: report.verdict for path, report in reports.items()} == {
        "models/large.pt": "clean",
        "models/evil.pkl": "refused",
    }
    assert len(reports["models/large.pt"].streams) == 1
    assert given < size / 100
    with capsys.disabled():
        print(f"\nof {size:,} bytes {given:,} were read, in {requests} requests")
