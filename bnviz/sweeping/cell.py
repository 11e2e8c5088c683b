"""One cell of a sweep: trained wherever an executor has it, and what came of it, as values that travel."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import torch

from bnviz.config import RunConfig
from bnviz.frames import Event, Frame
from bnviz.models.copies import told
from bnviz.recording import Recording
from bnviz.sweeping.outcome import Keep, Outcome
from bnviz.training import Trainer, record
from bnviz.verdict.signs import gradient_rate

LEARNED = 0.9
"""Test accuracy from which on a net has learned: `steps_to_90`."""


def run_cell(query: str, keep: Keep) -> Outcome:
    """Train a config, given as a link has it. What it raises is an outcome as well."""
    began, threads = time.perf_counter(), torch.get_num_threads()
    torch.set_num_threads(1)  # as everywhere: the same config gives the same frames
    try:
        config = RunConfig.from_query(query)
        frames: list[Frame] = []
        trainer = Trainer(config)
        for item in record(trainer):
            if not isinstance(item, Event):
                frames += item
        rows = tuple(row([each for each in frames if each.arm == arm], trainer.events) for arm in config.labels)
        kept = frames if keep == "all" else frames[-len(config.labels) :]
        data = b"" if keep == "summary" else _written(config, kept, trainer.events)
    except Exception as error:  # noqa: BLE001  a result, with its reason; the other cells go on
        return Outcome(error=told(error), seconds=round(time.perf_counter() - began, 3))
    finally:
        torch.set_num_threads(threads)
    return Outcome(rows, "", round(time.perf_counter() - began, 3), data)


def row(frames: Sequence[Frame], events: Sequence[Event]) -> dict[str, Any]:
    """What a run has made of one arm, at its last measured step.

    `diverged_at`: the step from which on there is no loss, NaN: none. `steps_to_90`: the first measured step with a
    test accuracy of `LEARNED`, NaN: never. `ics_relative`: median over the layers behind the first (Santurkar et al.
    2018, Definition 2.1). `gradient_rate`: the factor by which gradients fall with each layer toward the input.
    """
    last = frames[-1]
    diverged = [event.step for event in events if event.kind == "diverged" and event.arm == last.arm]
    learned = [frame.step for frame in frames if frame.test_accuracy >= LEARNED]
    shift = last.ics_relative[1:]
    found = {
        "arm": last.arm, "step": last.step, "train_loss": last.train_loss, "test_loss": last.test_loss,
        "train_accuracy": last.train_accuracy, "test_accuracy": last.test_accuracy,
        "diverged_at": float(diverged[0]) if diverged else nan, "steps_to_90": float(learned[0]) if learned else nan,
        "ics_relative": float(np.nanmedian(shift)) if np.isfinite(shift).any() else nan,
        "gradient_rate": float(gradient_rate(last.grad_norm)),
    }  # fmt: skip
    return {
        name: nan if isinstance(value, float) and not np.isfinite(value) else value for name, value in found.items()
    }


def _written(config: RunConfig, frames: Sequence[Frame], events: Sequence[Event]) -> bytes:
    Recording(config, tuple(frames), tuple(events)).write(sink := io.BytesIO())
    return sink.getvalue()
