"""A picture of time over size, both logarithmic: a straight line of this slope is linear growth."""

import math

WIDTH, HEIGHT, LEFT, TOP, BELOW = 300, 240, 58, 34, 46
UNITS = {"bytes": "bytes inflated", "opcodes": "opcodes", "files": "files"}


def label(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def seconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1e3:g} ms"


def panel(name: str, points: list[tuple[float, float, float]], x0: int) -> list[str]:
    """One curve: sizes, seconds of the gate, seconds of the least."""
    sizes = [size for size, _, _ in points]
    times = [time for _, ours, least in points for time in (ours, least)]
    low_x, high_x = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)))
    low_y, high_y = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    left, right, top, bottom = x0 + LEFT, x0 + WIDTH - 12, TOP, HEIGHT - BELOW

    def x(value: float) -> float:
        return left + (math.log10(value) - low_x) / (high_x - low_x) * (right - left)

    def y(value: float) -> float:
        return bottom - (math.log10(value) - low_y) / (high_y - low_y) * (bottom - top)

    out = [f'<text x="{(left + right) / 2:.0f}" y="20" class="title">{UNITS[name]}</text>']
    for power in range(low_x, high_x + 1):
        at = x(10.0**power)
        out.append(f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{bottom}" class="grid"/>')
        out.append(f'<text x="{at:.1f}" y="{bottom + 16}" class="mid">{label(10.0**power)}</text>')
    for power in range(low_y, high_y + 1):
        at = y(10.0**power)
        out.append(f'<line x1="{left}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}" class="grid"/>')
        out.append(f'<text x="{left - 6}" y="{at + 4:.1f}" class="end">{seconds(10.0**power)}</text>')
    for which, style in ((2, "least"), (1, "gate")):
        line = " ".join(f"{x(point[0]):.1f},{y(point[which]):.1f}" for point in points)
        out.append(f'<polyline points="{line}" class="{style}"/>')
        out += [f'<circle cx="{x(p[0]):.1f}" cy="{y(p[which]):.1f}" r="3" class="{style}-dot"/>' for p in points]
    return out


def svg(curves: dict[str, list[tuple[float, float, float]]]) -> str:
    width = WIDTH * len(curves)
    body = [part for i, (name, points) in enumerate(curves.items()) for part in panel(name, points, i * WIDTH)]
    legend = HEIGHT - 10
    body += [
        f'<line x1="{LEFT}" y1="{legend - 4}" x2="{LEFT + 24}" y2="{legend - 4}" class="gate"/>',
        f'<text x="{LEFT + 30}" y="{legend}">fickgate</text>',
        f'<line x1="{LEFT + 110}" y1="{legend - 4}" x2="{LEFT + 134}" y2="{legend - 4}" class="least"/>',
        f'<text x="{LEFT + 140}" y="{legend}">the least: a walk over the opcodes, inflating</text>',
    ]
    style = (
        "text{font:12px sans-serif;fill:#57606a}.title{font-weight:600;text-anchor:middle}.mid{text-anchor:middle}"
        ".end{text-anchor:end}.grid{stroke:#8c959f;stroke-opacity:.25}polyline,line.gate,line.least{fill:none;stroke-width:2}"
        ".gate{stroke:#0969da}.least{stroke:#8c959f;stroke-dasharray:4 3}.gate-dot{fill:#0969da}.least-dot{fill:#8c959f}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        f'role="img" aria-label="Time over size"><style>{style}</style>' + "".join(body) + "</svg>\n"
    )
