"""Reads fickgate's reports with other people's readers.

SARIF is checked against the official schema, JSON against ours, JUnit by an XML parser, the summary by a
Markdown renderer, and every format line by line as a GitHub runner reads a log. The corpus, hostile names and
30,000 findings among it, is written by a test of the crate. Needs `.ci/requirements.txt`.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from jsonschema import Draft7Validator
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
OUTCOMES = ["empty", "sample", "hostile", "12", "60", "30000"]
FORMATS = ["human", "concise", "github", "json", "sarif", "gitlab", "junit", "html", "summary", "outputs"]


def write_reports(folder):
    test = "write_reports_for_other_readers"
    command = ["cargo", "test", "--locked", "--quiet", "--lib", "--", "--ignored", "--exact", f"report::tests::{test}"]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "FICKGATE_REPORTS": str(folder)})


def sarif_schema(folder):
    """The schema of the standard, as the crate serde-sarif carries it."""
    manifest = folder / "Cargo.toml"
    manifest.write_text(
        '[package]\nname = "schema"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nserde-sarif = "=0.8.0"\n'
    )
    (folder / "src").mkdir()
    (folder / "src" / "lib.rs").touch()
    command = ["cargo", "metadata", "--format-version", "1", "--manifest-path", manifest]
    packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    (crate,) = [p for p in packages if p["name"] == "serde-sarif"]
    return json.loads((Path(crate["manifest_path"]).parent / "src" / "schema.json").read_text())


def validate(schema, document, name):
    for error in Draft7Validator(schema).iter_errors(document):
        raise SystemExit(f"{name}: {list(error.absolute_path)}: {error.message[:300]}")


def check_sarif(text, expected, schema):
    document = json.loads(text)
    validate(schema, document, "sarif")
    (run,) = document["runs"]
    assert len(run["results"]) == min(expected["findings"], 25_000)
    assert len(gzip.compress(text.encode())) < 10_000_000
    failed = expected["failures"] > 0
    assert run["invocations"][0]["executionSuccessful"] is not failed


def check_json(text, expected, schema):
    document = json.loads(text)
    validate(schema, document, "json")
    for key in ["findings", "failures", "skipped"]:
        assert len(document[key]) == document["summary"][key] == expected[key]


def check_gitlab(text, expected):
    issues = json.loads(text)
    assert len(issues) == expected["findings"] + expected["failures"]
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    for issue in issues:
        assert issue["severity"] in ["info", "minor", "major", "critical", "blocker"]
        assert issue["location"]["lines"]["begin"] >= 1 and issue["description"]


def check_junit(text, expected):
    (suite,) = ElementTree.fromstring(text)
    assert len(suite) == int(suite.get("tests")) == 1 + sum(expected[k] for k in ["findings", "failures", "skipped"])
    assert len(suite.findall("testcase/failure")) == int(suite.get("failures"))
    assert len(suite.findall("testcase/error")) == int(suite.get("errors")) == expected["failures"]


class Tags(HTMLParser):
    """Which tags a page has, with their attributes."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attributes):
        self.tags.add((tag, *attributes))


def check_summary(text, expected):
    assert len(text.encode()) <= 1 << 20
    tags = Tags()
    tags.feed(MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").render(text))
    allowed = "h3 p table thead tbody tr th td ul li br code pre details summary".split()
    assert {tag for tag, *_ in tags.tags} <= set(allowed), tags.tags
    assert all(len(tag) == 1 for tag in tags.tags), tags.tags


def check_html(text, expected):
    """A page of its own: nothing in it is fetched or run, and only its own tags are there, in pairs."""
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == [], page.open
    tags = "html head meta title style body header nav section article footer h1 h2 h3 p ul li a br code pre span div"
    tables = "details summary table thead tbody tr th td"
    assert {tag for tag, *_ in page.tags} <= set(f"{tags} {tables}".split()), page.tags
    for tag, *attributes in page.tags:
        for name, value in attributes:
            assert name in ["lang", "charset", "name", "content", "http-equiv", "class", "id", "href", "open"], name
            assert name != "href" or value.startswith("#"), value
    assert page.articles == min(expected["findings"], 5000)


class Page(Tags):
    """The tags that are open, too."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.articles = 0

    def handle_starttag(self, tag, attributes):
        super().handle_starttag(tag, attributes)
        self.articles += tag == "article"
        if tag not in ["meta", "br"]:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def commands(log):
    """The commands a runner finds in a log: `::name properties::data` where a line starts so, `##[name]data` anywhere
    in it, none between stop-commands and its token."""
    stopped = None
    for line in re.split(r"\r\n|\r|\n", log):
        trimmed = line.lstrip()
        if trimmed.startswith("::") and (end := trimmed.find("::", 2)) >= 0:
            name, _, properties = trimmed[2:end].partition(" ")
            data = trimmed[end + 2 :]
            if stopped is not None:
                stopped = None if name == stopped else stopped
                continue
            if name == "stop-commands":
                stopped = data
                continue
            yield name, properties, data
        elif stopped is None and (start := line.find("##[")) >= 0 and "]" in line[start:]:
            yield "##", "", line
    assert stopped is None


def unescape(text):
    for code, char in [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")]:
        text = text.replace(code, char)
    return text


def check_log(text, expected, name):
    found = list(commands(text))
    if name != "github":
        assert not found, found
        return
    for level in ["error", "warning", "notice"]:
        assert sum(command == level for command, _, _ in found) <= 10
    assert {command for command, _, _ in found} <= {"error", "warning", "notice"}
    for _, properties, data in found:
        fields = dict(field.split("=", 1) for field in properties.split(","))
        assert set(fields) <= {"file", "line", "title"}
        assert fields["title"].startswith("fickgate")
        path = unescape(fields.get("file", ""))
        # What a terminal can show is named as it is; the rest is shown escaped.
        if path and "\\u{" not in path and "\\n" not in path and "\\r" not in path and "…" not in path:
            known = expected["paths"]
            assert path in known or expected["failures"], path
        assert "\r" not in data and "\n" not in data


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "schema").mkdir()
        schemas = {
            "sarif": sarif_schema(folder / "schema"),
            "json": json.loads((ROOT / "docs" / "report.schema.json").read_text()),
        }
        write_reports(folder)
        for outcome in OUTCOMES:
            expected = json.loads((folder / f"{outcome}.expected").read_text())
            for name in FORMATS:
                text = (folder / f"{outcome}.{name}").read_bytes().decode()
                check_log(text, expected, name)
                check = globals().get(f"check_{name}")
                if check and name in schemas:
                    check(text, expected, schemas[name])
                elif check:
                    check(text, expected)
        print(f"{len(OUTCOMES)} outcomes in {len(FORMATS)} formats are what their readers expect")


if __name__ == "__main__":
    sys.exit(main())
