from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bnviz.models import make_mlp, set_normalization
from bnviz.probe import Batch, Probe, accuracy, measure
from tests.support.reference import landscape_by_copies, weight_of


def setup(normalization="batch", activation="sigmoid", dtype=torch.float32):
    torch.manual_seed(1)
    model = make_mlp(5, 7, 3, 4, activation, normalization).to(dtype)
    x, y = torch.randn(32, 5, dtype=dtype), torch.randint(0, 4, (32,))
    batch = Batch(x, y, torch.randn(9, 5, dtype=dtype), torch.randint(0, 4, (9,)), 4)
    return model, torch.optim.SGD(model.parameters(), lr=0.3), batch


def one_step(model, optimizer, batch):
    optimizer.zero_grad()
    F.cross_entropy(model(batch.x), batch.y).backward()
    optimizer.step()


def measured(model, optimizer, batch, steps=()):
    probe = Probe(model)
    with probe:
        one_step(model, optimizer, batch)
    return measure(7, {"mine": probe}, batch, F.cross_entropy, ("a", "b", "c", "d"), {"mine": steps})[0]


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_what_is_recorded_is_what_a_plain_forward_pass_sees(normalization):
    model, optimizer, batch = setup(normalization)
    before = copy.deepcopy(model)
    probe = Probe(model)
    with probe:
        one_step(model, optimizer, batch)
    value = batch.x
    for index, layer in enumerate(before[:-1]):
        torch.testing.assert_close(probe.inputs[index], value)
        normalized = layer[1](layer[0](value)) if normalization != "none" else layer[0](value)
        torch.testing.assert_close(probe.preactivations[index], normalized)
        value = layer[-1](normalized)
        torch.testing.assert_close(probe.outputs[index], value)
    torch.testing.assert_close(probe.preactivations[-1], before[-1](value))


def test_a_frame_agrees_with_numpy_on_the_weights_before_the_update():
    model, optimizer, batch = setup()
    before = copy.deepcopy(model)
    frame = measured(model, optimizer, batch)
    fresh = copy.deepcopy(before)
    loss = F.cross_entropy(fresh(batch.x), batch.y)
    loss.backward()
    assert (frame.step, frame.arm, frame.layers) == (7, "mine", ("a", "b", "c", "d"))
    assert frame.train_loss == pytest.approx(loss.detach().item())
    before.eval().requires_grad_(requires_grad=False)
    assert frame.test_loss == pytest.approx(float(F.cross_entropy(before(batch.x_test), batch.y_test)), rel=1e-5)
    assert frame.eval_loss == pytest.approx(float(F.cross_entropy(before(batch.x), batch.y)), rel=1e-5)
    right = (before(batch.x_test).argmax(1) == batch.y_test).float().mean()
    assert frame.test_accuracy == pytest.approx(float(right))
    before.train()
    value, gradients = batch.x, [layer[0].weight.grad for layer in fresh[:-1]] + [fresh[-1].weight.grad]
    for index, layer in enumerate(before[:-1]):
        row = value.detach().numpy().ravel()
        assert frame.input_mean[index] == pytest.approx(row.mean(), abs=1e-5)
        assert frame.input_std[index] == pytest.approx(row.std(), rel=1e-4)
        counts, _ = np.histogram(row, frame.input_edges[index])
        assert np.abs(counts - frame.input_hist[index]).sum() <= 2
        pre = layer[1](layer[0](value)).detach().numpy()
        np.testing.assert_allclose(frame.preactivation_percentiles[index], np.percentile(pre, [15, 50, 85]), rtol=1e-4)
        np.testing.assert_allclose(frame.unit_percentiles[index], np.percentile(pre[:, 0], [15, 50, 85]), rtol=1e-4)
        assert frame.grad_norm[index] == pytest.approx(float(gradients[index].norm()), rel=1e-4)
        value = layer[-1](layer[1](layer[0](value)))
    assert np.isnan(frame.dead).all()
    assert np.isfinite(frame.saturated[:-1]).all()
    assert np.isnan(frame.saturated[-1])


@pytest.mark.parametrize("normalization", ["none", "batch", "weight"])
def test_the_landscape_is_that_of_the_weights_before_the_update(normalization):
    model, optimizer, batch = setup(normalization, dtype=torch.float64)
    probe = Probe(model)
    for _ in range(2):  # what walks along the gradient is used twice
        before = copy.deepcopy(model)
        with probe:
            one_step(model, optimizer, batch)
        (frame,) = measure(0, {"mine": probe}, batch, F.cross_entropy, "abcd", {"mine": (0.1, 0.9)})
    losses, changes, betas = landscape_by_copies(before, batch.x, batch.y, F.cross_entropy, (0.1, 0.9))
    np.testing.assert_allclose(frame.landscape_loss, [min(losses), max(losses)], rtol=1e-8)
    np.testing.assert_allclose(frame.landscape_predictiveness, [min(changes), max(changes)], rtol=1e-6)
    assert frame.landscape_beta == pytest.approx(max(betas), rel=1e-6)


def test_under_weight_norm_the_gradient_is_that_of_the_weight_in_use():
    model, optimizer, batch = setup("weight", dtype=torch.float64)
    plain = set_normalization(copy.deepcopy(model), "none")
    F.cross_entropy(plain(batch.x), batch.y).backward()
    frame = measured(model, optimizer, batch)
    np.testing.assert_allclose(frame.grad_norm, [float(weight_of(child).grad.norm()) for child in plain], rtol=1e-10)
    assert not frame.diverged


def test_without_step_lengths_there_is_no_landscape():
    frame = measured(*setup())
    assert np.isnan([*frame.landscape_loss, *frame.landscape_predictiveness, frame.landscape_beta]).all()


def test_arms_share_their_edges():
    model, optimizer, batch = setup("none", "relu")
    other, other_optimizer, _ = setup("batch", "relu")
    probes = {"one": Probe(model), "two": Probe(other)}
    with torch.no_grad():
        model[0][0].weight *= 30
    for probe, optimize in ((probes["one"], optimizer), (probes["two"], other_optimizer)):
        with probe:
            one_step(probe.model, optimize, batch)
    one, two = measure(0, probes, batch, F.cross_entropy, "abcd")
    np.testing.assert_array_equal(one.input_range, two.input_range)
    np.testing.assert_array_equal(one.preactivation_range, two.preactivation_range)


def test_the_probe_leaves_no_trace():
    plain, optimizer, batch = setup()
    watched, other, _ = setup()
    state = torch.get_rng_state()
    for _ in range(5):
        one_step(plain, optimizer, batch)
        measured(watched, other, batch, (0.3, 3.0))
    assert torch.equal(state, torch.get_rng_state())
    for (name, mine), theirs in zip(plain.state_dict().items(), watched.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs), name
    for mine, theirs in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)
    assert watched.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in watched.modules())


def test_hooks_go_also_when_the_step_fails():
    model, _, batch = setup()

    def broken():
        with Probe(model):
            model(batch.x[:, :3])

    with pytest.raises(RuntimeError):
        broken()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_accuracy():
    logits, y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]), torch.tensor([0, 0, 0])
    assert accuracy(logits, y, 2) == pytest.approx(2 / 3)
    assert np.isnan(accuracy(logits, y, 0))
    assert np.isnan(accuracy(logits * torch.nan, y, 2))
