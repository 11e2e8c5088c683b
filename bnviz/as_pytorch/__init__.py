"""A run as a short script of plain PyTorch: the same data, nets, batches and updates, with no bnviz in it.

Text alone: nothing here imports torch. What a script needs is written out; what it does not need is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from bnviz.as_pytorch import nets
from bnviz.as_pytorch.samples import samples
from bnviz.config import MOMENTUM, RunConfig
from bnviz.frames import Event

IMPORTS = """import numpy as np
import torch
{datasets}from torch import nn
from torch.nn import functional as F
"""
BATCHES = '''
def batches():
    """Rows of each batch, forever: every epoch in a new order, its last incomplete batch left out."""
    generator = torch.Generator().manual_seed(SEED)
    while True:
        yield from torch.randperm(len(x_train), generator=generator).split(BATCH)[: len(x_train) // BATCH]

'''
WHOLE = '''
def batches():
    """The whole training set, at every step."""
    while True:
        yield slice(None)

'''


def script(config: RunConfig, events: Iterable[Event] = ()) -> str:
    """The script of a run, which prints the training losses at each measured step.

    events: what happened while it ran; changes are listed on top, and not made.
    Errors: ValueError for what such a script cannot have, in one sentence.
    """
    if config.model == "own":
        raise ValueError("There is no script of your own model: you have it.")
    grown = any(arm.trick == "pretrain" for arm in config.arms)
    if grown and config.optimizer != "sgd":
        raise ValueError("There is no script for pre-training with another optimizer than sgd: what it remembers moves "
                         "over to the deeper net, which takes more than a short script.")  # fmt: skip
    data = samples(config)  # says so if there is none
    parts = [
        _heading(config, events),
        IMPORTS.format(datasets="from sklearn import datasets\n" * ("datasets." in data)),
        _settings(config),
        data,
        *nets.definitions(config),
    ]
    rows = WHOLE if config.batch_size >= config.data.samples else BATCHES
    parts += [rows, nets.loss(config), _training(config, grown)]
    return "\n".join(f"\n{part}\n" if part.startswith(("def ", "class ")) else part for part in map(_trimmed, parts))


def _trimmed(part: str) -> str:
    return part.strip("\n") + "\n"


def script_of(config: RunConfig | None, events: Iterable[Event] = ()) -> str:
    """The same, of a recording's config: None for a loop of somebody else's, of which there is no script."""
    if config is None:
        raise ValueError("There is no script of a loop of your own: you have it.")
    return script(config, events)


def _heading(config: RunConfig, events: Iterable[Event]) -> str:
    lines = ["# What bnviz trains with these settings, in plain PyTorch (needs torch, numpy and scikit-learn):",
             f"# {config.to_query()}"]  # fmt: skip
    changes = [event for event in events if event.touches_networks and event.kind != "grow"]
    if changes:
        lines.append("# While it ran it was changed, which this script does not do:")
        lines += [f"# step {event.step}: {_in_one_line(event.text)}" for event in changes]
    return "\n".join(lines)


def _in_one_line(text: str) -> str:
    """A remark may come from somebody else's recording, and must not end before its line does."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _settings(config: RunConfig) -> str:
    sizes = f"{config.depth}, {config.width}, {nets.inputs(config)}, {config.data.outputs}"
    return (
        f"SEED, STEPS, EVERY, BATCH = {config.seed}, {config.steps}, {config.measure_every}, {config.batch_size}\n"
        f"DEPTH, WIDTH, INPUTS, OUTPUTS = {sizes}\n"
        "torch.set_num_threads(1)  # more of them add up in another order, and so round otherwise\n"
    )


def _training(config: RunConfig, grown: bool) -> str:
    made = {
        "sgd": "torch.optim.SGD(parameters, lr, fused=True)",
        "momentum": f"torch.optim.SGD(parameters, lr, momentum={MOMENTUM}, fused=True)",
        "adam": "torch.optim.Adam(parameters, lr, fused=True)",
    }[config.optimizer]
    rates = (f'"{label}": {config.rate(arm)}' for label, arm in zip(config.labels, config.arms, strict=True))
    lines = [
        f"\ndef optimizer(parameters, lr):\n    return {made}\n\n",
        f"RATES = {{{', '.join(rates)}}}",
        "optimizers = {label: optimizer(parameters(label), RATES[label]) for label in nets}",
        "rows = batches()",
        "for step in range(STEPS):",
        *(nets.growth(config) if grown else []),
        "    batch = next(rows)",
        "    losses = {}",
        "    for label in nets:",
        "        optimizers[label].zero_grad()",
        "        losses[label], trained_on = loss(label, x_train[batch], y_train[batch])",
        "        trained_on.backward()",
        "        optimizers[label].step()",
        "    if step % EVERY == 0:",
        '        print(f"step {step}", *(f"{label} {value.item():.8g}" for label, value in losses.items()), sep="\\t")',
    ]
    return "\n".join(lines) + nets.test(config)
