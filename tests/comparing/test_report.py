from __future__ import annotations

import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from torch import nn

import bnviz
from bnviz.comparing.text import plan_text

EVIL = "<script>alert(1)</script>"


class Named(nn.Module):
    """A net whose layer's name is an attack, with a BatchNorm of its own."""

    def __init__(self):
        super().__init__()
        self.add_module(EVIL, nn.Linear(6, 8))
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.get_submodule(EVIL)(x))))


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)
    return bnviz.compare(Named, (x, y), seeds=3, steps=30, learning_rate=(0.1, 1.0), jobs=1, progress=False)


def test_the_table_is_tidy_and_its_numbers_are_those_of_the_sentence(report):
    table = report.to_dataframe()
    assert len(table) == 3 * 2 * 3  # as is, layer, none; batch is the same net as it is
    assert not table.duplicated(["variant", "learning_rate", "seed"]).any()
    assert {
        "train_loss",
        "test_loss",
        "test_accuracy",
        "train_mode_test_loss",
        "diverged_at",
        "error",
        "seconds",
        "best",
    } <= {*table.columns}
    assert table.error.isna().all()
    chosen = table[table.best].groupby("variant")
    assert (chosen.size() == 3).all()
    assert (chosen.learning_rate.nunique() == 1).all()
    gain = chosen.get_group("none").test_accuracy.mean() - chosen.get_group("as is").test_accuracy.mean()
    assert report.differences["none"].mean == pytest.approx(gain)
    means = table.groupby(["variant", "learning_rate"]).test_accuracy.mean()
    for variant, rate in report.best_rates.items():
        assert means[variant, rate] == means[variant].max()


def test_what_was_changed_is_said_by_module(report):
    assert report.plan.same == {"batch": "as is"}
    assert any(change.startswith("norm: BatchNorm1d") for change in report.changes["none"])
    said = plan_text(report.plan)
    assert "With BatchNorm: the same net as 'as is', and not trained twice." in said
    assert "norm: BatchNorm1d" in said


def test_layers_are_measured_with_their_names(report):
    layers = report.layers
    assert layers[layers.variant == "none"].layer.tolist() == [EVIL, "head"]
    batch = layers[layers.variant == "as is"].iloc[0]
    assert np.isfinite(batch.running_mean_gap)
    assert (layers.grad_norm > 0).all()
    assert (layers.groupby("variant").ics_relative.first() == 0).all(), "ICS of the first layer is 0 by definition"
    assert (layers.groupby("variant").ics_relative.last() > 0).all()


def test_it_fits_a_terminal(report):
    assert all(len(line) <= 80 for line in str(report).splitlines())
    assert str(report).replace("\n", " ").startswith(report.verdict)


def test_the_page_is_whole_and_escapes_names(report, tmp_path):
    file = tmp_path / "report.html"
    report.save(file)
    page = file.read_text()
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"(src|href)=", page)
    opened: list[str] = []

    class Balanced(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "line", "circle", "polyline", "rect"):
                opened.append(tag)

        def handle_endtag(self, tag):
            if tag not in ("line", "circle", "polyline", "rect"):
                assert opened.pop() == tag

    Balanced().feed(page)
    assert not opened
    assert page.count("<circle") == 2 * 18  # for a window and for a phone
    assert report._repr_html_() in page


def test_it_can_be_kept(report):
    again = pickle.loads(pickle.dumps(report))
    assert again.verdict == report.verdict
    assert str(again) == str(report)
