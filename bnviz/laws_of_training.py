"""What trained nets must show, over three seeds; and that measuring them changes nothing."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.config import Arm, Model, Normalization, RunConfig
from bnviz.frames import Frame
from bnviz.laws import IOFFE, SANTURKAR, Outcome, law
from bnviz.normalization import UnitNoise
from bnviz.presets import preset
from bnviz.training import Trainer, train

SEEDS = (0, 1, 2)
NOISY = (Arm("none"), Arm("batch"), Arm("batch", noise=True))
SANTURKAR_DLN = RunConfig(
    "gaussian", depth=24, width=10, activation="identity", init="xavier", loss="squared_error",
    learning_rate=1e-7, batch_size=1000, steps=200, measure_every=20,
)  # fmt: skip
"""Deep linear network of Santurkar et al. 2018, Fig. 3: 25 matrices of 10x10, full batch, summed squared error."""


def _runs(config: RunConfig) -> Iterator[list[list[Frame]]]:
    """The frames of each arm, seed by seed."""
    for seed in SEEDS:
        frames = list(train(replace(config, seed=seed)))
        yield [frames[place :: len(config.arms)] for place in range(len(config.arms))]


def _late(frames: list[Frame], value: Callable[[Frame], float]) -> float:
    """Mean over the last half of the frames."""
    return float(np.mean([value(frame) for frame in frames[len(frames) // 2 :]]))


@law(
    22,
    SANTURKAR + "section 2; preset 1",
    "plain: loss ln 10 ± 0.03; BN: accuracy >= 90 %, l2 >= 100x, relative ICS <= 0.01 and >= 0.1; 300 steps, 3 seeds",
)
def sigmoid_depth() -> Outcome:
    """Sigmoid depth: the plain net learns nothing, and has no shift; with BatchNorm it learns, and has more."""
    plain, batch, shift = [], [], []
    for none, normalized in _runs(replace(preset("sigmoid-depth").config, steps=300, measure_every=20)):
        plain.append(abs(_late(none, lambda frame: frame.train_loss) - math.log(10)))
        batch.append(normalized[-1].test_accuracy)
        l2 = [_late(frames, lambda frame: float(np.median(frame.ics_l2[1:]))) for frames in (none, normalized)]
        relative = [_late(f, lambda frame: float(np.median(frame.ics_relative[1:]))) for f in (none, normalized)]
        shift.append((l2[1] / l2[0], relative[0], relative[1]))
    ratio, zero, large = min(s[0] for s in shift), max(s[1] for s in shift), min(s[2] for s in shift)
    text = f"{max(plain):.3f}; {min(batch):.1%}; {ratio:.0f}x; {zero:.1g}; {large:.1g}"
    passed = max(plain) <= 0.03 and min(batch) >= 0.9 and ratio >= 100 and zero <= 0.01 and large >= 0.1
    return Outcome(text, passed)


def _layer(frames: list[Frame], name: str, layer: int) -> NDArray[np.float64]:
    """A quantity of one layer, counted from 1, over all frames."""
    return np.array([getattr(frame, name)[layer - 1] for frame in frames])


@law(
    23,
    SANTURKAR + "Fig. 3; preset 3",
    "lowest cosine: plain >= 0.99 (layers 9, 17), BN < 0 (17); median l2 >= 100x; 200 steps, 3 seeds",
)
def deep_linear() -> Outcome:
    """Deep linear net: BatchNorm turns G' away from G, the plain net hardly; its ICS in l2 is far larger."""
    plain, crossed, ratios = [], [], []
    for none, normalized in _runs(SANTURKAR_DLN):
        for layer in (9, 17):
            plain.append(float(_layer(none, "ics_cosine", layer).min()))
            l2 = [float(np.median(_layer(frames, "ics_l2", layer))) for frames in (none, normalized)]
            ratios.append(l2[1] / l2[0])
        crossed.append(float(_layer(normalized, "ics_cosine", 17).min()))
    text = f"{min(plain):.4f}; {max(crossed):.2f}; {min(ratios):.0f}x"
    return Outcome(text, min(plain) >= 0.99 and max(crossed) < 0 and min(ratios) >= 100)


