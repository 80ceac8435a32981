"""An expression as opcodes, in each of the ways to ask for an import and call it; insertion into a stream."""

import dataclasses
import pickletools
import struct

from payload import Call, Expression, Import, Payload

# Ways of calling. Those of protocol 4 hold for names with dots as well.
STYLES = ("reduce-text", "reduce", "stack-global", "stack-global-memo", "inst", "obj", "newobj", "newobj-ex", "nested")
DOTTED = ("stack-global", "stack-global-memo", "reduce")
# Callables that read a pickle out of bytes.
READERS = (
    ("pickle", "loads"),
    ("_pickle", "loads"),
    ("torch.storage", "_load_from_bytes"),
    ("dill._dill", "loads"),
    ("cloudpickle", "loads"),
    ("joblib.numpy_pickle", "pickle.loads"),
)


@dataclasses.dataclass(frozen=True)
class Code:
    """Opcodes that leave one value on the stack; `four` if the protocol in force has to be 4, `memo` if they use it."""

    data: bytes
    four: bool = False
    memo: bool = False


class Encoder:
    """Writes expressions in one style."""

    def __init__(self, style: str, memo: int = 0) -> None:
        self.style, self.memo = style, memo

    def text(self, value: str) -> bytes:
        if self.style == "reduce-text":
            return b"V" + value.encode("raw-unicode-escape").replace(b"\n", b"\\u000a") + b"\n"
        data = value.encode()
        if self.style.startswith("stack-global") and len(data) < 256:
            return b"\x8c" + bytes([len(data)]) + data
        return b"X" + struct.pack("<I", len(data)) + data

    def imported(self, value: Import) -> bytes:
        if self.style == "stack-global":
            return self.text(value.module) + self.text(value.name) + b"\x93"
        if self.style == "stack-global-memo":
            put = b""
            for index, word in enumerate((value.name, value.module)):
                put += self.text(word) + b"r" + struct.pack("<I", self.memo + index) + b"0"
            put += b"j" + struct.pack("<I", self.memo + 1) + b"j" + struct.pack("<I", self.memo) + b"\x93"
            self.memo += 2
            return put
        return f"c{value.module}\n{value.name}\n".encode()

    def sequence(self, values: tuple) -> bytes:
        if self.style == "reduce-text" or len(values) > 3:
            return b"(" + b"".join(map(self.value, values)) + b"t"
        return b"".join(map(self.value, values)) + (b")", b"\x85", b"\x86", b"\x87")[len(values)]

    def value(self, value: Expression) -> bytes:
        if isinstance(value, Import):
            return self.imported(value)
        if isinstance(value, Call):
            return self.called(value)
        if isinstance(value, str):
            return self.text(value)
        if value is None:
            return b"N"
        if isinstance(value, int):
            return f"I{value}\n".encode() if self.style == "reduce-text" else b"J" + struct.pack("<i", value)
        if isinstance(value, bytes):
            if self.style == "reduce-text":
                return b"c_codecs\nencode\n(" + self.text(value.decode("latin-1")) + self.text("latin1") + b"tR"
            return b"B" + struct.pack("<I", len(value)) + value
        if isinstance(value, tuple):
            return self.sequence(value)
        if isinstance(value, list):
            return b"(l" + b"".join(self.value(item) + b"a" for item in value)
        return b"(d" + b"".join(self.value(key) + self.value(item) + b"s" for key, item in value.items())

    def called(self, value: Call) -> bytes:
        function, arguments = value.function, value.arguments
        plain = isinstance(function, Import)
        if self.style == "inst" and plain:
            return b"(" + b"".join(map(self.value, arguments)) + f"i{function.module}\n{function.name}\n".encode()
        # Without arguments OBJ takes what is no class for no call at all in one unpickler.
        if self.style == "obj" and arguments:
            return b"(" + self.value(function) + b"".join(map(self.value, arguments)) + b"o"
        if self.style in ("newobj", "newobj-ex") and plain and arguments:
            # `map.__new__` keeps the function, `tuple.__new__` runs through it: calls without REDUCE.
            new = b"\x81" if self.style == "newobj" else b"}\x92"
            ranged = (
                self.imported(Import("builtins", "map"))
                + self.sequence((function, *([item] for item in arguments)))
                + new
            )
            return self.imported(Import("builtins", "tuple")) + ranged + b"\x85" + new
        return self.value(function) + self.sequence(arguments) + b"R"


