"""What two arms show together: who learns better, whose ICS is larger, whose landscape is steadier."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from bnviz.verdict import signs
from bnviz.verdict.one_arm import Finding, Kind
from bnviz.verdict.state import State
from bnviz.verdict.wording import FORMULAS, Piece, cosine, listed, loss, number, percent, spans

CLEARLY = 1.5
"""Quantities that differ by less than this factor are called about the same: ICS varies that much over batches."""
SAME_COSINE = 0.01
"""Cosines nearer than this are about the same, however the small rests 1 - cosine compare."""
SAME_ACCURACY = 0.04
"""Accuracies nearer than this are the same: one test sample of iris is 0.033, of digits 0.003."""
SAME_LOSS = 1.25
"""Regression losses within this factor are the same."""
FASTER = 2.0
"""One arm learns faster when it is halfway down in half the steps."""


def compare(states: Sequence[State]) -> list[Finding]:
    """What each arm shows beside the reference: the first arm without normalization, or else the first arm."""
    base = reference(states)
    pairs = [(base, state) for state in states if base is not None and state is not base]
    return [finding for pair in pairs for rule in RULES for finding in rule(*pair)]


def reference(states: Sequence[State]) -> State | None:
    """The arm that the others are compared with: the plainest one."""
    plain = [state for state in states if state.normalization == "none"]
    untouched = [state for state in plain if not state.treated]
    return next(iter([*untouched, *plain, *states]), None)


def order(ours: float, other: float, factor: float = CLEARLY) -> int | None:
    """1 where ours is clearly larger, -1 where it is clearly smaller, 0 in between; None for NaN."""
    if math.isnan(ours) or math.isnan(other):
        return None
    if ours == other:
        return 0
    return int(ours >= factor * other) - int(other >= factor * ours)


def shift_order(ours: float, other: float, measure: str) -> int | None:
    """As `order`, 1 for more shift: a smaller cosine is more."""
    if measure == "cosine":
        return 0 if abs(ours - other) < SAME_COSINE else order(1 - ours, 1 - other)
    return order(ours, other)


def better(ours: State, other: State) -> int:
    """1 where ours learns clearly better, by `State.result`; -1 worse; 0 alike."""
    if ours.diverged or other.diverged:
        return int(other.diverged) - int(ours.diverged)
    if ours.result == "test_accuracy":
        gain = ours.value("test_accuracy") - other.value("test_accuracy")
        return int(gain >= SAME_ACCURACY) - int(gain <= -SAME_ACCURACY)
    return -(order(ours.value(ours.result), other.value(ours.result), SAME_LOSS) or 0)


def halfway(state: State, final: float) -> float:
    """The first measured step at which the train loss is halfway from guessing to `final`; NaN for never."""
    target = (state.guessing + final) / 2
    return next((float(frame.step) for frame in state.frames if frame.train_loss <= target), float("nan"))


def speed(ours: State, other: State) -> tuple[float, float]:
    """Steps until each is halfway to the worse of their two final losses, so that both could be there."""
    final = max(ours.value("train_loss"), other.value("train_loss"))
    return halfway(ours, final), halfway(other, final)


def learning(base: State, state: State) -> Iterator[Finding]:
    """Whether the treatment helps: a better result, or the same one in half the steps."""
    result = better(state, base)
    if not state.started or not (result or _learned(base, state)):
        return
    if result and (_spoilt(state, base) if result < 0 else _spoilt(base, state)):
        return
    name, shown = state.result, percent if state.result == "test_accuracy" else loss
    numbers = {name: state.value(name), f"{name}_reference": base.value(name)}
    results: list[list[Piece]] = [against(name.replace("_", " ") + " ", state, base, shown, numbers[name],
                                           numbers[f"{name}_reference"])]  # fmt: skip
    adjective = {1: "better than", 0: "no better than", -1: "worse than"}[result]
    if not result:
        ours, other = speed(state, base)
        numbers |= {"halfway": ours, "halfway_reference": other}
        result = _faster(state, ours, other)
        adjective = {1: "faster than", 0: "no better than", -1: "slower than"}[result]
        results.append(against("the loss is halfway down at step ", state, base, number, ours, other))
    kinds: dict[int, Kind] = {1: "helps", 0: "no_help", -1: "hurts"}
    words = spans(state.who, f" learning is {adjective} ", base.who, ": ", *listed(results), ".")
    yield Finding(kinds[result], words, state.place, numbers)


def _spoilt(loser: State, winner: State) -> bool:
    """Whether the loser does as well in train mode: running statistics that lag say nothing of what is learned."""
    as_well = loser.value("train_loss") < SAME_LOSS * winner.value("train_loss")
    return signs.eval_gap(loser) and as_well and not signs.nothing_learned(loser)


def against(
    what: str, state: State, base: State, shown: Callable[[float], str], ours: float, other: float
) -> list[Piece]:
    """`test accuracy 96 % against 10 %`, each number in its arm's colour; or that an arm diverged."""
    mine, yours = ("divergence" if each.diverged else shown(value) for each, value in ((state, ours), (base, other)))
    return [what, state.says(mine), " against ", base.says(yours)]


