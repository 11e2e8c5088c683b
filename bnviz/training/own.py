"""Somebody's own nets as the arms of a run: variants of what their factory makes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from bnviz.config import AS_IS, Arm, RunConfig
from bnviz.config.catalog import DataSet
from bnviz.models import LossFunction, set_momentum, variants
from bnviz.models.anatomy import NORMALIZES, Anatomy, anatomy, first_tensor, observed
from bnviz.models.copies import told
from bnviz.models.factory import Factory, make
from bnviz.models.normalization.weight import set_weight_norm
from bnviz.models.treatments import Learner
from bnviz.probe import Probe
from bnviz.probe.structure import Anything
from bnviz.training.nets import Nets, OurNets

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
        if any(map(is_lazy, self._plain.parameters())):
            self._run(self._plain)  # lazy modules are made by their first batch
        found, executed = self._anatomy(self._plain)
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
        """The net with this arm's normalization; its weights move over, as the same Parameters, and what a
        normalization has that stays. (WeightNorm, in and out, makes new Parameters of the same value.)"""
        twin = self._variant(config, arm).train(model.training)
        theirs = dict(model.named_modules())
        for name, module in twin.named_modules():
            other = theirs.get(name)
            if other is None or (isinstance(module, NORMALIZES) and type(module) is not type(other)):
                continue  # a normalization that was not there starts anew
            _take_over(module, other)
        return twin

    def probe(self, learner: Learner) -> Probe:
        """What watches a net."""
        return Probe(learner.net, structure=Anything(self._anatomy(learner.net)[0], self.layers))

    def follow(self, model: nn.Module, config: RunConfig, arm: Arm) -> None:
        """Take the run's BatchNorm momentum, but for the net as it is."""
        if arm.normalization != AS_IS:
            set_momentum(model, config.bn_momentum)

    def loss(self, loss_fn: LossFunction) -> LossFunction:
        """A loss of whatever such a net gives: its first tensor."""
        return lambda output, y: loss_fn(logits(output), y)

    def seed(self, seed: int, step: int) -> None:
        """Dropout and its like draw from torch's random state, which other arms, and what measures, use too."""
        torch.manual_seed(1_000_003 * seed + step)

    def _anatomy(self, model: nn.Module) -> tuple[Anatomy, list[str]]:
        """What a net's layers are, and the modules that it runs; from a copy, whose running statistics may move."""
        executed: list[str] = []
        twin = copy.deepcopy(model)
        with observed(twin, lambda name, args, output: executed.append(name) if output is None else None):
            self._run(twin)
        return anatomy(twin, executed), executed

    def _variant(self, config: RunConfig, arm: Arm) -> nn.Module:
        kind = variants.AS_IS if arm.normalization == AS_IS else arm.normalization
        return variants.variant(
            self._plain, kind, self._run, groups=config.groups, momentum=config.bn_momentum
        ).model  # fmt: skip

    def _run(self, model: nn.Module) -> Any:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            return model(self._sample.clone())


@torch.no_grad()
def _take_over(module: nn.Module, other: nn.Module) -> None:
    """The other module's own parameters, themselves, and its statistics, as far as both have them."""
    has, had = (parametrize.is_parametrized(each, "weight") for each in (module, other))
    if has != had and isinstance(module, (nn.Linear, _ConvNd)):  # WeightNorm goes in or comes out
        set_weight_norm(module, False)
        module.weight.copy_(other.weight)  # type: ignore[arg-type]
        set_weight_norm(module, has)
    for name, mine in module._parameters.items():
        given = other._parameters.get(name)
        if mine is not None and given is not None and given.shape == mine.shape:
            module._parameters[name] = given
    for name, buffer in module._buffers.items():
        held = other._buffers.get(name)
        if buffer is not None and held is not None and held.shape == buffer.shape:
            buffer.copy_(held)


def nets_of(config: RunConfig, factory: Factory | None = None) -> Nets:
    """Where the networks of a config come from. factory: of somebody's own nets, for `model="own"`.

    Errors: ValueError where it is missing, makes no net, or one that does not fit the data.
    """
    if config.model != "own":
        return OurNets(config)
    if factory is None:
        raise ValueError("model own is the model that bnviz is started with, bnviz --model FILE.py:FUNCTION: got none.")
    return OwnNets(factory, config)


def logits(output: object) -> Tensor:
    """The first tensor of what a net gives."""
    found = first_tensor(output)
    assert found is not None
    return found


def _fitting(model: nn.Module, images: Tensor, outputs: int, data: DataSet) -> tuple[bool, Tensor]:
    """Whether the net takes samples flat, and a batch as it takes it; ValueError where it takes neither."""
    problems: list[str] = []
    for flat in dict.fromkeys((False, images.dim() > 2)):
        batch = images.flatten(1) if flat else images
        try:
            found = first_tensor(_forward(model, batch))
        except Exception as error:  # noqa: BLE001  whatever somebody's net raises
            problems.append(f"{'flat, ' * flat}{told(error)}")
            continue
        if found is not None and found.dim() == 2 and found.shape == (len(batch), outputs):
            return flat, batch
        shape = "no tensor" if found is None else f"a tensor of shape {tuple(found.shape)}"
        problems.append(f"it gives {shape} for a batch of {len(batch)}")
    needed = f"{outputs} classes" if data.classes else f"{outputs} numbers"
    raise ValueError(
        f"Your model must take samples of shape {data.shape} of this data set and give {needed} each; "
        f"{'; '.join(problems)}."
    )


def _forward(model: nn.Module, batch: Tensor) -> Any:
    """On a copy: running statistics stay."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        return copy.deepcopy(model)(batch.clone())
