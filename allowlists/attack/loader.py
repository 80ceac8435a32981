"""Runs inside one environment: loads pickles in forked children and says what each of them did.

The packages are imported once; every child begins with them, with an audit hook, a snapshot of their state, a
limit on memory and on processor time. Speaks in lines of JSON, a question and an answer each:

    {"allowed": [...], "modules": [...], "canaries": [...]}    what to import                -> {"ready": modules}
    {"warm": [file, ...], "later": []}   harmless calls whose traces are none of an attack    -> {"warm": count}
    {"load": [file, ...], "later": []}   files in base64, methods that a program calls next   -> {"outcomes": [...]}

An outcome has `ended` (loaded, stopped, an error, crash, time), `effects`, each a kind, a detail and the code that
led there, and `missing`, an attribute or key that was asked for and not there. Unix, CPython 3.10 or newer.
"""

import base64
import faulthandler
import gc
import importlib
import io
import itertools
import json
import os
import pickle
import re
import resource
import select
import signal
import sys
import time
import traceback
import types
import warnings

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [FOLDER, *[p for p in sys.path if os.path.abspath(p or ".") != FOLDER]]
from audit import Audit, Canary, Stopped  # noqa: E402
from snapshot import Snapshot, Watch  # noqa: E402
from touch import look  # noqa: E402

sys.path.pop(0)  # the names of this folder are nobody's modules

SECONDS = 1.0  # of processor time for one file
SLOW = 0.5  # worth a report although it ended
LOOK = 60.0  # of processor time for the look at the state
WAITS = 120.0  # by the clock without any processor time: it waits for something that does not come
MEMORY = 2 << 30
GREW = 256 << 20
ABSURD = 1 << 40  # bytes that no machine gives: the load ends with an error, and that is all


# Uses that are no method's name.
SHOWS = {"repr": repr, "len": len, "iter": lambda found: list(itertools.islice(found, 20)), "eq": lambda found: found == found, "bool": bool}


def play(loaded, later):
    """What a program does next, where the object has it."""
    for method in later:
        try:
            if method in SHOWS:
                SHOWS[method](loaded)
            elif hasattr(loaded, method):
                getattr(loaded, method)([[1.0]])
        except Exception:
            pass


def spent():
    """Processor time of this thread in seconds (that of all takes long to ask for) and the most memory in bytes, so far."""
    return time.thread_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def asked(ended):
    """Whether a load ended because it asked for memory that a larger machine might have given."""
    if "MemoryError" not in ended and "allocate memory" not in ended:
        return False
    return not (re.search(r" [TPE]iB|-\d", ended) or any(int(number) > ABSURD for number in re.findall(r"\d+", ended)))


class Child:
    """One fork: loads files one after the other and writes what happened to a pipe."""

    def __init__(self, server, files, later, places, pipe):
        self.server, self.files, self.later, self.pipe = server, files, later, pipe
        self.watch = Watch(server.snapshot, places)

    def tell(self, *row):
        line = (json.dumps(row) + "\n").encode()
        while line:  # a pipe takes no more at once than it has room for
            line = line[os.write(self.pipe, line):]

    def run(self):
        devnull = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(devnull, descriptor)
        self.trace = open(self.server.trace, "w")
        faulthandler.enable(self.trace)
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        sys.setrecursionlimit(1000)
        gc.disable()
        for index, data in self.files:
            self.tell("begin", index)
            outcome = self.load(data)
            outcome["effects"] += [["state", f"{path} {what} {name}", []] for path, what, name in self.watch.changes()[:8]]
            self.tell("end", index, outcome)
        self.tell("look")
        self.tell("state", self.server.snapshot.changes())

    def load(self, data):
        audit, ended, missing = self.server.audit, "loaded", None
        began, peak = spent()
        self.cost = None
        audit.start(data)
        loaded = None
        try:
            loaded = self.server.load(data)
            look(loaded)
            if self.later:
                self.use(loaded)
        except Stopped:
            ended = "stopped"
        except BaseException as error:  # an attack may raise anything
            ended, missing = self.described(error)
        try:
            del loaded
            gc.collect(0)  # with the collector off, all that this load made is young
        except BaseException as error:
            ended = f"{ended}, then {type(error).__name__}"
        audit.stop()
        effects = audit.effects
        used, grew = (self.cost or spent())
        if used - began > SLOW:
            effects.append(["time", f"{used - began:.1f} s", []])
        if grew - peak > GREW:
            effects.append(["memory", f"{grew - peak >> 20} MiB", []])
        elif not self.cost and asked(ended):
            effects.append(["memory", ended[:200], []])
        return {"ended": ended, "effects": effects, "lazy": audit.lazy, "missing": missing}

    def use(self, loaded):
        """A program goes on. A call of what it stored is its own act, and so are time, memory and crashes from here on."""
        self.cost = spent()
        self.tell("use")
        self.server.audit.later = True
        play(loaded, self.later)

    @staticmethod
    def described(error):
        """The error with the function that raised it, and the attribute or key that was not there."""
        code, link = None, error.__traceback__
        while link is not None:
            code, link = link.tb_frame.f_code, link.tb_next
        where = f"{os.path.basename(code.co_filename)}:{code.co_name}" if code else ""
        try:
            text = str(error)[:100]  # programs show errors
        except Stopped:
            return "stopped", None
        except BaseException as other:
            text = f"{type(other).__name__} in str"
        missing = None
        if isinstance(error, AttributeError) and isinstance(getattr(error, "name", None), str):
            cls = type(error.obj)
            missing = [f"{cls.__module__}:{cls.__qualname__}", error.name]
        elif isinstance(error, KeyError) and error.args and type(error.args[0]) is str:
            missing = ["", error.args[0]]
        return f"{type(error).__name__}: {text} ({where})", missing


