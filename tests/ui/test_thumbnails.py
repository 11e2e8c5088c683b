"""The gallery's pictures: one for each preset, and made of what was measured."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from bnviz.charts.thumbnail import BOTTOM, TOP, color
from bnviz.presets import PRESETS, preset
from bnviz.recording import Recording
from bnviz.training import train
from bnviz.ui.gallery import THUMBNAILS
from tools import make_thumbnails
from tools.make_thumbnails import PICTURES, svg, thumbnail

AXIS = BOTTOM


def paths(picture: str) -> list[dict[str, str]]:
    return [each.attrib for each in ElementTree.fromstring(picture).iter() if each.tag.endswith("path")]


def points(path: dict[str, str]) -> np.ndarray:
    return np.array([[float(n) for n in pair.split()] for pair in re.split("[ML]", path["d"]) if pair])


def lines_of(picture: str, place: int) -> list[np.ndarray]:
    return [points(each) for each in paths(picture) if each.get("stroke") == color(place) and "l" not in each["d"]]


@cache
def recorded(name: str) -> Recording:
    config = make_thumbnails.replace(preset(name).config, **PICTURES[name].changes)
    return Recording(config, tuple(train(config)))


def test_there_is_a_picture_of_each_preset_and_of_nothing_else():
    assert {path.stem for path in Path(THUMBNAILS).glob("*.svg")} == set(PRESETS) == set(PICTURES)


@pytest.mark.parametrize("name", PRESETS)
def test_a_picture_is_small_and_shows_every_network(name):
    file = THUMBNAILS / f"{name}.svg"
    assert file.stat().st_size < 15_000
    picture = file.read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    assert root.tag.endswith("svg")
    assert not list(root.iter("{*}rect")), "its background is that of the page"
    for place in range(len(preset(name).config.arms)):
        assert any(color(place) in each.values() for each in paths(picture))


def test_the_script_makes_the_picture_that_is_shipped():
    made, shipped = thumbnail("bn-gradient-explosion"), (THUMBNAILS / "bn-gradient-explosion.svg").read_text()
    assert re.sub(r"[\d.]+", "", made) == re.sub(r"[\d.]+", "", shipped)
    for place in (0, 1):
        np.testing.assert_allclose(lines_of(made, place)[0], lines_of(shipped, place)[0], atol=0.5)


def test_a_profile_by_hand():
    recording = recorded("bn-gradient-explosion")
    logs = [np.log10(frame.grad_norm) for frame in recording.frames]
    least, largest = min(each.min() for each in logs), max(each.max() for each in logs)
    picture = svg("bn-gradient-explosion", recording)
    for place, each in enumerate(logs):
        (found,) = lines_of(picture, place)
        assert len(found) == 51
        np.testing.assert_allclose(found[:, 0], 10 + 280 * (each - least) / (largest - least), atol=0.06)
        assert (np.diff(found[:, 1]) > 0).all(), "the first layer on top"


def test_a_line_ends_in_a_cross_where_a_network_diverges():
    recording = recorded("relu-lr")
    losses = [frame.train_loss for frame in recording.frames if frame.arm == "none"]
    finite = next(place for place, loss in enumerate(losses) if not np.isfinite(loss))
    picture = svg("relu-lr", recording)
    (line,) = lines_of(picture, 0)
    assert 0 < len(line) == finite < 40
    heights = AXIS - (AXIS - TOP) * np.clip(losses[:finite], 0, 4) / 4
    np.testing.assert_allclose(line[:, 1], heights, atol=0.06)
    (cross,) = [each["d"] for each in paths(picture) if "l" in each["d"]]
    assert cross.startswith(f"M{line[-1][0] - 3:.1f} ")
    assert len(lines_of(picture, 1)[0]) == 40


def test_of_a_band_both_ends_are_drawn():
    config = make_thumbnails.replace(preset("ioffe-fig1").config, steps=60)
    recording = Recording(config, tuple(train(config)))
    (area,) = [each for each in paths(svg("ioffe-fig1", recording)) if each.get("fill") == color(1)]
    units = np.array([frame.unit_percentiles[2] for frame in recording.frames if frame.arm == "batch"])
    everything = np.array([frame.unit_percentiles[2] for frame in recording.frames])
    least, largest = everything.min(), everything.max()
    expected = AXIS - (AXIS - TOP) * (units[:, [0, 2]] - least) / (largest - least)
    found = points(area)[:, 1]
    np.testing.assert_allclose(found, np.concatenate([expected[:, 1], expected[::-1, 0]]), atol=0.06)
