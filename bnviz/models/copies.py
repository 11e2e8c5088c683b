"""Copies of somebody's model, and a random state that is as it was when all is done."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


def copied(model: nn.Module) -> nn.Module:
    """A copy that calls nobody: hooks that are not torch's own are left out, and never copied.

    Errors: ValueError, in one sentence, for a model that cannot be copied.
    """
    hooks = {
        id(hook): hook
        for module in model.modules()
        for held in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        for hook in held.values()
        if not type(hook).__module__.startswith("torch.nn.utils")  # those compute weights
    }
    try:
        twin: nn.Module = copy.deepcopy(model, dict(hooks))
    except Exception as error:
        raise ValueError(f"{type(model).__name__} cannot be copied: {told(error)}.") from error
    for module in twin.modules():
        for held in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks):
            for key in [key for key, hook in held.items() if id(hook) in hooks]:
                del held[key]
    return twin


@contextmanager
def replayable() -> Iterator[None]:
    """Afterwards the random states of torch (all devices), numpy and Python are as they were."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def told(error: BaseException) -> str:
    """An exception in one line, without the full stop."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".rstrip(": .")
