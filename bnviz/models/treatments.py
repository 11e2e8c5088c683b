"""Treatments from before BatchNorm: classifiers on the way through a net, and growing from a shallow one.

Sources: GoogLeNet (Szegedy et al. 2014, arXiv 1409.4842, section 5) and VGG (Simonyan & Zisserman 2014, arXiv
1409.1556, section 3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from bnviz.config import Init
from bnviz.config.tricks import thirds
from bnviz.models import INITS, LossFunction, weight_layer

HEAD_SHARE = 0.3
"""What each head's loss counts for, beside the net's own."""


class Learner(nn.Module):
    """A net, and the heads that help it while it trains; without auxiliary losses there are none.

    heads: by the place of the child of `net` that they follow.
    """

    def __init__(self, net: nn.Module, heads: nn.ModuleDict | None = None) -> None:
        super().__init__()
        self.net = net
        self.heads = nn.ModuleDict() if heads is None else heads

    def losses(self, x: Tensor, y: Tensor, loss_fn: LossFunction) -> tuple[Tensor, Tensor]:
        """The net's own loss, and the loss to train on: that and 0.3 times the loss of each head.

        x: (n, ...), y: what `loss_fn(net(x), y)` takes.
        """
        if not self.heads:
            own = loss_fn(self.net(x), y)
            return own, own
        h, extra = x, []
        for place, child in enumerate(self.net.children()):
            h = child(h)
            if str(place) in self.heads:
                extra.append(loss_fn(self.heads[str(place)](h), y))
        own = loss_fn(h, y)
        return own, own + HEAD_SHARE * torch.stack(extra).sum()


def make_heads(net: nn.Sequential, outputs: int, init: Init) -> nn.ModuleDict:
    """A linear classifier after one third and after two thirds of the hidden layers, (n, ...) -> (n, outputs).

    Maps (n, C, H, W) are averaged over height and width first. Weights are drawn as `init` says, biases are 0.
    """
    heads = nn.ModuleDict()
    for layer in thirds(len(net) - 1):
        weight = weight_layer(net[layer - 1])
        assert weight is not None
        head = skip_init(nn.Linear, len(weight.weight), outputs)
        with torch.no_grad():
            INITS[init](head.weight)
            head.bias.zero_()
        pooling = [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if isinstance(weight, nn.Conv2d) else []
        heads[str(layer - 1)] = nn.Sequential(*pooling, head)
    return heads


def grown(shallow: nn.Sequential, deep: nn.Sequential) -> nn.Sequential:
    """The deep net with the layers of the shallow one, themselves, as its first and its output; returns it, changed.

    Weights, normalization and noise of these layers move over; where maps are pooled is for the deep net to say.
    """
    *first, output = shallow
    for place, child in enumerate(first):
        assert isinstance(child, nn.Sequential)
        parts = [each for each in child if not isinstance(each, nn.MaxPool2d)]
        parts += [each for each in deep[place].children() if isinstance(each, nn.MaxPool2d)]
        deep[place] = nn.Sequential(*parts)
    deep[-1] = output
    return deep
