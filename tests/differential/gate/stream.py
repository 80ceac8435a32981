"""A pickle that is being written: every way to spell a value, an import and the memo."""

import pickle as op
import struct

from draw import Draw

# Spellings of a text, and the first protocol whose pickler writes them. Unpicklers take any at any time.
TEXTS = {
    "SHORT_BINUNICODE": 6,
    "BINUNICODE": 4,
    "BINUNICODE8": 1,
    "UNICODE": 2,
    "STRING": 3,
    "BINSTRING": 1,
    "SHORT_BINSTRING": 2,
}
PYTHON2_TEXTS = {"BINUNICODE": 2, "UNICODE": 1, "STRING": 4, "BINSTRING": 1, "SHORT_BINSTRING": 3}


class Stream:
    """Opcodes, with the count of memo entries that MEMOIZE needs."""

    def __init__(self, draw: Draw, protocol: int, python2: bool):
        self.draw, self.protocol, self.python2 = draw, protocol, python2
        self.out = bytearray()
        self.memo = set()

    def add(self, *parts):
        for part in parts:
            self.out += part

    # ------------------------------------------------------------------------------------- text

    def text(self, value: str):
        spellings = PYTHON2_TEXTS if self.python2 else TEXTS
        if not value.isascii():
            spellings = {k: v for k, v in spellings.items() if "UNI" in k}
        raw = value.encode()
        if len(raw) > 255:
            spellings = {k: v for k, v in spellings.items() if not k.startswith("SHORT")}
        how = self.draw.random.choices(list(spellings), list(spellings.values()))[0]
        if how == "SHORT_BINUNICODE":
            self.add(op.SHORT_BINUNICODE, bytes([len(raw)]), raw)
        elif how == "BINUNICODE":
            self.add(op.BINUNICODE, struct.pack("<I", len(raw)), raw)
        elif how == "BINUNICODE8":
            self.add(op.BINUNICODE8, struct.pack("<Q", len(raw)), raw)
        elif how == "UNICODE":
            self.add(op.UNICODE, self._raw_unicode(value), b"\n")
        elif how == "STRING":
            self.add(op.STRING, self._quoted(raw), b"\n")
        elif how == "BINSTRING":
            self.add(op.BINSTRING, struct.pack("<i", len(raw)), raw)
        else:
            self.add(op.SHORT_BINSTRING, bytes([len(raw)]), raw)

    def _raw_unicode(self, value):
        out = []
        for letter in value:
            if letter in "\\\n\r\x1a\0" or ord(letter) > 255 or (len(value) < 100 and self.draw.chance(0.1)):
                out.append(f"\\u{ord(letter):04x}")
            else:
                out.append(letter)
        return "".join(out).encode("latin1")

    def _quoted(self, raw):
        quote = self.draw.quietly(b"'\"")
        out = bytearray([quote])
        for byte in raw:
            if byte in (quote, 0x5C, 0x0A, 0x0D) or byte >= 0x7F or byte < 0x20:
                out += b"\\x%02x" % byte
            elif len(raw) < 100 and self.draw.chance(0.05):
                out += self.draw.quietly([b"\\x%02x" % byte, b"\\%03o" % byte])
            else:
                out.append(byte)
        out.append(quote)
        pad = b" " * self.draw.below(3) if self.draw.chance(0.15, "blanks round STRING") else b""
        return (pad if self.draw.chance(0.2) and not self.python2 else b"") + bytes(out) + pad

    # ----------------------------------------------------------------------------------- numbers

    def digits(self, value: int, what: str) -> bytes:
        """A number as text, in a form that int() may take: blanks, zeros, signs, any length."""
        draw = self.draw
        how = draw.pick(
            what, {"plain": 8, "blanks before": 2, "blanks behind": 1, "zeros": 2, "sign": 1, "underscores": 0.5}
        )
        plain = str(value)
        if how == "plain":
            return plain.encode()
        if how == "underscores":
            return "_".join(plain).encode()
        if how == "sign":
            return b"+" + plain.encode()
        fill = draw.length(what + " length")
        if how == "zeros":
            return b"0" * fill + plain.encode()
        blank = draw.quietly([b" ", b"\t", b"\x0b", b"\x0c", b"\r", b" \t"])
        blanks = (blank * fill)[:fill]
        return blanks + plain.encode() if how == "blanks before" else plain.encode() + blanks

    def integer(self, value: int):
        how = self.draw.quietly(["INT", "LONG", "BININT", "LONG1", "LONG4", "BININT1"])
        if how == "INT":
            forms = {"digits": 6, "0x": 1, "0o": 1, "octal": 1, "NUL": 0.5, "long 0x": 0.5}
            form = self.draw.pick("INT form", forms)
            line = {
                "0x": b"0x%x" % value,
                "0o": b"0o%o" % value,
                "octal": b"0%o" % value,
                "NUL": b"%d\0zz" % value,
            }.get(form)
            if form == "long 0x":
                line = b"0x" + b"0" * self.draw.length("INT 0x length") + b"%x" % value
            self.add(op.INT, line if line else self.digits(value, "INT"), b"\n")
        elif how == "LONG":
            self.add(op.LONG, self.digits(value, "LONG"), b"L\n" if self.draw.chance(0.7) else b"\n")
        elif how == "BININT":
            self.add(op.BININT, struct.pack("<i", value))
        elif how == "LONG4":
            raw = op.encode_long(value) + b"\0" * self.draw.below(3)
            self.add(op.LONG4, struct.pack("<i", len(raw)), raw)
        elif how == "LONG1":
            raw = op.encode_long(value)
            self.add(op.LONG1, bytes([len(raw)]), raw)
        else:
            self.add(op.BININT1, bytes([value & 255]))

    def real(self):
        line = self.draw.quietly([b"1.5", b"nan", b"inf", b"-0", b"1e400", b".5", b"1_0.0"])
        if self.draw.chance(0.5):
            line = self.draw.quietly([b"1.", b"0.", b"00"]) + b"0" * self.draw.length("FLOAT length")
        self.add(op.FLOAT, line, b"\n")

    # -------------------------------------------------------------------------------------- memo

    def put(self) -> bytes:
        """Puts the top of the stack into the memo; what it returns gets it back."""
        draw = self.draw
        forms = {"PUT": 3, "BINPUT": 3, "LONG_BINPUT": 1, "MEMOIZE": 3}
        if self.python2:
            forms = {"PUT": 3, "BINPUT": 2, "LONG_BINPUT": 1, "PUT of text": 1}
        how = draw.pick("memo", forms)
        if how == "PUT of text":
            key = draw.quietly([b"foo", b"'x'", b"0x1", b"1.5", b"a b", b"\xff"])
            self.add(op.PUT, key, b"\n")
            return op.GET + key + b"\n"
        index = len(self.memo) if how == "MEMOIZE" else draw.quietly([0, 1, 7, 200, 255, 256, 70000])
        if how == "BINPUT":
            index &= 255
        self.memo.add(index)
        if how == "PUT":
            self.add(op.PUT, self.digits(index, "PUT"), b"\n")
        elif how == "BINPUT":
            self.add(op.BINPUT, bytes([index]))
        elif how == "LONG_BINPUT":
            self.add(op.LONG_BINPUT, struct.pack("<I", index))
        else:
            self.add(op.MEMOIZE)
        back = draw.quietly(["GET", "BINGET", "LONG_BINGET"])
        if self.python2 and how == "PUT":
            return op.GET + bytes(self.out).rpartition(op.PUT)[2]
        if back == "GET":
            return op.GET + self.digits(index, "GET") + b"\n"
        if back == "BINGET" and index < 256:
            return op.BINGET + bytes([index])
        return op.LONG_BINGET + struct.pack("<I", index)

    # ----------------------------------------------------------------------------------- imports

    def name(self, module: str, name: str):
        """Pushes an import."""
        lines = "\n" not in module + name
        if self.python2 or self.protocol < 4:
            ways = {"GLOBAL": 1}
        else:
            ways = {"GLOBAL": 3, "STACK_GLOBAL": 5, "STACK_GLOBAL by memo": 2, "STACK_GLOBAL behind GET": 1}
        if not lines:
            ways.pop("GLOBAL", None)
        how = self.draw.pick("import", ways)
        if how == "GLOBAL":
            self.add(op.GLOBAL, module.encode(), b"\n", name.encode(), b"\n")
        elif how == "STACK_GLOBAL":
            self.text(module)
            self.text(name)
            self.add(op.STACK_GLOBAL)
        elif how == "STACK_GLOBAL by memo":
            self.text(module)
            self.put()
            self.text(name)
            self.put()
            self.add(op.STACK_GLOBAL)
        else:
            self.text(name)
            get = self.put()
            self.add(op.POP)
            self.text(module)
            self.add(get, op.STACK_GLOBAL)

    def value(self, value):
        """Pushes a text or a tuple of texts."""
        if isinstance(value, tuple):
            self.tuple(value)
        else:
            self.text(value)
            if self.draw.chance(0.2):
                get = self.put()
                if self.draw.chance(0.4):
                    self.add(op.POP, get)

    def tuple(self, values):
        short = len(values) <= 3 and self.protocol >= 2 and self.draw.chance(0.6)
        if not values and self.draw.chance(0.6):
            self.add(op.EMPTY_TUPLE)
        elif short and values:
            for value in values:
                self.value(value)
            self.add((op.TUPLE1, op.TUPLE2, op.TUPLE3)[len(values) - 1])
        else:
            self.add(op.MARK)
            for value in values:
                self.value(value)
            self.add(op.TUPLE)
