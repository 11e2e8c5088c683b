"""Where the networks of a run come from: ours, as a config describes them; or somebody's own (`bnviz.training.own`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional as F

from bnviz.config import Arm, RunConfig
from bnviz.frames import layer_names
from bnviz.models import LossFunction, make_cnn, make_mlp, set_momentum, set_normalization
from bnviz.models.treatments import Learner, make_heads
from bnviz.probe import Probe


def loss_function(config: RunConfig) -> LossFunction:
    """Mean cross-entropy, or the sum (Santurkar et al. 2018, App. A) or mean of squared errors over batch and outputs.

    The squared errors of classes are those of their one-hot targets.
    """
    if config.loss == "cross_entropy":
        return F.cross_entropy
    return nn.MSELoss(reduction="sum" if config.loss == "squared_error" else "mean")


def build(config: RunConfig, arm: Arm, in_shape: Sequence[int], outputs: int, depth: int | None = None) -> Learner:
    """The network of an arm as it is drawn, with its heads if it has any; the caller's random state stays.

    depth: hidden layers, if not as many as the config has. All arms have the same weights, layer by layer from the
    first; only the output layer of a net of another depth, drawn after its last hidden one, has others.
    """
    depth = config.depth if depth is None else depth
    options: Any = {
        "activation": config.activation,
        "normalization": arm.normalization,
        "init": config.init,
        "weight_scale": config.weight_scale,
        "noise": arm.noise,
        "groups": config.groups,
        "bn_momentum": config.bn_momentum,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        if config.model == "cnn":
            net = make_cnn(in_shape, config.width, depth, outputs, **options)
        else:
            net = make_mlp(in_shape[0], config.width, depth, outputs, **options)
        # Drawn after the net, whose own weights are thus those of the other arms.
        heads = make_heads(net, outputs, config.init) if arm.trick == "auxiliary" else None
    return Learner(net, heads)


class Nets(Protocol):
    """Where the networks of a run come from."""

    layers: tuple[str, ...]
    """Names of the weight layers."""
    flat: bool
    """Whether they take samples flat."""

    def build(self, config: RunConfig, arm: Arm, depth: int | None = None) -> Learner:
        """The network of an arm as it starts; depth: hidden layers, if not as many as the config has."""

    def changed(self, model: nn.Module, config: RunConfig, arm: Arm) -> nn.Module:
        """The network with the normalization and noise of this arm; its weights stay, as the same Parameters."""

    def follow(self, model: nn.Module, config: RunConfig, arm: Arm) -> None:
        """Take the run's BatchNorm momentum."""

    def probe(self, learner: Learner) -> Probe:
        """What watches a network."""

    def loss(self, loss_fn: LossFunction) -> LossFunction:
        """The loss, of what such a network gives."""

    def seed(self, seed: int, step: int) -> None:
        """Decide what a network draws in its update of a step, the same for every arm, as a run's seed has it."""


class OurNets:
    """Networks of `make_mlp` and `make_cnn`."""

    def __init__(self, config: RunConfig) -> None:
        self.layers = layer_names(config)
        self.flat = config.model == "mlp"

    def build(self, config: RunConfig, arm: Arm, depth: int | None = None) -> Learner:
        """As `Nets`."""
        shape = config.data.shape
        return build(config, arm, (prod(shape),) if self.flat else shape, config.data.outputs, depth)

    def changed(self, model: nn.Module, config: RunConfig, arm: Arm) -> nn.Module:
        """As `Nets`, in place."""
        assert isinstance(model, nn.Sequential)
        return set_normalization(
            model, arm.normalization, noise=arm.noise, groups=config.groups, bn_momentum=config.bn_momentum
        )

    def follow(self, model: nn.Module, config: RunConfig, arm: Arm) -> None:
        """As `Nets`."""
        set_momentum(model, config.bn_momentum)

    def probe(self, learner: Learner) -> Probe:
        """As `Nets`."""
        return Probe(learner.net, own_loss=not learner.heads)

    def loss(self, loss_fn: LossFunction) -> LossFunction:
        """As it is."""
        return loss_fn

    def seed(self, seed: int, step: int) -> None:
        """Nothing: they draw from generators of their own."""
