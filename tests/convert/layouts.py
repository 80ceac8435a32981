"""Converts files of many layouts with the binary and compares every bit with what torch and numpy load.

    python -m venv env && env/bin/pip install -r tests/fixtures/requirements.txt
    cargo build && env/bin/python tests/convert/layouts.py target/debug/fickgate

What is expected is loaded from the original: `torch.load(weights_only=True)`, and `numpy.load`. What is compared is
what `safetensors` reads of the converted file: names, types, shapes and bits, and the texts of the metadata.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import math
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open

warnings.filterwarnings("ignore")
random = torch.Generator().manual_seed(7)

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.float8_e4m3fn,
    torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2,
]  # fmt: skip
#: Types that have no storage class: torch writes them over bytes without a type, and in its zip layout alone.
UNTYPED = torch.storage._new_dtypes()
#: A type of the same size whose values are compared bit by bit.
INTEGER = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """A tensor of random bits."""
    size = dtype.itemsize
    count = math.prod(shape) * size
    raw = torch.randint(0, 2 if dtype == torch.bool else 256, (count,), dtype=torch.uint8, generator=random)
    return (raw.view(dtype) if count else torch.empty(0, dtype=dtype)).reshape(shape)


#: Views of a tensor of (6, 4, 5): what is in the file is the storage that they lie in.
VIEWS = {
    "whole": lambda t: t,
    "transposed": lambda t: t.transpose(0, 2),
    "permuted": lambda t: t.permute(1, 2, 0),
    "sliced": lambda t: t[1:5:2, 1:, ::3],
    "offset": lambda t: t[3],
    "scalar": lambda t: t[2, 3, 4],
    "empty": lambda t: t[:, 2:2],
    "diagonal": lambda t: t.diagonal(0, 0, 1),
    "expanded": lambda t: t[:, :1, :].expand(6, 3, 5),
    "overlapping": lambda t: t.flatten().unfold(0, 7, 3),
    "ones": lambda t: t[None, :, None, 1:2].transpose(0, 1),
}


def layouts(folder: Path):
    """Yields kind, file and arguments of every file that is to be converted."""
    count = 0

    def save(kind, value, *arguments, suffix=".pt", **how):
        nonlocal count
        count += 1
        file = folder / f"{count:03}-{kind}{suffix}"
        torch.save(value, file, **how)
        return kind, file, list(arguments)

    legacy = {"_use_new_zipfile_serialization": False}
    for dtype in DTYPES:
        name = str(dtype).removeprefix("torch.")
        for view, of in VIEWS.items():
            if dtype == torch.float4_e2m1fn_x2 and view == "scalar":
                continue  # Half of a dimension that is not there: safetensors has no shape for it.
            value = {"view": of(bits(dtype, 6, 4, 5))}
            yield save(f"zip-{name}-{view}", value)
            if dtype not in UNTYPED:
                yield save(f"legacy-{name}-{view}", value, **legacy)

    for protocol in (2, 3, 4, 5):
        for layout, how in (("zip", {}), ("legacy", legacy)):
            base = bits(torch.float32, 8, 8)
            value = {"a": {"b": base[2:, 1], "c": [base, (base.T, 1.5)]}, "epoch": 3, "name": "n\u00e4me"}
            yield save(f"{layout}-protocol-{protocol}", value, pickle_protocol=protocol, **how)

    for layout, how in (("zip", {}), ("legacy", legacy)):
        base = bits(torch.float32, 100)
        yield save(f"{layout}-tied", {"a": base, "b": base, "c": base.view(10, 10).T, "d": base[50:]}, **how)
        yield save(f"{layout}-slices", {f"part.{i}": base[i * 10 : i * 10 + 10] for i in range(10)}, **how)
        module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Conv2d(1, 2, 3))
        yield save(f"{layout}-state-dict", module.state_dict(), **how)
        yield save(f"{layout}-nested-state-dict", {"model": module.state_dict(), "epoch": 2}, **how)
        yield save(f"{layout}-parameters", {name: p for name, p in module.named_parameters()}, **how)
        image = bits(torch.float32, 2, 3, 4, 5).to(memory_format=torch.channels_last)
        yield save(f"{layout}-channels-last", image, **how)
        yield save(f"{layout}-tensor", bits(torch.int64, 3, 3), **how)
        yield save(f"{layout}-list", [bits(torch.float16, 2), bits(torch.bool, 3)], **how)
        for make in (torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop, torch.optim.AdamW):
            optimizer = make(module.parameters(), lr=0.1)
            for p in module.parameters():
                p.grad = torch.ones_like(p)
            optimizer.step()
            state = {"optimizer": optimizer.state_dict(), "w": bits(torch.float32, 2)}
            yield save(f"{layout}-{make.__name__}", state, "--all", **how)
            yield save(f"{layout}-{make.__name__}-left-out", state, **how)
        literals = {
            "w": bits(torch.float32, 2),
            "none": None, "true": True, "int": -(2**70), "seed": 2**63 - 1, "float": 1e-300, "nan": math.nan,
            "inf": -math.inf, "text": "a \"quoted\" \u20ac\n", "list": [1, [2.5, None]], "tuple": (1, "x"), "empty": {},
            "dict": {"a": {"b": [1]}, 3: 4}, "size": torch.Size([1, 2]), "dtype": torch.float16,
            "device": torch.device("cuda", 1), "set": {5}, "counter": collections.Counter({"a": 2}),
            "ordered": collections.OrderedDict(a=1),
        }  # fmt: skip
        yield save(f"{layout}-literals", literals, **how)
        complex_ = bits(torch.float32, 5, 6).view(torch.complex64)
        yield save(f"{layout}-conjugated", {"a": complex_.conj(), "b": complex_.T.conj()[1:]}, **how)
        negated = {"a": torch._neg_view(bits(torch.float32, 7)), "b": complex_.conj().imag}
        yield save(f"{layout}-negated", negated, **how)
        # More than one block, transposed; and elements that are far apart.
        large = {"t": bits(torch.int16, 5000, 4001).T, "s": bits(torch.uint8, 4000, 5000)[:, ::2500]}
        yield save(f"{layout}-large", large, **how)
        mixed = {f"{i}": bits(DTYPES[i % 14], i % 5, 3) for i in range(40) if DTYPES[i % 14] not in UNTYPED}
        yield save(f"{layout}-mixed", mixed, **how)

    for dtype in DTYPES:
        if dtype in UNTYPED:
            continue
        kind, file, arguments = save(f"big-endian-{str(dtype).removeprefix('torch.')}", {"t": bits(dtype, 6, 4).T})
        turned(file, dtype)
        yield kind, file, arguments
    kind, file, arguments = save("deflated", {"t": bits(torch.float32, 6, 4).T, "u": bits(torch.float64, 100, 100)})
    repacked(file, zipfile.ZIP_DEFLATED)
    yield kind, file, arguments

    for code in ("f2", "f4", "f8", "c8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"):
        for order in "<>":
            dtype = np.dtype(code).newbyteorder(order)
            array = np.frombuffer(bits(torch.uint8, 120 * dtype.itemsize).numpy().tobytes(), dtype=dtype)
            array = (array & 1).astype(dtype) if code == "?" else array
            array = array.reshape(2, 3, 4, 5)
            for name, value in {
                "c": array, "fortran": np.asfortranarray(array), "scalar": array[1, 2, 3, 4], "empty": array[:, :0],
                "vector": array.ravel()[::2],
            }.items():  # fmt: skip
                count += 1
                file = folder / f"{count:03}-{'le' if order == '<' else 'be'}-{code.strip('?') or 'bool'}-{name}.npy"
                np.save(file, value)
                yield "npy", file, []
    for version in ((1, 0), (2, 0), (3, 0)):
        count += 1
        file = folder / f"{count:03}-version-{version[0]}.npy"
        with open(file, "wb") as out:
            np.lib.format.write_array(out, np.arange(12.0).reshape(3, 4).T, version=version)
        yield "npy", file, []
    for name, write in (("npz", np.savez), ("npz-compressed", np.savez_compressed)):
        count += 1
        file = folder / f"{count:03}-{name}.npz"
        named = {"a": np.arange(20000.0).reshape(100, 200).T, "b.c": np.zeros((3, 0), "f4"), "d/e": np.int8(3)}
        write(file, np.arange(5), **named)
        yield name, file, []


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def repacked(file: Path, method: int, change=lambda name, data: data) -> None:
    """Writes the members of a zip anew."""
    with io.BytesIO() as out:
        parts = members(file)
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in parts.items():
                archive.writestr(name, change(name, data))
        file.write_bytes(out.getvalue())


def turned(file: Path, dtype: torch.dtype) -> None:
    """Makes of a file what a big-endian machine writes."""
    size = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize

    def change(name: str, data: bytes) -> bytes:
        if name.endswith("/byteorder"):
            return b"big"
        if "/data/" in name:
            return b"".join(data[i : i + size][::-1] for i in range(0, len(data), size))
        return data

    repacked(file, zipfile.ZIP_STORED, change)


def tensors_and_texts(value, everything: bool):
    """What the converted file has to hold."""
    tensors: dict[str, torch.Tensor] = {}
    texts: dict[str, object] = {}

    def has_tensor(value) -> bool:
        if isinstance(value, torch.Tensor):
            return True
        if isinstance(value, dict):
            return any(map(has_tensor, value.values()))
        return isinstance(value, (list, tuple, set)) and any(map(has_tensor, value))

    def walk(value, path):
        name = ".".join(map(str, path)) or "tensor"
        if isinstance(value, torch.Tensor):
            assert name not in tensors, name
            tensors[name] = value
        elif isinstance(value, dict) and set(value) == {"state", "param_groups"} and not everything:
            pass
        elif isinstance(value, dict) and (has_tensor(value) or not path):
            for key, below in value.items():
                walk(below, [*path, key])
            for key, below in getattr(value, "__dict__", {}).items():
                walk(below, [*path, key])
        elif isinstance(value, (list, tuple)) and has_tensor(value):
            for i, below in enumerate(value):
                walk(below, [*path, i])
        else:
            texts[name] = value

    walk(value, [])
    return tensors, texts


def literal(value):
    """A literal as JSON has it."""
    if isinstance(value, (torch.dtype, torch.device)):
        return str(value)
    if isinstance(value, dict):
        return {str(key): literal(below) for key, below in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [literal(below) for below in value]
    return value


def compare(kind: str, file: Path, converted: Path, everything: bool) -> int:
    """Compares, and gives how many tensors there were."""
    if file.suffix in (".npy", ".npz"):
        loaded = np.load(file)
        arrays = dict(loaded) if file.suffix == ".npz" else {"tensor": loaded}
        with safe_open(converted, "np") as read:
            assert set(read.keys()) == set(arrays), (read.keys(), arrays.keys())
            for name, array in arrays.items():
                got = read.get_tensor(name)
                want = array.astype(array.dtype.newbyteorder("<"))
                assert got.dtype == want.dtype and got.shape == want.shape, (name, got.dtype, want.dtype, got.shape)
                assert got.tobytes() == want.tobytes(), name
        return len(arrays)
    try:
        loaded = torch.load(file, weights_only=True, map_location="cpu")
    except Exception:
        # `weights_only` reads few opcodes beyond protocol 2; the file was written above.
        assert "protocol" in kind or "literals" in kind, kind
        loaded = torch.load(file, weights_only=False, map_location="cpu")
    tensors, texts = tensors_and_texts(loaded, everything)
    with safe_open(converted, "pt") as read:
        assert set(read.keys()) == set(tensors), (set(read.keys()) ^ set(tensors))
        for name, want in tensors.items():
            want = want.detach().resolve_conj().resolve_neg()
            got = read.get_tensor(name)
            assert got.dtype == want.dtype and got.shape == want.shape, (name, got.dtype, want.dtype, got.shape)
            integer = INTEGER[want.dtype.itemsize]
            assert torch.equal(got.view(integer), want.view(integer)), name
        metadata = read.metadata()
    assert metadata.pop("format") == "pt"
    assert set(metadata) == set(texts), set(metadata) ^ set(texts)
    for name, want in texts.items():
        is_text = isinstance(want, (str, torch.dtype, torch.device))
        got = metadata[name] if is_text else json.loads(metadata[name])
        want = literal(want)
        assert got == want or (got != got and want != want), (name, got, want)
    return len(tensors)


def is_valid(converted: Path) -> None:
    """The data are in order and aligned, and there are no bytes beside them."""
    raw = converted.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    at = 0
    for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"]):
        assert entry["data_offsets"][0] == at
        at = entry["data_offsets"][1]
    assert length % 8 == 0 and 8 + length + at == len(raw)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--only", default="", help="convert files alone whose name has this in it")
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    kinds: collections.Counter[str] = collections.Counter()
    failures, compared = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, file, options in layouts(Path(folder)):
            if arguments.only not in file.name:
                file.unlink()
                continue
            converted = file.with_suffix(".safetensors")
            run = subprocess.run(
                [binary, "convert", "--no-policy", *options, file], capture_output=True, text=True, cwd=folder
            )
            try:
                assert run.returncode == 0, (run.stdout + run.stderr).strip()
                is_valid(converted)
                compared += compare(kind, file, converted, "--all" in options)
            except Exception as error:
                failures.append(f"{file.name}: {type(error).__name__}: {error}")
            kinds[kind.split("-")[0]] += 1
            file.unlink()
            converted.unlink(missing_ok=True)
    for failure in failures:
        print(failure)
    total = sum(kinds.values())
    print(f"{total} layouts ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}), {compared} tensors compared")
    versions = f"torch {torch.__version__}, numpy {np.__version__}"
    print(f"{total - len(failures)} equal bit by bit, {len(failures)} not; {versions}")
    return 1 if failures or (not arguments.only and total < 200) else 0


if __name__ == "__main__":
    sys.exit(main())
