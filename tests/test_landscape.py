from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.config import Arm, RunConfig
from bnviz.landscape import loss_landscape, step_lengths
from bnviz.models import make_cnn, make_mlp
from bnviz.training import Trainer
from tests.support.reference import landscape_by_copies

KINDS = [("none", False), ("none", True), ("batch", False), ("batch", True), ("weight", False), ("batch_linf", True)]
STEPS = (0.5, 1.0, 2.5, 4.0)


def net(kind: str, normalization="none", noise=False) -> tuple[nn.Sequential, Tensor, Tensor]:
    """A float64 net that has trained a little, so that its noise has been drawn, and a batch."""
    torch.manual_seed(3)
    if kind == "mlp":
        model = make_mlp(7, 8, 3, 5, "tanh", normalization, noise=noise).double()
        x = torch.randn(12, 7, dtype=torch.float64)
    else:
        model = make_cnn((2, 8, 8), 8, 3, 5, "relu", normalization, noise=noise).double()
        x = torch.randn(6, 2, 8, 8, dtype=torch.float64)
    y = torch.randint(0, 5, (len(x),))
    for _ in range(3):
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
        torch.optim.SGD(model.parameters(), 0.1).step()
    return model, x, y


@pytest.mark.parametrize(("normalization", "noise"), KINDS)
@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_bands_are_those_of_copies_put_where_the_definition_says(kind, normalization, noise):
    model, x, y = net(kind, normalization, noise)
    losses, changes, betas = landscape_by_copies(model, x, y, F.cross_entropy, STEPS)
    bands = loss_landscape(model, x, y, F.cross_entropy, STEPS)
    np.testing.assert_allclose(bands.loss, [min(losses), max(losses)], rtol=1e-10)
    np.testing.assert_allclose(bands.predictiveness, [min(changes), max(changes)], rtol=1e-8)
    assert bands.beta == pytest.approx(max(betas), rel=1e-8)
    assert len(set(losses)) == len(STEPS)  # or min and max would prove little


def test_any_net_and_loss_of_ones_own():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(6, 9), nn.Dropout(0.5), nn.Softplus(), nn.Sequential(nn.Linear(9, 2), nn.LayerNorm(2))
    ).double()
    x, y = torch.randn(10, 2, 3, dtype=torch.float64), torch.randn(10, 2, dtype=torch.float64)
    losses, changes, betas = landscape_by_copies(model, x, y, F.mse_loss, STEPS)
    bands = loss_landscape(model, x, y, F.mse_loss, STEPS)
    np.testing.assert_allclose(bands.loss, [min(losses), max(losses)], rtol=1e-10)
    np.testing.assert_allclose(bands.predictiveness, [min(changes), max(changes)], rtol=1e-8)
    assert bands.beta == pytest.approx(max(betas), rel=1e-8)


def test_of_a_square_the_gradient_changes_by_twice_the_way_moved():
    model = nn.Sequential(nn.Linear(1, 1, bias=False)).double()
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    with torch.no_grad():
        model[0].weight.fill_(3.0)
    bands = loss_landscape(model, x, y, F.mse_loss, (0.25, 1.0))  # L = w^2, g = 6: to 1.5 and to -3
    np.testing.assert_allclose(bands.loss, [2.25, 9.0])
    np.testing.assert_allclose(bands.predictiveness, [3.0, 12.0])
    assert bands.beta == pytest.approx(2.0)


@pytest.mark.parametrize(("normalization", "noise"), KINDS)
def test_nothing_is_touched(normalization, noise):
    model, x, y = net("mlp", normalization, noise)
    model.eval()
    before, gradients = copy.deepcopy(model.state_dict()), [p.grad.clone() for p in model.parameters()]
    random, noises = torch.get_rng_state(), noise_of(model)
    loss_landscape(model, x, y, F.cross_entropy, STEPS)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(one, two) for one, two in zip(noises, noise_of(model), strict=True))
    assert not any(module.training for module in model.modules())


def noise_of(model: nn.Module) -> list[Tensor]:
    states = [module.generator.get_state() for module in model.modules() if hasattr(module, "generator")]
    return states + [part for m in model.modules() if hasattr(m, "_last") for part in m._last]


def test_gradients_at_hand_give_the_same():
    model, x, y = net("mlp", "batch", noise=True)
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if hasattr(module, "frozen"):
            module.frozen = True
    gradients = torch.autograd.grad(F.cross_entropy(twin(x), y), list(twin.parameters()))
    known = loss_landscape(model, x, y, F.cross_entropy, STEPS, gradients=gradients)
    found = loss_landscape(model, x, y, F.cross_entropy, STEPS)
    np.testing.assert_array_equal(known.loss, found.loss)
    assert known.beta == found.beta


def test_what_has_diverged_is_nan():
    model, x, y = net("mlp", "batch")
    with torch.no_grad():
        model[1][0].weight[0, 0] = math.nan
    bands = loss_landscape(model, x, y, F.cross_entropy, STEPS)
    assert np.isnan([*bands.loss, *bands.predictiveness, bands.beta]).all()


def test_where_nothing_moves_beta_has_no_meaning():
    model, x, y = net("mlp")
    bands = loss_landscape(model, x, y, F.cross_entropy, (0.0, 0.0))
    assert bands.loss[0] == bands.loss[1] == pytest.approx(float(F.cross_entropy(model(x), y).detach()))
    assert list(bands.predictiveness) == [0, 0]
    assert math.isnan(bands.beta)


def test_step_lengths_are_learning_rates():
    np.testing.assert_allclose(step_lengths("0.5-4", 0.1), [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])
    wide = step_lengths("0.01-30", 2.0)
    assert (len(wide), wide[0], wide[-1]) == (8, pytest.approx(0.02), pytest.approx(60))
    ratios = [b / a for a, b in itertools.pairwise(wide)]
    np.testing.assert_allclose(ratios, 3000 ** (1 / 7))
    assert step_lengths("off", 0.1) == ()


def test_the_landscape_of_an_arm_is_that_of_its_own_learning_rate_and_comes_and_goes():
    trainer = Trainer(RunConfig(depth=3, width=16, arms=(Arm("batch"), Arm("batch", learning_rate=0.1))))
    for arm in ("batch", "batch@0.1"):  # equal nets from here on
        trainer.change(arm=arm, learning_rate=0.1)
    trainer.step()
    trainer.change(arm="batch", learning_rate=None)  # 0.5
    off, _ = trainer.step(measure=True)
    assert np.isnan(off.landscape_loss).all()
    assert not trainer.change(landscape="0.5-4").touches_networks
    wide, narrow = trainer.step(measure=True)
    assert np.diff(wide.landscape_loss) > np.diff(narrow.landscape_loss) > 0
    trainer.change(landscape="off")
    assert math.isnan(trainer.step(measure=True)[0].landscape_beta)


def test_errors_say_what_is_missing():
    model, x, y = net("mlp")
    with pytest.raises(ValueError, match="needs a step length"):
        loss_landscape(model, x, y, F.cross_entropy, ())
    with pytest.raises(ValueError, match="gradients must be one per parameter, 8, got 1"):
        loss_landscape(model, x, y, F.cross_entropy, (0.1,), gradients=[x])
    with pytest.raises(ValueError, match="needs a step length and a parameter"):
        loss_landscape(model.requires_grad_(requires_grad=False), x, y, F.cross_entropy, (0.1,))
