"""Pickles in base64 inside JSON, as Stable-Baselines keeps them in the member `data` of its zip."""

import base64
import json

from candidate import Candidate
from filename import name
from zips import archive

ESCAPES = [
    "\\r",
    "\\n",
    "\\t",
    "\\b",
    "\\f",
    "\\u000a",
    "\\u0020",
    " ",
    "!",
    '\\"',
    "\\/",
    "-",
    "\\u00e9",
    "\\ud83d\\ude00",
]


def _spelled(draw, raw):
    """base64 that Python's lenient decoder takes, as the inside of a JSON string."""
    text = base64.b64encode(raw).decode()
    how = draw.pick(
        "base64", {"plain": 3, "wrapped": 1, "escapes": 4, "letters as \\u": 2, "no padding behind": 0.5, "slash": 1}
    )
    if how == "wrapped":
        return "\\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    if how == "slash":
        return text.replace("/", "\\/")
    if how == "letters as \\u":
        return "".join(f"\\u{ord(c):04x}" if draw.chance(0.1) else c for c in text)
    if how == "no padding behind":
        return text + "=="
    if how == "escapes":
        for _ in range(draw.quietly([1, 1, 2, 5])):
            at = draw.quietly([0, 0, draw.below(len(text) + 1)])
            text = text[:at] + draw.quietly(ESCAPES) + text[at:]
    return text


def candidate(draw, pickle):
    key = draw.pick("json key", {":serialized:": 8, "\\u003aserialized:": 1, ":serialized:, twice": 1})
    value = '"' + _spelled(draw, pickle) + '"'
    if key.endswith("twice"):
        body = '{":serialized:": "gAJ9Lg==", ":serialized:": ' + value + "}"
    else:
        body = '{":type:": "x", "' + key + '": ' + value + "}"
    text = (
        '{"n": [1, 2, "\\u0041"], "policy_class": ' + body + ', "m": ' + json.dumps({"a": "b" * draw.below(40)}) + "}"
    )
    if draw.chance(0.1, "blanks before JSON"):
        text = draw.quietly([" ", "\n\n", "\t", " " * 5000]) + text
    if draw.chance(0.7, "json in zip"):
        members = [("data", text.encode()), ("_stable_baselines3_version", b"2.0")]
        return Candidate({name(draw, [".zip"]): archive(draw, members, odd=0.2)}, ["zip-json"])
    return Candidate({name(draw, [".json", ".txt"]): text.encode()}, ["json"])
