"""One arm of a run while it trains: a network, its optimizer, and the settings it has by now."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.sgd import sgd

from bnviz.config import MOMENTUM, Arm, RunConfig
from bnviz.models import LossFunction, make_cnn, make_mlp, set_momentum, set_normalization
from bnviz.models.treatments import Learner, grown, make_heads
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


class RunningArm:
    """An arm's network and optimizer."""

    def __init__(self, config: RunConfig, arm: Arm, learner: Learner) -> None:
        self.arm = arm
        self.learner = learner
        self.diverged = False
        self._optimizer = _optimizer(config, learner)
        self._probe: Probe | None = None
        self.follow(config)

    @property
    def model(self) -> nn.Sequential:
        """The network as it is by now."""
        return self.learner.net

    @property
    def probe(self) -> Probe:
        """Watches the model as it is built now; made when first asked for, as it holds two copies of the model."""
        if self._probe is None:
            self._probe = Probe(self.model, own_loss=not self.learner.heads)
        return self._probe

    def update(self, x: Tensor, y: Tensor, loss_fn: LossFunction) -> Tensor:
        """Make one update; returns the network's own loss before it."""
        self._optimizer.zero_grad()
        own, loss = self.learner.losses(x, y, loss_fn)
        loss.backward()
        _advance(self._optimizer)
        return own.detach()

    def follow(self, config: RunConfig) -> None:
        """Take the run's BatchNorm momentum and, where the arm has none of its own, its learning rate."""
        set_momentum(self.model, config.bn_momentum)
        for group in self._optimizer.param_groups:
            group["lr"] = config.rate(self.arm)

    def change(self, config: RunConfig, **fields: Any) -> None:
        """Take other settings; weights and what the optimizer remembers of them stay.

        Normalization is inserted with gamma 1 and beta 0, or removed, in place.
        """
        changed = replace(self.arm, **fields)
        if (changed.normalization, changed.noise) != (self.arm.normalization, self.arm.noise):
            set_normalization(
                self.model, changed.normalization, noise=changed.noise,
                groups=config.groups, bn_momentum=config.bn_momentum,
            )  # fmt: skip
            self._rebuilt(config)
        self.arm = changed
        self.follow(config)

    def grow(self, config: RunConfig, deep: Learner) -> None:
        """Put what has been learned into a deeper net, and go on with that; see `bnviz.models.treatments.grown`."""
        self.learner = Learner(grown(self.model, deep.net), deep.heads)
        self._rebuilt(config)
        self.follow(config)

    def _rebuilt(self, config: RunConfig) -> None:
        """Optimize the parameters as they are by now; what is remembered of those that stay is kept."""
        kept = self._optimizer.state
        self._optimizer = _optimizer(config, self.learner)
        for parameter in self.learner.parameters():
            if parameter in kept:
                self._optimizer.state[parameter] = kept[parameter]
            elif kept and config.optimizer == "momentum":  # fused SGD takes one for each parameter or for none
                self._optimizer.state[parameter] = {"momentum_buffer": torch.zeros_like(parameter)}
        self._probe = None

    def fork(self) -> RunningArm:
        """A copy that goes on by itself from here: weights, buffers, noise and what the optimizer remembers."""
        twin = copy.copy(self)
        twin.learner, twin._optimizer = copy.deepcopy((self.learner, self._optimizer))
        twin._probe = None
        return twin


def _optimizer(config: RunConfig, model: nn.Module) -> torch.optim.Optimizer:
    # Rates are set later; the one given here only has to be valid. Fused: one call for all parameters.
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=1.0, fused=True)
    momentum = MOMENTUM if config.optimizer == "momentum" else 0.0
    return torch.optim.SGD(model.parameters(), lr=1.0, momentum=momentum, fused=True)


def _advance(optimizer: torch.optim.Optimizer) -> None:
    """What `optimizer.step()` does. Plain SGD remembers nothing, so that torch's bare function for it will do: what
    `step` has around it is a tenth of a whole update of a small net."""
    group = optimizer.param_groups[0]
    if not isinstance(optimizer, torch.optim.SGD) or group["momentum"]:
        optimizer.step()
        return
    trained = [parameter for parameter in group["params"] if parameter.grad is not None]
    with torch.no_grad():
        sgd(
            trained, [parameter.grad for parameter in trained], [None] * len(trained), fused=True, lr=group["lr"],
            weight_decay=0.0, momentum=0.0, dampening=0.0, nesterov=False, maximize=False,
        )  # fmt: skip
