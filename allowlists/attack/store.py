"""The files that were loaded, kept in packs: a later binary can judge them again, without loading them again."""

import hashlib
import itertools
import struct
import zlib

import judge

HEAD = struct.Struct("<?I")  # whether it had an effect, and its size
AT_ONCE = 20_000


def digest(data):
    return hashlib.blake2b(data, digest_size=8).digest()


class Store:
    """Packs in a folder, one for each batch. Knows which files it has, so that none is loaded twice."""

    def __init__(self, folder):
        self.folder, self.known = folder, set()
        folder.mkdir(parents=True, exist_ok=True)

    def packs(self):
        return sorted(self.folder.glob("*.pack"))

    def resume(self):
        self.known.update(digest(data) for _, data in self.files())

    def new(self, data):
        """Whether this file was never seen here; from now on it was."""
        key = digest(data)
        if key in self.known:
            return False
        self.known.add(key)
        return True

    def add(self, name, rows):
        """Keeps files, each with whether it had an effect."""
        raw = b"".join(HEAD.pack(effect, len(data)) + data for effect, data in rows)
        path = self.folder / f"{name}.new"
        path.write_bytes(zlib.compress(raw, 1))
        path.replace(self.folder / f"{name}.pack")

    def files(self):
        for path in self.packs():
            raw, at = zlib.decompress(path.read_bytes()), 0
            while at < len(raw):
                effect, size = HEAD.unpack_from(raw, at)
                at += HEAD.size
                yield effect, raw[at : at + size]
                at += size


def rejudge(binary, folders):
    """Which of the files that earlier runs loaded this binary passes, and which of those had an effect.

    Says it a folder at a time and in all, where a file of two folders counts once. Gives the exit code.
    """
    passed, bad = set(), 0
    print(f"{'loaded':>9} {'pass now':>9} {'with an effect':>14}")
    for folder in folders:
        loaded, still, effects = 0, 0, 0
        stream = Store(folder / "loaded").files()
        while True:
            waiting = list(itertools.islice(stream, AT_ONCE))
            if not waiting:
                break
            loaded += len(waiting)
            for (effect, data), fine in zip(waiting, judge.passing(binary, [data for _, data in waiting])):
                if not fine:
                    continue
                still += 1
                passed.add(digest(data))
                if effect:
                    effects += 1
                    (folder / "effects" / f"still-{digest(data).hex()}.pkl").write_bytes(data)
        bad += effects
        print(f"{loaded:9} {still:9} {effects:14}  {folder}", flush=True)
    print(f"{len(passed)} different files pass now and were loaded; {bad} of them had an effect")
    return 1 if bad else 0
