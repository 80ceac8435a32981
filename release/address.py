"""Writes where the repository lives wherever that is said: manifest, pages, recipes, SECURITY.md.

    python3 release/address.py https://HOST/OWNER/NAME

What is not stamped has `<OWNER>/fickgate`, which no host of repositories takes for a name, so that nobody can register
what an unstamped copy points to. A stamped tree is stamped anew in the same way, from its address to another one.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "Cargo.toml"
SETTING = re.compile(r'^repository = "(.*)"$', re.MULTILINE)
PLACEHOLDER = "https://github.com/<OWNER>/fickgate"
ADDRESS = re.compile(r"https://[a-z0-9.-]+(?::[0-9]+)?/([A-Za-z0-9][A-Za-z0-9-]*)/([A-Za-z0-9._-]+)")
# Folders that name other people's repositories, or none, and this file.
ELSEWHERE = ("tests/", "bench/", "fuzz/", "release/address.py")


def places():
    """Every file that may say it."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in listed.splitlines():
        if not name.startswith(ELSEWHERE) and (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            yield name


def main():
    """Replaces the old address by the new one, and says where."""
    new = sys.argv[1].removesuffix("/").removesuffix(".git") if len(sys.argv) == 2 else ""
    named = ADDRESS.fullmatch(new)
    if not named:
        raise SystemExit("release: name the address of the repository as https://HOST/OWNER/NAME")
    old = SETTING.search(MANIFEST.read_text(encoding="utf-8")).group(1) or PLACEHOLDER
    short = "/".join(old.split("/")[3:])
    # A longer name that begins with it is another repository, and ends at `@` or `/` as well.
    whole = re.compile(re.escape(old) + r"(?![\w-]|\.\w)")
    action = re.compile(rf"(uses: |--repo ){re.escape(short)}(?![\w.-])")
    for name in places():
        file = ROOT / name
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            continue
        made = whole.sub(new, text)
        made = action.sub(rf"\g<1>{named[1]}/{named[2]}", made)
        if name == "Cargo.toml":
            made = SETTING.sub(f'repository = "{new}"', made, count=1)
        if made != text:
            # In the old one's place: a shell reads the script that calls this while it runs.
            part = file.with_name(f".{file.name}.part")
            part.write_bytes(made.encode())
            shutil.copymode(file, part)
            part.replace(file)
            print(name)


if __name__ == "__main__":
    main()
