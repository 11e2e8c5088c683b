"""What each preset must show, as rules that decide from a run's frames whether it did."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bnviz.frames import Floats, Frame

Arms = dict[str, list[Frame]]
"""The frames of each arm, by its label, in order of step."""
LEARNED = 0.9
"""Test accuracy from which digits count as learned."""


class Held(NamedTuple):
    """What a rule expected of a run, and what came out."""

    what: str
    expected: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class Rule:
    """A number of a run, and the bounds it must lie in. Plain: the net without normalization; BN: BatchNorm."""

    what: str
    measure: Callable[[Arms], float]
    low: float = -math.inf
    high: float = math.inf
    form: str = "{:.2f}"

    @property
    def expected(self) -> str:
        """The bounds as text."""
        low, high = self.form.format(self.low), self.form.format(self.high)
        if self.low == -math.inf:
            return f"≤ {high}"
        return f"≥ {low}" if self.high == math.inf else f"{low} to {high}"

    def worst(self, values: Iterable[float]) -> Held:
        """What came out for the value nearest to a bound or furthest beyond it. NaN goes first, and never holds."""
        margins = {value: min(value - self.low, self.high - value) for value in values}
        value = min(margins, key=lambda value: (not math.isnan(value), margins[value]))
        return Held(self.what, self.expected, self.form.format(value), self.low <= value <= self.high)


def outcomes(preset: str, frames: Iterable[Frame]) -> list[Held]:
    """What came out of each rule of a preset, from all frames of a run of it."""
    return worst_outcomes(preset, [frames])


def worst_outcomes(preset: str, runs: Iterable[Iterable[Frame]]) -> list[Held]:
    """The same over several runs: of each rule, the run that keeps it least."""
    known = [by_arm(frames) for frames in runs]
    return [rule.worst(rule.measure(arms) for arms in known) for rule in RULES[preset]]


def by_arm(frames: Iterable[Frame]) -> Arms:
    """The frames of each arm."""
    arms: Arms = {}
    for frame in frames:
        arms.setdefault(frame.arm, []).append(frame)
    return arms


def late(frames: list[Frame], value: Callable[[Frame], float]) -> float:
    """Mean of a number over the last half of the frames."""
    return float(np.mean([value(frame) for frame in frames[len(frames) // 2 :]]))


def _of(arm: str, measure: Callable[[list[Frame]], float]) -> Callable[[Arms], float]:
    return lambda arms: measure(arms[arm])


def _ratio(arm: str, reference: str, measure: Callable[[list[Frame]], float]) -> Callable[[Arms], float]:
    return lambda arms: measure(arms[arm]) / measure(arms[reference])


def _late_loss(frames: list[Frame]) -> float:
    return late(frames, lambda frame: frame.train_loss)


def _accuracy(frames: list[Frame]) -> float:
    return frames[-1].test_accuracy


def _median_layer(name: str) -> Callable[[list[Frame]], float]:
    """Of a layer's quantity: the median over all layers but the first, late in the run."""
    return lambda frames: late(frames, lambda frame: float(np.median(getattr(frame, name)[1:])))


def _steps_to_learn(frames: list[Frame]) -> float:
    """First measured step with the accuracy that counts as learned; the whole run where there is none."""
    learned = (frame.step for frame in frames if frame.test_accuracy >= LEARNED)
    return float(next(learned, frames[-1].step + 1))


def over_steps(frames: list[Frame], name: str, layer: int) -> Floats:
    """A quantity of one layer, counted from 1, over all frames: (T, ...)."""
    return np.array([getattr(frame, name)[layer - 1] for frame in frames])


def _lowest_cosine(*layers: int) -> Callable[[list[Frame]], float]:
    return lambda frames: min(float(over_steps(frames, "ics_cosine", layer).min()) for layer in layers)


def _shift_ratio(arms: Arms) -> float:
    """Median over steps of |G - G'| with BatchNorm, over that without; the smaller of layers 9 and 17."""
    medians = [[float(np.median(over_steps(arms[arm], "ics_l2", layer))) for layer in (9, 17)]
               for arm in ("batch", "none")]  # fmt: skip
    with_bn, without = medians
    return min(ours / plain for ours, plain in zip(with_bn, without, strict=True))


