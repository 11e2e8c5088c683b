"""Sentences computed from frames: what this run shows, and what it does not. No sentence is ever canned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bnviz.config import Arm, RunConfig
from bnviz.datasets import SHAPES
from bnviz.frames import Event, Floats, Frame
from bnviz.recording import current_arms

CHANCE_LOSS = 0.05
"""A loss within 5 % of ln C is chance, when accuracy is near 1/C too."""
STEEP = 1.5
"""Gradients that change by this factor a layer are called vanishing or exploding."""


@dataclass(frozen=True)
class Span:
    """A piece of a sentence; `arm` is the place of the arm it speaks of, or None."""

    text: str
    arm: int | None = None


def sentence(config: RunConfig, frames: Sequence[Frame], events: Iterable[Event] = ()) -> tuple[Span, ...]:
    """What the frames of one step show, in a sentence or two; empty before the first frame."""
    arms = current_arms(config, events)
    places = {label: place for place, label in enumerate(arms)}
    spans: list[Span] = []
    for frame in frames:
        place = places[frame.arm]
        spans += [Span(who(arms[frame.arm]), place), Span(f" {_state(config, frame)}. ")]
    spans += _compare_ics(frames, arms, places)
    return tuple(spans)


def who(arm: Arm) -> str:
    """The arm as the subject of a sentence."""
    return "Without normalization" if arm.normalization == "none" and not arm.noise else f"With {arm.title}"


def _state(config: RunConfig, frame: Frame) -> str:
    if frame.diverged:
        return f"training has diverged by step {frame.step}: loss or gradients are no longer finite"
    rate = gradient_rate(frame.grad_norm)
    gradients = ""
    if rate > STEEP:
        gradients = f", and gradients fall {rate:.1f}× a layer toward the input"
    elif rate < 1 / STEEP:
        gradients = f", and gradients grow {1 / rate:.1f}× a layer toward the input"
    if at_chance(config, frame):
        what = "nothing is learned" if frame.step > 0 else "nothing is learned yet"
        return f"{what}: loss {frame.train_loss:.2f} is chance (ln {SHAPES[config.dataset][1]}){gradients}"
    if math.isnan(frame.test_accuracy):
        return f"loss is {frame.train_loss:.3g}{gradients}"
    return f"test accuracy is {frame.test_accuracy:.0%}{gradients}"


def at_chance(config: RunConfig, frame: Frame) -> bool:
    """Whether a classifier is no better than guessing: loss near ln C and accuracy near 1/C."""
    classes = SHAPES[config.dataset][1]
    if not classes:
        return False
    chance = math.log(classes)
    return abs(frame.train_loss - chance) < CHANCE_LOSS * chance and frame.test_accuracy < 2 / classes


def gradient_rate(grad_norm: Floats) -> float:
    """Factor by which hidden layers' gradient norms fall with each layer toward the input (least squares in logs).

    1 where fewer than two are positive.
    """
    hidden = np.asarray(grad_norm)[1:-1]  # the first and last layer have other widths
    layer = np.arange(len(hidden))[np.isfinite(hidden) & (hidden > 0)]
    if len(layer) < 2:
        return 1.0
    return float(np.exp(np.polyfit(layer, np.log(hidden[layer]), 1)[0]))


def _compare_ics(
    frames: Sequence[Frame], arms: dict[str, Arm], places: dict[str, int]
) -> list[Span]:
    plain = next((f for f in frames if arms[f.arm].normalization == "none"), None)
    normalized = next((f for f in frames if arms[f.arm].normalization.startswith("batch")), None)
    if plain is None or normalized is None or plain.diverged or normalized.diverged:
        return []
    ours, other = (float(np.median(f.ics_relative[1:])) for f in (normalized, plain))
    if not (np.isfinite(ours) and np.isfinite(other)):
        return []
    than = "larger" if ours > other else "smaller"
    return [
        Span("Its ICS |G−G′|/|G| is "), Span(than, places[normalized.arm]),
        Span(f" with {arms[normalized.arm].title} ({ours:.2g} against {other:.2g})."),
    ]  # fmt: skip
