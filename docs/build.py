"""Builds the documentation as a site: one page for each line of SUMMARY.md, in a folder that any server can serve.

    python docs/build.py OUT

Pages need no script and no network, follow the reader's light or dark, and fit a phone. Links from page to page lead to
the built pages. What lies outside of the folder is linked where `Cargo.toml` says where the repository lives, and named
otherwise. Needs markdown-it-py.
"""

import re
import shutil
import sys
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

HERE = Path(__file__).resolve().parent
MANIFEST = (HERE.parent / "Cargo.toml").read_text(encoding="utf-8")
REPOSITORY = re.search(r'^repository = "(.*)"$', MANIFEST, re.MULTILINE)[1]
STYLE = """
:root{--text:#1c1f24;--faint:#59626f;--page:#fff;--card:#f5f6f8;--line:#d5dae1;--link:#1d5fa8}
@media (prefers-color-scheme:dark){:root{--text:#e5e8ec;--faint:#9aa4b1;--page:#14171b;--card:#1d2127;--line:#363d47;--link:#83b9f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.6 system-ui,sans-serif;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{padding:1.5rem 1rem;border-right:1px solid var(--line);position:sticky;top:0;height:100vh;overflow-y:auto}
nav ol{list-style:none;margin:0;padding:0}nav a{display:block;padding:.2rem .5rem;text-decoration:none}
nav a[aria-current]{background:var(--card);border-radius:4px;color:var(--text);font-weight:600}
nav .name{font-weight:700;font-size:1.15rem;color:var(--text);margin-bottom:.6rem}
nav ol ol{margin:.15rem 0 .5rem .5rem;border-left:1px solid var(--line)}nav ol ol a{font-size:.875rem;padding:.1rem .6rem}
.turn{display:flex;justify-content:space-between;gap:1rem;margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line)}
main{max-width:60rem;padding:1rem 2rem 4rem;overflow-wrap:break-word}
a{color:var(--link)}h1{font-size:1.8rem}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}
code{font:.875em/1.45 ui-monospace,monospace;background:var(--card);padding:.1em .25em;border-radius:3px}
pre{background:var(--card);border:1px solid var(--line);border-radius:5px;padding:.7rem .9rem;overflow-x:auto}
pre code{padding:0;background:none;font-size:.8125rem}
.table{overflow-x:auto}table{border-collapse:collapse}
th,td{border:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
img{max-width:100%}
.jump{display:none}
@media (max-width:48rem){body{display:flex;flex-direction:column}.jump{display:block;padding:.8rem 1rem 0}main{padding:0 1rem 2rem;width:100%}
th,td{min-width:8.5rem}nav{order:1;position:static;height:auto;border-right:0;border-top:1px solid var(--line)}}
"""


def slug(title):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def address(name):
    """Where a page lies on the site."""
    return name.removesuffix(".md") + ".html"


def link(entry, before, behind):
    """A link to a page, with an arrow on either side."""
    title, name = entry
    return f'<a href="{address(name)}">{before}{escape(title)}{behind}</a>'


def page(text, known):
    """The HTML of a page's Markdown."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            title = "".join(child.content for child in tokens[at + 1].children)
            token.attrSet("id", slug(title))
        for inner in token.children or []:
            if inner.type == "link_open" and "://" not in inner.attrs["href"]:
                name, _, anchor = inner.attrs["href"].partition("#")
                if name in known:
                    name = address(name)
                elif name and not (HERE / name).is_file() or name.startswith(".."):
                    # Of the repository, and no part of the site.
                    inner.attrs["href"] = f"{REPOSITORY}/blob/main/{name.removeprefix('../')}" if REPOSITORY else ""
                    continue
                inner.attrs["href"] = name + (f"#{anchor}" if anchor else "")
    html = markdown.renderer.render(tokens, markdown.options, {})
    html = re.sub(r'<a href="">(.*?)</a>', r"\1", html, flags=re.DOTALL)
    return html.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    summary = (HERE / "SUMMARY.md").read_text(encoding="utf-8")
    pages = re.findall(r"^- \[(.+)\]\((.+)\)$", summary, re.MULTILINE)
    known = {name for _, name in pages}
    anchors, links = {}, []
    for at, (title, name) in enumerate(pages):
        body = page((HERE / name).read_text(encoding="utf-8"), known)
        built = address(name)
        anchors[built] = {"contents", *re.findall(r' id="([^"]+)"', body)}
        below = re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', body)
        parts = "".join(f'<li><a href="#{anchor}">{re.sub("<.*?>", "", text)}</a></li>' for anchor, text in below)
        entries = []
        for other, file in pages:
            here = ' aria-current="page"' if file == name else ""
            inner = f"<ol>{parts}</ol>" if here and parts else ""
            entries.append(f'<li><a href="{address(file)}"{here}>{escape(other)}</a>{inner}</li>')
        turns = [link(pages[at - 1], "← ", "") if at else "<span></span>"]
        turns += [link(pages[at + 1], "", " →")] if at + 1 < len(pages) else []
        text = (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n'
            f"<title>{escape(title)}: fickgate</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f'<a class="jump" href="#contents">fickgate: contents</a>\n'
            f'<nav id="contents"><a class="name" href="index.html">fickgate</a><ol>{"".join(entries)}</ol></nav>\n'
            f'<main>\n{body}<div class="turn">{"".join(turns)}</div>\n</main>\n</body>\n</html>\n'
        )
        links += [(built, found) for found in re.findall(r'href="([^"]+)"', text)]
        (out / built).write_text(text, encoding="utf-8")
    shutil.copy(out / address(pages[0][1]), out / "index.html")
    for file in [*HERE.glob("*.svg"), *HERE.glob("*.json")]:
        shutil.copy(file, out)
    for built, found in links:
        if "://" in found:
            continue
        name, _, anchor = found.partition("#")
        name = name or built
        if not (out / name).is_file() or (anchor and anchor not in anchors.get(name, {anchor})):
            raise SystemExit(f"{built}: {found} leads nowhere")
    print(f"{len(pages)} pages in {out}")


if __name__ == "__main__":
    main()
