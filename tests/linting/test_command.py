"""`bnviz lint`, as it is typed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bnviz.cli import main
from bnviz.linting import RULES

NET = """
import torch
from torch import nn

def hidden(bias=False): return nn.Sequential(nn.Linear(16, 16, bias), nn.BatchNorm1d(16), nn.ReLU())
def clean(): return nn.Sequential(hidden(), hidden(), nn.Linear(16, 3))
def hints(): return nn.Sequential(*(hidden(True) for _ in range(7)), nn.Linear(16, 3))
def wrong(): return nn.Sequential(hidden(), nn.Linear(16, 3), nn.BatchNorm1d(3))
def fitting(in_features, out_features): return nn.Linear(in_features, out_features)
def images(): return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
def words(): return nn.Sequential(nn.Embedding(20, 8), nn.Flatten(), nn.Linear(8 * 16, 3))
def sequence(): return nn.LSTM(5, 3, batch_first=True)
def odd(): return nn.Bilinear(3, 3, 3)
def tall(): return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(7, 3))
"""
OWN = "def sample_batch(): return torch.ones(2, 16).cumsum(0), torch.tensor([0, 1])\n"


@pytest.fixture
def lint(tmp_path, capsys):
    def run(function, *arguments, also=""):
        file = tmp_path / f"net_{abs(hash((str(tmp_path), also)))}.py"
        file.write_text(NET + also)
        status = main(["lint", f"{file}:{function}", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("function", "shape"),
    [("clean", "(32, 16)"), ("images", "(32, 1, 28, 28)"), ("words", "(32, 16)"), ("sequence", "(32, 16, 5)")],
)
def test_without_data_noise_is_made_up_and_said(lint, function, shape):
    status, out, err = lint(function)
    note, rest = out.split("\n", 1)
    assert (status, err) == (0, "")
    assert f"of shape {shape}" in note
    assert rest == f"Nothing found by {len(RULES)} rules.\n"


def test_findings_are_grouped_and_fit_a_terminal(lint):
    status, out, _ = lint("wrong")
    assert status == 1
    assert out.endswith("\n2 findings: 1 warning, 1 hint\n")
    status, out, _ = lint("hints")
    assert status == 0
    assert out.endswith("\n7 findings: 7 hints\n")
    assert out.count("hint: bias-before-batchnorm") == out.count("Why:") == out.count("Do:") == 1
    assert "and 2 more: 5.0, 6.0" in out
    assert max(map(len, out.splitlines()[1:])) <= 80


def test_json_is_an_object_a_line(lint):
    status, out, err = lint("hints", "--json")
    found = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [each["module"] for each in found] == [f"{i}.0" for i in range(7)]
    assert set(found[0]) == {"rule", "module", "severity", "evidence", "why", "advice"}
    assert "no data were given" in err


def test_a_batch_of_the_file_s_own(lint):
    status, out, _ = lint("clean", "--json", also=OWN)
    assert status == 1
    assert {json.loads(line)["rule"] for line in out.splitlines()} >= {"batch-too-small"}


def test_data_of_a_file(lint, tmp_path):
    rows = np.random.default_rng(0).normal(size=(81, 4))
    labels = np.where(rows[:, 0] > 0, "yes", "no")
    lines = [",".join([*map(str, row), label]) for row, label in zip(rows, labels, strict=True)]
    table = "\n".join(["a,b,c,d,label", *lines])
    (tmp_path / "data.csv").write_text(table)
    status, out, err = lint("fitting", "--data", tmp_path / "data.csv", "--target", "label")
    assert (status, err) == (0, "")
    assert out.endswith(f"Nothing found by {len(RULES)} rules.\n")
    status, _, err = lint("fitting", "--data", tmp_path / "data.csv", "--target", "nothing")
    assert status == 2
    assert "nothing" in err


@pytest.mark.parametrize(
    ("arguments", "also", "told"),
    [
        (["odd"], "", "none is known that Bilinear (Bilinear) takes; give --data"),
        (["tall"], "", "shapes (32, 1, 32, 32), (32, 1, 28, 28)"),
        (["fitting"], "", "asks for in_features, out_features, which no data tell: give --data FILE --target COLUMN"),
        (["nothing"], "", "has no function 'nothing'"),
        (["clean", "--batch-size", "0"], "", "--batch-size must be at least 1, got 0"),
        (["clean", "--target", "y"], "", "--target names a column of --data"),
        (["clean"], "def sample_batch(): return [].pop()", "sample_batch raised IndexError: pop from empty list"),
        (["clean"], "def sample_batch(): return 3", "sample_batch must be a pair of tensors"),
    ],
)
def test_mistakes(lint, arguments, also, told):
    status, _, err = lint(*arguments, also=also)
    assert status == 2
    assert told in err
    assert len(err.splitlines()) == 1
