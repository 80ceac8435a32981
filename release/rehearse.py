"""Plays the host of a release, and strangers who install from it: the action, the pre-commit hook, pip, a bare archive.

    python3 release/rehearse.py --binary target/debug/fickgate --wheel dist/fickgate-*.whl

A copy of the tree gets the checksums of an archive and a wheel, as `release/run checksums` writes them, and a server on
this machine has the files, over TLS with a certificate made for the run. The action and the hook have to run what has
the checksum and to stop at what has not. The archive is named as the one for 64-bit Linux, whatever it was built for.
Needs git, openssl, curl, PyYAML and pre-commit.
"""

import argparse
import functools
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-musl"
EVIL = b"cos\nsystem\n(S'true'\ntR."
CLEAN = b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s."
BEGUN = time.monotonic()


def run(command, folder, env=None, code=0):
    """Runs a command that has to end with this code, and gives what it said."""
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if code is not None and done.returncode != code:
        raise SystemExit(f"{command} ended with {done.returncode}, not {code}:\n{done.stdout}")
    return done.stdout


def told(what):
    """Says that a step went as it has to."""
    print(f"{time.monotonic() - BEGUN:6.1f} s  {what}", flush=True)


class Host:
    """The host of the release: what lies in a folder, over TLS."""

    def __init__(self, folder):
        self.files = folder / "host"
        self.files.mkdir()
        self.certificate = folder / "host.pem"
        key = folder / "host.key"
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
        run([*made, "-keyout", key, "-out", self.certificate], folder)
        handler = functools.partial(Quiet, directory=str(self.files))
        self.server = http.server.ThreadingHTTPServer(("localhost", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"https://localhost:{self.server.server_port}"
        # The hosts of other packages stay known.
        known = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
        self.authorities = folder / "authorities.pem"
        texts = [self.certificate.read_text(), Path(known).read_text() if known else ""]
        self.authorities.write_text("\n".join(texts))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        pass


def repository(folder):
    """A repository with one commit of what lies there."""
    run(["git", "init", "-q", "-b", "main"], folder)
    commit(folder)


def commit(folder):
    run(["git", "add", "-A"], folder)
    who = ["-c", "user.name=r", "-c", "user.email=r@example.org"]
    run(["git", *who, "commit", "-q", "--no-verify", "-m", "as it is"], folder)


def tree(folder, version, binary, wheel):
    """The tree at a release: what is committed or about to be, with the checksums of what lies in its dist/."""
    copy = folder / "tree"
    for name in run(["git", "ls-files", "-co", "--exclude-standard"], ROOT).splitlines():
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    dist = copy / "dist"
    dist.mkdir()
    shutil.copy2(binary, folder / "fickgate")
    run(["tar", "-czf", dist / f"fickgate-v{version}-{TARGET}.tar.gz", "-C", folder, "fickgate"], folder)
    shutil.copy2(wheel, dist)
    run(["release/run", "checksums"], copy)
    lines = (copy / "action" / "checksums.txt").read_text().splitlines()
    if len([line for line in lines if f"{version}-" in line]) != 2:
        raise SystemExit(f"not two checksums: {lines}")
    return copy


def act(copy, host, folder, paths):
    """One run of the action over these files, by the steps and the defaults of action.yml."""
    work = Path(tempfile.mkdtemp(dir=folder))
    for name in ["workspace", "temp", "home"]:
        (work / name).mkdir()
    for name, content in {"clean.pkl": CLEAN, "evil.pkl": EVIL}.items():
        (work / "workspace" / name).write_bytes(content)
    repository(work / "workspace")
    head = run(["git", "rev-parse", "HEAD"], work / "workspace").strip()
    (work / "event.json").write_text('{"repository": {"default_branch": "main"}}')
    action = yaml.safe_load((copy / "action.yml").read_text())
    inputs = {f"INPUT_{name.upper().replace('-', '_')}": value["default"] for name, value in action["inputs"].items()}
    env = {
        # Without cargo: what is not downloaded is not there.
        "PATH": "/usr/bin:/bin",
        "HOME": str(work / "home"),
        "CI": "true",
        "CURL_CA_BUNDLE": str(host.certificate),
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(copy),
        "GITHUB_ACTION_REPOSITORY": "someone/fickgate",
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_EVENT_PATH": str(work / "event.json"),
        "GITHUB_OUTPUT": str(work / "output"),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": "someone/models",
        "GITHUB_SERVER_URL": host.address,
        "GITHUB_SHA": head,
        "GITHUB_STEP_SUMMARY": str(work / "summary"),
        "GITHUB_WORKSPACE": str(work / "workspace"),
        "RUNNER_ARCH": "X64",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(work / "temp"),
        **inputs,
        "INPUT_PATHS": paths,
    }
    (step,) = [step for step in action["runs"]["steps"] if "!= 'Windows'" in step["if"]]
    done = subprocess.run(
        ["sh", "-e", "-c", step["run"]],
        cwd=work / "workspace",
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def hook(copy, host, folder, name, code):
    """One run of the hook that installs the wheel, over one file, from an empty cache."""
    work = Path(tempfile.mkdtemp(dir=folder))
    project = work / "project"
    project.mkdir()
    (project / "m.pkl").write_bytes(EVIL if name == "evil" else CLEAN)
    rev = run(["git", "rev-parse", "HEAD"], copy).strip()
    hooks = [{"id": "fickgate-wheel", "verbose": True}]
    config = {"repos": [{"repo": str(copy), "rev": rev, "hooks": hooks}]}
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    repository(project)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "GITHUB_", "CI"))}
    env.update(
        PRE_COMMIT_HOME=str(work / "cache"),
        PIP_CERT=str(host.authorities),
        # Which, where it is set, wins over the option.
        REQUESTS_CA_BUNDLE=str(host.authorities),
        PIP_NO_CACHE_DIR="1",
        FICKGATE_RELEASES=f"{host.address}/someone/fickgate/releases/download",
    )
    return run([sys.executable, "-m", "pre_commit", "run", "fickgate-wheel", "--all-files"], project, env, code)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", type=Path, required=True, help="what the archive holds")
    options.add_argument("--wheel", type=Path, required=True, help="a wheel for this interpreter")
    given = options.parse_args()
    version = given.wheel.name.split("-")[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        copy = tree(folder, version, given.binary.resolve(), given.wheel.resolve())
        host = Host(folder)
        release = host.files / "someone" / "fickgate" / "releases" / "download" / f"v{version}"
        shutil.copytree(copy / "dist", release)
        shutil.rmtree(copy / "dist")
        repository(copy)
        told(f"the host has {', '.join(sorted(file.name for file in release.iterdir()))}")

        code, log = act(copy, host, folder, "evil.pkl")
        if code != 1 or "os.system" not in log:
            raise SystemExit(f"the action ended with {code}:\n{log}")
        told("the action downloads the archive, verifies it, and refuses a file")
        code, log = act(copy, host, folder, "clean.pkl")
        if code != 0 or "no findings in 1 blob" not in log:
            raise SystemExit(f"the action ended with {code}:\n{log}")
        told("and passes another one")

        log = hook(copy, host, folder, "evil", 1)
        if "os.system" not in log:
            raise SystemExit(log)
        told("the hook installs the wheel by its hash, and refuses a commit")
        hook(copy, host, folder, "clean", 0)
        told("and passes another one")

        for file in release.iterdir():
            content = bytearray(file.read_bytes())
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
        code, log = act(copy, host, folder, "evil.pkl")
        if code != 2 or "does not have the checksum in the action's tree" not in log or "os.system" in log:
            raise SystemExit(f"the action ended with {code}:\n{log}")
        told("an archive with another byte stops the action")
        log = hook(copy, host, folder, "clean", None)
        if "no findings" in log or "HASHES" not in log:
            raise SystemExit(log)
        told("a wheel with another byte stops the hook")
    print("rehearsed")


if __name__ == "__main__":
    main()
