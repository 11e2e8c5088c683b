"""Makes the gallery's pictures, each from a real run of its preset: `python tools/make_thumbnails.py [NAME ...]`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bnviz.charts.rows import BASE, PEAK, ROW, outline, rows, value_axis
from bnviz.charts.scene import Scene, View
from bnviz.charts.thumbnail import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    color,
    columns_of,
    extent,
    logarithm,
    over_steps,
    path,
    picture,
    placed,
)  # fmt: skip
from bnviz.config import Arm
from bnviz.config.arm import title_of
from bnviz.presets import PRESETS, preset
from bnviz.recording import Recording
from bnviz.training import train

FOLDER = Path(__file__).resolve().parents[1] / "bnviz" / "ui" / "thumbnails"


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
    names = [_name(arm) for arm in recording.config.arms]
    return picture(PICTURES[name].what, PICTURES[name].draw(scene), names)


def _name(arm: Arm) -> str:
    if arm.trick != "none":
        return title_of("trick", arm.trick)
    return arm.kind.title.removeprefix("BatchNorm, ") + (" + noise" if arm.noise else "")


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


def by_layer(scene: Scene, name: str) -> list[str]:
    """A quantity of each layer at the last step on a logarithmic axis, the first layer on top."""
    values = [columns_of(logarithm(getattr(frame, name))) for frame in scene.frames]
    down = np.linspace(TOP + 4, BOTTOM - 4, len(scene.layers))
    return [
        path(placed(each[:, 0], extent(values), LEFT + 4, RIGHT - 4), down,
             f'stroke="{color(place)}" stroke-width="1.8"')
        for place, each in enumerate(values)
    ]  # fmt: skip


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
