"""Networks to compare: one child per layer, and the same starting weights whatever the normalization."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, get_args

import torch
from torch import nn
from torch.nn.utils import skip_init

from bnviz.config import NORMALIZATIONS, Activation, Init
from bnviz.models.noise import UnitNoise
from bnviz.models.normalization import normalization_layer, normalizes
from bnviz.models.normalization.weight import set_weight_norm

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of what a net makes of x, and y: a mean or sum over the samples."""

ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "identity": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU, "silu": nn.SiLU,
}  # fmt: skip
INITS: dict[Init, Callable[[torch.Tensor], torch.Tensor]] = {
    "xavier": nn.init.xavier_uniform_,
    "he": partial(nn.init.kaiming_normal_, mode="fan_in", nonlinearity="relu"),
    "normal_0.01": partial(nn.init.normal_, std=0.01),
    "orthogonal": nn.init.orthogonal_,
}


class Pieces(NamedTuple):
    """The parts of one layer; the output layer has only its weight."""

    weight: nn.Linear | nn.Conv2d
    normalization: nn.Module | None
    activation: nn.Module | None


def make_mlp(
    in_features: int,
    width: int,
    depth: int,
    out_features: int,
    activation: Activation = "relu",
    normalization: str = "none",
    init: Init = "xavier",
    *,
    weight_scale: float = 1.0,
    bias: bool = True,
    noise: bool = False,
    groups: int = 8,
    bn_momentum: float = 0.1,
) -> nn.Sequential:
    """A fully connected net, (n, in_features) -> (n, out_features), one child per layer.

    Each of the `depth` hidden children is a Sequential of weight layer, normalization if any, noise if any,
    and activation; the last child is the output nn.Linear. All weights are drawn as `init` says, times
    `weight_scale`; from width to width, `xavier` then has a variance of weight_scale² / width (Glorot & Bengio 2010,
    eq. 16). Biases start at 0; before BatchNorm there is none
    (Ioffe & Szegedy 2015, section 3.2). Nets that differ in normalization or noise alone start from the same
    weights under the same `torch.manual_seed`: nothing but the weights is drawn.

    Errors: ValueError for an unknown activation, normalization or init, and for groups that do not divide
    width.
    """
    _check_names(activation, init)
    sizes = [in_features, *[width] * depth]
    children: list[nn.Module] = [
        nn.Sequential(skip_init(nn.Linear, n_in, n_out, bias=bias), ACTIVATIONS[activation]())
        for n_in, n_out in itertools.pairwise(sizes)
    ]
    children.append(skip_init(nn.Linear, sizes[-1], out_features, bias=bias))
    model = _initialized(children, init, weight_scale)
    return set_normalization(model, normalization, noise=noise, groups=groups, bn_momentum=bn_momentum)


def make_cnn(
    in_shape: Sequence[int],
    width: int,
    depth: int,
    out_features: int,
    activation: Activation = "relu",
    normalization: str = "none",
    init: Init = "xavier",
    *,
    weight_scale: float = 1.0,
    bias: bool = True,
    noise: bool = False,
    groups: int = 8,
    bn_momentum: float = 0.1,
) -> nn.Sequential:
    """A small net in the manner of VGG, (n, C, H, W) -> (n, out_features), one child per layer.

    As `make_mlp`, with 3x3 convolutions of `width` channels. Maps are halved by max pooling as long as 2x2
    remains, after layers spread evenly over the depth; the pooling belongs to the child before it. The last
    child averages over the map and holds the output nn.Linear.

    Errors: as `make_mlp`.
    """
    _check_names(activation, init)
    channels, *size = in_shape
    poolings = min(max(0, min(size).bit_length() - 2), depth)
    pooled = {-(-depth * k // poolings) for k in range(1, poolings + 1)}
    children: list[nn.Module] = []
    for layer in range(1, depth + 1):
        n_in = channels if layer == 1 else width
        weight = skip_init(nn.Conv2d, n_in, width, kernel_size=3, padding=1, bias=bias)
        pooling = [nn.MaxPool2d(2)] if layer in pooled else []
        children.append(nn.Sequential(weight, ACTIVATIONS[activation](), *pooling))
    output = skip_init(nn.Linear, width if depth else channels, out_features, bias=bias)
    children.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), output))
    model = _initialized(children, init, weight_scale)
    return set_normalization(model, normalization, noise=noise, groups=groups, bn_momentum=bn_momentum)


