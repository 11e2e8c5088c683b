"""The stages on the way forward, from the batch to the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bnviz.charts.look import Figure
from bnviz.charts.motion.formulas import Node, bracketed, formula, fraction, signed, told, total
from bnviz.charts.motion.pictures import Ink, at, bars, cloud, span, spread
from bnviz.charts.motion.stage import Picture, Stage, activated, kind_of_unit
from bnviz.charts.scene import Scene
from bnviz.closeup import BINS, Closeup, Spread
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
