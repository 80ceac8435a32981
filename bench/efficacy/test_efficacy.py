"""Tests of the bench: what it makes is what it says, whatever the machine. `python -m pytest` needs no more."""

import functools
import hashlib
import http.server
import io
import pathlib
import pickle
import re
import subprocess
import sys
import threading
import zipfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import formats  # noqa: E402
import injection  # noqa: E402
import interval  # noqa: E402
import listing  # noqa: E402
import opcodes  # noqa: E402
import payload  # noqa: E402
import proof  # noqa: E402
import stub  # noqa: E402
import table  # noqa: E402
from clean import Clean  # noqa: E402

VALUE = {"weights": [1, 2.5, {"a": (1, 2)}], "name": "x" * 300, "classes": {"k": "v"}}
# One of each shape: a plain call, a call of a call, a name with dots, a callable as value, no arguments.
SHAPES = [
    payload.Payload("shell", "plain", payload.call("os:system", "true")),
    payload.Payload("shell", "made", payload.method(payload.module("os"), "system", "true")),
    payload.Payload("alias", "dotted", payload.call("shutil:os.system", "true")),
    payload.Payload(
        "calls",
        "handed on",
        payload.call("functools:reduce", payload.Import("os", "system"), ["true"], {"a": (1, b"x", None, "c")}),
    ),
    payload.Payload("files", "alone", payload.call("tempfile:NamedTemporaryFile")),
]


def resolved(stream: bytes, base: type) -> tuple[set, str | None]:
    seen = stub.Resolved()
    return seen.names, seen.load(io.BytesIO(stream), base)


@pytest.mark.parametrize("base", [pickle.Unpickler, pickle._Unpickler])
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("where", injection.WHERE)
def test_every_style_in_every_place_resolves_the_payload_and_leaves_the_object(
    base: type, protocol: int, where: str
) -> None:
    for style in opcodes.STYLES:
        for shape in SHAPES:
            code = opcodes.encode(shape, style, 5000)
            stream = pickle.dumps(VALUE, protocol)
            stream = opcodes.plain(stream) if code.memo else stream
            put = {
                "first": opcodes.first,
                "last": opcodes.last,
                "between": functools.partial(opcodes.between, share=0.4),
                "inside": functools.partial(opcodes.inside, share=0.4),
            }[where]
            names, error = resolved(put(stream, code), base)
            assert error is None, (style, shape.name)
            assert shape.imports() <= names, (style, shape.name, names)


def test_the_object_of_a_clean_file_is_still_there() -> None:
    code = opcodes.encode(payload.Payload("none", "none", payload.call("builtins:len", "true")), "reduce")
    for protocol in (2, 4):
        stream = pickle.dumps(VALUE, protocol)
        for put in (opcodes.first, opcodes.last, functools.partial(opcodes.between, share=0.5)):
            assert pickle.loads(put(stream, code)) == VALUE
        inside = pickle.loads(opcodes.inside(stream, code, 0.0))
        assert inside.pop("_hook") == 4
        assert inside == VALUE
        assert pickle.loads(opcodes.plain(stream)) == VALUE


def test_a_payload_is_not_run_by_the_proof(tmp_path: pathlib.Path) -> None:
    marker = tmp_path / "ran"
    evil = payload.Payload("files", "mark", payload.call("os:mkdir", str(marker)))
    for style in opcodes.STYLES:
        names, _ = resolved(opcodes.first(pickle.dumps(VALUE), opcodes.encode(evil, style)), pickle.Unpickler)
        assert ("os", "mkdir") in names
    assert not marker.exists()


@pytest.mark.parametrize("codec", ["gzip", "bz2", "xz", "lzma", "zlib"])
def test_formats_are_known_by_content_and_replaced_within(codec: str) -> None:
    pack, _ = formats.CODECS[codec]
    data = pack(pickle.dumps(VALUE))
    assert formats.of(data) == codec
    (place,) = formats.places(data, codec)
    assert pickle.loads(formats.CODECS[codec][1](place.replaced(pickle.dumps(7)))) == 7


def test_archives_and_arrays_are_replaced_within() -> None:
    data = formats.archive("archive/data.pkl", pickle.dumps(VALUE))
    assert formats.of(data) == "torch"
    (place,) = formats.places(data, "torch")
    made = zipfile.ZipFile(io.BytesIO(place.replaced(b"N."))).read("archive/data.pkl")
    assert made == b"N."
    array = formats.objects(b"N.")
    assert len(array) % 64 == 2
    assert formats.of(array) == "npy"
    assert formats.npy(array).replaced(b"I1\n.").endswith(b"\nI1\n.")


