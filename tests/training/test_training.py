from __future__ import annotations

import copy
import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from bnviz.config import Arm, RunConfig
from bnviz.data import load
from bnviz.frames import Event, quantities
from bnviz.training import Trainer, record, train
from bnviz.training.batches import batches

SMALL = RunConfig(depth=3, width=16, batch_size=64, steps=60, measure_every=20)


def state_of(trainer: Trainer) -> list[torch.Tensor]:
    return [t.clone() for model in trainer.models.values() for t in model.state_dict().values()]


def trained(config: RunConfig, every: int | None, steps: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    trainer = Trainer(config)
    for step in range(steps):
        trainer.step(measure=every is not None and step % every == 0)
    return state_of(trainer), torch.get_rng_state()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_measuring_changes_no_bit(optimizer):
    rate = 0.5 if optimizer == "sgd" else 0.01
    config = replace(SMALL, optimizer=optimizer, learning_rate=rate)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    off, every, tenth = (trained(config, k, 200) for k in (None, 1, 10))
    walked = trained(replace(config, landscape="0.01-30"), 10, 200)
    for other in (every, tenth, walked):
        assert torch.equal(other[1], before)
        for one, two in zip(off[0], other[0], strict=True):
            assert torch.equal(one, two)


def test_two_runs_of_one_config_give_identical_frames():
    for one, two in zip(train(SMALL), train(SMALL), strict=True):
        assert (one.step, one.arm) == (two.step, two.arm)
        for q in quantities(len(one.layers)):
            np.testing.assert_array_equal(getattr(one, q.name), getattr(two, q.name))


@pytest.mark.parametrize(("loss", "share"), [("squared_error", 64), ("mean_squared_error", 1 / 10)])
def test_squared_error_of_classes_is_that_of_one_hot_targets(loss, share):
    trainer = Trainer(replace(SMALL, loss=loss, learning_rate=0.001, arms=(Arm("batch"),)))
    before = copy.deepcopy(trainer.models["batch"])
    (frame,) = trainer.step(measure=True)
    data = load("digits")
    rows = next(batches(len(data.x_train), SMALL.batch_size, SMALL.seed))
    outputs, y = before(data.x_train[rows].flatten(1)).tolist(), data.y_train[rows].tolist()
    total = sum((out - (c == right)) ** 2 for row, right in zip(outputs, y, strict=True) for c, out in enumerate(row))
    assert frame.train_loss == pytest.approx(total / 64 * share, rel=1e-5)
    hits = sum(max(range(10), key=row.__getitem__) == right for row, right in zip(outputs, y, strict=True))
    assert frame.train_accuracy == hits / 64


def test_the_seed_decides():
    first, other = (next(iter(train(replace(SMALL, seed=seed)))) for seed in (0, 1))
    assert first.train_loss != other.train_loss


def test_one_frame_per_arm_for_each_measured_step():
    config = replace(SMALL, arms=(Arm("batch"), Arm("none"), Arm("layer")))
    frames = list(train(config))
    assert [(f.step, f.arm) for f in frames] == [(s, a) for s in (0, 20, 40) for a in ("batch", "none", "layer")]
    assert len(list(islice(train(config), 3))) == 3


def test_all_arms_start_from_the_same_weights_and_see_the_same_batches():
    trainer = Trainer(replace(SMALL, arms=(Arm("none"), Arm("batch"), Arm("rms"))))
    weights = [[layer[0].weight for layer in list(model)[:-1]] for model in trainer.models.values()]
    for layer in zip(*weights, strict=True):
        assert torch.equal(layer[0], layer[1])
        assert torch.equal(layer[0], layer[2])
    frames = trainer.step(measure=True)
    assert frames[0].input_mean[0] == frames[1].input_mean[0] == frames[2].input_mean[0]
    np.testing.assert_array_equal(frames[0].input_hist[0], frames[1].input_hist[0])


def test_a_step_is_one_plain_sgd_update():
    trainer = Trainer(replace(SMALL, batch_size=4096, arms=(Arm("none"),)))
    model, data = trainer.models["none"], load("digits")
    loss = torch.nn.functional.cross_entropy(model(data.x_train.flatten(1)), data.y_train)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    expected = [p.detach() - 0.5 * g for p, g in zip(model.parameters(), gradients, strict=True)]
    trainer.step()
    for one, two in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(one.detach(), two)
    assert trainer.step_count == 1


def test_the_default_preset_shows_what_it_is_for():
    frames = list(train(RunConfig(steps=301, measure_every=100)))
    plain, batch = frames[-2:]
    assert plain.train_loss == pytest.approx(math.log(10), abs=0.06)
    assert plain.test_accuracy < 0.2
    assert plain.grad_norm[0] < plain.grad_norm[5] / 100
    assert batch.test_accuracy > 0.95
    assert np.median(batch.ics_relative[1:]) > 100 * np.median(plain.ics_relative[1:])
    assert plain.ics_l2[0] == batch.ics_l2[0] == 0


def test_batchnorm_goes_in_and_out_of_a_running_network_with_its_weights():
    trainer = Trainer(SMALL)
    for _ in range(30):
        trainer.step()
    model = trainer.models["none"]
    weights = [layer[0].weight.detach().clone() for layer in list(model)[:-1]]
    spread = trainer.step(measure=True)[0].preactivation_percentiles
    event = trainer.change(arm="none", normalization="batch")
    assert event == Event(31, "change", "none", {"normalization": "batch"})
    assert trainer.events == [event]
    assert trainer.models["none"] is model
    after = trainer.step(measure=True)
    for layer, weight in zip(list(model)[:-1], weights, strict=True):
        norm = layer[1]
        assert isinstance(norm, torch.nn.BatchNorm1d)
        assert (layer[0].weight - weight).abs().max() < 0.2  # two updates away, not drawn anew
    # gamma 1, beta 0: the first frame after it has the spread of standardized values, whatever it was before.
    assert (after[0].preactivation_percentiles[:-1, 2] > 0.5).all()
    assert (np.abs(after[0].preactivation_percentiles[:-1, 1]) < 0.5).all()
    assert (spread[1:-1, 2] - spread[1:-1, 0] < 1.9).all()
    trainer.change(arm="none", normalization="none")
    trainer.step(measure=True)
    assert not any(isinstance(module, torch.nn.BatchNorm1d) for module in model.modules())
    assert [event.step for event in trainer.events] == [31, 32]


def test_the_other_arm_does_not_notice_a_change():
    plain, changed = Trainer(SMALL), Trainer(SMALL)
    for step in range(20):
        if step == 10:
            changed.change(arm="none", normalization="batch")
        plain.step()
        changed.step(measure=step > 10)
    for one, two in zip(plain.models["batch"].parameters(), changed.models["batch"].parameters(), strict=True):
        assert torch.equal(one, two)


def test_a_learning_rate_changes_at_once_for_the_arms_that_have_none_of_their_own():
    trainer = Trainer(replace(SMALL, arms=(Arm("none"), Arm("batch", learning_rate=0.25))))
    trainer.change(learning_rate=0.0)
    before = state_of(trainer)
    trainer.step()
    after = state_of(trainer)
    count = len(trainer.models["none"].state_dict())
    assert all(torch.equal(a, b) for a, b in zip(before[:count], after[:count], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before[count:], after[count:], strict=True))
    trainer.change(arm="batch@0.25", learning_rate=None)
    frozen = state_of(trainer)[count]
    trainer.step()
    assert torch.equal(frozen, state_of(trainer)[count])


def test_a_fork_goes_on_from_where_its_arm_is():
    trainer = Trainer(SMALL)
    for _ in range(10):
        trainer.step()
    label = trainer.fork("none", normalization="batch", learning_rate=0.1)
    assert label == "batch@0.1"
    same = trainer.fork("batch")
    assert same == "batch (2)"
    one, two = trainer.models["batch"], trainer.models[same]
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    frames = trainer.step(measure=True)
    assert [f.arm for f in frames] == ["none", "batch", label, same]
    assert frames[1].train_loss == frames[3].train_loss
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [event.kind for event in trainer.events] == ["fork", "fork"]


def test_divergence_is_flagged_at_its_step_and_the_rest_goes_on():
    config = RunConfig(activation="relu", init="he", learning_rate=1.0, steps=101, measure_every=50)
    items = list(record(Trainer(config)))
    diverged = [item for item in items if isinstance(item, Event)]
    assert [(event.kind, event.arm) for event in diverged] == [("diverged", "none")]
    plain, batch = [item for item in items if not isinstance(item, Event)][-1]
    assert math.isnan(plain.train_loss)
    assert plain.diverged
    assert np.isnan(plain.ics_l2[1:]).all()
    assert batch.test_accuracy > 0.9
    slow = Trainer(replace(config, measure_every=1))
    first = next(step for step in range(100) if not math.isfinite(slow.step(measure=True)[0].train_loss))
    assert diverged[0].step == first


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.change(depth=3), "depth of a running network cannot change"),
        (
            lambda t: t.change(arm="nobody", normalization="batch"),
            "Unknown arm 'nobody'. Arms of this run: none, batch",
        ),
        (lambda t: t.change(arm="none", normalization="bach"), "normalization must be one of"),
        (lambda t: t.change(learning_rate=-1), "learning_rate must be a number from 0 to 1000, got -1"),
        (lambda t: t.fork("none", trick="pretrain"), "trick of a fork cannot change"),
    ],
)
def test_a_wrong_change_is_refused_and_nothing_happens(call, words):
    trainer = Trainer(SMALL)
    config = trainer.config
    with pytest.raises(ValueError, match=words):
        call(trainer)
    assert trainer.events == []
    assert trainer.config == config
    trainer.step()


@pytest.mark.parametrize("dataset", ["iris", "wine", "breast_cancer", "moons", "circles", "spiral"])
def test_every_set_at_hand_trains(dataset):
    config = RunConfig(
        dataset=dataset, depth=2, width=16, activation="tanh", learning_rate=0.1, steps=301, measure_every=300
    )
    first, last = list(train(config))[1::2]
    assert last.train_loss < first.train_loss