def unpickler_of(server):
    """CPython's C unpickler, with canaries for imports that nothing may call."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            found = super().find_class(module, name)
            key = f"{module}:{name}"
            return Canary(found, key, server.audit) if key in server.canaries else found

    return Unpickler


class Server:
    def __init__(self, question):
        self.missing, self.growing = set(), set()
        self.audit = Audit(set(question["allowed"]), self.missing)
        self.canaries = set(question["canaries"])
        self.trace = os.path.join(os.getcwd(), "trace")
        with open("marker", "w") as marker:
            marker.write("0")
        warnings.simplefilter("always")
        # Both show values, as the originals do, and read no source.
        warnings.showwarning = lambda message, *_args, **_kwargs: str(message)
        sys.unraisablehook = lambda told: (str(told.exc_value), repr(told.object))
        self.packages = {module.split(".")[0] for module in question["modules"]} | sys.stdlib_module_names
        self.ready = sum(self.bring(module) for module in question["modules"])
        self.unpickler = unpickler_of(self)
        # What torch takes for its pickle_module.
        self.pickles = types.SimpleNamespace(Unpickler=self.unpickler, load=pickle.load, __name__="pickle")
        self.audit.install()
        self.settle()

    def load(self, data):
        """Loads a file the way its kind is loaded."""
        if data.startswith(b"PK"):
            return sys.modules["torch"].load(io.BytesIO(data), pickle_module=self.pickles, weights_only=False)
        return self.unpickler(io.BytesIO(data)).load()

    def bring(self, module):
        try:
            importlib.import_module(module)
            return True
        except BaseException:
            self.missing.add(module)
            return False

    def settle(self):
        """What is here now is nobody's effect."""
        gc.collect()
        gc.freeze()
        self.snapshot = Snapshot(self.packages, self.growing)
        gc.freeze()
        # What a fork alone changes: locks, process ids.
        _, state = self.fork([], [])
        self.snapshot.passing.update((path, name) for _, path, _, name in state)

    def warm(self, files, later):
        """Runs plain uses once in this very process: they fill caches and make singletons."""
        fine = [data for data, outcome in zip(files, self.outcomes(files, later, apart=False)) if quiet(outcome)]
        self.audit.learning = True
        for data in fine:
            try:
                play(self.load(data), later)
            except BaseException:
                pass
        self.audit.learning = False
        # Tables that grow by plain calls are caches: that they grow is no effect, that they change is one.
        grown = {path for _, path, what, _ in self.snapshot.changes() if what != "set"}
        self.growing.update(grown)
        self.settle()
        return len(fine)

    # ------------------------------------------------------------------------------- one batch

    def fork(self, files, later, places=()):
        """Loads files in a child; the outcomes of those it came to, and what it left changed.

        `places` of the snapshot are looked at after every file."""
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.close(read)
                Child(self, files, later, places, write).run()
                os._exit(0)
            except BaseException:
                with open(self.trace, "a") as trace:
                    traceback.print_exc(file=trace)
            finally:
                os._exit(70)
        os.close(write)
        rows, killed = self.listen(pid, read)
        os.close(read)
        _, status = os.waitpid(pid, 0)
        outcomes, state, running, used = {}, None, None, False
        for row in rows:
            if row[0] == "begin":
                running, used = row[1], False
            elif row[0] == "end":
                outcomes[row[1]], running = row[2], None
            elif row[0] == "use":
                used = True
            elif row[0] == "state":
                state = row[1]
        if state is None and running is None and not outcomes and files:
            running = files[0][0]
        elif state is None and running is None and outcomes:
            running = max(outcomes)  # it ended between two files, or in the look at the state
            outcomes.pop(running)
        if state is None and running is not None:
            how = ["time", f"more than {SECONDS} s", []] if killed else ["crash", self.crash(status), self.stack()]
            effects = [] if used else [how]
            outcomes[running] = {"ended": how[0], "effects": effects, "lazy": None, "missing": None}
        return outcomes, state

    def listen(self, pid, read):
        rows, buffer, spent, moved = [], b"", 0.0, (0.0, time.monotonic())
        while True:
            ready, _, _ = select.select([read], [], [], 0.25)
            if ready:
                chunk = os.read(read, 1 << 16)
                if not chunk:
                    return rows, False
                *lines, buffer = (buffer + chunk).split(b"\n")
                rows.extend(json.loads(line) for line in lines)
                spent = processor(pid)
                moved = spent, time.monotonic()
                continue
            now = processor(pid)
            if now != moved[0]:
                moved = now, time.monotonic()
            looks = bool(rows) and rows[-1][0] == "look"
            if now - spent > (LOOK if looks else SECONDS) or time.monotonic() - moved[1] > WAITS:
                os.kill(pid, signal.SIGKILL)
                return rows, True

    @staticmethod
    def crash(status):
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status)).name
        return f"exit {os.WEXITSTATUS(status)}"

    def stack(self):
        """What faulthandler wrote: functions only, innermost last."""
        with open(self.trace, errors="replace") as trace:
            lines = [line for line in trace if line.startswith("  File ")]
        return [line.split(" in ")[-1].strip() for line in lines[:6]][::-1]

    def outcomes(self, files, later, apart=True):
        """Every file's outcome, in as few forks as its crashes allow. `apart`: tell which of them changed the state."""
        done, todo, suspects, unseen, places = {}, list(enumerate(files)), [], [], set()
        while todo:
            outcomes, state = self.fork(todo, later)
            done.update(outcomes)
            loaded = [pair for pair in todo if pair[0] in outcomes and outcomes[pair[0]]["ended"] not in ("crash", "time")]
            if state is None:
                unseen.extend(loaded)  # one of them ended the child before the look at the state
            elif state:
                suspects.extend(loaded)
                places.update(row[0] for row in state)
            todo = [pair for pair in todo if pair[0] not in done]
        if apart and unseen:
            state = self.fork(unseen, later)[1]
            if state:
                suspects.extend(unseen)
                places.update(row[0] for row in state)
        if apart and suspects:
            done.update(self.fork(suspects, later, sorted(places))[0])
        return self.again(files, [done[index] for index in range(len(files))], later, apart)

    def again(self, files, outcomes, later, apart):
        """Loads that stopped at an import of a package's own are repeated once it is there."""
        lazy = {o["lazy"] for o in outcomes if o.get("lazy")}
        if not lazy:
            return outcomes
        for module in sorted(lazy):
            self.bring(module)
            self.missing.add(module)
        if apart:
            self.settle()
        repeat = [index for index, o in enumerate(outcomes) if o.get("lazy")]
        for index, outcome in zip(repeat, self.outcomes([files[index] for index in repeat], later, apart)):
            outcomes[index] = outcome
        return outcomes


def processor(pid):
    """Seconds of processor time that a child has used."""
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quiet(outcome):
    """Whether a plain use may be repeated here: code that a package compiles when it is first called may."""
    return all(kind in ("compile", "exec", "import", "code.__new__") for kind, _, _ in outcome["effects"])


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = None
    for line in sys.stdin:
        question = json.loads(line)
        if "allowed" in question:
            server = Server(question)
            answer = {"ready": server.ready}
        elif "warm" in question:
            answer = {"warm": server.warm([base64.b64decode(f) for f in question["warm"]], question.get("later", []))}
        else:
            files = [base64.b64decode(f) for f in question["load"]]
            answer = {"outcomes": server.outcomes(files, question.get("later", []))}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