def test_an_attack_is_the_same_for_the_same_seed_and_is_proven(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "model.pkl"
    source.write_bytes(pickle.dumps(VALUE, 4))
    clean = Clean(str(source), "written", "pickle", "python", "3", "3")
    every = payload.payloads()
    for number in range(120):
        evil = every[number % len(every)]
        folders = [tmp_path / f"{number}-{again}" for again in range(2)]
        made = []
        for folder in folders:
            folder.mkdir()
            try:
                made.append(injection.attack(clean, evil, number, 3, folder))
            except KeyError as error:
                assert str(error) in ("'lz4'", "'zstd'"), "a codec that is no part of Python"
        if len(made) == 2:
            first, second = (pathlib.Path(one.path) for one in made)
            assert first.read_bytes() == second.read_bytes()
            seen = {tuple(pair) for pair in proof.prove(str(first), made[0].format)["imports"]}
            assert set(made[0].imports) <= seen, made[0]


def test_payloads_have_names_of_their_own_and_are_harmless() -> None:
    every = payload.payloads()
    assert len({(one.family, one.name) for one in every}) == len(every) > 150
    text = repr([one.expression for one in every])
    assert set(re.findall(r"https?://[^/'\" ]+", text)) == {"http://127.0.0.1:9"}
    assert not re.search(r"rm |/etc|/home|/tmp", text)


def test_writers_make_the_same_objects_again(tmp_path: pathlib.Path) -> None:
    made = []
    for index in range(2):
        folder = tmp_path / str(index)
        folder.mkdir()
        subprocess.run(
            [sys.executable, HERE / "writers" / "plain.py", folder, "5", "1"], check=True, env={"PYTHONHASHSEED": "0"}
        )
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) > 100


class Server(http.server.BaseHTTPRequestHandler):
    """Files by path; `broken` sends half of the first answer, `failing` one error of the server, `whole` knows no ranges."""

    files: dict = {}
    asked: list = []

    def do_GET(self) -> None:
        Server.asked.append((self.path, self.headers.get("Range")))
        data, first = Server.files.get(self.path), [path for path, _ in Server.asked].count(self.path) == 1
        if data is None or ("failing" in self.path and first):
            self.send_error(404 if data is None else 503)
            return
        begin = int(self.headers["Range"][6:-1]) if self.headers.get("Range") and "whole" not in self.path else 0
        self.send_response(206 if begin else 200)
        body = data[begin:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if "broken" in self.path and first else body)

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def hub():
    Server.files, Server.asked = {}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{{repository}}/resolve/{{revision}}/{{path}}"
    server.shutdown()
    server.server_close()


def entry(path: str, data: bytes, sha256: str | None = None) -> listing.Entry:
    Server.files["/someone/model/resolve/main/" + path] = data
    return listing.Entry("someone/model", "main", path, sha256 or hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize("name", ["model.pkl", "broken.pkl", "failing.pkl", "broken-whole.pkl", "sub/with%20space.bin"])
def test_downloads_arrive_whole(hub: str, tmp_path: pathlib.Path, name: str) -> None:
    data = bytes(range(256)) * 40
    asked = listing.Entry(
        "someone/model", "main", name.replace("%20", " "), hashlib.sha256(data).hexdigest(), len(data)
    )
    entry(name, data)
    assert listing.fetch(asked, tmp_path, hub, pause=0) == "loaded"
    assert asked.place(tmp_path).read_bytes() == data
    before = len(Server.asked)
    assert listing.fetch(asked, tmp_path, hub, pause=0) == "kept"
    assert len(Server.asked) == before
    if name == "broken.pkl":
        assert Server.asked[1][1] == f"bytes={len(data) // 2}-", "what was there is not asked for again"


def test_downloads_that_are_not_what_the_listing_says_are_thrown_away(hub: str, tmp_path: pathlib.Path) -> None:
    wrong = entry("other.pkl", b"abc", "0" * 64)
    assert listing.fetch(wrong, tmp_path, hub, tries=2, pause=0) == "another SHA-256"
    missing = listing.Entry("someone/model", "main", "none.pkl", "0" * 64, 3)
    assert listing.fetch(missing, tmp_path, hub, tries=3, pause=0) == "HTTP 404"
    assert [path for path, _ in Server.asked].count("/someone/model/resolve/main/none.pkl") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with pytest.raises(ValueError, match="leads out"):
        listing.fetch(listing.Entry("..", "main", "../x", "0" * 64, 3), tmp_path, hub)


def test_a_listing_says_which_line_is_none(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "listing.tsv"
    path.write_text(f"# a note\nsomeone/model\tmain\ta.pkl\t{'0' * 64}\t3\n")
    assert listing.read(path) == [listing.Entry("someone/model", "main", "a.pkl", "0" * 64, 3)]
    path.write_text("someone/model\tmain\ta.pkl\n")
    with pytest.raises(ValueError, match=r"listing\.tsv:1"):
        listing.read(path)


def test_intervals_have_the_values_of_the_literature() -> None:
    # R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I,
    # method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, of, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert [round(end, 4) for end in interval.wilson(hits, of)] == [low, high]
    assert interval.wilson(0, 0) == (0.0, 1.0)


def test_counts_keep_errors_and_unread_files_apart() -> None:
    answers = {
        str(index): {"verdict": verdict, "seconds": "0.5"}
        for index, verdict in enumerate(("refused", "passed", "error", "unread", "refused"))
    }
    made = table.count([*answers, "never asked"], answers, "refused")
    assert (made.right, made.wrong, made.error, made.unread, made.read, made.seconds) == (2, 1, 1, 1, 4, 2.5)
    assert made.short() == "50.0"
    assert table.Count(right=9999, wrong=1).short() == "99.9", "never rounded up to all"


def test_a_tool_that_refuses_everything_tells_nothing_apart() -> None:
    def told(evil: str, good: str) -> str:
        row = injection.Attack("evil", "good", "", "", "", "", "", "", "", ())
        return table.pairs([row], {"evil": {"verdict": evil}, "good": {"verdict": good}}).short()

    assert told("refused", "passed") == "100.0"
    assert told("refused", "refused") == told("passed", "passed") == told("error", "passed") == "0.0"
    assert told("refused", "unread") == "-"
