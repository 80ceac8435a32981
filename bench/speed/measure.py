"""Commands as whole processes, in turn, with the median of their times and the peak of their memory."""

import dataclasses
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time


@dataclasses.dataclass
class Command:
    """What is run, from which folder, fed with which file."""

    argv: list[str]
    cwd: pathlib.Path | None = None
    stdin: pathlib.Path | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Measured:
    """Seconds and MiB of one command over its rounds."""

    wall: float
    processor: float
    memory: float
    rounds: int
    code: int
    cut: bool = False

    @property
    def refuses(self) -> bool:
        return self.code == 1


def once(command: Command, limit: float) -> tuple[float, float, float, int, bool]:
    """One run: seconds, processor seconds, MiB at the peak, exit code, whether it was cut off."""
    environment = {**os.environ, **command.environment, "PYTHONHASHSEED": "0"}
    cut = threading.Event()
    with open(command.stdin or os.devnull, "rb") as stdin, open(os.devnull, "wb") as null:
        start = time.perf_counter()
        # By `vfork`, which copies nothing of this process into the times of that one.
        process = subprocess.Popen(
            command.argv, cwd=command.cwd, env=environment, stdin=stdin, stdout=null, stderr=null,
            close_fds=False, start_new_session=True,
        )  # fmt: skip

    def end() -> None:
        cut.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return (
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        process.returncode,
        cut.is_set(),
    )


def alternating(commands: dict[str, Command], rounds: int, limit: float, total: float) -> dict[str, Measured]:
    """Runs all in turn, so that a change of the machine's speed meets each alike. One that takes long is run less often,
    one that takes longer than `limit` seconds once, and not to its end."""
    runs: dict[str, list[tuple[float, float, float, int, bool]]] = {name: [] for name in commands}
    spent = dict.fromkeys(commands, 0.0)
    for turn in range(rounds + 1):
        for name, command in commands.items():
            if turn > 0 and (spent[name] > total or (runs[name] and runs[name][0][4])):
                continue
            run = once(command, limit)
            spent[name] += run[0]
            # The first run brings files into memory, and counts where there is no other.
            if turn == 1:
                runs[name].clear()
            runs[name].append(run)
    return {name: summary(of) for name, of in runs.items()}


def summary(runs: list[tuple[float, float, float, int, bool]]) -> Measured:
    wall, processor, memory, codes, cut = zip(*runs, strict=True)
    return Measured(statistics.median(wall), statistics.median(processor), max(memory), len(runs), codes[-1], any(cut))


def scratch() -> pathlib.Path:
    """A folder without a repository around it, from which files are judged."""
    return pathlib.Path(tempfile.mkdtemp(prefix="speed-"))
