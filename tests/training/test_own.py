"""Somebody's own nets as arms: against our own nets built alike, and against the definitions."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bnviz.config import CATALOG, Arm, RunConfig
from bnviz.frames import quantities
from bnviz.models import make_mlp
from bnviz.training import Trainer, nets_of, record, train
from bnviz.training.__main__ import described
from tests.watching.nets import ResNet
from tests.watching.test_definition import ORACLES, by_definition

SMALL = RunConfig(depth=3, width=16, steps=31, activation="relu", learning_rate=0.1, landscape="0.5-4")


def like_ours(in_features, out_features):
    return make_mlp(in_features, 16, 3, out_features, "relu")


def trainer(config, factory):
    return Trainer(config, nets=nets_of(config, factory))


def own(config, *arms, **changes):
    return replace(config, model="own", arms=tuple(Arm.parse(arm) for arm in arms), **changes)


@pytest.mark.parametrize("ours", ["none", "batch", "layer", "rms", "weight"])
def test_a_net_built_as_ours_gives_our_frames(ours):
    expected = list(train(replace(SMALL, arms=(Arm(ours),))))
    made = trainer(own(SMALL, "as_is" if ours == "none" else ours), like_ours)
    found = [frame for item in record(made) for frame in item]
    assert found[0].layers == ("0.0", "1.0", "2.0", "3")
    for one, two in zip(found, expected, strict=True):
        for name, _, counts, _ in quantities(4):
            mine, theirs = np.asarray(getattr(one, name)), np.asarray(getattr(two, name))
            if counts:  # a value on an edge may fall to either side
                assert np.abs(mine - theirs).sum() <= 0.002 * theirs.sum(), name
            elif name == "ics_relative":  # a difference of two nearly equal gradients
                np.testing.assert_allclose(mine, theirs, rtol=0.02, atol=1e-4, err_msg=name)
            else:
                np.testing.assert_allclose(mine, theirs, rtol=5e-3, atol=2e-4, err_msg=name)


def residual():
    torch.manual_seed(3)
    net = ResNet()
    for block in net.blocks:
        block.drop = nn.Identity()
    return net


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_ics_and_gradients_of_a_residual_net_are_those_of_the_definition(double):
    config = own(RunConfig(batch_size=32, learning_rate=0.05, optimizer="adam", steps=3), "as_is")
    made = trainer(config, residual)
    data = made.data
    made.data = replace(data, x_train=data.x_train.double(), x_test=data.x_test.double())
    before = copy.deepcopy(made.models["as_is"])
    (frame,) = made.step(measure=True)
    after, (x, y) = made.models["as_is"], (made.batch.x, made.batch.y)
    l2, relative = by_definition(before, after, ORACLES["resnet"], x, y)
    np.testing.assert_allclose(frame.ics_l2, l2, atol=1e-9)
    np.testing.assert_allclose(frame.ics_relative, relative, atol=1e-9)
    F.cross_entropy(before(x), y).backward()
    norms = [float(before.get_submodule(name).weight.grad.norm()) for name in frame.layers]
    np.testing.assert_allclose(frame.grad_norm, norms, rtol=1e-9)


def test_watching_an_own_net_changes_nothing():
    def trained(measured):
        made = trainer(own(SMALL, "as_is", "layer"), ResNet)
        for _ in range(6):
            made.step(measure=measured)
        states = [value for net in made.models.values() for value in net.state_dict().values()]
        return states, torch.get_rng_state()

    torch.manual_seed(0)
    seen, random_seen = trained(True)
    torch.manual_seed(0)
    unseen, random_unseen = trained(False)
    assert all(torch.equal(one, two) for one, two in zip(seen, unseen, strict=True))
    assert torch.equal(random_seen, random_unseen)


def test_normalization_goes_in_and_out_of_a_running_net_and_the_weights_stay():
    made = trainer(own(SMALL, "as_is", optimizer="momentum"), like_ours)
    for _ in range(3):
        made.step()
    weights = dict(made.models["as_is"].named_parameters())
    arm = made._arms["as_is"]
    remembered = {name: arm._optimizer.state[each]["momentum_buffer"] for name, each in weights.items()}
    made.change("as_is", normalization="batch")
    inside = dict(made.models["as_is"].named_parameters())
    assert all(inside[name] is each for name, each in weights.items())
    assert next(name for name in inside if name not in weights) == "0.0.normalization.weight"
    assert all(arm._optimizer.state[each]["momentum_buffer"] is remembered[name] for name, each in weights.items())
    (frame,) = made.step(measure=True)
    assert np.isfinite(frame.running_mean_gap[:-1]).all()
    made.change("as_is", normalization="as_is")
    assert dict(made.models["as_is"].named_parameters()).keys() == weights.keys()
    label = made.fork("as_is", normalization="layer")
    assert {frame.arm for frame in made.step(measure=True)} == {"as_is", label}


def test_images_go_in_as_they_are_or_flat_and_dicts_may_come_out():
    class Says(nn.Module):
        def __init__(self, in_shape, out_features):
            super().__init__()
            self.conv, self.head = nn.Conv2d(in_shape[0], 4, 3), nn.Linear(4, out_features)

        def forward(self, x):
            return {"logits": self.head(self.conv(x).relu().mean((2, 3))), "other": x}

    assert not nets_of(own(SMALL, "as_is"), Says).flat
    assert nets_of(own(SMALL, "as_is"), like_ours).flat
    (frame,) = trainer(own(SMALL, "batch"), Says).step(measure=True)
    assert frame.layers == ("conv", "head")
    assert np.isfinite(frame.test_loss)
    assert np.isfinite(frame.ics_l2).all()


def test_what_entered_an_activation_in_place_is_what_is_shown():
    def net(inplace):
        return lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=inplace), nn.Linear(16, 10)
        )

    one, two = (trainer(own(SMALL, "as_is"), net(inplace)).step(measure=True)[0] for inplace in (True, False))
    assert np.array_equal(one.preactivation_hist, two.preactivation_hist)
    assert one.preactivation_range[0, 0] < 0


def test_a_net_that_is_one_layer():
    (frame,) = trainer(own(SMALL, "as_is"), lambda in_features: nn.Linear(in_features, 10)).step(measure=True)
    assert frame.layers == ("Linear",)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (
            lambda: nn.Linear(7, 10),
            r"must take samples of shape \(1, 8, 8\) .* give 10 classes each; RuntimeError: mat1",
        ),
        (lambda: nn.Linear(64, 9), r"it gives a tensor of shape \(8, 9\) for a batch of 8"),
        (lambda: nn.Flatten(), "it gives a tensor of shape"),
        (lambda: nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(10)), "has no weight layer"),
        (None, "is the model that bnviz is started with, bnviz --model FILE.py:FUNCTION: got none"),
    ],
)
def test_a_net_that_does_not_fit_is_said(factory, told):
    with pytest.raises(ValueError, match=told):
        nets_of(own(SMALL, "as_is"), factory)


def test_an_own_net_takes_normalizations_and_nothing_else():
    for arm in ("as_is+noise", "none+auxiliary"):
        with pytest.raises(ValueError, match="arms of model own take a normalization and a learning rate"):
            own(SMALL, arm)
    with pytest.raises(ValueError, match="arms can be as_is with model own alone, got model mlp"):
        replace(SMALL, arms=(Arm("as_is"),))
    assert RunConfig.from_query(own(SMALL, "as_is", "batch@0.3").to_query()) == own(SMALL, "as_is", "batch@0.3")


def test_what_a_factory_makes_is_described():
    found = described(ResNet)
    assert found["kinds"] == ("batch",)
    assert found["fits"] == ["digits"]
    assert "shape (4,)" in found["problem"]
    assert found["variants"]["batch"]["changes"] == ()
    assert len(found["variants"]["layer"]["changes"]) == 4
    assert described(like_ours)["fits"] == [name for name, data in CATALOG.items() if data.openml is None]


@pytest.mark.parametrize("way", [("weight", "none"), ("batch", "weight", "as_is"), ("layer", "batch")])
def test_what_was_learned_survives_every_switch(way):
    made = trainer(own(SMALL, "as_is"), like_ours)
    for _ in range(20):
        made.step()
    learned = made.models["as_is"][1][0].weight.detach().clone()
    for kind in way:
        made.change("as_is", normalization=kind)
        torch.testing.assert_close(made.models["as_is"][1][0].weight.detach(), learned)
    if way[-1] == "batch":
        assert bool((made.models["as_is"][1][0].normalization.weight == 1).all())


class Odd(nn.Module):
    """A weight in two layers, and a layer called by keyword."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.first = nn.Linear(in_features, 16)
        self.one, self.two, self.norm = nn.Linear(16, 16), nn.Linear(16, 16), nn.BatchNorm1d(16)
        self.two.weight = self.one.weight
        self.out = nn.Linear(16, out_features)

    def forward(self, x):
        h = self.norm(self.first(input=x)).relu()
        return self.out(self.two(self.one(h).relu()).relu())


def test_shared_weights_and_keywords():
    made = trainer(own(SMALL, "as_is"), Odd)
    assert int(made.models["as_is"].norm.num_batches_tracked) == 0, "the net that was made is left alone"
    for _ in range(3):
        (frame,) = made.step(measure=True)
    assert frame.layers == ("first", "one", "out"), "a shared weight is one layer, at its first place"
    assert frame.input_hist[0].sum() > 0
    made.change("as_is", normalization="layer")
    net = made.models["as_is"]
    assert net.one.weight is net.two.weight
