"""What each measured quantity costs, in training steps of the same arm: `python benchmarks/quantities.py`.

Depth 8, width 64, batch 128 of the digits, one thread. All take turns in one run, so that a busy machine slows all of
them alike; each figure is the fastest of many rounds over the fastest training step. A target of 0.25 allows four such
quantities in the time of one step; the landscape's 8 points have a step each and a little; ICS has no target here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F

from bnviz.config import Activation, Arm, RunConfig
from bnviz.data import load
from bnviz.landscape import step_lengths, walk
from bnviz.probe import Probe, metrics
from bnviz.probe.distributions import distributions, grouped, unit_percentiles
from bnviz.training.network import RunningArm, build

CASES: tuple[tuple[Activation, str], ...] = (
    ("sigmoid", "none"), ("sigmoid", "batch"), ("relu", "none"), ("relu", "batch"), ("sigmoid", "batch+noise"),
)  # fmt: skip
TARGETS = {
    "landscape, 8 points": 10.0,
    "percentiles": 0.25,
    "percentiles of a unit": 0.25,
    "eval loss and running gaps": 0.25,
    "update ratio": 0.25,
    "saturated and dead": 0.25,
}


def ways(activation: Activation, label: str) -> dict[str, Callable[[], object]]:
    """What is timed, by name, for an arm that has trained a little; the first is the training step."""
    config = RunConfig(depth=8, activation=activation, arms=(Arm.parse(label),), learning_rate=0.1)
    data = load(config.dataset)
    x, y, x_test = data.x_train.flatten(1)[:128], data.y_train[:128], data.x_test.flatten(1)
    arm = RunningArm(config, config.arms[0], build(config, config.arms[0], x.shape[1:], data.classes))
    for _ in range(20):
        arm.update(x, y, F.cross_entropy)
    probe = arm.probe
    with probe:
        arm.update(x, y, F.cross_entropy)
    rows, steps = range(len(probe.layers)), step_lengths("0.5-4", config.learning_rate)
    weights = [[layer.in_use for layer in each] for each in (probe.layers_before, probe.layers_after)]
    known = [gradient for gradient in probe.gradients if gradient is not None]
    outputs = [(layer.activation, output) for layer, output in zip(probe.layers, probe.outputs, strict=True)]
    entering = grouped(probe.preactivations, rows)
    ranges = distributions({label: entering}, len(rows))[label]["range"]
    in_bins = [(values, metrics.binned(values, ranges[places])) for places, values in entering]  # as the histograms do

    return {
        "training step": lambda: arm.update(x, y, F.cross_entropy),
        "landscape, 8 points": lambda: walk(probe.walker, x, y, F.cross_entropy, steps, probe.own_gradients),
        "percentiles": lambda: [metrics.percentiles(values, bins) for values, bins in in_bins],
        "percentiles of a unit": lambda: unit_percentiles(
            grouped([values[:, 0] for values in probe.preactivations], rows), len(rows)
        ),
        "test loss alone": lambda: evaluate(probe, x_test, x_test[:0]),
        "eval and test loss, gaps": lambda: (
            float(F.cross_entropy(evaluate(probe, x, x_test)[0], y)),
            metrics.running_gaps([layer.normalization for layer in probe.layers_before], probe.normalized),
        ),
        "update ratio": lambda: metrics.update_ratios(*weights),
        "saturated and dead": lambda: [(metrics.saturated_share(*each), metrics.dead_share(*each)) for each in outputs],
        "histograms": lambda: distributions({label: entering}, len(rows)),
        "ICS": lambda: probe.shift(x, y, F.cross_entropy, known),
    }


@torch.no_grad()
def evaluate(probe: Probe, x: torch.Tensor, x_test: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Logits in eval mode of a batch and of the test set, from one pass as in `bnviz.probe`."""
    return probe.before(torch.cat([x, x_test])).split([len(x), len(x_test)])


def fastest(timed: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each, the fastest of these rounds, in which all take turns."""
    best = dict.fromkeys(timed, float("inf"))
    for _ in range(rounds):
        for name, way in timed.items():
            begin = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - begin)
    # What is asked of the test set anyway costs less together with the batch than each alone.
    best["eval loss and running gaps"] = best.pop("eval and test loss, gaps") - best["test loss alone"]
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    columns = [fastest(ways(*case), chosen.rounds) for case in CASES]
    print(f"{'in training steps':28}{'target':>8}" + "".join(f"{' '.join(case):>21}" for case in CASES))
    step = "training step"
    print(f"{step + ', ms':36}" + "".join(f"{1000 * column[step]:21.2f}" for column in columns))
    for name in columns[0]:
        if name != step:
            target = f"{TARGETS[name]:g}" if name in TARGETS else ""
            ratios = [column[name] / column[step] for column in columns]
            marks = ["!" if ratio > TARGETS.get(name, float("inf")) else " " for ratio in ratios]
            print(f"{name:28}{target:>8}" + "".join(f"{r:20.2f}{m}" for r, m in zip(ratios, marks, strict=True)))


if __name__ == "__main__":
    main()
