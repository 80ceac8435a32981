"""The rows: what is judged, written once below the folder of work sets, and what it is held against."""

import dataclasses
import pathlib
import random
import subprocess
from collections.abc import Callable

import archives
import pickles
from measure import Command

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20


@dataclasses.dataclass
class Row:
    """One job. `goal` is the ratio to `beside` that is wanted; `form` says which peers read it."""

    name: str
    gate: Command
    beside: dict[str, Command]
    form: str = ""
    path: pathlib.Path | None = None
    goal: float | None = None
    refuses: bool | None = False


@dataclasses.dataclass
class Tools:
    """Programs, and the folder that is not in a repository."""

    gate: str
    least: str
    scratch: pathlib.Path

    def judge(self, path: pathlib.Path) -> Command:
        return Command([self.gate, "--no-policy", "--quiet", str(path)], self.scratch)

    def walk(self, path: pathlib.Path) -> Command:
        return Command([self.least, "walk", str(path)])

    def inflate(self, path: pathlib.Path) -> Command:
        return Command([self.least, "inflate", str(path)])

    def cat(self, path: pathlib.Path) -> Command:
        return Command(["cat", str(path)])

    def head(self, path: pathlib.Path) -> Command:
        return Command(["head", "-c", "65536", str(path)])

    def unpickle(self, path: pathlib.Path) -> Command:
        return Command(["python3", str(HERE / "unpickle.py"), str(path)])


