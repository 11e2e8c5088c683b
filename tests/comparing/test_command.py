from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest
from sklearn.datasets import load_wine

from bnviz.cli import main
from tests.support.server import ROOT

NET = """
from torch import nn

def make_model(in_features, out_features):
    hidden = [nn.Linear(in_features, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh()]
    return nn.Sequential(*hidden, nn.Linear(16, out_features))
"""


def bnviz(*arguments, cwd):
    command = [sys.executable, "-m", "bnviz.cli", "compare", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=150, cwd=cwd, env=env, check=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mynet.py").write_text(NET)
    wine = load_wine(as_frame=True)
    wine.data.assign(cultivar=wine.target.map({0: "Barolo", 1: "Grignolino", 2: "Barbera"})).to_csv(
        tmp_path / "wine.csv", index=False
    )
    return tmp_path


def test_a_net_and_a_table_of_ones_own(folder):
    done = bnviz(
        "mynet.py:make_model", "--data", "wine.csv", "--target", "cultivar", "--seeds", "3", "--steps", "40", "--set",
        "learning_rate=0.1,1", "--set", "batch_size=32", "--variants", "as is,batch", "--out", "report.html", "--csv",
        "runs.csv", "--jobs", "1", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "0: BatchNorm inserted after it." in done.stdout
    assert "3 seeds" in done.stdout
    table = pd.read_csv(folder / "runs.csv")
    assert len(table) == 2 * 2 * 3
    assert table.test_accuracy.max() > 0.9
    assert "cultivar" not in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        ("make", "", "mynet.py has no function 'make'. It has: make_model."),
        ("make_model", "--data nothing.csv", "nothing.csv"),
        ("make_model", "--seeds 0", "seeds must be how many, from 1 on"),
        ("make_model", "--set lr=1", "Unknown setting 'lr'. Settings: variants, learning_rate"),
        ("make_model", "--set learning_rate", "--set takes KEY=VALUE, got 'learning_rate'."),
        ("make_model", "--set learning_rate=fast", "learning_rate must be one or several, each a number above 0"),
        ("make_model", "--variants batch,bn", "variants must be one or several, each one of as is"),
        ("make_model", "", "The net cannot take the data, x of shape (64, 1, 8, 8) (float32): RuntimeError"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, function, arguments, said):
    spec = f"{folder}/mynet.py:{function}"
    assert main(["compare", spec, "--data", "digits", *arguments.split()]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("option", ["--out", "--csv"])
@pytest.mark.parametrize(("path", "said"), [("missing/a", "in a folder that exists"), (".", "that can be written")])
def test_where_nothing_can_be_written_is_said_before_training(folder, capsys, option, path, said):
    spec = f"{folder}/mynet.py:make_model"
    assert main(["compare", spec, "--data", str(folder / "wine.csv"), option, str(folder / path)]) == 2
    told = capsys.readouterr()
    assert f"{option} must be a file {said}, got" in told.err
    assert told.out == ""
