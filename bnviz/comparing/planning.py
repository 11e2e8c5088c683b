"""Before anything is trained: whether net, data and loss fit each other, and what each variant is."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from bnviz.comparing.running import Race, seeded
from bnviz.comparing.samples import Samples, given, held
from bnviz.comparing.scoring import LossFn, default_loss
from bnviz.comparing.settings import Settings
from bnviz.models.anatomy import weight_layers
from bnviz.models.copies import told
from bnviz.models.factory import make

Sentences = tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What is to be trained."""

    variants: tuple[str, ...]
    """Those that are nets of their own; the first is the reference."""
    changes: dict[str, Sentences] = field(default_factory=dict)
    """What was changed in each variant, by the modules' names."""
    left: dict[str, Sentences] = field(default_factory=dict)
    """What could not be changed safely, with the reason."""
    same: dict[str, str] = field(default_factory=dict)
    """Variants that are the same net as an earlier one, which is trained once."""


def raced(
    make_model: Callable[..., nn.Module], train_data: Any, test_data: Any, loss_fn: LossFn | None, settings: Settings
) -> tuple[Race, Sentences]:
    """What all runs share, and what of the data is not used. Errors: ValueError, see `compare`."""
    if not callable(make_model):
        raise ValueError(f"make_model must be a function that makes the net, got {type(make_model).__name__}.")
    if isinstance(make_model, nn.Module):
        raise ValueError("make_model must be a function that makes the net, got a net: lambda: net would do.")
    train = given(train_data, "train_data")
    test = None if test_data is None else given(test_data, "test_data")
    available = len(train.samples) - (0 if test else held(len(train.samples)))
    settings = replace(settings, batch_size=min(settings.batch_size, available))
    notes = tuple(each.note for each in (train, test) if each and each.note)
    samples = test.samples if test else None
    fit = _shape_and_outputs(train.samples, samples)
    race = Race(make_model, train.samples, samples, loss_fn or default_loss, settings, fit)
    _try(race)
    return race, notes


def planned(race: Race) -> Plan:
    """What each variant is, of the net that the first seed makes. Errors: ValueError where all are the same net."""
    seed, asked = race.settings.seeds[0], race.settings.variants
    plan = Plan(())
    nets: dict[str, nn.Module] = {}
    for kind in asked:
        try:
            made = race.variant(kind, seed)
        except Exception as error:
            raise ValueError(f"The variant {kind!r} could not be made: {type(error).__name__}: {error}.") from error
        plan.changes[kind], plan.left[kind] = made.changes, made.left
        twin = next((other for other, net in nets.items() if _same(net, made.model)), None)
        if twin is None:
            nets[kind] = made.model
        else:
            plan.same[kind] = twin
    if len(nets) == 1:
        reasons = list(dict.fromkeys(reason for each in plan.left.values() for reason in each))
        raise ValueError(
            f"The variants {', '.join(asked)} of this net are all the same net; there is nothing to compare. "
            + " ".join(reasons[:3])
        )
    return replace(plan, variants=tuple(nets))


def _same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return (
        repr(one) == repr(other)
        and ours.keys() == theirs.keys()
        and all(torch.equal(ours[name], theirs[name]) for name in ours)
    )


def _shape_and_outputs(train: Samples, test: Samples | None) -> tuple[Sequence[int] | None, int | None]:
    """Shape of a sample, and numbers for one: a class each, or as many as y has; None where they are not known."""
    if not isinstance(train.source, tuple):
        return None, None
    x, y = train.source
    if y.is_floating_point():
        return tuple(x.shape[1:]), math.prod(y.shape[1:])
    every = [y] if test is None or test.labels is None else [y, test.labels]
    return tuple(x.shape[1:]), max(int(labels.max()) for labels in every) + 1


def _try(race: Race) -> None:
    """One forward of the net, and the loss of it. Errors: ValueError that says what does not fit."""
    seed = race.settings.seeds[0]
    with seeded(seed):
        model = make(race.make_model, *race.fit)
    if not weight_layers(model):
        raise ValueError(f"{type(model).__name__} has no weight layer (a module with a weight matrix).")
    x, y = race.train.batch(next(race.batches(seed)))
    try:
        with seeded(seed):
            output = copy.deepcopy(model).train()(x)
    except Exception as error:
        raise ValueError(f"The net cannot take the data, x {_shaped(x)}: {told(error)}.") from error
    for samples in (race.train, race.test):
        if samples is not None and samples.labels is not None:
            _check_labels(output, samples.labels, race)
    try:
        loss = race.loss_fn(output, y)
    except Exception as error:
        raise ValueError(
            f"The loss cannot be taken of the net's output {_shaped(output)} and y {_shaped(y)}: {told(error)}."
        ) from error
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"The loss must be one number, got {got}.")


def _check_labels(output: Any, labels: Tensor, race: Race) -> None:
    if race.loss_fn is default_loss and not labels.is_floating_point() and isinstance(output, Tensor):
        low, high, classes = int(labels.min()), int(labels.max()), output.shape[1] if output.dim() > 1 else 1
        if low < 0 or high >= classes:
            raise ValueError(f"y must be classes from 0 to {classes - 1}, as the net has {classes} outputs, got {low} "
                             f"to {high}.")  # fmt: skip


def _shaped(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"of shape {tuple(value.shape)} ({str(value.dtype).removeprefix('torch.')})"
    return f"({type(value).__name__})"
