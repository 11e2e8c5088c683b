"""Somebody's own nets as the arms of a run: variants of what their factory makes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from bnviz.config import AS_IS, Arm, RunConfig
from bnviz.config.catalog import DataSet
from bnviz.models import LossFunction, set_momentum, variants
from bnviz.models.anatomy import anatomy, first_tensor, observed
from bnviz.models.factory import Factory, make
from bnviz.models.treatments import Learner
from bnviz.probe import Probe
from bnviz.probe.structure import Anything

SAMPLES = 8
"""In the made-up batch that shows how the net is built."""


class OwnNets:
    """Nets of a factory, which is told what they are to fit; all arms start from one net's weights.

    Errors: ValueError, in one sentence, where the factory makes no net, or one that does not fit the data.
    """

    def __init__(self, factory: Factory, config: RunConfig) -> None:
        data = config.data
        self._outputs = data.outputs
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self._plain = make(factory, data.shape, self._outputs)
            images = torch.randn(SAMPLES, *data.shape)
        self.flat, self._sample = _fitting(self._plain, images, self._outputs, data)
        executed: list[str] = []
        with observed(self._plain, lambda name, args, output: executed.append(name) if output is None else None):
            self._run(self._plain)
        found = anatomy(self._plain, executed)
        called = [layer for layer in found.layers if layer.name in executed or len(found.layers) == 1]
        if not called:
            raise ValueError(f"{type(self._plain).__name__} has no weight layer (a module with a weight matrix).")
        self.layers = tuple(layer.name for layer in called)
        """Names of the weight layers, in the order in which the net runs them."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The normalizations that the nets have as they are."""
        return variants.kinds_of(self._plain)

    def told(self, kind: str) -> dict[str, tuple[str, ...]]:
        """What it takes to give them this normalization: `changes`, and what is `left` as it is, a sentence each."""
        made = variants.variant(self._plain, kind, self._run)
        return {"changes": made.changes, "left": made.left}

    def build(self, config: RunConfig, arm: Arm, depth: int | None = None) -> Learner:
        """The net of an arm."""
        return Learner(self._variant(config, arm))

    def changed(self, model: nn.Module, config: RunConfig, arm: Arm) -> nn.Module:
        """The net with this arm's normalization; its weights, as the same Parameters, and its statistics move over."""
        twin = self._variant(config, arm).train(model.training)
        known, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        for name, parameter in [*twin.named_parameters()]:
            if name in known and known[name].shape == parameter.shape:
                owner, _, leaf = name.rpartition(".")
                twin.get_submodule(owner)._parameters[leaf] = known[name]
        with torch.no_grad():
            for name, buffer in twin.named_buffers():
                if name in buffers and buffers[name].shape == buffer.shape:
                    buffer.copy_(buffers[name])
        return twin

    def probe(self, learner: Learner) -> Probe:
        """What watches a net."""
        executed: list[str] = []
        twin = copy.deepcopy(learner.net)
        with observed(twin, lambda name, args, output: executed.append(name) if output is None else None):
            self._run(twin)
        return Probe(learner.net, structure=Anything(anatomy(twin, executed), self.layers))

    def follow(self, model: nn.Module, config: RunConfig, arm: Arm) -> None:
        """Take the run's BatchNorm momentum, but for the net as it is."""
        if arm.normalization != AS_IS:
            set_momentum(model, config.bn_momentum)

    def loss(self, loss_fn: LossFunction) -> LossFunction:
        """A loss of whatever such a net gives: its first tensor."""
        return lambda output, y: loss_fn(logits(output), y)

    def _variant(self, config: RunConfig, arm: Arm) -> nn.Module:
        kind = variants.AS_IS if arm.normalization == AS_IS else arm.normalization
        return variants.variant(
            self._plain, kind, self._run, groups=config.groups, momentum=config.bn_momentum
        ).model  # fmt: skip

    def _run(self, model: nn.Module) -> Any:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            return model(self._sample.clone())


def logits(output: object) -> Tensor:
    """The first tensor of what a net gives."""
    found = first_tensor(output)
    assert found is not None
    return found


def _fitting(model: nn.Module, images: Tensor, outputs: int, data: DataSet) -> tuple[bool, Tensor]:
    """Whether the net takes samples flat, and a batch as it takes it; ValueError where it takes neither."""
    told: list[str] = []
    for flat in dict.fromkeys((False, images.dim() > 2)):
        batch = images.flatten(1) if flat else images
        try:
            found = first_tensor(_forward(model, batch))
        except Exception as error:  # noqa: BLE001  whatever somebody's net raises
            told.append(f"{'flat, ' * flat}{type(error).__name__}: {' '.join(str(error).split())[:150]}")
            continue
        if found is not None and found.dim() == 2 and found.shape == (len(batch), outputs):
            return flat, batch
        shape = "no tensor" if found is None else f"a tensor of shape {tuple(found.shape)}"
        told.append(f"it gives {shape} for a batch of {len(batch)}")
    needed = f"{outputs} classes" if data.classes else f"{outputs} numbers"
    raise ValueError(
        f"Your model must take samples of shape {data.shape} of this data set and give {needed} each; "
        f"{'; '.join(told)}."
    )


def _forward(model: nn.Module, batch: Tensor) -> Any:
    """On a copy: running statistics stay."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        return copy.deepcopy(model)(batch.clone())
