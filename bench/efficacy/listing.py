#!/usr/bin/env python3
"""Downloads files of a listing, each to its SHA-256: `python3 listing.py LISTING DIR [--template URL]`.

A listing has one file a line: repository, revision, path in it, SHA-256 and size, with tabs between; lines that begin
with # are notes. The URL of a file is the template with its names filled in. A file that is there with the right hash
is left alone, a part of one is gone on with (a `Range` request), a failure is tried again, and what does not have its
hash is thrown away. Files land as DIR/REPOSITORY/PATH.
"""

import argparse
import concurrent.futures
import dataclasses
import hashlib
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# How the hub of Hugging Face names the content of a file at a revision.
TEMPLATE = "https://huggingface.co/{repository}/resolve/{revision}/{path}"
CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class Entry:
    repository: str
    revision: str
    path: str
    sha256: str
    size: int

    def url(self, template: str) -> str:
        quoted = {key: urllib.parse.quote(str(value)) for key, value in dataclasses.asdict(self).items()}
        return template.format(**quoted)

    def place(self, folder: pathlib.Path) -> pathlib.Path:
        """Where it lands; ValueError for names that lead out of the folder."""
        place = (folder / self.repository / self.path).resolve()
        if not place.is_relative_to(folder.resolve()):
            raise ValueError(f"{self.repository}/{self.path} leads out of the folder")
        return place


def read(path: pathlib.Path) -> list[Entry]:
    """The entries of a listing; ValueError with the line that is none."""
    entries = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 5 or len(fields[3]) != 64 or not fields[4].isdigit():
            raise ValueError(
                f"{path}:{number}: expected repository, revision, path, SHA-256 and size with tabs between"
            )
        entries.append(Entry(*fields[:3], fields[3].lower(), int(fields[4])))
    return entries


def digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(entry: Entry, folder: pathlib.Path, template: str = TEMPLATE, tries: int = 5, pause: float = 1.0) -> str:
    """Downloads one file: `kept`, `loaded`, or why it could not be."""
    place = entry.place(folder)
    if place.exists() and place.stat().st_size == entry.size and digest(place) == entry.sha256:
        return "kept"
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    why = ""
    for attempt in range(tries):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            transfer(entry, part, template)
        except urllib.error.HTTPError as error:
            why = f"HTTP {error.code}"
            if error.code == 416:
                # What is there is longer than the file: another content.
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code not in (408, 429):
                break
            continue
        except OSError as error:
            why = f"{type(error).__name__}: {error}"
            continue
        if part.stat().st_size < entry.size:
            why = f"{part.stat().st_size} bytes of {entry.size}"
        elif digest(part) == entry.sha256:
            part.replace(place)
            return "loaded"
        else:
            why = "another SHA-256"
            part.unlink()
    return why


def transfer(entry: Entry, part: pathlib.Path, template: str) -> None:
    """Gets what is missing of a file, from its beginning if the server does not know ranges."""
    have = part.stat().st_size if part.exists() else 0
    if have == entry.size:
        return
    request = urllib.request.Request(
        entry.url(template), headers={"User-Agent": "fickgate-bench", **({"Range": f"bytes={have}-"} if have else {})}
    )
    with (
        urllib.request.urlopen(request, timeout=60) as response,
        open(part, "ab" if response.status == 206 else "wb") as file,
    ):
        written = have if response.status == 206 else 0
        while block := response.read(CHUNK):
            written += len(block)
            if written > entry.size:
                raise OSError(f"more than {entry.size} bytes")
            file.write(block)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listing", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--template", default=TEMPLATE)
    parser.add_argument("--jobs", type=int, default=4)
    given = parser.parse_args()
    failed = 0
    entries = read(given.listing)
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for entry, said in zip(entries, pool.map(lambda entry: fetch(entry, given.folder, given.template), entries)):
            failed += said not in ("kept", "loaded")
            print(
                f"{said}\t{entry.repository}/{entry.path}",
                file=sys.stderr if said not in ("kept", "loaded") else sys.stdout,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
