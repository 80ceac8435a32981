"""Looks at what a load gave, as any program would: walks it, reads the memory of arrays, lets go of it.

A pointer that the file forged, or memory that was freed, ends the process here.
"""

import sys
from collections import deque

MOST = 300
BYTES = 1 << 22


def memory(value):
    """Reads what an array or a tensor shows. Types are compared, never asked: no code of theirs decides."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.nbytes <= BYTES:
            value.tobytes()
            value.tolist()
    elif torch is not None and isinstance(value, torch.Tensor):
        if value.device.type == "cpu" and value.numel() * 8 <= BYTES:
            value.tolist()
    elif numpy is not None and isinstance(value, (numpy.dtype, numpy.generic)):
        repr(value)


def look(root):
    todo, seen = deque([root]), set()
    while todo and len(seen) < MOST:
        value = todo.popleft()
        if id(value) in seen or isinstance(value, type):
            continue
        seen.add(id(value))
        try:
            memory(value)
        except Exception:
            pass
        if isinstance(value, (tuple, list, set, frozenset)):
            todo.extend(list(value)[:20])
        elif isinstance(value, dict):
            todo.extend(list(dict.values(value))[:20])
        try:
            todo.extend(object.__getattribute__(value, "__dict__").values())
        except Exception:
            pass
