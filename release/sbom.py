"""Prints a CycloneDX 1.5 document of what the binary is built from, as cargo resolves it for all systems.

    python3 release/sbom.py [TARGET]
"""

import json
import subprocess
import sys


def main() -> None:
    """Asks cargo, and writes down what it answers."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", "Cargo.toml"]
    if sys.argv[1:]:
        command += ["--filter-platform", sys.argv[1]]
    graph = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in graph["packages"]}
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    (root,) = [package for package in packages.values() if package["name"] == "fickgate"]
    reached = [root["id"]]
    for package in reached:
        reached += [inner for inner in linked(nodes[package]) if inner not in reached]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(root)},
        "components": [component(packages[package]) for package in sorted(reached[1:])],
        "dependencies": [
            {"ref": reference(packages[package]), "dependsOn": [reference(packages[p]) for p in linked(nodes[package])]}
            for package in sorted(reached)
        ],
    }
    json.dump(document, sys.stdout, indent=1)
    print()


def linked(node: dict) -> "list[str]":
    """What a package needs to be built and run; what its tests need is no part of the binary."""
    return sorted(
        dependency["pkg"]
        for dependency in node["deps"]
        if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"])
    )


def reference(package: dict) -> str:
    """The package's URL in the sense of purl."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package: dict) -> dict:
    """One package."""
    purl = reference(package)
    known = {
        "type": "application" if package["name"] == "fickgate" else "library",
        "bom-ref": purl,
        "name": package["name"],
        "version": package["version"],
        "purl": purl,
    }
    if package["license"]:
        known["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package["repository"]:
        known["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return known


if __name__ == "__main__":
    main()
