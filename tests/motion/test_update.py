"""A closeup held against plain autograd, NumPy loops and the paper's formulas, in float64."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bnviz.closeup import Closeup, closeup_from, to_text
from bnviz.models import make_cnn, make_mlp
from bnviz.motion import close_up
from bnviz.probe import Batch, Probe, measure
from tests.support.reference import shifted_gradients

CLOSE = {"rtol": 1e-9, "atol": 1e-12}
ACTIVATIONS = ("sigmoid", "relu", "tanh", "identity")
WHOLE = ("batch", "batch_l1", "batch_linf", "layer", "group", "rms")


def stepped(normalization="batch", activation="sigmoid", maps=False, noise=False, samples=24):
    """A probe around one real step of plain gradient descent, the net before it, and the batch."""
    torch.manual_seed(2)
    options = {"activation": activation, "normalization": normalization, "noise": noise, "groups": 2}
    net = make_cnn((2, 8, 8), 6, 2, 4, **options) if maps else make_mlp(5, 8, 3, 4, **options)
    net = net.double()
    with torch.no_grad():  # gamma, beta and biases that are not where they start
        for parameter in net.parameters():
            if parameter.dim() == 1:
                parameter += 0.3 * torch.randn_like(parameter)
    shape = (2, 8, 8) if maps else (5,)
    x, y = torch.randn(samples, *shape, dtype=torch.float64), torch.randint(0, 4, (samples,))
    batch = Batch(x, y, x[:2], y[:2], 4)
    probe, before = Probe(net), copy.deepcopy(net)
    with probe:
        F.cross_entropy(net(x), y).backward()
        torch.optim.SGD(net.parameters(), 0.3).step()
    return probe, before, batch


def seen(probe, batch, layer=1, unit=1) -> Closeup:
    found = close_up(probe, batch, F.cross_entropy, layer, unit)
    assert found is not None
    return closeup_from(to_text(found))


def by_hand(net, batch, layer, unit):
    """The unit's column at each stage, with the gradients that torch keeps of them."""
    h, kept = batch.x, {}
    for place, child in enumerate(net):
        for module in [child] if place == len(net) - 1 else child:
            h = module(h)
            if place == layer:
                h.retain_grad()
                kept[type(module).__name__] = h
    F.cross_entropy(h, batch.y).backward()
    columns = [each[:, unit].reshape(-1) for each in kept.values()]
    slopes = [each.grad[:, unit].reshape(-1) for each in kept.values()]
    return [each.detach().numpy() for each in columns], [each.numpy() for each in slopes]


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_every_stage_is_that_of_a_plain_pass(normalization, activation, maps):
    probe, before, batch = stepped(normalization, activation, maps)
    found = seen(probe, batch)
    values, slopes = by_hand(before, batch, 1, 1)
    stages = ("z", "y", "a") if normalization == "batch" else ("z", "a")
    for name, value, slope in zip(stages, values, slopes, strict=False):
        np.testing.assert_allclose(getattr(found, name).unit, value, **CLOSE)
        np.testing.assert_allclose(getattr(found, f"gradient_{name}"), slope, **CLOSE)
    np.testing.assert_allclose(found.gradient_entering, found.gradient_a * found.slope, **CLOSE)
    weight = before[1][0].weight
    np.testing.assert_allclose(found.weight_gradient, weight.grad[1].flatten(), **CLOSE)
    np.testing.assert_allclose(found.weight_after, (weight - 0.3 * weight.grad)[1].detach().flatten(), **CLOSE)
    bias = before[1][0].bias
    assert found.z.unit[found.place] == pytest.approx(found.weight @ found.x + (0 if bias is None else bias[1].item()))
    assert found.loss == pytest.approx(F.cross_entropy(before(batch.x), batch.y).item(), rel=1e-12)
    assert found.loss == pytest.approx(found.losses.mean(), rel=1e-12)


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("normalization", WHOLE)
def test_normalization_is_taken_apart_as_it_works(normalization, maps):
    probe, before, batch = stepped(normalization, "tanh", maps)
    found, layer = seen(probe, batch), before[1][1]
    part = found.normalizing
    assert part.over == ("batch" if normalization.startswith("batch") else "sample")
    np.testing.assert_allclose(part.xhat, (part.z - part.mean) / part.scale, **CLOSE)
    gamma, beta = found.affine[0]
    shift = 0 if normalization == "rms" else beta
    np.testing.assert_allclose(found.y.unit, gamma * found.xhat + shift, **CLOSE)
    assert part.xhat[part.place] == pytest.approx(found.xhat[found.place], rel=1e-9)
    assert math.isnan(beta) == (normalization == "rms")
    values, slopes = by_hand(before, batch, 1, 1)
    np.testing.assert_allclose(found.affine[1][0], layer.weight.grad[1], **CLOSE)
    if normalization != "rms":
        np.testing.assert_allclose(found.affine[1][1], layer.bias.grad[1], **CLOSE)
    if part.over == "batch":
        np.testing.assert_allclose(part.given, gamma * slopes[1], **CLOSE)
        np.testing.assert_allclose(part.after, slopes[0], **CLOSE)
        np.testing.assert_allclose(part.z, values[0], **CLOSE)


