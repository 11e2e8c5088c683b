"""Internal covariate shift three ways, side by side on one thread: `python benchmarks/ics.py`.

naive: a deep copy and a full backward a layer. prefix: only the layers from i on. ours: `internal_covariate_shift`,
and the same with the gradients that training has anyway. Milliseconds are the fastest of several rounds, in which
the ways take turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))
from bnviz.ics import internal_covariate_shift
from bnviz.models import make_cnn, make_mlp
from tests.support.reference import prefix_shared_gradients, shifted_gradients, updated, weight_of


def main() -> None:
    torch.set_num_threads(1)
    print(f"{'':24}{'naive':>9}{'prefix':>9}{'ours':>9}{'+known':>9}   naive/ours  prefix/ours")
    images, rows = torch.randn(128, 1, 8, 8), torch.randn(128, 64)
    for plain in ("none", "batch"):
        for depth in (8, 20):
            report(f"mlp {depth} x 64, {plain}", make_mlp(64, 64, depth, 10, "sigmoid", plain), rows)
        report(f"cnn 6 x 16, {plain}", make_cnn((1, 8, 8), 16, 6, 10, "relu", plain), images)


def report(name: str, before: nn.Sequential, x: torch.Tensor) -> None:
    y = torch.randint(0, 10, (len(x),))
    after = updated(before, x, y)
    known = [weight.grad for weight in map(weight_of, after) if weight.grad is not None]
    task = (before, after, x, y, F.cross_entropy)
    ways: list[Callable[[], object]] = [
        lambda: shifted_gradients(*task),
        lambda: prefix_shared_gradients(*task),
        lambda: internal_covariate_shift(*task),
        lambda: internal_covariate_shift(*task, gradients=known),
    ]
    best = [float("inf")] * len(ways)
    for _ in range(15):
        for i, way in enumerate(ways):
            begin = time.perf_counter()
            way()
            best[i] = min(best[i], 1000 * (time.perf_counter() - begin))
    columns = "".join(f"{each:9.2f}" for each in best)
    print(f"{name:24}{columns}{best[0] / best[2]:12.1f}{best[1] / best[2]:13.1f}")


if __name__ == "__main__":
    main()
