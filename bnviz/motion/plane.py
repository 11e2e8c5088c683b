"""What networks make of a plane of inputs: the decision surface, and where each hidden layer puts a grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.closeup import Plane, Surface
from bnviz.frames import Floats
from bnviz.motion.normalizing import numpy
from bnviz.probe.structure import Chain

GRID = 48
"""Points of the decision surface along each side."""
COARSE = 13
"""Lines of the grid that hidden layers bend, along each side."""
POINTS = 200
"""Training points shown, at most."""
LAYERS = 6
"""Hidden layers shown of each network, at most."""
MARGIN = 0.15
"""How far the plane reaches beyond the training points, as a share of their range."""


class PlaneMeter:
    """Looks at networks in the plane of their training points, (n, 2), with classes 0 and 1.

    It remembers the directions of its last look, so that the pictures turn no more than the layers do.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        low, high = x.amin(0), x.amax(0)
        room = MARGIN * (high - low)
        self._low, self._high = low - room, high + room
        chosen = np.linspace(0, len(x) - 1, min(POINTS, len(x))).round().astype(int)
        self._points, self._classes = x[chosen], y[chosen]
        self._fine, self._coarse = self._square(GRID), self._square(COARSE)
        self._directions: dict[tuple[str, int], Tensor] = {}

    def __call__(self, models: Mapping[str, nn.Module], step: int) -> Plane:
        """What nets of ours, by their arms' labels, in eval mode, make of the plane now; nothing of them changes."""
        with torch.no_grad():
            surfaces = tuple(self._surface(label, model) for label, model in models.items())
        xs, ys = (np.linspace(float(self._low[k]), float(self._high[k]), GRID) for k in (0, 1))
        return Plane(step, xs, ys, numpy(self._points), numpy(self._classes), surfaces)

    def _square(self, side: int) -> Tensor:
        """A grid over the plane, row by row from below, (side * side, 2)."""
        xs, ys = (torch.linspace(float(self._low[k]), float(self._high[k]), side) for k in (0, 1))
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        return torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)

    def _surface(self, label: str, model: nn.Module) -> Surface:
        probability = model(self._fine).softmax(1)[:, 1].reshape(GRID, GRID)
        left = _outputs(model, torch.cat([self._coarse, self._points]))
        count = len(left)
        shown = sorted({round(place) for place in np.linspace(0, count - 1, min(count, LAYERS))})
        flat = [self._flattened(label, place, left[place]) for place in shown]
        grid, points = ([each[0][part] for each in flat]
                        for part in (slice(0, COARSE**2), slice(COARSE**2, None)))  # fmt: skip
        return Surface(
            label, numpy(probability), np.array(shown, np.float64), _stacked(grid), _stacked(points),
            np.array([share for _, share in flat]),
        )  # fmt: skip

    def _flattened(self, label: str, layer: int, values: Tensor) -> tuple[Floats, float]:
        """Values (m, C) along the two leading principal directions of those of the grid, turned as the last time.

        The turn is the orthogonal one that brings the directions nearest to the last ones (Schönemann 1966).
        """
        centred = values.double() - values[: COARSE**2].double().mean(0)
        on_grid = centred[: COARSE**2]
        if not bool(centred.isfinite().all()):
            return np.full((len(values), 2), np.nan), float("nan")
        spread, directions = torch.linalg.eigh(on_grid.T @ on_grid)
        leading = directions[:, -2:].flip(1)
        if leading.shape[1] < 2:  # a layer of one unit
            leading = torch.cat([leading, torch.zeros_like(leading)], dim=1)
        last = self._directions.get((label, layer))
        if last is not None and last.shape == leading.shape:
            u, _, v = torch.linalg.svd(leading.T @ last)
            leading = leading @ (u @ v)
        else:
            largest = leading.abs().argmax(0)
            leading = leading * leading.gather(0, largest[None]).sign()
        self._directions[label, layer] = leading
        total = float(spread.sum())
        return numpy(centred @ leading), float(spread[-2:].sum()) / total if total > 0 else float("nan")


def _outputs(model: nn.Module, x: Tensor) -> list[Tensor]:
    """What leaves each hidden layer of a net of ours, in order."""
    left = []
    children = list(model.children())[: len(Chain().spots(model)) - 1]
    for child in children:
        x = child(x)
        left.append(x)
    return left


def _stacked(arrays: list[Floats]) -> Floats:
    return np.stack(arrays) if arrays else np.zeros((0, 0, 2))