def set_normalization(
    model: nn.Sequential,
    normalization: str,
    *,
    noise: bool = False,
    groups: int = 8,
    bn_momentum: float = 0.1,
) -> nn.Sequential:
    """Give every hidden layer this normalization in place of the one it has; returns the same model, changed.

    Works on nets of `make_mlp` and `make_cnn`, also in the middle of training. The weights are kept, as the
    same Parameters (but `weight`, in and out, makes new ones of the same value); gamma starts at 1, beta at
    0. A batch kind drops the bias before it; where there is none and there should be, a bias of 0 is made.

    Errors: ValueError for an unknown normalization, and for groups that do not divide a layer's channels; the
    model is then unchanged.
    """
    *hidden, output = model
    layers = [_weight_layer(child) for child in hidden]
    modules = [
        normalization_layer(normalization, len(layer.weight), conv=isinstance(layer, nn.Conv2d),
                            groups=groups, momentum=bn_momentum)
        for layer in layers
    ]  # fmt: skip
    kind = NORMALIZATIONS[normalization]
    wants_bias = _weight_layer(output).bias is not None and not kind.over_batch
    for index, (child, layer, module) in enumerate(zip(hidden, layers, modules, strict=True)):
        assert isinstance(child, nn.Sequential)
        kept = [each for each in child if each is not layer and not _is_treatment(each)]
        set_weight_norm(layer, kind.of_weights)
        _set_bias(layer, wants_bias)
        added = [module] if module is not None else []
        if noise:
            added.append(UnitNoise(len(layer.weight), seed=_noise_seed(index)))
        del child[:]
        child.extend([layer, *(each.to(layer.weight).train(model.training) for each in added), *kept])
    return model


def set_momentum(model: nn.Module, momentum: float) -> None:
    """Give every batch normalization in the model this weight of the newest batch in its running statistics."""
    for module in model.modules():
        if normalizes(module) and hasattr(module, "momentum"):
            setattr(module, "momentum", momentum)  # noqa: B010 (torch types every attribute as a tensor)


def weight_layer(child: nn.Module) -> nn.Linear | nn.Conv2d | None:
    """The first linear or convolutional layer in a child of a net, if there is one."""
    for module in child.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            return module
    return None


def pieces(child: nn.Module) -> Pieces:
    """Weight layer, normalization and activation of a child of a net of `make_mlp` or `make_cnn`.

    What enters the activation is what leaves the normalization and the noise. Normalization is None without
    one (and for weight norm, a property of the weight layer); activation is None for the output layer.
    Errors: ValueError for a child without a weight layer.
    """
    layer = weight_layer(child)
    if layer is None:
        raise ValueError(f"{type(child).__name__} has no weight layer (nn.Linear or nn.Conv2d).")
    if not isinstance(child, nn.Sequential):
        return Pieces(layer, None, None)
    rest = list(child)[list(child).index(layer) + 1 :]
    normalization = next((each for each in rest if normalizes(each)), None)
    return Pieces(layer, normalization, next((each for each in rest if not _is_treatment(each)), None))


def _check_names(activation: str, init: str) -> None:
    for kind, name, allowed in (
        ("activation", activation, get_args(Activation)),
        ("init", init, get_args(Init)),
    ):
        if name not in allowed:
            raise ValueError(f"Unknown {kind} {name!r}. Choose one of {', '.join(allowed)}.")


def _initialized(children: Sequence[nn.Module], init: Init, scale: float) -> nn.Sequential:
    with torch.no_grad():
        for child in children:
            layer = _weight_layer(child)
            INITS[init](layer.weight).mul_(scale)
            if layer.bias is not None:
                layer.bias.zero_()
    return nn.Sequential(*children)


def _weight_layer(child: nn.Module) -> nn.Linear | nn.Conv2d:
    layer = weight_layer(child)
    if layer is None:
        raise ValueError(f"Every child must hold an nn.Linear or nn.Conv2d, got {type(child).__name__}.")
    return layer


def _is_treatment(module: nn.Module) -> bool:
    return normalizes(module) or isinstance(module, UnitNoise)


def _set_bias(layer: nn.Linear | nn.Conv2d, wanted: bool) -> None:
    if not wanted:
        layer.register_parameter("bias", None)
    elif layer.bias is None:
        layer.bias = nn.Parameter(layer.weight.detach().new_zeros(len(layer.weight)))


def _noise_seed(index: int) -> int:
    """A seed of its own for each layer, decided by `torch.manual_seed` without drawing from it."""
    return (torch.initial_seed() + 1_000_003 * (index + 1)) % 2**63
