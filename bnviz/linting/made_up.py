"""A batch for a model that none was given for: noise of a shape that its first weight layer takes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from bnviz.linting.sample import shape
from bnviz.models.anatomy import first_tensor, weight_layers
from bnviz.models.copies import copied, replayable

SIDES = (32, 28, 64, 224, 8)
"""Pixels a side that are tried, in this order."""
STEPS = 16
"""Length of a sequence."""


def made_up(model: nn.Module, n: int) -> tuple[tuple[Tensor, Tensor], str]:
    """A batch of n, and what it is, in a sentence; targets are made up to fit what the model returns.

    Errors: ValueError, in one sentence, where no shape is known that the model takes.
    """
    layers = weight_layers(model)
    if not layers:
        raise ValueError(f"{type(model).__name__} has no weight layer (a module with a weight matrix).")
    name = next(iter(layers))
    first = model.get_submodule(name)
    tried = []
    for x in _inputs(first, n):
        if (output := _output(model, x)) is not None:
            y = torch.randn(output.shape)
            if output.dim() > 1:
                y = torch.randint(0, output.shape[1], output.shape[:1] + output.shape[2:])
            noise = "N(0, 1)" if x.is_floating_point() else "random indices"
            told = f"no data were given: {noise} of shape {shape(x)}, random targets; statistics depend on the data."
            return (x, y), told
        tried.append(str(tuple(x.shape)))
    shapes = f": shapes {', '.join(tried)} were tried" if tried else ""
    raise ValueError(
        f"No input was given, and none is known that {name or type(model).__name__} ({type(first).__name__}) takes"
        f"{shapes}; give --data, or a function sample_batch() in the model's file."
    )


def _inputs(first: nn.Module, n: int) -> Iterator[Tensor]:
    if isinstance(first, nn.Linear):
        yield torch.randn(n, first.in_features)
        yield torch.randn(n, STEPS, first.in_features)
    elif isinstance(first, _ConvNd):
        for side in SIDES:
            yield torch.randn(n, first.in_channels, *[side] * len(first.kernel_size))
    elif isinstance(first, nn.Embedding):
        yield torch.randint(0, first.num_embeddings, (n, STEPS))
        yield torch.randint(0, first.num_embeddings, (n,))
    elif isinstance(first, nn.RNNBase):
        yield torch.randn(n, STEPS, first.input_size)
    elif isinstance(first, nn.MultiheadAttention):
        yield torch.randn(n, STEPS, first.embed_dim)


def _output(model: nn.Module, x: Tensor) -> Tensor | None:
    """What the model makes of it in eval mode; None where it does not take it."""
    try:
        with torch.no_grad(), replayable():
            return first_tensor(copied(model).eval()(x.clone()))
    except Exception:  # noqa: BLE001 - any refusal is an answer
        return None