@pytest.mark.parametrize("maps", [False, True])
def test_batchnorm_projects_two_directions_out_as_the_paper_says(maps):
    probe, _, batch = stepped("batch", "sigmoid", maps)
    part = seen(probe, batch).normalizing
    g, xhat = part.given, part.xhat
    removed = g.mean() + xhat * (g * xhat).mean()
    np.testing.assert_allclose(part.after, (g - removed) / part.scale, **CLOSE)
    np.testing.assert_allclose(part.norms, [np.linalg.norm(part.before), np.linalg.norm(part.after)], **CLOSE)
    for row, direction in zip(part.along, (np.ones_like(g), xhat), strict=True):
        unit = direction / np.linalg.norm(direction)
        np.testing.assert_allclose(row, [part.before @ unit, part.after @ unit], **CLOSE)
    assert abs(part.along[0, 1]) < 1e-14
    # Along x̂ what is left is of the order of eps beside the variance.
    assert abs(part.along[1, 1]) <= 1.01 * part.eps / part.scale**2 * abs(part.along[1, 0]) + 1e-14


@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "weight"])
@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_shift_is_that_of_the_frame_and_of_the_definition(normalization, layer):
    probe, before, batch = stepped(normalization)
    found = seen(probe, batch, layer)
    (frame,) = measure(0, {"": probe}, batch, F.cross_entropy, "abcd")
    for name in ("l2", "relative", "cosine"):
        assert getattr(found, f"ics_{name}") == getattr(frame, f"ics_{name}")[layer]
    assert found.loss == frame.train_loss
    G, shifted = shifted_gradients(before, probe.model, batch.x, batch.y, F.cross_entropy)[layer]
    np.testing.assert_allclose(found.norms, [float(G.norm()), float(shifted.norm())], rtol=1e-8)
    np.testing.assert_allclose(found.pairs[0], G.flatten(), rtol=1e-8, atol=1e-12)


def test_noise_is_that_of_the_step():
    probe, _, batch = stepped("batch", noise=True)
    found = seen(probe, batch)
    assert found.noise
    np.testing.assert_array_equal(found.entering.unit, probe.preactivations[1][:, 1])
    assert not np.allclose(found.entering.unit, found.y.unit)


def test_what_is_many_is_thinned_and_keeps_the_sample():
    probe, before, batch = stepped("batch", maps=True, samples=70)  # 70 samples of 8 x 8
    found = seen(probe, batch, layer=0)
    values, _ = by_hand(before, batch, 0, 1)
    assert len(found.z.unit) <= 1000 < len(values[0]) == found.normalizing.count
    assert found.z.unit[found.place] == values[0][4 * 8 + 4]
    assert found.z.unit[found.place] == pytest.approx(found.weight @ found.x)
    assert found.z.counts.sum() == 70 * 6 * 64


def test_what_is_beyond_the_last_is_the_last_and_a_diverged_net_breaks_nothing():
    probe, _, batch = stepped("batch")
    assert (seen(probe, batch, 99, 99).layer, seen(probe, batch, 99, 99).unit) == (3, 3)
    with torch.no_grad():
        probe.before[0][0].weight.fill_(math.nan)
    assert math.isnan(seen(probe, batch).loss)
