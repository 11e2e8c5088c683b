from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import bnviz
from bnviz.ics import internal_covariate_shift
from tests.watching.nets import NETS, logits_of, mlp


def by_definition(before, after, layers, x, y):
    """Santurkar et al. 2018, Definition 2.1, with deep copies: layers are lists of (weights, all parameters)."""
    shifts = []
    for place, (weights, _) in enumerate(layers):
        gradients = []
        for changed in (False, True):
            net = copy.deepcopy(before)
            own, new = dict(net.named_parameters()), dict(after.named_parameters())
            if changed:
                for _, earlier in layers[:place]:
                    for name in earlier:
                        own[name].data.copy_(new[name].data)
            for module in net.modules():
                if isinstance(module, nn.Dropout):
                    module.eval()
                if isinstance(module, nn.MultiheadAttention):
                    module.dropout = 0.0
            F.cross_entropy(logits_of(net(x)), y).backward()
            gradients.append(np.concatenate([own[name].grad.numpy().ravel() for name in weights]))
        G, shifted = gradients
        shifts.append((np.linalg.norm(G - shifted), np.linalg.norm(G - shifted) / np.linalg.norm(G)))
    return np.array(shifts).T


BLOCK = "block.self_attn"
ORACLES = {
    "resnet": [
        (["stem.weight"], ["scale", "stem.weight", "stem.bias"]),
        *[
            ([f"blocks.{b}.conv{c}.weight"],
             [f"blocks.{b}.conv{c}.weight", f"blocks.{b}.bn{c}.weight", f"blocks.{b}.bn{c}.bias"])
            for b in (0, 1) for c in (1, 2)
        ],
        (["fc.weight"], ["fc.weight", "fc.bias"]),
    ],
    "shared": [
        (["first.weight"], ["first.weight", "first.bias"]),
        (["twice.weight"], ["twice.weight", "twice.bias", "norm.weight", "norm.bias"]),
        (["late.weight"], ["late.weight", "late.bias"]),
    ],
    "transformer": [
        (["embed.weight"], ["embed.weight"]),
        ([f"{BLOCK}.in_proj_weight"], [f"{BLOCK}.in_proj_weight", f"{BLOCK}.in_proj_bias"]),
        ([f"{BLOCK}.out_proj.weight"],
         [f"{BLOCK}.out_proj.weight", f"{BLOCK}.out_proj.bias", "block.norm1.weight", "block.norm1.bias"]),
        (["block.linear1.weight"], ["block.linear1.weight", "block.linear1.bias"]),
        (["block.linear2.weight"],
         ["block.linear2.weight", "block.linear2.bias", "block.norm2.weight", "block.norm2.bias"]),
        (["head.weight"], ["head.weight", "head.bias"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.SGD])
def test_ics_is_that_of_the_definition(name, optimizer):
    torch.manual_seed(3)
    make, make_x = NETS[name]
    model = make().double()
    update = optimizer(model.parameters(), 0.05)
    x, y = make_x(), torch.randint(0, 10, (16,))
    x = x.double() if x.is_floating_point() else x
    with bnviz.watch(model, update, loss := nn.CrossEntropyLoss(), every=1) as watch:
        before = copy.deepcopy(model)
        loss(logits_of(model(x)), y).backward()
        update.step()
    frame = watch.recording.frames[0]
    l2, relative = by_definition(before, model, ORACLES[name], x, y)
    assert watch.problems == []
    np.testing.assert_allclose(frame.ics_l2, l2, rtol=0, atol=1e-9)
    np.testing.assert_allclose(frame.ics_relative, relative, rtol=0, atol=1e-9)
    assert frame.ics_l2[1:].min() > 1e-4


def test_a_chain_gives_what_the_stacked_way_gives():
    torch.manual_seed(0)
    model = mlp().double()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = torch.randn(16, 8).double(), torch.randint(0, 10, (16,))
    with bnviz.watch(model, optimizer, loss := nn.CrossEntropyLoss(), every=1) as watch:
        before = copy.deepcopy(model)
        loss(model(x), y).backward()
        optimizer.step()
    want = internal_covariate_shift(before, model, x, y, F.cross_entropy)
    np.testing.assert_allclose(watch.recording.frames[0].ics_l2, want.l2, atol=1e-12)
