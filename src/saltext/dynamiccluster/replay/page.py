"""A page with the figures and the course of each policy: one HTML file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from .figures import Figures, Sample
from .replay import Replay

_WIDTH, _HEIGHT, _LEFT, _BELOW = 960, 220, 52, 24
_COLOURS = ("#1f77b4", "#d95f02", "#6a6a6a", "#7a3e9d")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left } svg { width: 100%; height: auto } text { font: 12px system-ui, sans-serif; fill: #555 }
.key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .4rem 0 1rem }
"""
COLUMNS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("policy", lambda found: found.policy),
    ("jobs", lambda found: str(found.jobs)),
    ("mean wait s", lambda found: f"{found.mean_wait:.0f}"),
    ("crowded s", lambda found: f"{found.crowded_wait:.0f}"),
    ("p95 wait s", lambda found: f"{found.p95_wait:.0f}"),
    ("node-hours", lambda found: f"{found.node_hours:.1f}"),
    ("launches", lambda found: str(found.launches)),
    ("most nodes", lambda found: str(found.most_nodes)),
    ("utilisation", lambda found: f"{found.utilisation:.0%}"),
    ("cost", lambda found: "" if found.cost is None else f"{found.cost:.2f}"),
)


def make_table(found: Sequence[Figures]) -> str:
    """Return the figures as a table of plain text, a line for each policy."""
    rows = [[title for title, _ in COLUMNS], *([show(figures) for _, show in COLUMNS] for figures in found)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) if not number else cell.rjust(width) for number, (cell, width) in enumerate(zip(row, widths))) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def make_page(title: str, replays: Mapping[str, Replay]) -> str:
    """Return the page. `replays` by the policy's name; one without a course is in the table only."""
    drawn = {name: item for name, item in replays.items() if item.course}
    key = "".join(f'<span class="key" style="background:{colour}"></span>{escape(name)}' for name, colour in zip(drawn, _COLOURS))
    charts = "".join(f"<h2>{escape(heading)}</h2><p>{key}</p>{chart}" for heading, chart in _charts(drawn))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{_table([item.figures for item in replays.values()])}{charts}</body></html>\n"
    )


def _charts(drawn: Mapping[str, Replay]) -> Iterator[tuple[str, str]]:
    """Yield a heading and its chart."""
    values: dict[str, Callable[[Sample], float]] = {
        "Nodes": lambda sample: sample.nodes,
        "Cores in use": lambda sample: sample.busy_cores,
        "Jobs waiting": lambda sample: sample.waiting,
    }
    for heading, value in values.items():
        lines = {name: [(sample.at / 3600, value(sample)) for sample in item.course] for name, item in drawn.items()}
        yield heading, _chart(lines, "h")
    waits = {name: [(0.0, 0.0), *((float(share), wait / 60) for share, wait in enumerate(item.waits, 1))] for name, item in drawn.items()}
    yield "Waiting time in minutes: so much of the jobs waited no longer", _chart(waits, "%")


def _table(found: Sequence[Figures]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title, _ in COLUMNS)
    rows = "".join("<tr>" + "".join(f"<td>{escape(show(figures))}</td>" for _, show in COLUMNS) + "</tr>" for figures in found)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _chart(drawn: Mapping[str, Sequence[tuple[float, float]]], unit: str) -> str:
    """Return lines through points, which begin at 0; `unit` of what goes from left to right."""
    longest = max((points[-1][0] for points in drawn.values()), default=1.0) or 1.0
    highest = max((y for points in drawn.values() for _, y in points), default=1.0) or 1.0
    across, up = (_WIDTH - _LEFT) / longest, (_HEIGHT - _BELOW - 8) / highest
    lines = []
    for (name, points), colour in zip(drawn.items(), _COLOURS):
        line = _steps([(_LEFT + x * across, _HEIGHT - _BELOW - y * up) for x, y in points])
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.2" points="{line}"><title>{escape(name)}</title></polyline>')
    axis = f'<path d="M{_LEFT} 8V{_HEIGHT - _BELOW}H{_WIDTH}" fill="none" stroke="#999"/>'
    labels = f'<text x="4" y="16">{highest:.4g}</text><text x="4" y="{_HEIGHT - _BELOW}">0</text>' + "".join(
        f'<text x="{_LEFT + longest * share * across:.0f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{longest * share:.0f} {unit}</text>'
        for share, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{axis}{labels}{"".join(lines)}</svg>'


def _steps(points: Sequence[tuple[float, float]]) -> str:
    """Return a line that stays level until the next point: counts do not slope."""
    found = []
    for number, (x, y) in enumerate(points):
        if number:
            found.append(f"{x:.1f},{points[number - 1][1]:.1f}")
        found.append(f"{x:.1f},{y:.1f}")
    return " ".join(found)
