"""What a payload calls, by import and arguments. None of these is on any list of safe imports."""

from dataclasses import dataclass

CODE = "__import__('os').mkdir('M')"

# Names of modules that no source would spell, as files on the path of the loaders.
ODD_MODULES = (
    "fickgate marker",
    "fickgate-marker",
    "fickgate\x01marker",
    "fickgat\u00e9",
    "1fickgate",
    "fickgate, marker;",
    "import fickgate",
    "'fickgate'",
    "%PDF-fickgate",
    " fickgate ",
    "fickgate" + "_" * 180,
)
STUB = "fickgate_marker"
ON_IMPORT = "fickgate_on_import"


@dataclass(frozen=True)
class Target:
    """A callable whose call leaves the marker."""

    label: str
    module: str
    name: str
    arguments: tuple = ("M",)
    lowest: int = 0  # protocol under which the name resolves
    highest: int = 5
    python2: bool = True
    python3: bool = True
    weight: float = 1


TARGETS = [
    Target("os.mkdir", "os", "mkdir", weight=4),
    Target("posix.mkdir", "posix", "mkdir", weight=4),
    Target("nt-like makedirs", "os", "makedirs"),
    Target("mkfifo", "os", "mkfifo"),
    Target("symlink", "posix", "symlink", ("nowhere", "M")),
    Target("io.open", "io", "open", ("M", "w")),
    Target("shutil.copyfile", "shutil", "copyfile", ("/dev/null", "M")),
    Target("exec", "builtins", "exec", ("import os;os.mkdir('M')",), lowest=3, python2=False),
    Target("eval", "builtins", "eval", (CODE,), lowest=3, python2=False, weight=2),
    Target("eval of Python 2", "__builtin__", "eval", (CODE,), highest=2, weight=2),
    Target("open", "builtins", "open", ("M", "w"), lowest=3, python2=False),
    Target("subprocess", "subprocess", "call", (("mkdir", "M"),), weight=0.1),
    Target("system", "os", "system", ("mkdir M",), weight=0.1),
    Target("stub", STUB, "hit", weight=4),
    Target("stub without arguments", STUB, "hit", ()),
    Target("dotted", "os", "path.os.mkdir", lowest=4, python2=False),
    Target("dotted stub", STUB, "os.mkdir", lowest=4, python2=False),
    Target("long dotted", "os", "path.os." * 9000 + "mkdir", lowest=4, python2=False, weight=0.15),
    Target("odd name", STUB, "a name, with \x02 blanks;", python2=False),
    Target("long name", STUB, "n" * 70000, python2=False, weight=0.1),
    *(
        Target(f"odd module {i}", module, "hit", weight=0.5, python2=module.isascii())
        for i, module in enumerate(ODD_MODULES)
    ),
]
