from __future__ import annotations

import copy
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz.charts import TABS, figures, patch
from bnviz.charts.scene import Scene, View
from bnviz.cli import main
from bnviz.config import Arm, RunConfig
from bnviz.config.tricks import pretraining_steps, shallow_depth, thirds
from bnviz.frames import Event, Frame, layer_names
from bnviz.models import weight_layer
from bnviz.models.treatments import HEAD_SHARE
from bnviz.recording import Recording
from bnviz.training import Trainer, record
from bnviz.verdict import findings, sentence
from tests.support.reference import landscape_by_copies, shifted_gradients, weight_of

SMALL = RunConfig(depth=6, width=8, batch_size=64, steps=50, activation="tanh", measure_every=5)
ARMS = (Arm("none"), Arm("none", trick="auxiliary"), Arm("none", trick="pretrain"))
CNN = {"model": "cnn", "depth": 5, "activation": "relu", "init": "he"}


def weights(model: nn.Module) -> list[Tensor]:
    return [layer.weight.detach().clone() for child in model for layer in [weight_layer(child)] if layer]


@pytest.mark.parametrize("changes", [{}, CNN, {"init": "orthogonal"}])
def test_all_arms_start_from_the_same_weights(changes):
    random = torch.get_rng_state()
    plain, helped, shallow = map(weights, Trainer(replace(SMALL, arms=ARMS, **changes)).models.values())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(one, two) for one, two in zip(plain, helped, strict=True))
    assert len(shallow) == 3
    assert all(torch.equal(one, two) for one, two in zip(plain, shallow[:-1], strict=False))


def test_heads_are_drawn_as_the_net_is_and_not_with_its_numbers():
    config = replace(SMALL, width=300, dataset="iris", init="normal_0.01", arms=ARMS[1:2])
    learner = Trainer(config).learners["none+auxiliary"]
    assert list(learner.heads) == ["1", "3"]  # after hidden layers 2 and 4
    drawn = [head[-1].weight.detach() for head in learner.heads.values()]
    assert all(float(weight.std()) == pytest.approx(0.01, rel=0.1) for weight in drawn)
    assert not any(bool(head[-1].bias.any()) for head in learner.heads.values())
    seen = torch.cat([weight.flatten() for weight in weights(learner.net)])
    assert np.isin(torch.cat(drawn).numpy(), seen.numpy()).mean() < 0.5  # some are equal by chance


@pytest.mark.parametrize("changes", [{}, CNN])
def test_an_update_goes_down_the_own_loss_and_three_tenths_of_each_head(changes):
    trainer = Trainer(replace(SMALL, arms=(Arm("batch", trick="auxiliary"),), learning_rate=0.1, **changes))
    learner = trainer.learners["batch+auxiliary"]
    twin = copy.deepcopy(learner)
    (frame,) = trainer.step(measure=True)
    x, y = trainer.batch.x, trainer.batch.y
    first, second = thirds(trainer.config.depth)
    outputs = []
    for layers, head in zip((first, second), twin.heads.values(), strict=True):
        h = copy.deepcopy(twin.net[:layers])(x)
        assert isinstance(head, nn.Sequential)
        outputs.append(F.linear(h if h.dim() == 2 else h.mean((2, 3)), head[-1].weight, head[-1].bias))
    own = F.cross_entropy(twin.net(x), y)
    assert frame.train_loss == pytest.approx(own.item(), rel=1e-6)
    middle = copy.deepcopy(twin)  # the slow way: each loss by a pass of its own, gradients added up
    gradients = [torch.zeros_like(p) for p in twin.parameters()]
    for share, place in ((1.0, None), (HEAD_SHARE, 0), (HEAD_SHARE, 1)):
        middle.zero_grad()
        if place is None:
            loss = F.cross_entropy(middle.net(x), y)
        else:
            loss = F.cross_entropy(middle.heads[list(middle.heads)[place]](middle.net[: (first, second)[place]](x)), y)
            assert loss.item() == pytest.approx(F.cross_entropy(outputs[place], y).item(), rel=1e-5)
        loss.backward()
        for total, parameter in zip(gradients, middle.parameters(), strict=True):
            if parameter.grad is not None:
                total += share * parameter.grad
    for after, before, gradient in zip(learner.parameters(), twin.parameters(), gradients, strict=True):
        torch.testing.assert_close(after, before - 0.1 * gradient, atol=1e-6, rtol=1e-5)
    norms = [float(gradient.norm()) for (name, _), gradient in zip(twin.named_parameters(), gradients, strict=True)
             if name in (f"net.{i}.0.weight" for i in range(trainer.config.depth))]  # fmt: skip
    np.testing.assert_allclose(frame.grad_norm[:-1], norms, rtol=1e-4)


