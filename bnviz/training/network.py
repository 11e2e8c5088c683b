"""One arm of a run while it trains: a network, its optimizer, and the settings it has by now."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from bnviz.config import MOMENTUM, Arm, RunConfig
from bnviz.models import LossFunction
from bnviz.models.treatments import Learner, grown
from bnviz.probe import Probe
from bnviz.training.nets import Nets


class RunningArm:
    """An arm's network and optimizer."""

    def __init__(self, config: RunConfig, arm: Arm, nets: Nets, depth: int | None = None) -> None:
        self.arm = arm
        self._nets = nets
        self.learner = nets.build(config, arm, depth)
        self.diverged = False
        self._optimizer = _optimizer(config, self.learner)
        self._probe: Probe | None = None
        self.follow(config)

    @property
    def model(self) -> nn.Module:
        """The network as it is by now."""
        return self.learner.net

    @property
    def probe(self) -> Probe:
        """Watches the model as it is built now; made when first asked for, as it holds two copies of the model."""
        if self._probe is None:
            self._probe = self._nets.probe(self.learner)
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
        self._nets.follow(self.model, config, self.arm)
        for group in self._optimizer.param_groups:
            group["lr"] = config.rate(self.arm)

    def change(self, config: RunConfig, **fields: Any) -> None:
        """Take other settings; weights and what the optimizer remembers of them stay.

        Normalization is inserted with gamma 1 and beta 0, or removed, in place.
        """
        changed = replace(self.arm, **fields)
        if (changed.normalization, changed.noise) != (self.arm.normalization, self.arm.noise):
            self.learner = Learner(self._nets.changed(self.model, config, changed), self.learner.heads)
            self._rebuilt(config)
        self.arm = changed
        self.follow(config)

    def grow(self, config: RunConfig) -> bool:
        """Put what has been learned into a net of full depth, and go on with that; False where it has that already.

        See `bnviz.models.treatments.grown`.
        """
        shallow = self.model
        if self.arm.trick != "pretrain" or not isinstance(shallow, nn.Sequential) or len(shallow) > config.depth:
            return False
        deep = self._nets.build(config, self.arm)
        assert isinstance(deep.net, nn.Sequential)
        self.learner = Learner(grown(shallow, deep.net), deep.heads)
        self._rebuilt(config)
        self.follow(config)
        return True

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