def encode(payload: Payload, style: str, memo: int = 0, reader: tuple[str, str] = READERS[0]) -> Code:
    """A payload in a style; `reader` is what unpickles it for the style `nested`."""
    dotted = any("." in name for _, name in payload.imports())
    if style == "nested":
        inner = encode(payload, "stack-global" if dotted else "reduce")
        data = (b"\x80\x04" if dotted else b"\x80\x02") + inner.data + b"."
        outer = Call(Import(*reader), (data,))
        return Code(Encoder("stack-global").value(outer), four="." in reader[1])
    if dotted and style not in DOTTED:
        style = "stack-global"
    code = Encoder(style, memo).value(payload.expression)
    return Code(code, four=dotted, memo=style == "stack-global-memo")


def operations(stream: bytes) -> list[tuple[str, object, int]]:
    """Opcodes of the first pickle with their positions; ValueError where they break."""
    return [(op.name, argument, position) for op, argument, position in pickletools.genops(stream)]


def plain(stream: bytes) -> bytes:
    """The same pickle without frames and with numbered memo entries, so that another entry moves none of them."""
    ops = operations(stream)
    ends = [position for _, _, position in ops[1:]] + [len(stream)]
    made, entries = [], 0
    for (name, _, position), end in zip(ops, ends):
        if name == "MEMOIZE":
            made.append(b"r" + struct.pack("<I", entries))
        elif name != "FRAME":
            made.append(stream[position:end] if name != "STOP" else b".")
        entries += name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT")
    return b"".join(made)


def insert(stream: bytes, position: int, data: bytes) -> bytes:
    """Puts bytes between two opcodes, and makes the frame around them longer."""
    out = bytearray(stream[:position] + data + stream[position:])
    for name, length, start in operations(stream):
        if name == "FRAME" and start + 9 <= position < start + 9 + length:
            out[start + 1 : start + 9] = struct.pack("<Q", length + len(data))
    return bytes(out)


def protocol(stream: bytes) -> int:
    return stream[1] if stream[:1] == b"\x80" else 0


def within(code: Code, stream: bytes, after: bytes) -> bytes:
    """The code with the protocol that it needs, and the stream's own behind it."""
    if code.four and protocol(stream) < 4:
        return b"\x80\x04" + code.data + after + b"\x80" + bytes([protocol(stream)])
    return code.data + after


def first(stream: bytes, code: Code) -> bytes:
    """Before everything but PROTO; its value is dropped. Reads no further than that, so arrays may follow."""
    head = 2 if stream[:1] == b"\x80" else 0
    return stream[:head] + within(code, stream, b"0") + stream[head:]


def last(stream: bytes, code: Code) -> bytes:
    stop = operations(stream)[-1][2]
    return insert(stream, stop, within(code, stream, b"0"))


def between(stream: bytes, code: Code, share: float) -> bytes:
    """At an opcode somewhere in the stream, its value dropped."""
    ops = [position for name, _, position in operations(stream) if name not in ("PROTO", "FRAME")]
    return insert(stream, ops[int(share * (len(ops) - 1))], within(code, stream, b"0"))


def inside(stream: bytes, code: Code, share: float) -> bytes:
    """As the value of one more key in a dict of the stream; where there is none the whole is put into one."""
    ops = operations(stream)
    begins = []
    for index, (name, _, _) in enumerate(ops):
        if name == "EMPTY_DICT":
            rest = iter(ops[index + 1 : index + 3])
            following = next(rest, None)
            if following and following[0] in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"):
                following = next(rest, None)
            if following and following[0] == "MARK":
                begins.append(following[2] + 1)
    key = b"X\x05\x00\x00\x00_hook"
    if begins:
        return insert(stream, begins[int(share * (len(begins) - 1))], key + within(code, stream, b""))
    stop, head = ops[-1][2], 2 if stream[:1] == b"\x80" else 0
    wrapped = insert(stream, stop, b"s")
    return (
        wrapped[:head]
        + b"}"
        + b"X\x04\x00\x00\x00meta"
        + b"](}("
        + key
        + within(code, stream, b"")
        + b"ue"
        + b"s"
        + b"X\x05\x00\x00\x00model"
        + wrapped[head:]
    )
