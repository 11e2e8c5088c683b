"""A question about a run: its answers to choose from, and the answer that the run's frames give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnviz.config import RunConfig
from bnviz.lessons.kinds import KINDS, MOST, OfEach, OfLayers, OfMost
from bnviz.lineup import lineup
from bnviz.verdict import two_arms
from bnviz.verdict.state import State
from bnviz.verdict.wording import Span, listed, names, number, spans

LAYERS = ("The first layer", "A layer between", "The last layer")
NONE_CLEARLY = "None clearly"
_PLACES: dict[tuple[bool | None, ...], int] = {
    (True,): 0, (False,): 1, (True, False): 0, (False, True): 1, (True, True): 2,
}  # fmt: skip
"""The option that is true, by which networks it holds of."""


@dataclass(frozen=True)
class Option:
    """An answer that can be predicted; `arm` is the place of the network that it names alone, or None."""

    text: str
    arm: int | None = None


@dataclass(frozen=True)
class Answer:
    """What the run says: the place of the option that is true, None while it cannot say, and why."""

    option: int | None
    why: tuple[Span, ...]


@dataclass(frozen=True)
class Question:
    """A kind of question about some networks of a run, named by their places."""

    kind: str
    arms: tuple[int, ...]
    text: str = ""

    @property
    def title(self) -> str:
        """The question in words: those of whoever asks, or the kind's own."""
        return self.text or KINDS[self.kind].title

    @property
    def code(self) -> str:
        """The question in short, as `from_code` reads it: `learns 0 1`."""
        return " ".join([self.kind, *map(str, self.arms)])

    def options(self, config: RunConfig) -> tuple[Option, ...]:
        """What can be predicted; one of them is true."""
        kind, called = KINDS[self.kind], names(lineup(config, ()).values())
        if isinstance(kind, OfLayers):
            return tuple(map(Option, (*LAYERS, NONE_CLEARLY)))
        if isinstance(kind, OfEach) and len(self.arms) == 1:
            return (Option("Yes"), Option("No"))
        each = tuple(Option(called[arm][:1].upper() + called[arm][1:], arm) for arm in self.arms)
        return (*each, Option("Both"), Option("Neither")) if isinstance(kind, OfEach) else (*each, Option(NONE_CLEARLY))

    def answer(self, states: Sequence[State]) -> Answer:
        """The answer that these states give; None, and why, where a network is gone or a sign is missing."""
        by_place = {state.place: state for state in states}
        if any(arm not in by_place for arm in self.arms):
            return Answer(None, spans("a network that the question is about is not in this run."))
        chosen, kind = [by_place[arm] for arm in self.arms], KINDS[self.kind]
        if isinstance(kind, OfLayers):
            return _of_layers(kind, chosen[0])
        told = spans(*listed([[state.who, *kind.told(state)] for state in chosen]), ".")
        return Answer(_of_each(kind, chosen) if isinstance(kind, OfEach) else _of_most(kind, chosen), told)


def _of_each(kind: OfEach, states: Sequence[State]) -> int | None:
    held = tuple(kind.holds(state) for state in states)
    if None in held:
        return None
    return _PLACES.get(held, 3)


def _of_most(kind: OfMost, states: Sequence[State]) -> int | None:
    """The one that beats all others; where no two can be compared, nobody knows."""
    known = False
    for place, state in enumerate(states):
        beaten = [kind.beats(state, other) for other in states if other is not state]
        known = known or None not in beaten
        if all(beaten):
            return place
    return len(states) if known else None


def _of_layers(kind: OfLayers, state: State) -> Answer:
    values = state.median(kind.name)
    if state.diverged or not np.isfinite(values).any():
        return Answer(None, spans(state.who, " there is no gradient to measure."))
    layers, low, high = state.frames[-1].layers, int(np.nanargmin(values)), int(np.nanargmax(values))
    why = spans(state.who, f" the gradient is smallest in {layers[low]} (", state.says(number(values[low])),
                f") and largest in {layers[high]} (", state.says(number(values[high])), ").")  # fmt: skip
    if two_arms.order(float(values[high]), float(values[low])) == 0:
        return Answer(3, why)
    return Answer(0 if low == 0 else 2 if low == len(values) - 1 else 1, why)


def question(kind: str, labels: Sequence[str], config: RunConfig, text: str = "") -> Question:
    """A question of this kind about the networks with these labels; with none, about those that it can be about.

    Errors: ValueError that says what was given and what is allowed.
    """
    if kind not in KINDS:
        raise ValueError(f"a question is one of {', '.join(KINDS)}, got {kind!r}.")
    for label in labels:
        if label not in config.labels:
            raise ValueError(f"there is no network {label!r}; there are {', '.join(config.labels)}.")
    chosen = tuple(config.labels.index(label) for label in labels)
    rule, all_arms = KINDS[kind], tuple(range(len(config.arms)))
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"each network can be named once, got {', '.join(labels)}.")
    if isinstance(rule, OfLayers):
        return Question(kind, _allowed(kind, chosen or all_arms[:1], 1, 1), text)
    if isinstance(rule, OfEach):
        return Question(kind, _allowed(kind, chosen or all_arms, 1, MOST), text)
    return Question(kind, _allowed(kind, chosen or all_arms, 2, len(all_arms)), text)


def asked(answer: str, config: RunConfig, text: str = "") -> Question:
    """The question that a line such as `weakest none` asks: its kind, and labels of networks. Errors: as `question`."""
    kind, *labels = answer.replace(",", " ").split() or [""]
    return question(kind, labels, config, text)


def _allowed(kind: str, arms: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
    if not low <= len(arms) <= high:
        wanted = str(low) if low == high else f"{low} to {high}"
        raise ValueError(f"{kind} is about {wanted} of the networks, got {len(arms)}: name them after it.")
    return arms


def from_code(code: str) -> Question | None:
    """The question that is written in short; None for anything else."""
    kind, *places = code.split(" ")
    fine = kind in KINDS and 1 <= len(places) <= 6 and all(place.isdecimal() and len(place) == 1 for place in places)
    return Question(kind, tuple(map(int, places))) if fine and len(set(places)) == len(places) else None
