"""A run in one small picture: plain SVG, in colours between those of the light and the dark page, so it suits both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from bnviz.charts.bands import around as area
from bnviz.charts.look import PALETTE
from bnviz.charts.scene import Scene
from bnviz.charts.steps import every

WIDTH, HEIGHT = 300, 140
LEFT, RIGHT, TOP, BOTTOM = 6.0, WIDTH - 6.0, 24.0, HEIGHT - 20.0
POINTS = 90
"""Points of a line at most."""
LETTERS = 56
"""Of all names together: as many as there is room for."""
GREY = "#848E97"
Floats = NDArray[np.float64]


def of_losses(scene: Scene) -> str:
    """The training loss of each network over steps, as SVG; of a run without two measured steps the names alone."""
    values = [scene.history("train_loss", label) for label in scene.titles]
    finite = [each[np.isfinite(each)] for each in values]
    everything = np.concatenate([*finite, np.zeros(0)])
    wide = everything.size > 0 and everything.min() > 0 and everything.max() > 30 * everything.min()
    drawn = over_steps(scene, "train_loss", log=bool(wide)) if everything.size and len(scene.steps) > 1 else []
    names = list(scene.titles.values())
    room = LETTERS // max(1, len(names))
    short = [name if len(name) <= room else name[: room - 1] + "…" for name in names]
    return picture("Training loss over steps" + (" (log)" if wide else ""), drawn, short)


def picture(what: str, drawn: Iterable[str], names: Sequence[str]) -> str:
    """The SVG around what is drawn: what it is, and the networks' names in their colours."""
    told = "  ".join(f'<tspan fill="{color(place)}">{escape(name)}</tspan>' for place, name in enumerate(names))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="10" fill="none" stroke-linejoin="round">',
        f'<text x="{LEFT:g}" y="13" fill="{GREY}">{escape(what)}</text>',
        *drawn,
        f'<text x="{LEFT:g}" y="{HEIGHT - 5}" font-size="9" xml:space="preserve">{told}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def color(place: int) -> str:
    """The colour half way between an arm's colour in the light and in the dark."""
    pair = (PALETTE["light"].arm(place), PALETTE["dark"].arm(place))
    mixed = [sum(int(each[i : i + 2], 16) for each in pair) // 2 for i in (1, 3, 5)]
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def path(x: Floats, y: Floats, look: str) -> str:
    """A line through points, with a gap where one is missing."""
    parts, pen = [], "M"
    for across, down in zip(x, y, strict=True):
        if np.isfinite(across) and np.isfinite(down):
            parts.append(f"{pen}{across:.1f} {down:.1f}")
            pen = "L"
        else:
            pen = "M"
    return f'<path d="{"".join(parts)}" {look}/>'


def placed(values: Floats, span: tuple[float, float], start: float, end: float) -> Floats:
    """Values brought from a span of theirs to one of the picture; what lies outside stops at its border."""
    share = (np.clip(values, *span) - span[0]) / (span[1] - span[0] or 1.0)
    return start + share * (end - start)


def over_steps(scene: Scene, name: str, layer: int | None = None, log: bool = False,
               span: tuple[float, float] | None = None) -> list[str]:  # fmt: skip
    """A quantity over steps, a line for each network; of several columns the area between the first and the last.

    layer: counted from 1. span: of the vertical axis, else as wide as the values.
    """
    beat = every(len(scene.steps), POINTS)
    found = {label: scene.history(name, label, None if layer is None else layer - 1)[beat] for label in scene.titles}
    values = {label: columns_of(logarithm(each) if log else each) for label, each in found.items()}
    span = span or extent(values.values())
    steps = np.array([frames[0].step for frames in scene.steps[beat]], float)
    across = placed(steps, (0.0, float(steps[-1])), LEFT, RIGHT)
    drawn = [path(np.array([LEFT, RIGHT]), np.array([BOTTOM, BOTTOM]), f'stroke="{GREY}" stroke-opacity="0.5"')]
    for place, columns in enumerate(values.values()):
        down = placed(columns, span, BOTTOM, TOP)
        if columns.shape[1] > 1:
            drawn.append(path(*area(across, down[:, 0], down[:, -1]), f'fill="{color(place)}" fill-opacity="0.4"'))
        if columns.shape[1] != 2:
            drawn.append(path(across, down[:, down.shape[1] // 2], f'stroke="{color(place)}" stroke-width="1.8"'))
        drawn += _end(across, down[:, 0], place)
    return drawn


def _end(across: Floats, down: Floats, place: int) -> list[str]:
    """A cross where a network has diverged."""
    known = np.flatnonzero(np.isfinite(down))
    if not known.size or known[-1] == len(down) - 1:
        return []
    last = known[-1]
    x, y = across[last], down[last]
    look = f'stroke="{color(place)}" stroke-width="1.8"'
    return [f'<path d="M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6" {look}/>']


def logarithm(values: Floats) -> Floats:
    """Powers of ten; NaN for what has none."""
    return np.log10(np.where(values > 0, values, np.nan))


def columns_of(values: Floats) -> Floats:
    """(N, ...) as (N, K), with NaN for what is not finite."""
    return np.where(np.isfinite(values), values, np.nan).reshape(len(values), -1)


def extent(values: Iterable[Floats]) -> tuple[float, float]:
    """The smallest interval that holds all numbers, NaN aside."""
    everything = np.concatenate([each.ravel() for each in values])
    return float(np.nanmin(everything)), float(np.nanmax(everything))
