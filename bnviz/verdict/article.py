"""The four claims of the article that started this project, each held against the run (SCIENCE.md, section 1).

It claims: BatchNorm makes loss and gradients steadier; it raises the correlation of G and G' and so reduces ICS;
normalized feature maps steady the variance; it avoids vanishing gradients. Santurkar et al. 2018 find the ICS
claim to be the usual expectation, and often wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bnviz.frames import Floats
from bnviz.verdict import signs
from bnviz.verdict.one_arm import Finding, nothing_learned, slope
from bnviz.verdict.state import State, nan_median
from bnviz.verdict.two_arms import against, landscape_numbers, landscape_orders, order, shift_order, steadier
from bnviz.verdict.wording import FORMULAS, Piece, cosine, factor, listed, number, spans

CLAIMS = {
    "steadiness": "BatchNorm makes loss and gradients steadier.",
    "correlation": "BatchNorm raises the correlation of G and G' and so reduces internal covariate shift.",
    "variance": "Normalized feature maps steady the variance.",
    "vanishing": "BatchNorm avoids vanishing gradients.",
}
"""In the article's order."""
FEW = 5
"""From fewer recent frames than this, nothing is said about steadiness over time."""
STEADIER = 1.25
"""How much less something must vary to be called steadier: it is a median over few steps."""


def article(states: Sequence[State]) -> list[Finding]:
    """Each claim about the first arm with BatchNorm beside the first without any normalization."""
    plain = next((state for state in states if _is(state, "none")), None)
    normalized = next((state for state in states if _is(state, "batch")), None)
    if plain is None or normalized is None or signs.too_early(normalized):
        return []
    return [finding for judge in JUDGES for finding in judge(plain, normalized)]


def _is(state: State, normalization: str) -> bool:
    return state.normalization == normalization and not state.treated


def _finding(
    state: State, claim: str, agrees: bool | None, evidence: Sequence[Piece], numbers: dict[str, float]
) -> Finding:
    verdict = {True: "This run agrees", False: "This run disagrees", None: "This run does not decide it"}[agrees]
    words = spans(f"“{claim}” {verdict}: ", *evidence, ".")
    return Finding("article", words, state.place, numbers, agrees)


def unlearned(*states: State) -> list[Piece]:
    """`(but without normalization nothing is learned ...)`: what stands still is steady, and hardly shifts."""
    idle: list[list[Piece]] = [[state.who, *nothing_learned(state)] for state in states if signs.nothing_learned(state)]
    return [" (but ", *listed(idle), ")"] if idle else []


def steadiness(plain: State, normalized: State) -> Iterator[Finding]:
    """Steadier loss and gradients: along the gradient where measured, else from one measured step to the next."""
    claim = CLAIMS["steadiness"]
    if plain.diverged or normalized.diverged:
        agrees = None if plain.diverged and normalized.diverged else plain.diverged
        broken = [state for state in (plain, normalized) if state.diverged]
        parts: list[list[Piece]] = [[state.who, " training diverged at step ", state.says(str(state.diverged_at))]
                                    for state in broken]  # fmt: skip
        yield _finding(normalized, claim, agrees, listed(parts), {"diverged": float(len(broken))})
        return
    orders = landscape_orders(plain, normalized)
    ours, other = (landscape_numbers(state) if orders else variation(state) for state in (normalized, plain))
    if not orders:
        measured = {name: order(ours[name], other[name], STEADIER) for name in ours}
        orders = {name: verdict for name, verdict in measured.items() if verdict is not None}
    if not orders:
        return
    agrees = {"steadier": True, "less steady": False}.get(steadier(orders.values()))
    shown = number if "loss_band" in ours else factor
    parts = [against(f"{TITLES[name]} ", normalized, plain, shown, ours[name], other[name]) for name in orders]
    numbers = {name: ours[name] for name in orders} | {f"{name}_reference": other[name] for name in orders}
    yield _finding(normalized, claim, agrees, [*listed(parts), *unlearned(plain, normalized)], numbers)


TITLES = {
    "loss_band": "loss along the gradient varies by", "gradient_change": "gradients along it by", "beta": "beta is",
    "loss": "loss changes from one measured step to the next by", "gradient": "gradients by",
}  # fmt: skip