def test_losses_shift_and_landscape_are_of_the_network_without_its_heads():
    trainer = Trainer(replace(SMALL, arms=(Arm("batch", trick="auxiliary"),), landscape="0.5-4"))
    before = copy.deepcopy(trainer.models["batch+auxiliary"])
    (frame,) = trainer.step(measure=True)
    after, batch = trainer.models["batch+auxiliary"], trainer.batch
    pairs = shifted_gradients(before, after, batch.x, batch.y, F.cross_entropy)
    np.testing.assert_allclose(frame.ics_l2, [float((G - H).norm()) for G, H in pairs], rtol=1e-3, atol=1e-7)
    assert [weight_of(child).shape for child in before] == [G.shape for G, _ in pairs]
    steps = [0.5 * 0.5 * k for k in range(1, 9)]
    losses, changes, betas = landscape_by_copies(before, batch.x, batch.y, F.cross_entropy, steps)
    np.testing.assert_allclose(frame.landscape_loss, [min(losses), max(losses)], rtol=1e-4)
    np.testing.assert_allclose(frame.landscape_predictiveness, [min(changes), max(changes)], rtol=1e-3)
    assert frame.landscape_beta == pytest.approx(max(betas), rel=1e-3)
    logits = before.eval()(batch.x_test)
    assert frame.test_loss == pytest.approx(F.cross_entropy(logits, batch.y_test).item(), rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("changes", [{}, CNN])
def test_the_deep_net_starts_with_what_the_shallow_one_has_learned(optimizer, changes):
    config = replace(SMALL, arms=(Arm("batch", trick="pretrain"),), optimizer=optimizer, learning_rate=0.05, **changes)
    drawn = weights(Trainer(replace(config, arms=(Arm("batch"),))).models["batch"])
    trainer = Trainer(config)
    for _ in range(10):
        assert len(trainer.models["batch+pretrain"]) == 3
        trainer.step()
    running = trainer._arms["batch+pretrain"]
    learned = copy.deepcopy(trainer.models["batch+pretrain"])
    memory = {parameter: dict(state) for parameter, state in running._optimizer.state.items()}
    trainer.grow()
    assert trainer.events == [Event(10, "grow", "batch+pretrain", {"depth": str(config.depth)})]
    deep = trainer.models["batch+pretrain"]
    assert str(deep) == str(Trainer(replace(config, arms=(Arm("batch"),))).models["batch"])
    for mine, child in zip([deep[0], deep[1], deep[-1]], learned, strict=True):
        for one, two in zip(mine.state_dict().values(), child.state_dict().values(), strict=True):
            assert torch.equal(one, two)
    for place in range(2, config.depth):
        assert torch.equal(weight_of(deep[place]), drawn[place])
    for parameter, state in memory.items():
        assert all(running._optimizer.state[parameter][name] is value for name, value in state.items())
    before = [weight.clone() for weight in weights(deep)]
    trainer.step()
    assert all(not torch.equal(one, two) for one, two in zip(before, weights(deep), strict=True))  # all of it trains
    assert len(trainer.events) == 1


def test_a_third_of_the_layers_for_a_fifth_of_the_steps():
    assert [pretraining_steps(steps) for steps in (1, 9, 50, 1000, 1500, 10**6)] == [1, 1, 10, 200, 300, 300]
    assert [shallow_depth(depth) for depth in (2, 3, 4, 5, 6, 50)] == [1, 1, 1, 2, 2, 17]
    assert [thirds(depth) for depth in (3, 4, 5, 6, 8)] == [(1, 2), (1, 3), (2, 3), (2, 4), (3, 5)]


def test_layers_to_come_have_empty_rows():
    config = replace(SMALL, arms=ARMS[1:], measure_every=1, steps=15, landscape="0.5-4")
    for item in record(Trainer(config)):
        if isinstance(item, Event):
            assert item.step == 3
            continue
        helped, frame = item
        assert isinstance(frame, Frame)
        there = [True] * 7 if frame.step >= 3 else [True, True, False, False, False, False, True]
        assert frame.layers == helped.layers == layer_names(config)
        assert list(frame.present) == there
        assert not frame.diverged
        assert list(frame.input_hist.sum(1) > 0) == list(frame.preactivation_hist.sum(1) > 0) == there
        for name in ("input_mean", "preactivation_percentiles", "saturated", "grad_norm", "update_ratio", "ics_l2"):
            row = np.isfinite(np.asarray(getattr(frame, name)).reshape(7, -1)).all(1)
            assert list(row)[:-1] == there[:-1], name
        assert np.isfinite(frame.landscape_loss).all()
        np.testing.assert_array_equal(frame.input_range, helped.input_range)


def test_watching_changes_no_bit():
    config = replace(SMALL, arms=(*ARMS, Arm("batch", True, "pretrain"), Arm("batch", True, "auxiliary")))
    ends = []
    for every in (None, 1, 3):
        trainer = Trainer(replace(config, landscape="0.5-4"))
        for step in range(25):
            trainer.step(measure=every is not None and step % every == 0)
        ends.append([value for each in trainer.learners.values() for value in each.state_dict().values()])
    for one, two in pairwise(ends):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.filterwarnings("error")
def test_a_run_with_empty_rows_is_recorded_told_and_drawn(tmp_path, capsys):
    out = tmp_path / "run.arrow"
    settings = ("arms=none,none+auxiliary,none+pretrain,batch", "steps=50", "measure_every=4", "landscape=0.5-4")
    assert main(["run", *(part for each in settings for part in ("--set", each)), "--out", str(out)]) == 0
    assert "none+pretrain" in capsys.readouterr().out
    recording = Recording.load(out)
    assert [(event.step, event.kind) for event in recording.events] == [(10, "grow")]
    steps = list(recording.steps())
    shallow = steps[1][2]
    assert list(shallow.present) == [True, True, False, False, False, False, True]
    table = recording.to_dataframe().query("arm == 'none+pretrain'").set_index(["step", "layer"])["grad_norm"]
    assert list(table.isna()[4]) == list(~shallow.present)
    assert not table[12].isna().any()
    for count in (1, 2, len(steps)):
        events = [event for event in recording.events if event.step <= steps[count - 1][0].step]
        findings(recording.config, steps[:count], events)
        assert sentence(recording.config, steps[:count], events)
        scene = Scene(recording.config, steps[:count], events, steps[count - 1], classes=10)
        for tab in TABS:
            json.dumps([figures(scene, View(tab=tab, layer=3)), patch(scene, View(tab=tab), series=True)])
