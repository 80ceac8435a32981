"""Pickles that one walk over their opcodes tells to be data are none that the engine would refuse."""

import collections
import datetime
import io
import pickle
import random

import fickgate
import pytest
from conftest import fixtures
from fickgate import _native

POLICY = _native.Policy(".", False, [], [])
VALUES = set(_native.values())
TIMES = [
    datetime.date(2026, 1, 2),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
    datetime.time(1, 2),
    {"at": datetime.date(2026, 1, 3), "id": 1, "seen": (1, 2)},
    [{"at": datetime.date(2026, 1, 3), "id": 1}],
]


@pytest.fixture(autouse=True)
def protected(outside):
    fickgate.protect(policy=())
    yield
    fickgate.unprotect()


def passes(data):
    """Whether a load of it may begin."""
    try:
        _native.during(lambda: _native.enter(data, 0, "pickle", "x"), lambda: None)
    except fickgate.UnsafePickle:
        return False
    return True


def held(data):
    """What begins to load unjudged is what the engine would let in, or breaks off."""
    plain = _native.is_plain(data, 0)
    if plain or passes(data):
        names, rows, _, _ = _native.judge_one(POLICY, data, 0, "pickle", "x")
        assert not (plain and names), names
        refused = {row[0][0] for row in rows} - {"stream-malformed", "stream-ambiguous"}
        # A thousand keys in one another are few, to a load. Whatever else is done with a value raises in the unpickler.
        assert refused <= {"resource-limit"} or set(names) <= VALUES, (refused, data[:200])
    return plain


def test_the_built_in_list_permits_every_use_of_what_counts_as_a_value():
    assert len(VALUES) == 3
    assert all(POLICY.permits_every_use(*value) for value in VALUES)


def test_no_fixture_is_taken_for_data_that_the_engine_refuses():
    plain = [held(path.read_bytes()) for kind in ("malicious", "clean") for path in fixtures(kind)]
    assert any(plain)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_neither_is_what_is_made_of_honest_pickles(protocol):
    chance = random.Random(protocol)
    seeds = [pickle.dumps(value, protocol) for value in [*TIMES, {"a": [1, "x", b"y", 2.5, None, {3}]}]]
    evil = pickle.dumps(print, protocol)[2:]
    codes = b"()]}.NKMJXUCc\x93\x94\x8chjqrRa\x81u0b\x85\x86\x87\x88\x90\x91\x82Q2" + bytes(range(256))
    plain = 0
    for _ in range(4_000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(2, len(data))
            kind = chance.randrange(4)
            if kind == 0:
                data[at] = chance.choice(codes)
            elif kind == 1:
                data.insert(at, chance.choice(codes))
            elif kind == 2:
                del data[at]
            else:
                data[at:at] = evil[: chance.choice([len(evil), len(evil) - 1])]
        plain += held(bytes(data))
    assert plain > 20


@pytest.mark.parametrize("protocol", range(2, 6))
def test_dates_and_times_are_data(protocol):
    for value in TIMES:
        data = pickle.dumps(value, protocol)
        assert not _native.is_plain(data, 0)
        for load in (pickle.loads, lambda d: pickle.load(io.BytesIO(d)), pickle._loads):
            assert load(data) == value


def test_where_the_policy_denies_them_they_are_none(tmp_path):
    (tmp_path / ".fickgate.yaml").write_text("deny: [datetime.date]\n")
    data = pickle.dumps(datetime.date(2026, 1, 2))
    assert pickle.loads(data) == datetime.date(2026, 1, 2)
    with fickgate.protected(policy=".fickgate.yaml"), pytest.raises(fickgate.UnsafePickle):
        pickle.loads(data)
    assert pickle.loads(data) == datetime.date(2026, 1, 2)


def test_a_name_beside_them_is_judged():
    by_name = b"\x80\x04\x8c\x08datetime\x94\x8c\x04date\x93\x94"
    assert passes(by_name + b"C\x04\x07\xea\x01\x02\x85R.")
    # The texts of the name are none that lie next to each other, or are others.
    for evil in (
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        by_name + b"\x8c\x05posix\x94h\x00\x8c\x06system0\x8c\x06system\x93\x8c\x04true\x85R.",
        b"\x80\x04cdatetime\ndate\n0cposix\nsystem\n\x8c\x04true\x85R.",
        b"\x80\x02Xdatetime".replace(b"X", b"X\x08\0\0\0") + b"q\x00q\x00cposix\nsystem\nX\x04\0\0\0true\x85R.",
        b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94h\x00h\x01\x93\x8c\x04true\x85R.",
    ):
        assert not passes(evil)


def test_keys_of_one_hash_and_deep_keys_are_judged():
    colliding = [k * (2**61 - 1) for k in range(1, 5000)]
    deep = ()
    for _ in range(5000):
        deep = (deep,)
    assert _native.is_plain(pickle.dumps(colliding), 0)
    assert not _native.is_plain(pickle.dumps(dict.fromkeys(colliding)), 0)
    assert not _native.is_plain(pickle.dumps(set(colliding)), 0)
    assert not _native.is_plain(b"\x80\x04}" + b")" + b"\x85" * 5000 + b"Ns.", 0)
    no_numbers = b"\x80\x04(" + b"G\x7f\xf8\0\0\0\0\0\0" * 5000 + b"\x91."
    assert not _native.is_plain(no_numbers, 0)


def test_nothing_but_short_text_is_used_twice():
    twice = b"\x80\x04]\x94h\x00a."
    assert not _native.is_plain(twice, 0)
    assert _native.is_plain(b"\x80\x04\x8c\x01a\x94h\x00\x86.", 0)
    # The memo of an unpickler has one order, that of another one another, where places are left out.
    assert not _native.is_plain(b"\x80\x04\x8c\x01aq\x05]\x94h\x05\x86.", 0)


def test_ordered_dicts_are_judged_each():
    with pytest.raises(fickgate.UnsafePickle):
        pickle.loads(pickle.dumps([collections.OrderedDict(a=1), print]))
