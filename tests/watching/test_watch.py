from __future__ import annotations

import copy
import io
import logging
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import bnviz
from tests.watching.nets import NETS, Shared, loop, made, mlp


def tensors(model, optimizer, state):
    kept = [value for each in optimizer.state.values() for value in each.values() if isinstance(value, torch.Tensor)]
    gradients = [each.grad for each in model.parameters()]
    return [*model.state_dict().values(), *gradients, *kept, state]


@pytest.mark.parametrize("name", NETS)
def test_a_watched_loop_is_bit_for_bit_an_unwatched_one(name):
    model, optimizer, _, state = loop(*made(name))
    twin, twins, watch, twin_state = loop(*made(name), watched={"every": 1})
    assert watch.problems == []
    assert len(watch.recording.frames) == 4
    pairs = zip(tensors(model, optimizer, state), tensors(twin, twins, twin_state), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in twin.modules())
    assert [each.training for each in model.modules()] == [each.training for each in twin.modules()]


def test_what_is_measured_is_what_a_plain_loop_finds():
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = torch.randn(16, 8), torch.randint(0, 10, (16,))
    old = model[3].weight.detach().clone()
    with bnviz.watch(model, optimizer, loss_fn := nn.CrossEntropyLoss(), every=1) as watch:
        logits = model(x)
        loss = loss_fn(logits, y)
        loss.backward()
        optimizer.step()
    (frame,) = watch.recording.frames
    assert frame.layers == ("0", "3", "5")
    assert frame.train_loss == pytest.approx(loss.item(), rel=1e-6)
    assert frame.train_accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())
    np.testing.assert_allclose(frame.grad_norm, [model[i].weight.grad.norm().item() for i in (0, 3, 5)], rtol=1e-5)
    np.testing.assert_allclose(frame.input_mean[0], x.mean().item(), atol=1e-6)
    np.testing.assert_allclose(frame.input_std[0], x.std(correction=0).item(), rtol=1e-5)
    assert frame.input_hist.sum(1).tolist() == [128, 128, 128]
    ratio = np.log10(((model[3].weight - old).std(correction=0) / old.std(correction=0)).item())
    assert frame.update_ratio[1] == pytest.approx(ratio, rel=1e-4)
    assert np.isfinite(frame.running_mean_gap[0])
    assert np.isnan(frame.running_mean_gap[1:]).all()
    assert np.isfinite(frame.saturated[0])
    assert 0 <= frame.dead[1] <= 1


