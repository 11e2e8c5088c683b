"""Makes the gallery's pictures, each from a real run of its preset: `python tools/make_thumbnails.py [NAME ...]`.

A picture is plain SVG in colours between those of the light and the dark page, so that it suits both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import torch
from numpy.typing import NDArray

from bnviz.charts.bands import around as area
from bnviz.charts.lines import every
from bnviz.charts.look import PALETTE
from bnviz.charts.rows import BASE, PEAK, ROW, outline, rows, value_axis
from bnviz.charts.scene import Scene, View
from bnviz.config import Arm
from bnviz.config.arm import title_of
from bnviz.presets import PRESETS, preset
from bnviz.recording import Recording
from bnviz.training import train

FOLDER = Path(__file__).resolve().parents[1] / "bnviz" / "ui" / "thumbnails"
WIDTH, HEIGHT = 300, 140
LEFT, RIGHT, TOP, BOTTOM = 6.0, WIDTH - 6.0, 24.0, HEIGHT - 20.0
POINTS = 90
"""Points of a line at most."""
GREY = "#848E97"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """What a preset's picture shows, and how it is drawn."""

    what: str
    draw: Callable[[Scene], list[str]]
    changes: dict[str, Any] = field(default_factory=dict)
    """How the run differs from the preset's, where fewer steps show it."""


def thumbnail(name: str) -> str:
    """The picture of a preset, as SVG; trains it. Errors: ValueError for an unknown name."""
    config = replace(preset(name).config, **PICTURES[name].changes)
    return svg(name, Recording(config, tuple(train(config))))


def svg(name: str, recording: Recording) -> str:
    """The picture of a preset from a recording of it."""
    steps = list(recording.steps())
    scene = Scene(recording.config, steps, recording.events, steps[-1])
    names = "  ".join(f'<tspan fill="{color(place)}">{_name(arm)}</tspan>'
                      for place, arm in enumerate(recording.config.arms))  # fmt: skip
    what = escape(PICTURES[name].what)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="10" fill="none" stroke-linejoin="round">',
        f'<text x="{LEFT:g}" y="13" fill="{GREY}">{what}</text>',
        *PICTURES[name].draw(scene),
        f'<text x="{LEFT:g}" y="{HEIGHT - 5}" font-size="9" xml:space="preserve">{names}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _name(arm: Arm) -> str:
    if arm.trick != "none":
        return title_of("trick", arm.trick)
    return arm.kind.title.removeprefix("BatchNorm, ") + (" + noise" if arm.noise else "")


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
    share = (np.clip(values, *span) - span[0]) / (span[1] - span[0])
    return start + share * (end - start)


def ridges(scene: Scene) -> list[str]:
    """What enters each activation at the last step, the networks beside each other."""
    span, width = value_axis(scene, View()), (RIGHT - LEFT) / len(scene.frames)
    heights = (float(rows(len(scene.layers))[-1]) - BASE * ROW, (PEAK - BASE) * ROW)
    found = []
    for place, frame in enumerate(scene.frames):
        assert frame is not None
        x, y = outline(frame, "preactivation", *span)
        across = placed(x, span, LEFT + place * width + 3, LEFT + (place + 1) * width - 3)
        look = f'stroke="{color(place)}" fill="{color(place)}" fill-opacity="0.3"'
        found.append(path(across, placed(y.astype(float), heights, BOTTOM, TOP), look))
    return found


def over_steps(scene: Scene, name: str, layer: int | None = None, log: bool = False,
               span: tuple[float, float] | None = None) -> list[str]:  # fmt: skip
    """A quantity over steps, a line for each network; of several columns the area between the first and the last.

    layer: counted from 1. span: of the vertical axis, else as wide as the values.
    """
    beat = every(len(scene.steps), POINTS)
    found = {label: scene.history(name, label, None if layer is None else layer - 1)[beat] for label in scene.titles}
    values = {label: _columns(_log(each) if log else each) for label, each in found.items()}
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
    if np.isfinite(down[-1]):
        return []
    last = np.flatnonzero(np.isfinite(down))[-1]
    x, y = across[last], down[last]
    look = f'stroke="{color(place)}" stroke-width="1.8"'
    return [f'<path d="M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6" {look}/>']


def by_layer(scene: Scene, name: str) -> list[str]:
    """A quantity of each layer at the last step on a logarithmic axis, the first layer on top."""
    values = [_columns(_log(getattr(frame, name))) for frame in scene.frames]
    down = np.linspace(TOP + 4, BOTTOM - 4, len(scene.layers))
    return [
        path(placed(each[:, 0], extent(values), LEFT + 4, RIGHT - 4), down,
             f'stroke="{color(place)}" stroke-width="1.8"')
        for place, each in enumerate(values)
    ]  # fmt: skip


def _log(values: Floats) -> Floats:
    return np.log10(np.where(values > 0, values, np.nan))


def _columns(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan).reshape(len(values), -1)


def extent(values: Iterable[Floats]) -> tuple[float, float]:
    """The smallest interval that holds all numbers, NaN aside."""
    everything = np.concatenate([each.ravel() for each in values])
    return float(np.nanmin(everything)), float(np.nanmax(everything))


UNIT, LOSS, ACCURACY = "unit_percentiles", "train_loss", "test_accuracy"
PICTURES: dict[str, Picture] = {
    "sigmoid-depth": Picture("What enters each activation, layer by layer, at the end", ridges),
    "ioffe-fig1": Picture("One unit's 15th to 85th percentile over steps", partial(over_steps, name=UNIT, layer=3)),
    "santurkar-fig3-dln": Picture("Cosine of G and G' at layer 17 over steps, from -1 to 1",
                                  partial(over_steps, name="ics_cosine", layer=17, span=(-1.05, 1.05))),
    "santurkar-fig4": Picture("Loss along the gradient, least to largest, over steps (log)",
                              partial(over_steps, name="landscape_loss", log=True)),
    "santurkar-fig2-noise": Picture("One unit's 15th to 85th percentile over steps",
                                    partial(over_steps, name=UNIT, layer=4)),
    "santurkar-norms": Picture("Loss over steps (log)", partial(over_steps, name=LOSS, log=True)),
    "relu-lr": Picture("Loss over the first steps; × diverged", partial(over_steps, name=LOSS, span=(0, 4)),
                       {"steps": 40, "measure_every": 1}),
    "varma-init": Picture("Spread of what enters each layer, first on top (log)",
                          partial(by_layer, name="input_std"), {"steps": 1}),
    "tiny-batch": Picture("Test accuracy over steps", partial(over_steps, name=ACCURACY, span=(0, 1))),
    "good-init": Picture("Test accuracy over steps", partial(over_steps, name=ACCURACY, span=(0, 1))),
    "before-bn": Picture("Test accuracy over steps", partial(over_steps, name=ACCURACY, span=(0, 1))),
    "bn-gradient-explosion": Picture("Gradient of each layer at the start, first on top (log)",
                                     partial(by_layer, name="grad_norm"), {"steps": 1}),
}  # fmt: skip


def main(names: list[str]) -> None:
    """Write the pictures of these presets, or of all."""
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in names or PRESETS:
        (FOLDER / f"{name}.svg").write_text(thumbnail(name), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
