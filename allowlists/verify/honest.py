#!/usr/bin/env python3
"""Has real libraries write honest files, in many releases, and says what the built-in list makes of them.

    python3 allowlists/verify/honest.py BINARY                 every line of honest.json
    python3 allowlists/verify/honest.py BINARY xgboost pandas  those whose library or maker is named so
    python3 allowlists/verify/honest.py --table                writes the results into docs/coverage.md

A line of honest.json is a maker (a script of `makers/`), a release, and the environment of environments.json that has
it, or a Python and pinned packages for one of its own. The maker writes files with it, fickgate judges these with the
built-in list alone, and both are deleted (`--keep` leaves them). One line for each goes into honest.tsv: how many
files were written, how many passed, and which imports kept the others out.

Needs uv, or interpreters of pyenv for Python before 3.8.
"""

import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap

import verify
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENTS = json.loads((HERE / "environments.json").read_text())
RESULTS = HERE / "honest.tsv"
COVERAGE = verify.LISTS.parent / "docs" / "coverage.md"
MARKS = ("<!-- written by allowlists/verify/honest.py --table -->", "<!-- end -->")
HEAD = "library\trelease\tpython\tfiles\tpassed\trefused\n"


def environment(line, folder, made):
    """A virtual environment with the packages of the line; `made` has those of environments.json that exist already."""
    if "in" in line:
        return verify.make(next(env for env in ENVIRONMENTS if env["name"] == line["in"]), made or folder.parent)
    python = folder / "bin" / "python"
    home = next(pathlib.Path.home().glob(f".pyenv/versions/{line['python']}.*/bin/python"), line["python"])
    if tuple(map(int, line["python"].split("."))) < (3, 8):
        subprocess.run([home, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
        subprocess.run([*install, "pip<22", "setuptools<60", "wheel"], check=True)
    else:
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", home, folder], check=True)
        install = ["uv", "pip", "install", "--quiet", "--python", python]
    for packages in line["install"]:
        options = ["--no-deps"] if packages.startswith("--no-deps ") else []
        subprocess.run([*install, *options, *packages.removeprefix("--no-deps ").split()], check=True)
    return python


def judge(binary, folder):
    """Files of the folder; and by file what the list does not allow."""
    run = subprocess.run([binary, "--no-policy", "--format", "json", folder], capture_output=True, text=True, check=False)
    names = collections.defaultdict(set)
    for finding in json.loads(run.stdout)["findings"]:
        path = pathlib.Path(finding["path"]).name
        names[path].add(finding["import"] if finding.get("import") else f"{finding['rule']}: {finding['message'][:200]}")
    return sorted(path.name for path in folder.iterdir()), names


def results():
    lines = RESULTS.read_text().splitlines()[1:] if RESULTS.exists() else []
    return {tuple(line.split("\t")[:3]): line for line in lines}


def refusals():
    """Patterns of refused.yaml, the longest first."""
    rows = yaml.safe_load((verify.LISTS / "refused.yaml").read_text())["refused"]
    return sorted(((row["import"].replace(":", "."), row["criterion"]) for row in rows), key=lambda r: -len(r[0]))


def reason(name, patterns, listed):
    for pattern, criterion in patterns:
        if name == pattern or pattern.endswith(".**") and name.startswith(pattern[:-2]):
            return f"refused ({criterion})"
    return "another use than the entry permits" if name in listed else "unknown"


def table():
    """Writes the results between the marks of docs/coverage.md."""
    groups = collections.defaultdict(list)
    for line in results().values():
        library, *rest = line.split("\t")
        groups[library].append(rest)
    patterns, listed = refusals(), {entry["import"].replace(":", ".") for _, entry in verify.entries(None)}
    out = ["| library | releases | files | pass |", "|---|---|---|---|"]
    whole = [0, 0]
    for library, rows in groups.items():
        files, passed = (sum(int(row[i]) for row in rows) for i in (2, 3))
        whole = [whole[0] + files, whole[1] + passed]
        out.append(f"| {library} | {', '.join(row[0] for row in rows)} | {files} | {passed} |")
    out += [f"| all | | {whole[0]} | {whole[1]} |", "", "What did not pass, and why:", ""]
    for library, rows in groups.items():
        why = collections.defaultdict(list)
        for name in sorted({name for row in rows for name in row[4].split(", ") if name}):
            if ":" in name and " " in name:
                why["a rule"].append(name.split(": ")[0])
            else:
                why[reason(name, patterns, listed)].append(f"`{name}`")
        for because, names in sorted(why.items()):
            text = f"- {library}, {because}: {', '.join(sorted(set(names)))}"
            out += textwrap.wrap(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    before, rest = COVERAGE.read_text().split(MARKS[0])
    COVERAGE.write_text(before + MARKS[0] + "\n\n" + "\n".join(out) + "\n\n" + MARKS[1] + rest.split(MARKS[1])[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--environments", type=pathlib.Path, help="a folder of environments that verify.py made")
    parser.add_argument("--keep", type=pathlib.Path, help="leave environments and files in this folder")
    args = parser.parse_args()
    if args.table:
        table()
        return
    for line in json.loads((HERE / "honest.json").read_text()):
        library, release = line["of"].split("==")
        maker = line.get("maker", library)
        if args.names and not {library, maker, line["of"]} & set(args.names):
            continue
        work = args.keep or pathlib.Path(tempfile.mkdtemp(prefix="fickgate-honest-"))
        place = work / f"{library}-{release}-{line['python']}"
        out = place / "files"
        out.mkdir(parents=True, exist_ok=True)
        try:
            if not any(out.iterdir()):
                python = environment({**line, "install": [f"{line['of']} {line.get('with', '')}".strip(), *line.get("then", [])]},
                                     place / "venv", args.environments)
                subprocess.run([python, "-W", "ignore", HERE / "makers" / f"{maker}.py", out], check=False, cwd=place)
            files, names = judge(args.binary, out)
        except (subprocess.CalledProcessError, StopIteration) as error:
            print(f"{line['of']}: {error}", file=sys.stderr)
            continue
        finally:
            shutil.rmtree(place / "venv", ignore_errors=True)
            if not args.keep:
                shutil.rmtree(work, ignore_errors=True)
        refused = sorted(set().union(*names.values())) if names else []
        row = f"{library}\t{release}\t{line['python']}\t{len(files)}\t{len(files) - len(names)}\t{', '.join(refused)}"
        rows = results()
        rows[library, release, line["python"]] = row
        RESULTS.write_text(HEAD + "".join(f"{rows[key]}\n" for key in sorted(rows)))
        print(f"{line['of']} (Python {line['python']}): {len(files) - len(names)} of {len(files)}")
        for file, found in sorted(names.items()):
            print(f"    {file}: {', '.join(sorted(found))}"[:600])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