def _median_range(frames: list[Frame]) -> float:
    """How far the median of what enters one unit of the last hidden layer moves over the run."""
    last_hidden = len(frames[0].layers) - 1
    return float(np.ptp(over_steps(frames, "unit_percentiles", last_hidden)[:, 1]))


def _unrest(frames: list[Frame]) -> float:
    """How much a unit's median moves late in the run: standard deviation over steps, median over hidden layers."""
    medians = np.array([frame.unit_percentiles[:-1, 1] for frame in frames[len(frames) // 2 :]])
    return float(np.median(medians.std(axis=0)))


def _growth(frames: list[Frame], name: str, first: int, last: int) -> float:
    """The factor per layer by which a quantity grows from layer `first` to `last` of the first frame, by a fit."""
    values = np.log(getattr(frames[0], name)[first - 1 : last])
    return float(np.exp(np.polyfit(np.arange(len(values)), values, 1)[0]))


def _diverged_at(frames: list[Frame]) -> float:
    return next((float(frame.step) for frame in frames if frame.diverged), math.inf)


def _first_gradient(frames: list[Frame]) -> float:
    """Median over steps of the first layer's gradient norm."""
    return float(np.median(over_steps(frames, "grad_norm", 1)))


def _loss_at_end(frames: list[Frame]) -> float:
    return frames[-1].train_loss


def _loss_band(frames: list[Frame]) -> float:
    """Highest minus lowest loss along the gradient; median over steps, as the two below."""
    return float(np.median([np.ptp(frame.landscape_loss) for frame in frames]))


def _gradient_change(frames: list[Frame]) -> float:
    return float(np.median([frame.landscape_predictiveness[1] for frame in frames]))


def _beta(frames: list[Frame]) -> float:
    return float(np.median([frame.landscape_beta for frame in frames]))


RULES: dict[str, tuple[Rule, ...]] = {
    "sigmoid-depth": (
        Rule("loss, plain (ln 10 = 2.30)", _of("none", _late_loss), 2.27, 2.33),
        Rule("accuracy, BN", _of("batch", _accuracy), LEARNED, form="{:.1%}"),
        Rule("|G-G'|, BN over plain", _ratio("batch", "none", _median_layer("ics_l2")), 100, form="{:.0f}x"),
        Rule("relative ICS, plain", _of("none", _median_layer("ics_relative")), high=0.01, form="{:.1g}"),
        Rule("relative ICS, BN", _of("batch", _median_layer("ics_relative")), 0.1),
    ),
    "ioffe-fig1": (
        Rule("steps to 90 %, BN", _of("batch", _steps_to_learn), high=300, form="{:.0f}"),
        Rule("steps to 90 %, plain over BN", _ratio("none", "batch", _steps_to_learn), 5, form="{:.0f}x"),
        Rule("range of a unit's median, plain over BN", _ratio("none", "batch", _median_range), 2, form="{:.1f}x"),
    ),
    "santurkar-fig3-dln": (
        Rule("lowest cosine, plain (layers 9, 17)", _of("none", _lowest_cosine(9, 17)), 0.99, form="{:.4f}"),
        Rule("lowest cosine, BN (17)", _of("batch", _lowest_cosine(17)), high=0),
        Rule("|G-G'|, BN over plain", _shift_ratio, 100, form="{:.0f}x"),
    ),
    "santurkar-fig4": (
        Rule("width of the loss band, plain over BN", _ratio("none", "batch", _loss_band), 5, form="{:.0f}x"),
        Rule("change of the gradient, plain over BN", _ratio("none", "batch", _gradient_change), 3, form="{:.0f}x"),
        Rule("beta, plain over BN", _ratio("none", "batch", _beta), 1.5, form="{:.1f}x"),
        Rule("accuracy, BN", _of("batch", _accuracy), LEARNED, form="{:.1%}"),
    ),
    "santurkar-fig2-noise": (
        Rule("loss, plain", _of("none", _late_loss), 2.2),
        Rule("loss, BN", _of("batch", _late_loss), high=0.3),
        Rule("loss, BN + noise", _of("batch+noise", _late_loss), high=0.3),
        Rule("unrest of a unit's median, noise over BN", _ratio("batch+noise", "batch", _unrest), 2, form="{:.1f}x"),
        Rule("unrest of a unit's median, noise over plain", _ratio("batch+noise", "none", _unrest), 2, form="{:.1f}x"),
    ),
    "santurkar-norms": (
        Rule("last loss, BN over plain", _ratio("batch", "none", _loss_at_end), high=0.95),
        Rule("last loss, L1 over BN", _ratio("batch_l1", "batch", _loss_at_end), high=1),
        Rule("last loss, L∞ over plain", _ratio("batch_linf", "none", _loss_at_end), 1),
        Rule("last loss, L∞ over BN", _ratio("batch_linf", "batch", _loss_at_end), 1.1),
        Rule("lowest cosine, L1 (17)", _of("batch_l1", _lowest_cosine(17)), high=0),
        Rule("lowest cosine, L∞ (17)", _of("batch_linf", _lowest_cosine(17)), high=0),
    ),
    "relu-lr": (
        Rule("diverged by step, plain", _of("none", _diverged_at), high=100, form="{:.0f}"),
        Rule("accuracy, BN", _of("batch", _accuracy), LEARNED, form="{:.1%}"),
    ),
    "varma-init": (
        Rule("spread from layer to layer, plain (0.0707)", _of("none", lambda f: _growth(f, "input_std", 2, 15)),
             0.063, 0.078, "{:.4f}"),
        Rule("spread from layer to layer, BN", _of("batch", lambda f: _growth(f, "input_std", 2, 20)), 0.95, 1.05),
        Rule("gradient of layer 1, plain", _of("none", _first_gradient), high=1e-15, form="{:.0e}"),
        Rule("gradient of layer 1, BN", _of("batch", _first_gradient), 0.1),
        Rule("loss, plain", _of("none", _late_loss), 2.27, 2.33),
        Rule("loss, BN", _of("batch", _late_loss), high=1.5),
    ),
    "tiny-batch": (
        Rule("gradient of layer 1, BN over plain", _ratio("batch", "none", _first_gradient), high=1e-6, form="{:.0e}"),
        Rule("accuracy, BN", _of("batch", _accuracy), high=0.4, form="{:.1%}"),
        Rule("accuracy, plain", _of("none", _accuracy), 0.45, form="{:.1%}"),
    ),
    "good-init": (
        Rule("accuracy, plain", _of("none", _accuracy), 0.93, form="{:.1%}"),
        Rule("accuracy, BN minus plain", lambda arms: _accuracy(arms["batch"]) - _accuracy(arms["none"]),
             -0.02, 0.02, "{:+.1%}"),
    ),
    "before-bn": (
        Rule("accuracy, plain", _of("none", _accuracy), high=0.2, form="{:.1%}"),
        Rule("accuracy, auxiliary losses", _of("none+auxiliary", _accuracy), LEARNED, form="{:.1%}"),
        Rule("accuracy, grown", _of("none+pretrain", _accuracy), LEARNED, form="{:.1%}"),
        Rule("accuracy, BN", _of("batch", _accuracy), LEARNED, form="{:.1%}"),
        Rule("steps to 90 %, auxiliary losses over BN", _ratio("none+auxiliary", "batch", _steps_to_learn), 10,
             form="{:.0f}x"),
    ),
    "bn-gradient-explosion": (
        Rule("squared gradient, growth per layer backwards, BN (1.47)",
             _of("batch", lambda f: _growth(f, "grad_norm", 9, 48) ** -2), 1.38, 1.56),
        Rule("squared gradient, growth per layer backwards, plain (1)",
             _of("none", lambda f: _growth(f, "grad_norm", 9, 48) ** -2), 0.9, 1.1),
        Rule("relative ICS, BN", _of("batch", _median_layer("ics_relative")), 1),
        Rule("relative ICS, plain", _of("none", _median_layer("ics_relative")), high=0.05, form="{:.1g}"),
    ),
}  # fmt: skip