def test_a_file_as_it_grows_is_a_recording(tmp_path):
    out = tmp_path / "run.arrow"
    model, make_x = made("resnet")
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
    watch = bnviz.watch(model, optimizer, loss, every=2, out=out)
    for count in range(1, 5):
        loss(model(make_x()), torch.randint(0, 10, (16,))).backward()
        optimizer.step()
        assert [each.step for each in bnviz.Recording.load(out).frames] == [0, 2][: (count + 1) // 2]
    watch.close()
    recording = bnviz.Recording.load(out)
    assert recording.config is None
    assert recording.frames[0].arm == "ResNet"
    assert len(recording.to_dataframe()) == 2 * 6


def test_gradients_are_those_that_the_optimizer_finds():
    """After accumulation over two batches and clipping; the batch that is measured is the last."""
    torch.manual_seed(0)
    model, loss = mlp(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bnviz.watch(model, optimizer, loss, every=1) as watch:
        for _ in range(2):
            x = torch.randn(16, 8)
            loss(model(x), torch.randint(0, 10, (16,))).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        norms = [model[i].weight.grad.norm().item() for i in (0, 3, 5)]
        optimizer.step()
    (frame,) = watch.recording.frames
    np.testing.assert_allclose(frame.grad_norm, norms, rtol=1e-5)
    np.testing.assert_allclose(frame.input_mean[0], x.mean().item(), atol=1e-6)


def test_a_loss_function_is_watched_through_a_wrapper():
    torch.manual_seed(0)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bnviz.watch(model, optimizer, F.cross_entropy, every=1) as watch:
        loss_fn = watch.loss(F.cross_entropy)
        loss_fn(model(torch.randn(16, 8)), torch.randint(0, 10, (16,))).backward()
        optimizer.step()
    assert watch.problems == []
    assert np.isfinite(watch.recording.frames[0].ics_l2).all()


def test_a_model_may_compute_its_own_loss():
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, x, labels):
            return {"loss": F.cross_entropy(self.net(x), labels)}

    model = Whole()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with bnviz.watch(model, optimizer, every=1) as watch:
        model(torch.randn(16, 8), labels=torch.randint(0, 10, (16,)))["loss"].backward()
        optimizer.step()
    assert np.isfinite(watch.recording.frames[0].ics_l2).all()


def test_evaluation_in_between_is_not_training():
    model, make_x = made("mlp")
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
    with bnviz.watch(model, optimizer, loss, every=1) as watch:
        for _ in range(3):
            x, y = make_x(), torch.randint(0, 10, (16,))
            value = loss(model(x), y)
            value.backward()
            model.eval()
            loss(model(make_x()), y)
            with torch.no_grad():
                loss(model(make_x()), y)
            model.train()
            optimizer.step()
            assert watch.recording.frames[-1].train_loss == pytest.approx(value.item(), rel=1e-5)
    assert watch.problems == []


def test_frozen_layers_autocast_and_several_optimizers():
    model, make_x = made("resnet")
    model.stem.requires_grad_(False)
    loss = nn.CrossEntropyLoss()
    optimizers = [torch.optim.SGD(model.blocks.parameters(), 0.1), torch.optim.Adam(model.fc.parameters(), 0.01)]
    with bnviz.watch(model, optimizers, loss, every=1) as watch:
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(model(make_x()), torch.randint(0, 10, (16,)))
        value.backward()
        for each in optimizers:
            each.step()
    assert watch.problems == []
    (frame,) = watch.recording.frames
    assert frame.train_loss == pytest.approx(value.item(), rel=1e-3)
    assert frame.grad_norm[0] == 0
    assert frame.update_ratio[0] == -np.inf
    assert (frame.ics_l2[:2] == 0).all()
    assert (frame.ics_l2[2:] > 0).all()
    assert not frame.diverged


def test_a_compiled_model_is_measured_through_the_one_it_was_made_of():
    model, make_x = made("mlp")
    compiled = torch.compile(model, backend="eager")
    _, _, watch, _ = loop(compiled, make_x, watched={"every": 2})
    assert watch.problems == []
    assert [each.step for each in watch.recording.frames] == [0, 2]
    assert watch.recording.frames[0].layers == ("0", "3", "5")


def test_an_exception_in_the_loop_passes_through_and_keeps_what_was_measured(tmp_path):
    model, make_x = made("mlp")
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
    with pytest.raises(KeyError), bnviz.watch(model, optimizer, loss, every=1, out=tmp_path / "a.arrow"):  # noqa: PT012
        loss(model(make_x()), torch.randint(0, 10, (16,))).backward()
        optimizer.step()
        raise KeyError
    assert len(bnviz.Recording.load(tmp_path / "a.arrow").frames) == 1
    assert not model._forward_hooks


def test_a_copy_of_a_watched_model_is_not_watched():
    model, make_x = made("mlp")
    optimizer, loss = torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()
    with bnviz.watch(model, optimizer, loss, every=1) as watch:
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        for twin in (copy.deepcopy(model), torch.load(file, weights_only=False)):
            x, y = make_x(), torch.randint(0, 10, (16,))
            value = loss(model(x), y)
            value.backward()
            twin(make_x())
            optimizer.step()
            assert watch.recording.frames[-1].train_loss == pytest.approx(value.item(), rel=1e-5)
    assert watch.problems == []


def test_an_error_of_ours_is_said_once_and_the_loop_goes_on(monkeypatch, caplog):
    monkeypatch.setattr("bnviz.watching.loop.frame", lambda *args: 1 / 0)
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        model, _, watch, _ = loop(*made("mlp"), watched={"every": 1})
    assert len(watch.problems) == 1
    assert "ZeroDivisionError" in watch.problems[0]
    assert len(caplog.records) == 1
    assert not model._forward_hooks


def test_layers_can_be_chosen_by_pattern_and_ics_be_measured_less_often():
    model, make_x = made("resnet")
    everything = loop(model, make_x, watched={"every": 1})[2].recording.frames
    some = loop(*made("resnet"), watched={"every": 1, "layers": "*.conv2", "ics_every": 2})[2].recording.frames
    assert some[0].layers == ("blocks.0.conv2", "blocks.1.conv2")
    np.testing.assert_allclose(some[0].ics_l2, everything[0].ics_l2[[2, 4]])
    assert [bool(np.isnan(each.ics_l2).all()) for each in some] == [False, True, False, True]


def test_a_budget_makes_measuring_rarer():
    def steps(**how):
        watch = loop(*made("resnet"), steps=60, watched={"every": 1, **how})[2]
        return len(watch.recording.frames), watch

    often, free = steps()
    rarely, bound = steps(budget=0.2)
    assert often == 60
    assert rarely < 40
    assert 0 < bound.share < free.share


def test_what_the_forward_pass_does_not_use_is_left_out_and_said():
    model = Shared()
    model.spare = nn.Linear(3, 3)
    watch = loop(model, lambda: torch.randn(16, 8), watched={"every": 2})[2]
    assert watch.recording.frames[0].layers == ("first", "twice", "late")
    assert watch.problems == ["spare is left out: the first forward pass did not use it"]


def test_attention_and_embeddings_are_layers():
    _, _, watch, _ = loop(*made("transformer"), watched={"every": 2})
    attention = ("block.self_attn", "block.self_attn.out_proj")
    assert watch.recording.frames[0].layers == ("embed", *attention, "block.linear1", "block.linear2", "head")
