"""The stages of the normalization, on the way forward and on the way back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bnviz.charts.look import Figure
from bnviz.charts.motion.formulas import (
    Node,
    bracketed,
    formula,
    fraction,
    percent_of,
    root,
    signed,
    slope,
    told,
    total,
)
from bnviz.charts.motion.pictures import Ink, arrows, at, cloud, span, spread
from bnviz.charts.motion.stage import Picture, Stage, kind_of_unit, name_of_kind, normalized, scaled
from bnviz.charts.scene import Scene
from bnviz.closeup import BINS, Closeup, Normalizing, Spread


def _part(c: Closeup) -> Normalizing:
    assert c.normalizing is not None
    return c.normalizing


def _statistics_text(c: Closeup, scene: Scene) -> str:
    part = _part(c)
    whose = (f"the {part.count} values that this {kind_of_unit(c)} has over the batch" if part.over == "batch"
             else f"the {part.count} values that the sample has over the units")  # fmt: skip
    taken = (" Their mean and spread are what it will take out; both depend on every one of them." if part.centred
            else " Their root mean square is what it will divide by; it depends on every one of them.")  # fmt: skip
    return f"{name_of_kind(c, scene)} looks at {whose}.{taken}"


def _spread_symbol(c: Closeup) -> str:
    return "s" if "PNorm" in c.normalization or not _part(c).centred else "σ"


def _statistics(c: Closeup, scene: Scene) -> list[Node]:
    part = _part(c)
    mean = formula("μ =", fraction("1", str(part.count)), total("i"), "z_i =", part.mean)
    if "PNorm" in c.normalization:
        return [mean, formula("s =", "‖", "z − μ", "‖_p", "=", part.scale)]
    if not part.centred:
        return [formula("s =", root(fraction("1", str(part.count)), total("i"), "z_i²", "+ ε"), "=", part.scale)]
    variance = formula("σ² =", fraction("1", str(part.count)), total("i"), "( z_i − μ ) ²", "=",
                       part.scale**2 - part.eps)  # fmt: skip
    return [mean, variance]


def _statistics_pictures(c: Closeup) -> tuple[Picture, ...]:
    return (
        Picture("Values normalized together", _levels),
        Picture("z, with mean and spread", lambda ink, c: spread(
            ink, replace(c.z, unit=_part(c).z), float(_part(c).z[_part(c).place]), "z", of_unit="normalized together",
            lines=[(_part(c).mean, "μ"), *((_part(c).mean + sign * _part(c).scale, text)
                                          for sign, text in ((-1, "−s"), (1, "+s")))],
        )),
    )  # fmt: skip


def _levels(ink: Ink, c: Closeup) -> Figure:
    part = _part(c)
    numbers = np.arange(1, len(part.z) + 1, dtype=np.float64)
    ends = [1.0, float(len(part.z))]
    traces = [ink.points(numbers, part.z, "z = %{y:.3~g}"),
              ink.marked(numbers[part.place], part.z[part.place], "the sample: z = %{y:.3~g}")]  # fmt: skip
    for level, dash in ((part.mean, "solid"), (part.mean - part.scale, "5px,4px"), (part.mean + part.scale, "5px,4px")):
        traces.append(ink.line(ends, [level, level], dash=dash, color=ink.colors.text))
    return ink.figure(
        traces, {"range": span(np.array(ends)), "nticks": 6, "title": "sample" if part.over == "batch" else "unit"},
        {"range": span(part.z, part.mean - part.scale, part.mean + part.scale), "nticks": 5, "title": "z"},
        "solid: mean; dashed: mean ± spread",
    )  # fmt: skip


STATISTICS = Stage("mean, variance", "Mean and spread", _statistics_text, _statistics, _statistics_pictures, normalized)


def _normalize(c: Closeup, scene: Scene) -> list[Node]:
    part, symbol = _part(c), _spread_symbol(c)
    z = float(part.z[part.place])
    below = root("σ² + ε") if symbol == "σ" else formula("s")
    top = formula("z − μ") if part.centred else formula("z")
    numbers = formula(z, signed(-part.mean)) if part.centred else formula(z)
    return [formula("x̂ =", fraction(top, below), "=", fraction(numbers, formula(part.scale)), "=",
                    float(part.xhat[part.place]))]  # fmt: skip


def _before_after(ink: Ink, c: Closeup) -> Figure:
    part = _part(c)
    return cloud(ink, [(part.z, part.xhat, "x̂", False)], part.place, ("z", "x̂"))


NORMALIZE = Stage(
    "normalize", "Normalize",
    lambda c, scene: "The mean goes, and what is left is measured in units of the spread: mean 0, spread 1, whatever "
    "the weights before have made of it. Twice the weights would give the same x̂."
    if _part(c).centred else "What is left is measured in units of the root mean square. Twice the weights would give "
    "the same x̂.",
    _normalize,
    lambda c: (
        Picture("From z to x̂: a straight line", _before_after),
        Picture("x̂", lambda ink, c: spread(ink, _of_unit(c), at(c, c.xhat), "x̂", "")),
    ),
    normalized,
)  # fmt: skip


def _of_unit(c: Closeup) -> Spread:
    low, high = span(c.xhat, around=0.0)
    counts, _ = np.histogram(c.xhat, BINS, (low, high))
    return Spread(counts.astype(np.float64), np.array([low, high]), c.xhat)


def _affine(c: Closeup, scene: Scene) -> list[Node]:
    gamma, beta = (float(value) for value in c.affine[0])
    has = beta == beta
    return [formula("y = γ x̂", "+ β" if has else "", "=", bracketed(gamma), "·", bracketed(at(c, c.xhat)),
                    signed(beta) if has else "", "=", at(c, c.y.unit))]  # fmt: skip


AFFINE = Stage(
    "γ, β", "Scale and shift",
    lambda c, scene: "Two numbers that the unit learns give it back the freedom that normalizing took: gamma the "
    "spread, beta the mean." + (" Noise is then added to what comes out (Santurkar et al. 2018, section 2.2)."
                                if c.noise else ""),
    _affine,
    lambda c: (
        Picture("From x̂ to y", lambda ink, c: cloud(ink, [(c.xhat, c.y.unit, "y", False)], c.place, ("x̂", "y"))),
        Picture("y", lambda ink, c: spread(ink, c.y, at(c, c.y.unit), "y")),
    ),
    scaled,
)  # fmt: skip


def _through_affine(c: Closeup, scene: Scene) -> list[Node]:
    gamma = float(c.affine[0, 0])
    lines = [formula(slope("L", "x̂"), "= γ", slope("L", "y"), "=", bracketed(gamma), "·",
                     bracketed(at(c, c.gradient_y)), "=", gamma * at(c, c.gradient_y)),
             formula(slope("L", "γ"), "=", total("i"), slope("L", "y_i"), "x̂_i =", float(c.affine[1, 0]))]  # fmt: skip
    beta = float(c.affine[1, 1])
    return lines if beta != beta else [*lines, formula(slope("L", "β"), "=", total("i"), slope("L", "y_i"), "=", beta)]


BACK_AFFINE = Stage(
    "∂ γ, β", "Back through gamma and beta",
    lambda c, scene: "Gamma scales the gradient as it scaled the value. On its way the gradient tells gamma and beta "
    "how to change: by its slope along x̂, and by its sum.",
    _through_affine,
    lambda c: (
        Picture("Gradient against x̂", lambda ink, c: cloud(
            ink, [(c.xhat, c.gradient_y, "∂L/∂y", True), (c.xhat, c.affine[0, 0] * c.gradient_y, "∂L/∂x̂", False)],
            c.place, ("x̂", "gradient"), note="hollow: ∂L/∂y; filled: ∂L/∂x̂")),
    ),
    scaled, back=True,
)  # fmt: skip


def _projection_text(c: Closeup, scene: Scene) -> str:
    part = _part(c)
    lost = 1 - (part.norms[1] / part.norms[0]) ** 2 if part.norms[0] else math.nan
    what = "two directions go" if part.centred else "one direction goes"
    which = "all values up together, and all of them further apart" if part.centred else "all values larger together"
    return (f"{name_of_kind(c, scene)} would undo a change that moves {which}: so {what} out of the gradient, here "
            f"{percent_of(max(0.0, lost))} of its square. What is left is at right angles to "
            f"{'(1, …, 1) and to ' if part.centred else ''}x̂.")  # fmt: skip


def _projection(c: Closeup, scene: Scene) -> list[Node]:
    part = _part(c)
    g, xhat = float(part.given[part.place]), float(part.xhat[part.place])
    along = slope("L", "z")
    below = "σ" if part.centred and "PNorm" not in c.normalization else "s"
    if "PNorm" in c.normalization:
        return [formula("g =", slope("L", "x̂"), "=", g, ", ", along, "=", float(part.after[part.place]))]
    root_k, length = math.sqrt(part.count), _length_xhat(part)
    mean, product = float(part.along[0, 0] * part.scale / root_k), _mean_product(part)
    first = "− mean ( g )" if part.centred else ""
    numbers = f"{told(g)} {signed(-mean) if part.centred else ''} {signed(-xhat * product)}"
    return [
        formula(along, "=", fraction("1", below), "( g", first, "− x̂ · mean ( g x̂ ) )", "=",
                fraction("1", formula(part.scale)), "(", numbers, ") =", float(part.after[part.place])),
        formula("∑", "g_i / s :", part.along[0, 0] * root_k, "→", _zero(part.along[0, 1] * root_k, part)),
        formula("∑", "g_i x̂_i / s :", part.along[1, 0] * length, "→", _zero(part.along[1, 1] * length, part)),
    ][:: 1 if part.centred else 2]  # fmt: skip


def _length_xhat(part: Normalizing) -> float:
    """|x̂| of all values: √(k (1 - ε / s²)) where the spread is the root of the mean square."""
    return math.sqrt(max(0.0, part.count * (1 - part.eps / part.scale**2)))


def _mean_product(part: Normalizing) -> float:
    """mean(g x̂) over all values."""
    return float(part.along[1, 0] * part.scale * _length_xhat(part) / part.count)


def _zero(value: float, part: Normalizing) -> float:
    """What is 0 but for rounding, as 0."""
    return 0.0 if abs(value) < 1e-5 * part.norms[0] * math.sqrt(part.count) else value


def _removed(ink: Ink, c: Closeup) -> Figure:
    part = _part(c)
    order = np.argsort(part.xhat)
    gone = part.before - part.after
    return cloud(ink, [(part.xhat, part.before, "before", True), (part.xhat, part.after, "after", False)], part.place,
                 ("x̂", "gradient"), (part.xhat[order], gone[order]),
                 "hollow: before; line: what is taken out; filled: after")  # fmt: skip


def _vectors(ink: Ink, c: Closeup) -> Figure:
    """Before and after in the plane that holds both, after upright."""
    part = _part(c)
    size = float(np.linalg.norm(part.after))
    upright = float(part.before @ part.after) / size if size else 0.0
    aside = math.sqrt(max(0.0, float(part.before @ part.before) - upright**2))
    scale = part.norms[0] / max(float(np.linalg.norm(part.before)), 1e-300)  # where not all values are at hand
    drawn = [(aside * scale, upright * scale, "before", True), (0.0, float(part.norms[1]), "after", False)]
    return arrows(ink, drawn, ("what is taken out", "what is left"), f"in {part.count} dimensions; this is their plane")


def _directions(ink: Ink, c: Closeup) -> Figure:
    """Before and after along the directions taken out."""
    part = _part(c)
    drawn = [(float(part.along[0, 0]), float(part.along[1, 0]), "before", True),
             (float(part.along[0, 1]), float(part.along[1, 1]), "after", False)]  # fmt: skip
    return arrows(ink, drawn, ("along (1, …, 1)", "along x̂"), "the same vectors, seen along the two directions")


PROJECTION = Stage(
    "∂ normalize", "Back through the normalization", _projection_text, _projection,
    lambda c: (
        Picture("Gradient against x̂", _removed),
        Picture("The two vectors", _vectors),
        *((Picture("Along the two directions", _directions),) if _part(c).centred else ()),
    ),
    normalized, back=True,
)  # fmt: skip
