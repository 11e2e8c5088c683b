"""What trained nets must show, over three seeds; and that measuring them changes nothing."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from bnviz.config import Arm, Model, RunConfig
from bnviz.laws.law import Law, Outcome, law
from bnviz.models.noise import UnitNoise
from bnviz.presets import PRESETS
from bnviz.training import Trainer, train
from bnviz.verdict.expected import RULES, worst_outcomes

SEEDS = (0, 1, 2)


def _of_preset(number: int, name: str, steps: int, measure_every: int, statement: str) -> Law:
    """The law that each rule of a preset holds for every seed, after so many steps already."""
    config = replace(PRESETS[name].config, steps=steps, measure_every=measure_every)
    bounds = "; ".join(f"{rule.what}: {rule.expected}" for rule in RULES[name])

    def measure() -> Outcome:
        worst = worst_outcomes(name, (train(replace(config, seed=seed)) for seed in SEEDS))
        return Outcome("; ".join(each.measured for each in worst), all(each.holds for each in worst))

    source = f"{PRESETS[name].source}; preset {list(PRESETS).index(name) + 1}"
    return Law(number, statement, source, f"{bounds}; {steps} steps, {len(SEEDS)} seeds", measure)


PRESET_LAWS = (
    _of_preset(22, "sigmoid-depth", 300, 20, "Sigmoid depth: the plain net learns nothing, and has no shift; with "
               "BatchNorm it learns, and has more"),
    _of_preset(23, "santurkar-fig3-dln", 200, 20, "Deep linear net: BatchNorm turns G' away from G, the plain net "
               "hardly; its ICS in l2 is far larger"),
    _of_preset(24, "santurkar-fig2-noise", 300, 20, "BatchNorm with noise trains about as well as without, though its "
               "distributions are the least stable"),
    _of_preset(25, "relu-lr", 100, 10, "ReLU at learning rate 1: the plain net diverges, that with BatchNorm learns"),
)  # fmt: skip


def _trained(every: int, model: Model) -> Iterator[Tensor | bytes]:
    """Every weight, buffer and random state after 30 steps, measured every so many; 0: never."""
    kinds: tuple[str, ...] = ("none", "batch", "layer", "weight", "batch_l1")
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
    for model in ("mlp", "cnn"):
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


LAWS = (*PRESET_LAWS, observer)
