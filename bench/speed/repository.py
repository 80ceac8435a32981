"""Repositories: 100,000 files, three models staged, a branch that changes 500 files, and a long history."""

import os
import pathlib
import random
import subprocess

import pickles
from measure import Command
from rows import MIB, Row, Tools, made

NAME = {
    "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@example.org", "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@example.org",
    "GIT_COMMITTER_DATE": "1700000000 +0000", "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip


def git(folder: pathlib.Path, *arguments: str, stdin: bytes | None = None, **environment: str) -> bytes:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=stdin, env={**os.environ, **NAME, **environment},
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return done.stdout


def commit(stream: list[bytes], ref: str, parent: str | None, changes: list[tuple[str, bytes]]) -> None:
    stream.append(f"commit {ref}\ncommitter bench <bench@example.org> 1700000000 +0000\ndata 1\nc\n".encode())
    if parent:
        stream.append(f"from {parent}\n".encode())
    for path, body in changes:
        stream.append(f"M 100644 inline {path}\ndata {len(body)}\n".encode() + body + b"\n")


def wide(path: pathlib.Path, count: int) -> None:
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    stream: list[bytes] = []
    tracked = [(f"d{i // 50}/f{i}.py", b"x = %d\n" % i) for i in range(count)]
    commit(stream, "refs/heads/main", None, tracked)
    rng = random.Random(5)
    changed = [(f"d{i}/model.pkl", pickles.small(rng, 6000, False)) for i in range(500)]
    commit(stream, "refs/heads/work", "refs/heads/main", changed)
    git(path, "fast-import", "--quiet", stdin=b"".join(stream))
    git(path, "reset", "--quiet", "--hard", "main")
    # Models in an index of their own: one, and three of 50 MiB.
    for name, size, models in (("one", MIB // 4, 1), ("three", 50 * MIB, 3)):
        index = str(path / ".git" / f"{name}-index")
        git(path, "read-tree", "main", GIT_INDEX_FILE=index)
        ids = []
        for i in range(models):
            body = pickles.HEAD + b"(B" + size.to_bytes(4, "little") + rng.randbytes(size) + b"e."
            blob = git(path, "hash-object", "-w", "--stdin", stdin=body).decode().strip()
            ids.append(blob)
            git(path, "update-index", "--add", "--cacheinfo", f"100644,{blob},model{i}.pkl", GIT_INDEX_FILE=index)
        (path / ".git" / f"{name}-ids").write_text("\n".join(ids) + "\n")
    names = git(path, "diff", "--raw", "--no-abbrev", "main...work").decode().splitlines()
    (path / ".git" / "changed-ids").write_text("".join(line.split()[3] + "\n" for line in names))


def long(path: pathlib.Path, commits: int) -> None:
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    rng, stream = random.Random(6), []
    for i in range(commits):
        changes = [
            (f"d{i % 97}/f{i % 1009}.pkl", pickles.small(rng, 3000, False)),
            (f"d{i % 97}/n{i % 503}.py", b"%d\n" % i),
        ]
        commit(stream, "refs/heads/main", None, changes)
    git(path, "fast-import", "--quiet", stdin=b"".join(stream))


def rows(tools: Tools, folder: pathlib.Path, quick: bool) -> list[Row]:
    count, commits = (20_000, 1_000) if quick else (100_000, 10_000)
    tree = made(folder / f"wide-{count}", lambda path: wide(path, count))
    history = made(folder / f"long-{commits}", lambda path: long(path, commits))

    def gate(*arguments: str, cwd: pathlib.Path = tree, **environment: str) -> Command:
        return Command([tools.gate, *arguments], cwd, environment=environment)

    def plain(*arguments: str, cwd: pathlib.Path = tree, stdin: str | None = None, **environment: str) -> Command:
        return Command(["git", *arguments], cwd, cwd / ".git" / stdin if stdin else None, environment)

    names = ("diff", "--cached", "--name-only")
    found = [
        Row(
            f"hook, nothing staged, {count:,} files", gate("hook", "pre-commit"),
            {"git diff --cached --name-only": plain(*names)}, goal=1.2,
        )
    ]  # fmt: skip
    for name, what in (("one", "one model of 256 KB"), ("three", "3 models of 50 MB")):
        index = {"GIT_INDEX_FILE": str(tree / ".git" / f"{name}-index")}
        found.append(
            Row(
                f"hook, {what} staged", gate("hook", "pre-commit", **index),
                {
                    "git diff --cached --name-only": plain(*names, **index),
                    "git cat-file --batch": plain("cat-file", "--batch", stdin=f"{name}-ids"),
                },
                goal=1.2 if name == "one" else None,
            )
        )  # fmt: skip
    found.append(
        Row(
            "--diff main...work, 500 files", gate("--diff", "main...work"),
            {
                "git diff --name-only": plain("diff", "--name-only", "main...work"),
                "git cat-file --batch": plain("cat-file", "--batch", stdin="changed-ids"),
            },
        )
    )  # fmt: skip
    found.append(
        Row(
            f"--history, {commits:,} commits", gate("--history", cwd=history),
            {"git cat-file --batch": plain("cat-file", "--batch-all-objects", "--batch", cwd=history)},
        )
    )  # fmt: skip
    return found
