"""Loads files on demand, each in a forked child with limits, and tells which loader left the marker.

Started by `interpreter.py` in every interpreter, CPython 2.7 and 3.8 to 3.14. A request is a line of JSON on standard
input: {"tasks": [[id, path, [loader, ...]], ...], "alone": false}. The answer is a line on standard output: a list of
[id, loader or null]. Tasks of one request share a child unless one of them ends it, or `alone` is set."""

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile

SECONDS = 6  # one loader on one file; joblib 1.6 does not end on some damaged streams
MEMORY = 5 << 30  # address space: libraries map much that they never touch
FILE = 64 << 20  # what a loader may write


def child(tasks, done, scratch, table):
    """Runs the loaders of every task; writes "id loader" for a marker, "id -" for none, as it goes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    for task, path, loaders in tasks:
        seen = "-"
        for loader in loaders:
            os.write(done, ("try %s %s\n" % (task, loader)).encode())
            place = os.path.join(scratch, "%s" % task)
            os.mkdir(place)
            os.chdir(place)
            try:
                table[loader](path)
            except BaseException:
                pass
            left = os.path.lexists(os.path.join(place, "M"))
            os.chdir(scratch)
            shutil.rmtree(place, ignore_errors=True)
            for name in [name for name in sys.modules if "fickgat" in name]:
                del sys.modules[name]
            if left:
                seen = loader
                break
        os.write(done, ("%s %s\n" % (task, seen)).encode())
    os._exit(0)


def serve(tasks, table):
    """{id: loader or None} for all tasks, with as many children as it takes."""
    answers = {}
    tasks = [list(task) for task in tasks]
    while tasks:
        scratch = tempfile.mkdtemp(prefix="fickgate-oracle-")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.close(reading)
            child(tasks, writing, scratch, table)
        os.close(writing)
        trying = follow(reading, answers)
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(reading)
        if trying and os.path.lexists(os.path.join(scratch, trying[0], "M")):
            answers[trying[0]] = trying[1]  # it ended the child, but the payload had run
        shutil.rmtree(scratch, ignore_errors=True)
        tasks = [task for task in tasks if str(task[0]) not in answers]
        if tasks and trying and str(tasks[0][0]) == trying[0]:
            at = tasks[0][2].index(trying[1]) if trying[1] in tasks[0][2] else 0
            tasks[0][2] = tasks[0][2][at + 1 :]  # the loader that ended the child is not asked again
            if not tasks[0][2]:
                answers[trying[0]] = None
                tasks = tasks[1:]
        elif tasks and not trying:
            for task in tasks:
                answers[str(task[0])] = None
            tasks = []
    return answers


def follow(reading, answers):
    """Takes what the child says until it ends or hangs; returns the (task, loader) it was at, if any."""
    trying, rest = None, b""
    while True:
        ready, _, _ = select.select([reading], [], [], SECONDS)
        if not ready:
            return trying
        piece = os.read(reading, 65536)
        if not piece:
            return trying
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        for line in lines:
            words = line.decode().split(" ")
            if words[0] == "try":
                trying = (words[1], words[2])
            else:
                answers[words[0]] = None if words[1] == "-" else words[1]
                trying = None


def warm(table, names):
    """Lets every loader fail once on an empty file, so that what it imports late is there before the fork."""
    empty = tempfile.NamedTemporaryFile()
    place, home = tempfile.mkdtemp(), os.getcwd()
    os.chdir(place)
    for name in names:
        try:
            table[name](empty.name)
        except Exception:
            pass
    os.chdir(home)
    shutil.rmtree(place)


def main():
    sys.path.insert(0, sys.argv[1])  # the folder of stubs
    sys.dont_write_bytecode = True
    import loader

    names = loader.here()
    warm(loader.LOADERS, names)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answer.write(json.dumps({"version": sys.version.split()[0], "loaders": names}) + "\n")
    answer.flush()
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        batches = [[task] for task in request["tasks"]] if request.get("alone") else [request["tasks"]]
        answers = {}
        for batch in batches:
            answers.update(serve(batch, loader.LOADERS))
        answer.write(json.dumps(sorted(answers.items())) + "\n")
        answer.flush()


if __name__ == "__main__":
    main()