def _learned(base: State, state: State) -> bool:
    """Whether both do better than guessing now, and came there in the steps that are looked at."""
    if base.diverged or state.diverged:
        return False
    lower = all(each.value("train_loss") < (1 - signs.MARGIN) * each.guessing for each in (base, state))
    return lower and all(step > base.frames[0].step for step in speed(state, base))  # NaN is not


def _faster(state: State, ours: float, other: float) -> int:
    """1 where ours is halfway in half the steps, and by more than one measured step; -1 for the other way round."""
    steps = [frame.step for frame in state.frames[-2:]]
    beat = steps[-1] - steps[0] if state.config is None else state.config.measure_every
    near = abs(ours - other) <= beat
    return 0 if near else int(ours * FASTER <= other) - int(other * FASTER <= ours)


def ics(base: State, state: State) -> Iterator[Finding]:
    """ICS by its three measures, and whether they tell the same story."""
    if base.diverged or state.diverged:
        return
    numbers: dict[str, float] = {}
    verdicts: list[int] = []
    parts: list[list[Piece]] = []
    for measure, symbol in FORMULAS.items():
        ours, other = signs.shift(state, measure), signs.shift(base, measure)
        verdict = shift_order(ours, other, measure)
        if verdict is not None:
            numbers |= {measure: ours, f"{measure}_reference": other}
            verdicts.append(verdict)
            shown = cosine if measure == "cosine" else number
            parts.append(against(f"{symbol} ", state, base, shown, ours, other))
    if not parts:
        return
    numbers["agree"] = float(len(set(verdicts)) == 1)
    if numbers["agree"]:
        more = {1: "larger than", 0: "about the same as", -1: "smaller than"}[verdicts[0]]
        words = spans(state.who, f" ICS is {more} ", base.who, " by every measure: ", *listed(parts), ".")
    else:
        more_by = {1: "larger by ", 0: "about the same by ", -1: "smaller by "}
        told = [[more_by[verdict], *part] for verdict, part in zip(verdicts, parts, strict=True)]
        close = ". The measures contradict each other." if {1, -1} <= set(verdicts) else "."
        words = spans("whether ICS is larger ", state.who, " than ", base.who, " depends on the measure: ",
                      *listed(told), close)  # fmt: skip
    yield Finding("ics", words, state.place, numbers)


def landscape_numbers(state: State) -> dict[str, float]:
    """Width of the band of losses along the gradient, largest gradient change, beta: smaller is steadier."""
    low, high = state.median("landscape_loss")
    return {
        "loss_band": float(high - low) if np.isfinite(low) else float("nan"),
        "gradient_change": float(state.median("landscape_predictiveness")[1]),
        "beta": state.value("landscape_beta"),
    }


def landscape_orders(base: State, state: State) -> dict[str, int]:
    """For each number of the landscape that both arms have: -1 where this arm is steadier, 1 where the base is."""
    ours, other = landscape_numbers(state), landscape_numbers(base)
    orders = {name: order(ours[name], other[name]) for name in ours}
    return {name: verdict for name, verdict in orders.items() if verdict is not None}


def landscape(base: State, state: State) -> Iterator[Finding]:
    """Whether the loss along the gradient is steadier (Santurkar et al. 2018, section 3.2)."""
    orders = landscape_orders(base, state)
    if not orders:
        return
    ours, other = landscape_numbers(state), landscape_numbers(base)
    titles = {"loss_band": "width of its loss band", "gradient_change": "change of its gradient", "beta": "beta"}
    parts = [against(f"{titles[name]} ", state, base, number, ours[name], other[name]) for name in orders]
    numbers = {name: ours[name] for name in orders} | {f"{name}_reference": other[name] for name in orders}
    words = spans(state.who, f" the landscape along the gradient is {steadier(orders.values())} than ", base.who,
                  ": ", *listed(parts), ".")  # fmt: skip
    yield Finding("landscape", words, state.place, numbers)


def steadier(orders: Iterable[int]) -> str:
    """`steadier`, `less steady`, or neither, when the measures split or see no difference."""
    seen = set(orders)
    if seen in ({-1}, {-1, 0}):
        return "steadier"
    return "less steady" if seen in ({1}, {1, 0}) else "neither steadier nor less steady"


RULES: tuple[Callable[[State, State], Iterator[Finding]], ...] = (learning, ics, landscape)