def variation(state: State) -> dict[str, float]:
    """The median factor by which loss and gradient norm change from one recent measured step to the next."""
    if len(state.recent) < FEW:
        return {}
    losses = np.array([[frame.train_loss] for frame in state.recent])
    norms = np.array([frame.grad_norm for frame in state.recent])
    return {"loss": _typical_change(losses), "gradient": _typical_change(norms)}


def _typical_change(values: Floats) -> float:
    """Median factor, at least 1, from row to row over all columns, (T, n); NaN where nothing is positive."""
    logs = np.log(np.where(values > 0, values, np.nan))
    return float(np.exp(nan_median(np.abs(np.diff(logs, axis=0)).ravel())))


def correlation(plain: State, normalized: State) -> Iterator[Finding]:
    """Higher correlation of G and G', smaller ICS."""
    if plain.diverged or normalized.diverged:
        return
    numbers: dict[str, float] = {}
    orders: list[int] = []
    parts: list[list[Piece]] = []
    for measure in ("cosine", "relative"):
        ours, other = signs.shift(normalized, measure), signs.shift(plain, measure)
        verdict = shift_order(ours, other, measure)
        if verdict is not None:
            numbers |= {measure: ours, f"{measure}_reference": other}
            orders.append(verdict)
            title = "the cosine of G and G'" if measure == "cosine" else f"ICS {FORMULAS[measure]}"
            shown = cosine if measure == "cosine" else number
            parts.append(against(f"{title} is ", normalized, plain, shown, ours, other))
    if not parts:
        return
    agrees = False if 1 in orders else True if set(orders) == {-1} else None
    yield _finding(normalized, CLAIMS["correlation"], agrees,
                   [*listed(parts), *unlearned(plain, normalized)], numbers)  # fmt: skip


def variance(plain: State, normalized: State) -> Iterator[Finding]:
    """A steadier spread of what enters the activations, over all steps since the last change."""
    ours, other = drift(normalized), drift(plain)
    verdict = order(ours, other, STEADIER)
    if verdict is None or plain.diverged or normalized.diverged:
        return
    evidence: list[Piece] = ["the spread of what enters the activations changed by ", normalized.says(factor(ours)),
                " in the median layer, against ", plain.says(factor(other)), " ", plain.who]  # fmt: skip
    agrees = {-1: True, 0: None, 1: False}[verdict]
    evidence += unlearned(plain, normalized)
    yield _finding(normalized, CLAIMS["variance"], agrees, evidence,
                   {"drift": ours, "drift_reference": other})  # fmt: skip


def drift(state: State) -> float:
    """Largest by smallest spread (15th to 85th percentile) over time of what enters an activation; median layer."""
    if len(state.frames) < FEW:
        return float("nan")
    percentiles = np.array([frame.preactivation_percentiles for frame in state.frames])[:, :-1]  # (T, L-1, 3)
    spread = percentiles[..., 2] - percentiles[..., 0]
    positive = np.where(spread > 0, spread, np.nan)
    return float(nan_median(np.fmax.reduce(positive) / np.fmin.reduce(positive)))


def vanishing(plain: State, normalized: State) -> Iterator[Finding]:
    """Gradients that vanish without BatchNorm and not with it."""
    if plain.diverged or normalized.diverged:
        return
    without, within = signs.steepness(plain), signs.steepness(normalized)
    agrees = False if within == 1 else True if without == 1 else None
    numbers = {"rate": signs.gradient_rate(normalized.median("grad_norm")),
               "rate_reference": signs.gradient_rate(plain.median("grad_norm"))}  # fmt: skip
    if all(math.isnan(rate) for rate in numbers.values()):
        return
    nothing = ["; nothing vanishes that could be avoided"] if agrees is None else []
    explodes = [", so that they explode instead"] if agrees and within == -1 else []
    evidence = [plain.who, " ", *slope(plain), ", ", normalized.who, " ", *slope(normalized), *explodes, *nothing]
    yield _finding(normalized, CLAIMS["vanishing"], agrees, evidence, numbers)


JUDGES: tuple[Callable[[State, State], Iterator[Finding]], ...] = (steadiness, correlation, variance, vanishing)
