"""The stages on the way forward, from the batch to the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bnviz.charts.look import Figure
from bnviz.charts.motion.formulas import Node, bracketed, formula, fraction, root, signed, told, total
from bnviz.charts.motion.pictures import Ink, at, bars, cloud, span, spread
from bnviz.charts.motion.stage import Picture, Stage, activated, kind_of_unit, name_of_kind, normalized, scaled
from bnviz.charts.scene import Scene
from bnviz.closeup import BINS, Closeup, Normalizing, Spread
from bnviz.frames import Floats

CURVES: dict[str, Callable[[Floats], Floats]] = {
    "Sigmoid": lambda v: 1 / (1 + np.exp(-np.clip(v, -500, 500))), "Tanh": np.tanh,
    "ReLU": lambda v: np.maximum(v, 0), "Identity": lambda v: v, "LeakyReLU": lambda v: np.where(v > 0, v, 0.01 * v),
    "SiLU": lambda v: v / (1 + np.exp(-np.clip(v, -500, 500))),
}  # fmt: skip
WRITTEN = {"Sigmoid": "σ", "Tanh": "tanh", "ReLU": "max", "Identity": "id"}
TERMS = 3
"""Products of a sum that are written out."""


def _batch(c: Closeup) -> str:
    return f"the batch of {len(c.losses)}" if len(c.losses) < 900 else "the batch"


def _inputs_text(c: Closeup, scene: Scene) -> str:
    source = "the batch as it is" if c.layer == 0 else f"what left {scene.layers[c.layer - 1]}"
    return (f"Into {scene.layers[c.layer]} comes {source}. Followed from here on: the first sample of {_batch(c)}, "
            f"which brings this {kind_of_unit(c)} {len(c.x)} numbers.")  # fmt: skip


def _inputs(c: Closeup, scene: Scene) -> list[Node]:
    shown = [told(value) for value in c.x[:4]]
    return [formula("x = (", " , ".join(shown), ", … )" if len(c.x) > 4 else ")")]


INPUTS = Stage(
    "inputs", "What comes in", _inputs_text, _inputs,
    lambda c: (
        Picture("Inputs", lambda ink, c: spread(ink, c.inputs, float(c.x[0]), "x", "the layer's", "of the sample")),
        Picture("One sample", lambda ink, c: bars(ink, [(c.x, "x", False)], ("entry k", "x"))),
    ),
)  # fmt: skip


def _linear(c: Closeup, scene: Scene) -> list[Node]:
    products = c.weight * c.x
    largest = np.argsort(-np.abs(products))[:TERMS]
    terms = " + ".join(f"{bracketed(c.weight[k])} · {bracketed(c.x[k])}" for k in largest)
    bias = c.bias[0] == c.bias[0]
    rest = float(products.sum() - products[largest].sum())
    more = signed(rest) if len(c.x) > TERMS else ""
    return [
        formula("z =", total("k"), "w_k x_k", "+ b" if bias else "", "=", terms, more,
                signed(float(c.bias[0])) if bias else "", "=", at(c, c.z.unit)),
    ]  # fmt: skip


def _linear_text(c: Closeup, scene: Scene) -> str:
    extra = "" if c.bias[0] == c.bias[0] else " It has no bias: the normalization behind it would take that away again."
    where = " at the middle of the map" if kind_of_unit(c) == "channel" else ""
    return (f"{kind_of_unit(c).capitalize()} {c.unit + 1} multiplies each entry by a weight and adds up{where}. "
            f"Written out: the {min(TERMS, len(c.x))} largest products, then the others' sum.{extra}")  # fmt: skip


LINEAR = Stage(
    "z = Wx", "Weigh and add up", _linear_text, _linear,
    lambda c: (
        Picture("Products", lambda ink, c: bars(ink, [(c.weight * c.x, "w x", False)], ("entry k", "w x"))),
        Picture("z", lambda ink, c: spread(ink, c.z, at(c, c.z.unit), "z")),
    ),
)  # fmt: skip


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


def entering_name(c: Closeup) -> str:
    """What enters the activation: z, where nothing normalizes."""
    return "y" if c.normalization else "z"


def _activation(c: Closeup, scene: Scene) -> list[Node]:
    name, value = entering_name(c), at(c, c.entering.unit)
    symbol = WRITTEN.get(c.activation, "φ")
    zero = "0 ," if symbol == "max" else ""
    return [formula("a =", symbol, "(", zero, name, ") =", symbol, "(", zero, value, ") =", at(c, c.a.unit))]


def _curve(ink: Ink, c: Closeup) -> Figure:
    drawn = CURVES.get(c.activation)
    ends = span(c.entering.unit)
    xs = np.linspace(ends[0], ends[1], 120)
    curve = None if drawn is None else (xs, np.asarray(drawn(xs), np.float64))
    return cloud(ink, [(c.entering.unit, c.a.unit, "a", False)], c.place, (entering_name(c), "a"), curve)


ACTIVATION = Stage(
    "activation", "The activation",
    lambda c, scene: f"{c.activation} bends what comes in. Where its curve is flat, different values leave alike, and "
    "on the way back hardly any gradient will pass.",
    _activation,
    lambda c: (Picture("The curve, and this unit's values on it", _curve),
               Picture("a", lambda ink, c: spread(ink, c.a, at(c, c.a.unit), "a"))),
    activated,
)  # fmt: skip


def classified(c: Closeup) -> bool:
    """Whether the target is a class."""
    return len(c.target) == 1 and len(c.outputs) > 1


def probabilities(c: Closeup) -> Floats:
    """Softmax of the outputs, (C,)."""
    shifted: Floats = np.exp(c.outputs - c.outputs.max())
    shifted /= shifted.sum()
    return shifted


def _loss(c: Closeup, scene: Scene) -> list[Node]:
    own = float(c.losses[c.sample_place])
    summed = scene.config is not None and scene.config.loss == "squared_error"
    every = formula("L =", "" if summed else fraction("1", "n"), total("i"), "L_i =", c.loss)
    if classified(c):
        p = float(probabilities(c)[int(c.target[0])])
        return [formula("L_i = − ln ( p ) = − ln (", p, ") =", own), every]
    return [formula("L_i =", own), every]


def _loss_text(c: Closeup, scene: Scene) -> str:
    if classified(c):
        return (f"The rest of the network makes {len(c.outputs)} outputs of it, and softmax a probability of each. "
                f"This sample is of class {int(c.target[0])}; the loss is the mean over the batch.")  # fmt: skip
    return "The rest of the network makes its outputs of it, and the loss is how far they are from the targets."


def _outputs(ink: Ink, c: Closeup) -> Figure:
    if classified(c):
        names = [f"{k} ✓" if k == int(c.target[0]) else str(k) for k in range(len(c.outputs))]
        labels = names if len(names) <= 12 else None
        return bars(ink, [(probabilities(c), "probability", False)], ("class", "probability"), labels=labels)
    sets = [(c.outputs, "output", False), (c.target, "target", True)]
    return bars(ink, sets, ("output", "value"), "grey: target")


def _losses(ink: Ink, c: Closeup) -> Figure:
    low, high = span(c.losses, around=0.0)
    counts, _ = np.histogram(c.losses, BINS, (low, high))
    values = Spread(counts.astype(np.float64), np.array([low, high]), c.losses)
    return spread(ink, values, float(c.losses[c.sample_place]), "loss of a sample", "")


LOSS = Stage(
    "loss", "The loss", _loss_text, _loss,
    lambda c: (Picture("The sample's outputs", _outputs), Picture("Losses of the batch", _losses)),
)  # fmt: skip

FORWARD = (INPUTS, LINEAR, STATISTICS, NORMALIZE, AFFINE, ACTIVATION, LOSS)
