"""Guards of loading side by side: `python compare.py [--step N]` prints a table.

Each guard works in a child process, over the same files: malicious fixtures that run something when nothing guards
them, and clean ones that load then. What a load would run is seen, and stopped, by an audit hook of this file behind
the guard. A scanner is asked before each load. A second table has loaders that read pickles in a way of their own, for
the files that they claim to read. `--step 4` takes every fourth file. Needs, in one environment:

    pip install fickling==0.1.12 picklescan==1.0.5 typing_extensions joblib dill cloudpickle numpy and the wheel
    pip install model-unpickler==0.1 skops==0.16.0 torch==2.15.0    # for the second table
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from pickle import loads

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "fixtures"
ENTRIES = ("pickle.load", "pickle.loads", "loads taken before", "pickle._loads", "joblib.load", "dill.load")
# Loaders, the load that each stands for, and the names of files that it claims to read.
OWN = {
    "model-unpickler": ("pickle.load", ".pkl"),
    "torch's weights_only": ("torch.load", ".pt"),
    "skops": ("pickle.load", ".skops"),
}
GUARDS = ("nothing", "fickgate.protect", "fickling's hook", "fickling's ML hook", "picklescan before")


def guarded(guard):  # noqa: ANN001, ANN201
    """Puts a guard into force; gives what is asked before each load."""
    if guard == "fickgate.protect":
        import fickgate

        fickgate.protect(policy=())
    elif guard == "fickling's hook":
        import fickling

        fickling.always_check_safety()
    elif guard == "fickling's ML hook":
        import fickling.hook

        fickling.hook.activate_safe_ml_environment()
    elif guard == "picklescan before":
        from picklescan.scanner import scan_file_path

        def ask(path):  # noqa: ANN001, ANN202
            found = scan_file_path(path)
            if found.infected_files or found.issues_count or found.scan_err:
                raise RuntimeError("refused")

        return ask
    return lambda path: None


def child(guard: str, entry: str) -> None:
    """Loads files that are named on standard input, and says of each what happened."""
    import pickle

    import dill
    import joblib
    import numpy  # noqa: F401

    if entry == "torch.load":
        import torch
    ask = guarded(guard)

    def load(path):  # noqa: ANN001, ANN202
        ask(path)
        if guard == "model-unpickler":
            from model_unpickler.safe_pickler import SafeUnpickler

            with open(path, "rb") as file:
                return SafeUnpickler(file).load()
        if guard == "skops":
            import skops.io

            return skops.io.load(path)
        if entry == "torch.load":
            return torch.load(path, weights_only=guard == "torch's weights_only", map_location="cpu")
        if entry == "joblib.load":
            return joblib.load(path)
        with open(path, "rb") as file:
            if entry == "pickle.load":
                return pickle.load(file)
            if entry == "dill.load":
                return dill.load(file)
            take = {"pickle.loads": pickle.loads, "loads taken before": loads, "pickle._loads": pickle._loads}
            return take[entry](file.read())

    armed, effects = False, []

    def see(event, args):  # noqa: ANN001, ANN202
        # Calls that only running code makes: files are opened, and modules found, by honest loads as well.
        if armed and event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "pty.spawn", "exec"):
            if event == "exec" and args[0].co_filename != "<string>":
                return
            effects.append(event)
            raise RuntimeError("would have run")

    sys.addaudithook(see)
    for path in map(str.rstrip, sys.stdin):
        effects.clear()
        begun, armed = time.process_time(), True
        try:
            load(path)
            outcome = "loaded"
        except BaseException:
            outcome = "raised"
        armed = False
        print(json.dumps([outcome, bool(effects), time.process_time() - begun]), flush=True)


def run(guard, entry, paths):  # noqa: ANN001, ANN201
    """What became of each file, one that ended the process included."""
    rows = []
    while len(rows) < len(paths):
        command = [sys.executable, "-W", "ignore", __file__, "--child", guard, entry]
        text = "\n".join(map(str, paths[len(rows) :]))
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=folder, timeout=900)
        new = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
        rows += new
        if not new and done.returncode and len(rows) == 0 and "ModuleNotFoundError" in done.stderr:
            raise SystemExit(done.stderr[-500:])
        if len(rows) < len(paths):
            rows.append(["ended", False, 0.0])
    return rows


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--step", type=int, default=1)
    options.add_argument("--child", nargs=2)
    given = options.parse_args()
    if given.child:
        child(*given.child)
        return
    print(f"| malicious stopped, honest loaded, seconds | {' | '.join(ENTRIES)} |")
    print(f"|---|{'---|' * len(ENTRIES)}")
    files, base = fixtures(".pkl", given.step), {}
    for guard in GUARDS:
        print(f"| {guard} | {' | '.join(cell(guard, entry, files, base) for entry in ENTRIES)} |", flush=True)
    print("\n| loader | reads | malicious stopped, honest loaded, seconds | `fickgate.protect()` |\n|---|---|---|---|")
    for guard, (entry, suffix) in OWN.items():
        files, base = fixtures(suffix, given.step), {}
        if not any(files.values()):
            print(f"| {guard} | `{suffix}` | none of these files | |")
            continue
        cells = [cell(name, entry, files, base) for name in ("nothing", guard, "fickgate.protect")]
        print(f"| {guard} | `{suffix}` | {cells[1]} | {cells[2]} |", flush=True)


def fixtures(suffix, step):  # noqa: ANN001, ANN201
    """Malicious files that run something, and clean ones."""
    # Those that cost time or memory are another matter, and would take it here.
    rows = json.loads((FIXTURES / "malicious" / "manifest.json").read_text())
    layers = ("pickle-vm",) if suffix == ".pkl" else ("pickle-vm", "container", "torch")
    runs = {row["file"] for row in rows if row["imports"] and row.get("resolved_by") and row["layer"] in layers}
    runs -= {row["file"] for row in rows if "resource-limit" in row["rules"]}
    evil = [path for path in sorted((FIXTURES / "malicious").glob(f"**/*{suffix}")) if path.name in runs]
    return {"evil": evil[::step], "honest": sorted((FIXTURES / "clean").glob(f"**/*{suffix}"))[::step]}


def cell(guard, entry, files, base):  # noqa: ANN001, ANN201
    """What a guard stopped and let through, of what happens without one, which is noted in `base`."""
    evil, honest = run(guard, entry, files["evil"]), run(guard, entry, files["honest"])
    if guard == "nothing":
        base[entry] = [row[1] for row in evil], [row[0] == "loaded" for row in honest]
    ran, did = base[entry]
    stopped = sum(before and not row[1] for before, row in zip(ran, evil))
    loaded = sum(before and row[0] == "loaded" for before, row in zip(did, honest))
    seconds = sum(row[2] for row in evil + honest)
    return f"{stopped}/{sum(ran)}, {loaded}/{sum(did)}, {seconds:.1f}"


if __name__ == "__main__":
    main()
