"""The picture: for each tool, what became of attacks and of clean files, as two bars of shares."""

import html

COLOURS = {"right": "#2da44e", "error": "#bf8700", "wrong": "#cf222e", "unread": "#afb8c1"}
ROW, BAR, LEFT, WIDE, GAP, TOP = 30, 16, 190, 320, 30, 66


def bar(x: float, y: float, made) -> list[str]:
    """Shares of all files, what is not read at the right end."""
    total = max(1, made.read + made.unread)
    out = []
    for name in ("right", "error", "wrong", "unread"):
        wide = WIDE * getattr(made, name) / total
        if wide:
            # A share that is there is to be seen.
            out.append(f'<rect x="{x:.1f}" y="{y}" width="{max(wide, 1):.1f}" height="{BAR}" fill="{COLOURS[name]}"/>')
        x += wide
    return out


def draw(rows: list) -> str:
    """`rows` are (tool, version, count of attacks, count of clean files)."""
    width, height = LEFT + 2 * WIDE + 2 * GAP + 60, TOP + ROW * len(rows) + 16
    second = LEFT + WIDE + GAP + 40
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="Shares of attacks caught and clean files passed, by tool">',
        "<style>text{font:13px sans-serif;fill:#1f2328}.h{font-weight:bold}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>",
        f'<text class="h" x="{LEFT}" y="20">attacks</text>',
        f'<text class="h" x="{second}" y="20">clean files</text>',
    ]
    for x, words in (
        (LEFT, ("caught", "error", "missed", "not read")),
        (second, ("passed", "error", "refused", "not read")),
    ):
        for word, colour in zip(words, COLOURS.values()):
            out.append(
                f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/><text x="{x + 14}" y="42">{word}</text>'
            )
            x += 80
    for index, (tool, version, evil, good) in enumerate(rows):
        y = TOP + ROW * index
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(tool)}</text>')
        for x, made in ((LEFT, evil), (second, good)):
            out += bar(x, y, made)
            share = f"{int(1000 * made.right / made.read) / 10:.1f} %" if made.read else "-"
            out.append(f'<text x="{x + WIDE + 4}" y="{y + 13}">{share}</text>')
        out.append(f"<title>{html.escape(tool)} {html.escape(version)}</title>")
    return "\n".join([*out, "</svg>"]) + "\n"
