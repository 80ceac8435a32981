"""Builds the documentation as a site: one page for each line of SUMMARY.md, in a folder that any server can serve.

    python docs/build.py OUT

Pages need no script and no network, follow the reader's light or dark, and fit a phone. Links from page to page lead to
the built pages; what lies outside of the folder is named and not linked. Needs markdown-it-py.
"""

import re
import shutil
import sys
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

HERE = Path(__file__).resolve().parent
STYLE = """
:root{--text:#1c1f24;--faint:#59626f;--page:#fff;--card:#f5f6f8;--line:#d5dae1;--link:#1d5fa8}
@media (prefers-color-scheme:dark){:root{--text:#e5e8ec;--faint:#9aa4b1;--page:#14171b;--card:#1d2127;--line:#363d47;--link:#83b9f5}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.6 system-ui,sans-serif;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{padding:1.5rem 1rem;border-right:1px solid var(--line);position:sticky;top:0;height:100vh;overflow-y:auto}
nav ol{list-style:none;margin:0;padding:0}nav a{display:block;padding:.2rem .5rem;text-decoration:none}
nav a[aria-current]{background:var(--card);border-radius:4px;color:var(--text);font-weight:600}
main{max-width:56rem;padding:1rem 2rem 4rem;overflow-wrap:break-word}
a{color:var(--link)}h1{font-size:1.8rem}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}
code{font:.875em/1.45 ui-monospace,monospace;background:var(--card);padding:.1em .25em;border-radius:3px}
pre{background:var(--card);border:1px solid var(--line);border-radius:5px;padding:.7rem .9rem;overflow-x:auto}
pre code{padding:0;background:none}
.table{overflow-x:auto}table{border-collapse:collapse}
th,td{border:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
img{max-width:100%}
.jump{display:none}
@media (max-width:48rem){body{display:flex;flex-direction:column}.jump{display:block;padding:.8rem 1rem 0}main{padding:0 1rem 2rem;width:100%}
nav{order:1;position:static;height:auto;border-right:0;border-top:1px solid var(--line)}}
"""


def slug(title):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


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
                    name = name.removesuffix(".md") + ".html"
                elif name and not (HERE / name).is_file() or name.startswith(".."):
                    # Of the repository, and no part of the site.
                    inner.attrs["href"] = ""
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
    for title, name in pages:
        entries = []
        for other, file in pages:
            here = ' aria-current="page"' if file == name else ""
            entries.append(f'<li><a href="{file.removesuffix(".md")}.html"{here}>{escape(other)}</a></li>')
        body = page((HERE / name).read_text(encoding="utf-8"), known)
        built = name.removesuffix(".md") + ".html"
        anchors[built] = set(re.findall(r' id="([^"]+)"', body))
        links += [(built, link) for link in re.findall(r'href="([^"]+)"', body)]
        text = (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n'
            f"<title>{escape(title)}: fickgate</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f'<a class="jump" href="#contents">fickgate: contents</a>\n'
            f'<nav id="contents"><ol>{"".join(entries)}</ol></nav>\n'
            f"<main>\n{body}</main>\n</body>\n</html>\n"
        )
        (out / built).write_text(text, encoding="utf-8")
    shutil.copy(out / (pages[0][1].removesuffix(".md") + ".html"), out / "index.html")
    for file in [*HERE.glob("*.svg"), *HERE.glob("*.json")]:
        shutil.copy(file, out)
    for built, link in links:
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        name = name or built
        if not (out / name).is_file() or (anchor and anchor not in anchors.get(name, {anchor})):
            raise SystemExit(f"{built}: {link} leads nowhere")
    print(f"{len(pages)} pages in {out}")


if __name__ == "__main__":
    main()
