"""What is measured: a `Frame` of one arm at one step, and an `Event`, a change made while running."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bnviz.config import RunConfig

BINS = 64
PERCENTILES = (15, 50, 85)
"""Ioffe & Szegedy 2015, Fig. 1."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int32]
EventKind = Literal["change", "fork", "drop", "rename", "grow", "diverged", "rewind"]
"""What was done to a run (the first four), what came of it, and `rewind`: from its step on the run is told anew.

After a rewind all events are told once more, from the first on, and the frames from its step on.
"""


def _measured(*shape: int | str, counts: bool = False) -> Any:
    """A measured array; `L` stands for the number of weight layers."""
    return field(metadata={"shape": shape, "counts": counts})


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What was measured of one arm at one step.

    Inputs, gradients and losses belong to the weights before update `step`; ICS and the update ratio compare
    across that update. L counts the weight layers, output layer included. A quantity is NaN where its notion
    does not apply, and where training has diverged. While an arm with pre-training is shallow, the layers that it
    lacks have counts of 0, and NaN for all but the ranges, which all arms share.

    With auxiliary losses, `grad_norm` and `update_ratio` are those of training, heads included; losses, accuracies,
    ICS and landscape are of the network's own loss, as if it had no heads.
    """

    step: int
    arm: str
    layers: tuple[str, ...]
    train_loss: float = _measured()
    """Loss on the batch of this step, in train mode."""
    train_accuracy: float = _measured()
    """Share of the batch of this step that is classified right, 0..1; NaN for regression."""
    test_loss: float = _measured()
    """Loss on the test set, in eval mode."""
    test_accuracy: float = _measured()
    """Share of the test set classified right, in eval mode, 0..1; NaN for regression."""
    eval_loss: float = _measured()
    """Loss on the batch of this step in eval mode: running statistics in place of the batch's own."""
    input_hist: Counts = _measured("L", BINS, counts=True)
    """Counts of what enters each weight layer, in bins of equal width over `input_range`."""
    input_range: Floats = _measured("L", 2)
    """First and last edge, the same for every arm of a step; what lies outside is in `input_clipped`."""
    input_clipped: Floats = _measured("L")
    """Share of the values outside `input_range`, 0..1; values that are not finite count as outside."""
    preactivation_hist: Counts = _measured("L", BINS, counts=True)
    """Counts of what enters each activation, after normalization; for the output layer: the logits."""
    preactivation_range: Floats = _measured("L", 2)
    """As `input_range`."""
    preactivation_clipped: Floats = _measured("L")
    """As `input_clipped`."""
    preactivation_percentiles: Floats = _measured("L", 3)
    """15th, 50th and 85th percentile of what enters each activation (Ioffe & Szegedy 2015, Fig. 1)."""
    unit_percentiles: Floats = _measured("L", 3)
    """The same percentiles for the first unit (or channel) of each layer alone, as Fig. 1 draws them."""
    input_mean: Floats = _measured("L")
    input_std: Floats = _measured("L")
    saturated: Floats = _measured("L")
    """Share of activations with |tanh| > 0.97, or a sigmoid outside (0.03, 0.97), 0..1; else NaN."""
    dead: Floats = _measured("L")
    """Share of ReLU units that are 0 on the whole batch, 0..1; NaN for other activations."""
    grad_norm: Floats = _measured("L")
    """L2 norm of the gradient that training takes of each layer's weight."""
    update_ratio: Floats = _measured("L")
    """log10(std(update) / std(weight)) of each layer's weight."""
    ics_l2: Floats = _measured("L")
    """|G - G'|, internal covariate shift (Santurkar et al. 2018, Definition 2.1)."""
    ics_relative: Floats = _measured("L")
    """|G - G'| / |G|."""
    ics_cosine: Floats = _measured("L")
    """Cosine of the angle between G and G'."""
    running_mean_gap: Floats = _measured("L")
    """Mean over units of |running mean - batch mean| / batch std; NaN where nothing keeps running statistics."""
    running_var_ratio: Floats = _measured("L")
    """Median over units of running variance / batch variance (unbiased); NaN as above."""
    landscape_loss: Floats = _measured(2)
    """Min and max of L(theta - eta g) over the step lengths of the landscape; NaN when it is off.

    Santurkar et al. 2018, section 3.2: theta are all parameters, g is the gradient of the loss.
    """
    landscape_predictiveness: Floats = _measured(2)
    """Min and max of |grad L(theta) - grad L(theta - eta g)|; NaN as above."""
    landscape_beta: float = _measured()
    """Effective beta-smoothness: max |gradient difference| / |eta g|; NaN as above, and where g or eta is 0."""

    @property
    def input_edges(self) -> Floats:
        """Bin edges of `input_hist`, (L, B+1)."""
        return edges(self.input_range)

    @property
    def preactivation_edges(self) -> Floats:
        """Bin edges of `preactivation_hist`, (L, B+1)."""
        return edges(self.preactivation_range)

    @property
    def diverged(self) -> bool:
        """Whether the loss or a gradient of this step is not finite."""
        return not (np.isfinite(self.train_loss) and np.isfinite(self.grad_norm[self.present]).all())

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which layers the network has by now, (L,): all, unless it is still to grow."""
        return ~np.isnan(self.input_clipped)


def edges(ranges: Floats) -> Floats:
    """The B+1 edges of B equal bins over each range: (L, 2) -> (L, B+1)."""
    return np.linspace(ranges[:, 0], ranges[:, 1], BINS + 1, axis=1)


class Quantity(NamedTuple):
    """A measured field of `Frame`: its shape for a given L, whether it holds counts, and one value a layer."""

    name: str
    shape: tuple[int, ...]
    counts: bool
    per_layer: bool


def quantities(layers: int) -> Iterator[Quantity]:
    """Every measured field of the frames of a net of `layers` weight layers."""
    for each in fields(Frame):
        if "shape" in each.metadata:
            symbols = each.metadata["shape"]
            shape = tuple(layers if n == "L" else n for n in symbols)
            yield Quantity(each.name, shape, each.metadata["counts"], per_layer="L" in symbols)


_APART = {"steps", "measure_every", "landscape"}
"""Settings that change nothing in the networks."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run at a step, before the update of that step."""

    step: int
    kind: EventKind
    arm: str | None = None
    """The arm's label; None: all arms."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """For a change, fork or growth: the settings that changed, with their new values as text.

    A fork tells the new arm's `label`, and its `place` among the colours; a rename the `name`.
    """

    def to_dict(self) -> dict[str, Any]:
        """The event in terms of JSON."""
        return {"step": self.step, "kind": self.kind, "arm": self.arm, "changes": dict(self.changes)}

    @property
    def touches_networks(self) -> bool:
        """Whether something else is trained from here on; not so if it is only measured, or goes on, otherwise."""
        if self.kind == "change":
            return not set(self.changes) <= _APART
        return self.kind in ("fork", "grow")

    @property
    def text(self) -> str:
        """The event in words, such as `none: normalization → batch`."""
        who = f"{self.arm}: " if self.arm else ""
        changes = ", ".join(f"{name} → {value}" for name, value in self.changes.items())
        if self.kind == "change":
            return who + changes
        if self.kind == "fork":
            return f"{who}fork → {self.changes.get('label')}"
        return who + " ".join(filter(None, (self.kind, changes)))


def layer_names(config: RunConfig) -> tuple[str, ...]:
    """Names of the weight layers, from the input to the output: L = depth + 1 of them.

    Of a model of somebody's own they are not known beforehand; the output stands for them.
    """
    if config.model == "own":
        return ("output",)
    return (*(f"layer {i}" for i in range(1, config.depth + 1)), "output")


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a run before its first frame."""

    layers: tuple[str, ...]
    """Names of the weight layers, from the input to the output."""
    arms: tuple[str, ...]
    """Labels, in order."""
    config: RunConfig | None = None
    """What it was started with; None for somebody else's training loop."""

    @classmethod
    def of(cls, config: RunConfig) -> Description:
        """That of a run of ours."""
        return cls(layer_names(config), config.labels, config)


def group_by_step(frames: Iterable[Frame]) -> Iterator[tuple[Frame, ...]]:
    """Frames in order of step, those of one step together."""
    group: list[Frame] = []
    for frame in frames:
        if group and frame.step != group[0].step:
            yield tuple(group)
            group = []
        group.append(frame)
    if group:
        yield tuple(group)


def arm_names(steps: Iterable[Iterable[Frame]]) -> tuple[str, ...]:
    """The labels of all arms in these steps, in the order in which they are first there."""
    return tuple(dict.fromkeys(frame.arm for frames in steps for frame in frames))
