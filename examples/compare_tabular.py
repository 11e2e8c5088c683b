"""Would normalization help this net? `python examples/compare_tabular.py` asks it on a table of scikit-learn's."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import sklearn.datasets
from torch import nn

import bnviz


def make_model() -> nn.Module:
    """A deep, narrow net with sigmoids, as nobody should write one any more."""
    layers: list[nn.Module] = []
    for n_in in (30, 32, 32, 32):
        layers += [nn.Linear(n_in, 32), nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Linear(32, 2))


def main() -> None:
    """Read the table, compare, print what came out and keep it as a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--out", default="report.html")
    chosen = parser.parse_args()
    file = Path(sklearn.datasets.__file__).parent / "data" / "breast_cancer.csv"
    table = np.loadtxt(file, delimiter=",", skiprows=1)  # 30 measurements, and the class
    x, y = table[:, :-1], table[:, -1].astype(int)
    x = (x - x.mean(0)) / x.std(0)

    report = bnviz.compare(
        make_model, (x, y), variants=("as is", "batch", "layer"), learning_rate=(0.1, 1.0), seeds=chosen.seeds,
        steps=chosen.steps, jobs=chosen.jobs, progress=False,
    )  # fmt: skip
    print(report)
    report.save(chosen.out)


if __name__ == "__main__":
    main()