def made(path: pathlib.Path, write: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The file or folder, written unless it is there. It gets its name when it is whole."""
    if not path.exists():
        partial = path.with_name(path.name + ".partial")
        subprocess.run(["rm", "-rf", str(partial)], check=True)
        write(partial)
        partial.rename(path)
    return path


def both(name: str, suffix: str, folder: pathlib.Path, write: Callable[[pathlib.Path, bool], None]):
    """The clean file and the one with a planted call."""
    for planted in (False, True):
        path = folder / f"{name}{'-planted' if planted else ''}{suffix}"
        yield planted, made(path, lambda partial, planted=planted: write(partial, planted))


def files(tools: Tools, folder: pathlib.Path, quick: bool) -> list[Row]:
    rows = []

    def add(name, path, planted, form, floor, goal, clean=None, python=False):
        beside = {floor: {"walk": tools.walk, "cat": tools.cat, "head": tools.head}[floor](path)}
        if clean:
            beside = {"the clean file": tools.judge(clean), **beside}
        if python:
            beside["Unpickler with stubs"] = tools.unpickle(path)
        shown = f"{name}, a call planted" if planted else name
        rows.append(Row(shown, tools.judge(path), beside, form, path, goal, planted))

    small = made(folder / "small.pkl", lambda p: p.write_bytes(pickles.small(random.Random(1), 6000, False)))
    add("one small file", small, False, "pickle", "cat", 1.5)
    count = 400 if quick else 2000
    for planted, path in both(f"small-{count}", "", folder, lambda p, yes: pickles.folder(p, count, 6000, yes, 20)):
        add(f"{count:,} small pickles", path, planted, "pickle", "walk", 1.5, python=True)
    size = (20 if quick else 200) * MIB
    for mix in pickles.MIXES:
        clean = None
        write = lambda p, yes, mix=mix: pickles.opcode_heavy(p, mix, size, yes)  # noqa: E731
        for planted, path in both(f"{mix}-{size // MIB}", ".pkl", folder, write):
            add(f"{mix}, {size // MIB} MB of opcodes", path, planted, "pickle", "walk", 1.5, clean, not planted)
            clean = path
    for size in (5 * MIB, 200 * MIB, 2000 * MIB):
        write = lambda p, yes, size=size: archives.torch_zip(p, size, yes)  # noqa: E731
        for planted, path in both(f"torch-{size // MIB}", ".pt", folder, write):
            add(f"torch zip, {size // MIB:,} MB", path, planted, "zip", "walk", 1.5)
    for size in (50 * MIB, 1000 * MIB):
        write = lambda p, yes, size=size: archives.legacy(p, size, yes)  # noqa: E731
        for planted, path in both(f"legacy-{size // MIB}", ".pt", folder, write):
            add(f"torch's legacy layout, {size // MIB:,} MB", path, planted, "legacy", "head", 1.5)
    return rows


def arrays(tools: Tools, folder: pathlib.Path) -> list[Row]:
    rows = []
    for size, goal in ((1 * MIB, 2.0), (10 * MIB, 1.5)):
        write = lambda p, yes, size=size: p.write_bytes(archives.object_array(size, yes))  # noqa: E731
        for planted, path in both(f"objects-{size // MIB}", ".npy", folder, write):
            name = f"npy of objects, {size // MIB} MB" + (", a call planted" if planted else "")
            rows.append(Row(name, tools.judge(path), {"walk": tools.walk(path)}, "npy", path, goal, planted))
    size = 4 * MIB
    write_npz = lambda p, yes: archives.deflated(p, [("arr_0.npy", archives.object_array(size, yes))])  # noqa: E731
    for planted, path in both("objects", ".npz", folder, write_npz):
        name = "npz of objects, 4 MB deflated" + (", a call planted" if planted else "")
        rows.append(Row(name, tools.judge(path), {"walk": tools.walk(path)}, "npz", path, 2.0, planted))

    def numeric(path: pathlib.Path) -> None:
        rng, count = random.Random(3), 4 * MIB
        values = rng.randbytes(count) + bytes(count * 7)
        mixed = b"".join(values[i::8] for i in range(8))
        archives.deflated(path, [("arr_0.npy", archives.header("<f8", (count,)) + mixed)])

    path = made(folder / "numeric.npz", numeric)
    rows.append(Row("npz of numbers, 32 MB deflated", tools.judge(path), {"walk": tools.walk(path)}, "npz", path, 1.5))
    return rows


def of_joblib(tools: Tools, folder: pathlib.Path, python: pathlib.Path, quick: bool) -> list[Row]:
    size, trees = (64 if quick else 512) * MIB, 30 if quick else 300

    def write(path: pathlib.Path) -> None:
        path.mkdir()
        subprocess.run([str(python), str(HERE / "joblib_files.py"), str(path), str(size), str(trees)], check=True)

    made(folder / f"joblib-{size // MIB}", write)
    rows = []
    for form in ("joblib-raw", "joblib-zlib", "joblib-lz4", "forest"):
        for end in ("", "-planted"):
            path = folder / f"joblib-{size // MIB}" / f"{form}{end}.joblib"
            if not path.exists():
                continue
            floor = tools.inflate(path) if form in ("joblib-zlib", "joblib-lz4") else tools.cat(path)
            what = f"forest of {trees} trees" if form == "forest" else f"{form.replace('-', ', ')}, {size // MIB} MB"
            beside = {"inflate" if floor.argv[1] == "inflate" else "cat": floor}
            planted = bool(end)
            name = what + (", a call planted" if planted else "")
            rows.append(Row(name, tools.judge(path), beside, "joblib", path, 1.5, planted))
    return rows


def growth(tools: Tools, folder: pathlib.Path, quick: bool) -> dict[str, list[tuple[float, Command, Command]]]:
    """Of work that grows by bytes, by opcodes, by files: its size, the gate on it, and the least beside that."""
    curves: dict[str, list[tuple[float, Command, Command]]] = {"opcodes": [], "files": [], "bytes": []}
    for size in (1, 4, 16) if quick else (1, 4, 16, 64, 200):
        path = made(
            folder / f"records-{size}.pkl", lambda p, size=size: pickles.opcode_heavy(p, "records", size * MIB, False)
        )
        # A row of `records` has 12 opcodes in 38 bytes.
        curves["opcodes"].append((size * MIB * 12 / 38, tools.judge(path), tools.walk(path)))
    for count in (20, 100, 400) if quick else (20, 100, 400, 2000, 8000):
        path = made(folder / f"small-{count}", lambda p, count=count: pickles.folder(p, count, 6000, False, 20))
        curves["files"].append((count, tools.judge(path), tools.walk(path)))
    for size in (1, 8, 32) if quick else (1, 8, 32, 128, 512):
        path = made(folder / f"noise-{size}.bin.gz", lambda p, size=size: noise(p, size * MIB))
        curves["bytes"].append((size * MIB, tools.judge(path), tools.inflate(path)))
    return curves


def noise(path: pathlib.Path, size: int) -> None:
    """A pickle of bytes, in gzip: half of them cannot be compressed."""
    import gzip

    rng = random.Random(4)
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as out:
        out.write(b"\x80\4\x8e" + size.to_bytes(8, "little"))
        for _ in range(size // MIB):
            out.write(rng.randbytes(MIB // 2) + bytes(MIB // 2))
        out.write(b".")
