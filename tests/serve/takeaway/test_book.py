"""What is in a page: views that matter, arrays as they were, and no more steps than there is room for."""

from __future__ import annotations

import gzip
import json
from itertools import product

import numpy as np
import pytest

from bnviz.charts import encode
from bnviz.charts.scene import View
from bnviz.cli import main
from bnviz.config import RunConfig
from bnviz.history import History
from bnviz.recording import Recording
from bnviz.serve.takeaway import page
from bnviz.serve.takeaway.arrays import Arrays
from bnviz.serve.takeaway.book import MOST_STEPS, shared, thinned
from bnviz.serve.takeaway.choices import LOOKS, choices, matches, outcomes
from bnviz.training import train


def test_outcomes_are_made_once_for_what_is_read_and_cover_every_view():
    allowed = choices(3)
    calls = []

    def make(view):
        calls.append(view)
        # The layer is read for one measure alone.
        return (view.ics, view.layer) if view.ics == "cosine" else (view.ics, view.theme)

    found = list(outcomes(make, "layers", allowed))
    for ics, layer, theme, present in product(*(allowed[name] for name in ("ics", "layer", "theme", "present"))):
        view = {"ics": ics, "layer": layer, "theme": theme, "present": present}
        made = [outcome for when, outcome in found if matches(when, view)]
        assert made == [make(View(**view))]
    assert len(found) == 2 * 2 + 4  # two measures in two themes; one with each of three layers, or none chosen
    assert list(outcomes(lambda view: view.theme, "time", allowed, LOOKS)) == [({}, "light")]


def unpacked(packed):
    """The book and its arrays, read number by number."""
    data = gzip.decompress(packed)
    end = 4 + int.from_bytes(data[:4], "little")
    read, at, arrays = json.loads(data[4:end]), end, {}
    for each in read["arrays"]:
        size, count = np.dtype(each["dtype"]).itemsize, sum(each["lengths"])
        numbers = [bytes(data[at + plane * count + i] for plane in range(size)) for i in range(count)]
        whole = np.frombuffer(b"".join(numbers), f"<{each['dtype']}")
        arrays[each["dtype"]] = np.split(whole, np.cumsum(each["lengths"])[:-1])
        at += size * count
    assert at == len(data)
    return read["book"], arrays


def test_arrays_come_back_to_the_bit_and_equal_ones_are_kept_once():
    given = [np.array([1.5, np.nan, -0.0], "f4"), np.arange(6, dtype="u2").reshape(2, 3), np.array([-3], "i2")]
    arrays = Arrays()
    taken = arrays.taken({"data": [encode(each) for each in given], "again": encode(given[0]), "text": "plain"})
    assert taken["again"] == taken["data"][0]
    assert taken["data"][1] == {"$": ["u2", 0], "columns": 3}
    book, found = unpacked(arrays.packed(taken))
    assert book == taken
    for reference, wanted in zip(book["data"], given, strict=True):
        dtype, place = reference["$"]
        assert found[dtype][place].tobytes() == wanted.tobytes()


def test_a_long_recording_is_thinned_as_the_page_thins_it():
    one = list(train(RunConfig(depth=1, width=4, steps=1)))
    frames = [type(frame)(**{**{n: getattr(frame, n) for n in frame.__slots__}, "step": step})
              for step in range(MOST_STEPS + 50) for frame in one]  # fmt: skip
    found = [group[0].step for group in thinned(Recording(RunConfig(depth=1, width=4), tuple(frames))).steps()]
    assert len(found) == MOST_STEPS
    assert found[:5] == [0, 1, 2, 3, 4]
    assert found[-1] == MOST_STEPS + 49
    assert History(7)._limit == 7


def test_what_is_equal_everywhere_is_kept_once():
    assert shared([{"a": 1, "b": 2}, {"a": 1, "b": 3}]) == {"same": {"a": 1}, "each": [{"b": 2}, {"b": 3}]}


def test_a_recording_without_a_frame_and_a_name_with_markup(tmp_path, capsys):
    with pytest.raises(ValueError, match="no step of it was measured"):
        page(Recording(RunConfig()))
    config = RunConfig(depth=1, width=4, steps=1)
    text = page(Recording(config, tuple(train(config))), title="<script>alert(1)</script>")
    assert "<script>alert" not in text
    Recording(RunConfig()).save(tmp_path / "empty.arrow")
    assert main(["export", str(tmp_path / "empty.arrow"), "--html", str(tmp_path / "no.html")]) == 2
    assert "nothing to draw" in capsys.readouterr().err


def test_a_gallery_is_a_folder_of_pages_with_an_index(tmp_path, capsys):
    folder = tmp_path / "gallery"
    names = ["--preset", "varma-init", "--preset", "relu-lr", "--steps", "3"]
    assert main(["gallery", str(folder), *names]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "relu-lr.html", "varma-init.html"]
    index = (folder / "index.html").read_text()
    assert index.count("<svg") == 2
    for name, title in {"varma-init": "Tiny weights", "relu-lr": "High learning rate"}.items():
        assert f'href="{name}.html"' in index
        assert f"<h1>bnviz · {title}</h1>" in (folder / f"{name}.html").read_text()
    assert "any web host" in capsys.readouterr().out
    assert main(["gallery", str(folder), "--preset", "nothing"]) == 2