@law(
    24,
    SANTURKAR + "Fig. 2; preset 5",
    "loss: none > 2.2, BN and BN + noise < 0.3; a unit's median moves >= 2x as much; 300 steps, 3 seeds",
)
def noise() -> Outcome:
    """BatchNorm with noise trains about as well as without, though its distributions are the least stable."""
    losses, moves = [], []
    for arms in _runs(replace(preset("sigmoid-depth").config, steps=300, measure_every=20, arms=NOISY)):
        losses.append([_late(frames, lambda frame: frame.train_loss) for frames in arms])
        medians = [np.array([f.unit_percentiles[:-1, 1] for f in frames[len(frames) // 2 :]]) for frames in arms]
        moves.append([float(np.median(values.std(axis=0))) for values in medians])
    none, batch, noisy = np.array(losses).T
    steadier = min(move[2] / max(move[:2]) for move in moves)
    text = f"{none.min():.2f}, {batch.max():.2f}, {noisy.max():.2f}; {steadier:.1f}x"
    return Outcome(text, none.min() > 2.2 and batch.max() < 0.3 and noisy.max() < 0.3 and steadier >= 2)


@law(25, IOFFE + "section 3.3; preset 7", "3 of 3 diverge within 100 steps; BN accuracy >= 90 %")
def relu_rate() -> Outcome:
    """ReLU at learning rate 1: the plain net diverges, the one with BatchNorm learns."""
    plain, batch = [], []
    for none, normalized in _runs(replace(preset("relu-lr").config, steps=100)):
        plain.append(next((frame.step for frame in none if frame.diverged), None))
        batch.append(normalized[-1].test_accuracy)
    gone = [step for step in plain if step is not None]
    text = f"{len(gone)} of {len(SEEDS)} diverge; {min(batch):.1%}"
    return Outcome(text, len(gone) == len(SEEDS) and min(batch) >= 0.9)


def _trained(every: int, model: Model) -> Iterator[Tensor | bytes]:
    """Every weight, buffer and random state after 30 steps, measured every so many; 0: never."""
    kinds: tuple[Normalization, ...] = ("none", "batch", "layer", "weight", "batch_l1")
    config = RunConfig(
        model=model, depth=3, width=16, activation="relu", optimizer="adam",
        learning_rate=0.01, batch_size=32, steps=30, arms=(*(Arm(kind) for kind in kinds), Arm("batch", noise=True)),
    )  # fmt: skip
    torch.manual_seed(7)
    trainer = Trainer(config)
    while not trainer.finished:
        trainer.step(measure=every > 0 and trainer.step_count % every == 0)
    for net in trainer.models.values():
        yield from net.state_dict().values()
        yield from (module.generator.get_state() for module in net.modules() if isinstance(module, UnitNoise))
    yield torch.get_rng_state()
    yield pickle.dumps((np.random.get_state(), random.getstate()))


@law(26, "bnviz, design", "weights, buffers, random states after 30 steps of 6 arms, MLP and CNN: 0 differ")
def observer() -> Outcome:
    """The observer does not disturb: measuring every step, every 10 or never gives the same bits."""
    wrong = count = 0
    for model in get_args(Model):
        off = list(_trained(0, model))
        for every in (1, 10):
            on = list(_trained(every, model))
            assert len(on) == len(off)
            wrong += sum(not _same_bits(a, b) for a, b in zip(off, on, strict=True))
            count += len(on)
    return Outcome(f"{wrong} of {count} tensors differ", wrong == 0)


def _same_bits(a: Tensor | bytes, b: Tensor | bytes) -> bool:
    if isinstance(a, bytes) or isinstance(b, bytes):
        return a == b
    return a.dtype == b.dtype and a.numpy().tobytes() == b.numpy().tobytes()


LAWS = (sigmoid_depth, deep_linear, noise, relu_rate, observer)
