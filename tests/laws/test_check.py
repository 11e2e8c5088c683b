"""`bnviz check`: its table, its exit status, and that each deliberate mistake in our numbers makes it fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz import cli, ics, laws, models
from bnviz.ics import stacked
from bnviz.laws import Result

ICS = {10, 11, 12}
BATCHNORM = {1, 2, 3, 4, 14}


def failing(only: set[int]) -> dict[int, str]:
    return {result.number: result.measured for result in laws.run(only) if not result.passed}


@pytest.mark.long
@pytest.mark.timeout(600)  # of a busy machine
def test_all_laws_hold() -> None:
    random = torch.get_rng_state()
    results = list(laws.run())
    assert [(result.number, result.measured) for result in results if not result.passed] == []
    assert [result.number for result in results] == list(range(1, 27))
    assert torch.equal(torch.get_rng_state(), random)


Stacked = Callable[..., list[stacked.Gradients]]


def with_own_update(stacked: Stacked) -> Stacked:
    """G' of layer i with layer i itself after the update, too."""

    def broken(old, new, x, y, loss_fn, known=None):
        pairs = stacked(old, new, x, y, loss_fn, known)
        for i, (G, _) in enumerate(pairs):
            mixed = [*new[: i + 1], *old[i + 1 :]]
            pairs[i] = (G, stacked(mixed, mixed, x, y, loss_fn)[i][0])
        return pairs

    return broken


def on_another_batch(stacked: Stacked) -> Stacked:
    """G' from other samples than G."""

    def broken(old, new, x, y, loss_fn, known=None):
        G = stacked(old, new, x, y, loss_fn, known)
        other = stacked(old, new, x.flip(0), y, loss_fn)
        return [(a[0], b[1]) for a, b in zip(G, other, strict=True)]

    return broken


@pytest.mark.parametrize("mistake", [with_own_update, on_another_batch])
def test_a_wrong_definition_of_ics_is_caught(mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ics, "gradients_by_stacking", mistake(stacked.gradients_by_stacking))
    assert {11, 12} <= set(failing(ICS))


def test_ics_in_eval_mode_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = stacked._apply

    def running(module: nn.Module, twin: nn.Module, h: Tensor) -> Tensor:
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            values = (module.running_mean, module.running_var, module.weight.detach(), module.bias.detach())
            return F.batch_norm(h.flatten(0, 1), *values, training=False, eps=module.eps).view_as(h)
        return apply(module, twin, h)

    monkeypatch.setattr(stacked, "_apply", running)
    assert {11, 12} <= set(failing(ICS))


def test_ics_in_eval_mode_is_caught_where_layers_are_run_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    isolated = ics._isolated
    monkeypatch.setattr(ics, "_isolated", lambda model: isolated(model).eval())
    assert {11, 12} <= set(failing(ICS))


class UnbiasedBatchNorm(nn.BatchNorm1d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * ((len(input) - 1) / len(input)) ** 0.5


class GammaIgnored(nn.BatchNorm1d):
    def forward(self, input: Tensor) -> Tensor:
        return F.batch_norm(input, self.running_mean, self.running_var, None, self.bias, self.training, 0.1, self.eps)


@pytest.mark.parametrize(("broken", "by"), [(UnbiasedBatchNorm, 1), (GammaIgnored, 4)])
def test_a_broken_batchnorm_is_caught(broken: type, by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = models.normalization_layer

    def wrong(name, channels, *, conv=False, **options):
        if name == "batch" and not conv:
            return broken(channels)
        return right(name, channels, conv=conv, **options)

    monkeypatch.setattr(models, "normalization_layer", wrong)
    assert by in failing(BATCHNORM)


def test_an_error_is_a_failure_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*args: object, **options: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(ics, "gradients_by_stacking", explode)
    results = list(laws.run({11, 13}))
    assert [result.passed for result in results] == [False, True]
    assert results[0].measured == "RuntimeError: no such thing"


ROW = Result(12, "A law of many words " * 4, "Somebody 2015", "0 ± 1e-11", "RuntimeError: " + "x" * 40, True, 1.25)


@pytest.mark.parametrize("failed", [False, True])
def test_the_command(failed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [ROW, replace(ROW, number=13, passed=not failed)]
    monkeypatch.setattr(laws, "run", lambda only: iter(rows))
    assert cli.main(["check"]) == (1 if failed else 0)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].startswith("12  A law of many words")
    assert sum("FAIL" in line for line in lines) == failed
    assert lines[-1] == ("1 of 2 laws hold (2 s)" if failed else "2 of 2 laws hold (2 s)")


def test_chosen_laws_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--json", "--only", "20", "9", "20"]) == 0
    results = [Result(**json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    expected = list(laws.run({9, 20}))
    assert [replace(result, seconds=0) for result in results] == [replace(result, seconds=0) for result in expected]
    assert [(result.number, result.total) for result in results] == [(9, 2), (20, 2)]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_an_unknown_law_is_said(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", *flags, "--only", "1", "27"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "bnviz: only must name laws from 1 to 26, got 27.\n")
