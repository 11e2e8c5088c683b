"""Whatever happens, the user's loop goes on, and what was measured is kept."""

from __future__ import annotations

import gc
import logging

import numpy as np
import pytest
import torch
from torch import nn

import bnviz
from bnviz.recording import Recording
from bnviz.serve.follow import still_written
from bnviz.watching import pace, seen
from bnviz.watching.pace import Pace
from tests.watching.nets import Block, loop, made, mlp


def step(model, optimizer, loss, make_x):
    optimizer.zero_grad()
    loss(model(make_x()), torch.randint(0, 10, (16,))).backward()
    optimizer.step()


def parts(name="mlp"):
    model, make_x = made(name)
    return model, torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss(), make_x


class Full:
    """A file on a disk that is full after so many writes."""

    def __init__(self, file, writes):
        self.file, self.left = file, writes

    def write(self, data):
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        return self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_full_disk_is_said_once_and_all_before_it_is_kept(tmp_path, caplog):
    everything = parts()
    watch = bnviz.watch(*everything[:3], every=1, out=tmp_path / "run.arrow")
    watch._out._sink = Full(watch._out._sink, 4)  # schema, the empty batch, and two frames
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            step(*everything)
        watch.close()
    assert watch.problems == [f"from here on {tmp_path / 'run.arrow'} is not written: No space left on device"]
    assert len(caplog.records) == 1
    assert [each.step for each in Recording.load(tmp_path / "run.arrow").frames] == [0, 1]
    assert len(watch.recording.frames) == 5


def test_closing_twice_and_looking_later(tmp_path):
    everything = parts()
    watch = bnviz.watch(*everything[:3], every=1, out=tmp_path / "run.arrow")
    step(*everything)
    watch.close()
    size = (tmp_path / "run.arrow").stat().st_size
    watch.close()
    assert (tmp_path / "run.arrow").stat().st_size == size
    assert watch.problems == []
    step(*everything)
    assert len(watch.recording.frames) == 1
    assert f"bnviz open {tmp_path / 'run.arrow'}" in watch._repr_html_()


def test_a_watch_that_nobody_closes_leaves_a_whole_file(tmp_path):
    everything = list(parts())
    bnviz.watch(*everything[:3], every=1, out=tmp_path / "run.arrow")
    for _ in range(3):
        step(*everything)
    assert still_written(tmp_path / "run.arrow")
    everything.clear()
    gc.collect()
    assert not still_written(tmp_path / "run.arrow")
    assert [each.step for each in Recording.load(tmp_path / "run.arrow").frames] == [0, 1, 2]


def test_two_models_at_once_and_one_model_twice():
    first, second = parts(), parts("resnet")
    with (
        bnviz.watch(*first[:3], every=1) as one,
        bnviz.watch(*second[:3], every=1) as other,
        bnviz.watch(*first[:3], every=2) as again,
    ):
        for _ in range(3):
            step(*first)
            step(*second)
    assert one.problems == other.problems == again.problems == []
    assert [len(each.recording.frames) for each in (one, other, again)] == [3, 3, 2]
    assert other.recording.frames[0].layers[0] == "stem"
    for ours, theirs in zip(one.recording.frames[::2], again.recording.frames, strict=True):
        assert ours.train_loss == theirs.train_loss
        np.testing.assert_array_equal(ours.input_hist, theirs.input_hist)
        np.testing.assert_array_equal(ours.ics_l2, theirs.ics_l2)
    assert not first[0]._forward_hooks
    assert not first[1]._optimizer_step_post_hooks


def test_a_forward_that_fails_leaves_no_hooks_inside():
    model, optimizer, loss, make_x = parts("resnet")
    with bnviz.watch(model, optimizer, loss, every=1) as watch:
        step(model, optimizer, loss, make_x)
        with pytest.raises(RuntimeError):
            model(torch.randn(16, 3, 6, 6))
        step(model, optimizer, loss, make_x)
    assert len(watch.recording.frames) == 2
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())


def test_a_single_layer_is_a_model():
    model = nn.Linear(8, 10)
    _, _, watch, _ = loop(model, lambda: torch.randn(16, 8), watched={"every": 1})
    assert watch.problems == []
    assert watch.recording.frames[-1].layers == ("Linear",)
    assert all(np.isfinite(each.input_std).all() for each in watch.recording.frames)


def test_hooks_see_what_running_the_forward_again_shows():
    """The first step is seen on the copy, later ones inside the model: with a net that stands still, it is the same."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        Block(6),
        nn.Flatten(),
        nn.Linear(216, 10),
    )
    x, y, loss = torch.randn(16, 1, 6, 6), torch.randint(0, 10, (16,)), nn.CrossEntropyLoss()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.Dropout)):
            module.eval()
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with bnviz.watch(model, optimizer, loss, every=1) as watch:
        for _ in range(2):
            loss(model(x), y).backward()
            optimizer.step()
    first, second = watch.recording.frames
    for name in ("input_hist", "preactivation_hist", "unit_percentiles", "dead", "running_mean_gap", "input_std"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_only_samples_and_numbers_travel_to_the_cpu(monkeypatch):
    """What is as large as a layer's maps or weights is looked at where it is."""
    moved = []
    real = {name: getattr(torch.Tensor, name) for name in ("cpu", "numpy")}
    for name, method in real.items():
        monkeypatch.setattr(
            torch.Tensor, name, lambda self, *a, method=method, **k: moved.append(self.numel()) or method(self, *a, **k)
        )
    model = nn.Sequential(nn.Linear(300, 300), nn.BatchNorm1d(300), nn.ReLU(), nn.Linear(300, 10))
    loop(model, lambda: torch.randn(16, 300), steps=3, watched={"every": 1})
    assert moved
    # Samples of the two layers may stand in one array.
    assert max(moved) <= 2 * seen.MOST_VALUES < 300 * 300


def test_ics_keeps_to_its_share_after_the_grace(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    held = Pace(1, None, None)
    spent, measured = 0.0, []
    for count in range(2000):  # a step takes 0.1 s, ICS another 0.5 s
        with held.measuring():
            due = held.ics_due(count)
            measured.append(due)
            if due:
                with held.measuring_ics(count):
                    now[0] += 0.5
                    spent += 0.5
        now[0] += 0.1
        assert spent <= pace.ICS_GRACE + 0.5 + pace.ICS_SHARE * now[0]
    assert all(measured[:6])
    assert 0 < sum(measured[1000:]) <= pace.ICS_SHARE * 1000 * 0.1 / 0.5 * 1.1 + 1
    told = Pace(1, 7, None)
    due = []
    for count in range(20):
        if told.ics_due(count):
            due.append(count)
            with told.measuring_ics(count):
                now[0] += 100
    assert due == [0, 7, 14]


def test_a_loss_module_that_is_never_called_is_said():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bnviz.watch(model, optimizer, nn.CrossEntropyLoss(), every=1) as watch:
        nn.functional.cross_entropy(model(torch.randn(16, 8)), torch.randint(0, 10, (16,))).backward()
        optimizer.step()
    assert watch.problems == [
        "the loss module was not called with what the model returned, so ICS and losses are not measured"
    ]
