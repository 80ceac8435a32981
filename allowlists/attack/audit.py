"""What a load did that it has no business doing, as CPython's audit events tell it.

Every event is an effect but the few named here: a closed list, the other way round than a filter of bad ones.
"""

import os
import sys
import zoneinfo

# They tell that something was looked at, and change nothing.
HARMLESS = {
    "object.__getattr__", "sys._getframe", "sys._getframemodulename", "builtins.id", "gc.get_objects", "time.sleep", "array.__new__",
    "sys.unraisablehook", "sys.excepthook",
}
# The databases of time zones: the system's and those of packages.
ZONES = (*zoneinfo.TZPATH, *(os.path.join(folder, package, "zoneinfo") for folder in sys.path for package in ("tzdata", "pytz")))
# Read by what sets the number of threads, to see which libraries are there.
LIBRARIES = "/proc/self/maps"
# Reading the file that lies in the sandbox may go on, to see what is done with it.
MARKER = "marker"

def importing():
    """Whether a module is being imported, an event of its own that came first and was let through; or whether it is
    asked which packages there are."""
    frame = sys._getframe(3)
    while frame is not None:
        file = frame.f_code.co_filename
        if file == "<frozen importlib._bootstrap>" or "/importlib/metadata/" in file:
            return True
        frame = frame.f_back
    return False


def of_a_zone(path):
    """Whether a file is in a database of time zones: a `ZoneInfo` reads it when it is made."""
    return any(path.startswith(f"{folder}/") for folder in ZONES) and os.path.normpath(path) == path


class Stopped(BaseException):
    """Raised out of an event, so that what it announces does not happen."""


class Audit:
    """Notes the effects of the load that runs now. `allowed` are the names that the list has."""

    def __init__(self, allowed, missing):
        self.allowed, self.missing = allowed, missing
        self.armed, self.later, self.effects, self.lazy, self.data = False, False, [], None, b""
        # Source that plain uses compile, from templates of the packages; whether such a text was compiled just now.
        self.learning, self.sources, self.compiled = False, set(), False

    def install(self):
        sys.addaudithook(self.hook)

    def start(self, data):
        self.effects, self.lazy, self.data, self.later, self.armed = [], None, data, False, True

    def stop(self):
        self.armed = False

    def note(self, kind, detail):
        """An effect, with the code that led to it: names of functions, outermost first."""
        armed, self.armed = self.armed, False
        frame, way = sys._getframe(1), []
        while frame is not None:
            file, name = frame.f_code.co_filename, frame.f_code.co_name
            if "/allowlists/attack/" not in file and "importlib" not in file:
                way.append(f"{'/'.join(file.split('/')[-3:])}:{name}")
            frame = frame.f_back
        self.effects.append([kind, detail[:200], way[:6][::-1]])
        self.armed = armed

    def hook(self, event, args):
        if self.learning and event == "compile" and type(args[0]) in (str, bytes):
            self.sources.add(args[0])
        if not self.armed or event in HARMLESS:
            return
        self.armed = False
        try:
            effect = self.judge(event, args)
        finally:
            self.armed = True
        if effect:
            self.note(event, effect)
            if not (event == "open" and str(args[0]) == MARKER and str(args[1] or "r") in ("r", "rb")):
                raise Stopped(event)

    def judge(self, event, args):
        """The text of an effect, or nothing."""
        if event == "pickle.find_class":
            module, name = args
            known = f"{module}:{name}" in self.allowed
            return None if known else f"{module}:{name}"
        if event == "import":
            module = str(args[0])
            if module in self.missing:
                return None
            # Code of a package that imports more of its own when it first runs: not the file's doing, unless
            # the name stands in the file.
            if module.encode() not in self.data:
                self.lazy = module
                raise Stopped(f"import {module}")
            return module
        compiled, self.compiled = self.compiled, event == "compile" and type(args[0]) in (str, bytes) and args[0] in self.sources
        if self.compiled or compiled and event == "exec":
            return None
        if importing():
            return None
        if event == "open" and (of_a_zone(str(args[0])) or args[0] == LIBRARIES and args[1] == "r"):
            return None
        if event == "compile" and sys._getframe(2).f_code.co_filename.endswith("/ast.py"):
            return None  # read as a literal, and not compiled
        return ", ".join(shown(a) for a in args) or event


def shown(value):
    """An argument of an event, without running code of its class."""
    if type(value) in (str, bytes, int, float, bool, type(None), tuple, list):
        return repr(value)[:80]
    return type(value).__name__


class Canary:
    """Stands for an import that the list permits as a reference alone, and tells when it is called."""

    def __init__(self, found, name, audit):
        self.found, self.name, self.audit = found, name, audit

    def __call__(self, *args, **kwargs):
        if self.audit.armed and not self.audit.later:
            self.audit.note("call", self.name)
        return self.found(*args, **kwargs)

    def __repr__(self):
        return f"<{self.name}>"
