"""The stages on the way back, from the loss to the weights; the update; and what it does to the gradient."""

from __future__ import annotations

import math

import numpy as np

from bnviz.charts.look import Figure
from bnviz.charts.motion.formulas import Node, bracketed, formula, fraction, percent_of, signed, slope, told, total
from bnviz.charts.motion.forward import entering_name
from bnviz.charts.motion.pictures import Ink, arrows, at, bars, cloud, span
from bnviz.charts.motion.stage import Picture, Stage, activated, kind_of_unit, scaled
from bnviz.charts.scene import Scene
from bnviz.closeup import Closeup
from bnviz.frames import Floats


def _through_activation(c: Closeup, scene: Scene) -> list[Node]:
    name = entering_name(c)
    return [formula(slope("L", name), "=", slope("L", "a"), "·", "φ′", "(", name, ") =",
                    bracketed(at(c, c.gradient_a)), "·", bracketed(at(c, c.slope)), "=",
                    at(c, c.gradient_entering))]  # fmt: skip


def _kept(c: Closeup) -> float:
    """Share of the gradient's length that passes the activation."""
    before, after = (float(np.linalg.norm(each)) for each in (c.gradient_a, c.gradient_entering))
    return after / before if before else math.nan


BACK_ACTIVATION = Stage(
    "∂ activation", "Back through the activation",
    lambda c, scene: "The loss tells each activation in which direction it should have been, and the curve's slope "
    f"passes that on. Over this {kind_of_unit(c)}'s samples {percent_of(_kept(c))} of the gradient's length gets "
    "through.",
    _through_activation,
    lambda c: (
        Picture("Slope of the curve", lambda ink, c: cloud(
            ink, [(c.entering.unit, c.slope, "slope", False)], c.place, (entering_name(c), "φ′"))),
        Picture("Gradient before and after", lambda ink, c: cloud(
            ink, [(c.entering.unit, c.gradient_a, "∂L/∂a", True),
                  (c.entering.unit, c.gradient_entering, f"∂L/∂{entering_name(c)}", False)],
            c.place, (entering_name(c), "gradient"), note="hollow: ∂L/∂a; filled: behind the activation")),
    ),
    activated, back=True,
)  # fmt: skip


def _weights(c: Closeup, scene: Scene) -> list[Node]:
    k = int(np.argmax(np.abs(c.weight_gradient)))
    return [formula(slope("L", f"w_{k + 1}"), "=", total("i"), slope("L", "z_i"), f"x_i,{k + 1}", "=",
                    float(c.weight_gradient[k])),
            formula("|", slope("L", "w"), "| =", float(np.linalg.norm(c.weight_gradient)))]  # fmt: skip


def _right_angle(c: Closeup) -> str:
    """Scale invariance: under batch statistics the gradient of a unit's weights is at right angles to them."""
    if c.normalizing is None or c.normalizing.over != "batch":
        return ""
    lengths = float(np.linalg.norm(c.weight) * np.linalg.norm(c.weight_gradient))
    cosine = float(c.weight @ c.weight_gradient) / lengths if lengths else math.nan
    if not abs(cosine) < 0.02:  # eps beside a small variance
        return ""
    return f" It is at right angles to the weights themselves (cosine {abs(cosine):.3f}), as their length is lost."


WEIGHTS = Stage(
    "∂ W", "The gradient of the weights",
    lambda c, scene: "Each weight hears from every sample: how z should have changed, times what came in through that "
    f"weight. Written out is the entry with the largest sum.{_right_angle(c)}",
    _weights,
    lambda c: (
        Picture("Gradient of the weights", lambda ink, c: bars(
            ink, [(c.weight_gradient, "∂L/∂w", False)], ("entry k", "∂L/∂w"))),
        Picture("Gradient of z", lambda ink, c: cloud(
            ink, [(c.z.unit, c.gradient_z, "∂L/∂z", False)], c.place, ("z", "∂L/∂z"))),
    ),
    back=True,
)  # fmt: skip


def _plain(scene: Scene) -> bool:
    return scene.config is not None and scene.config.optimizer == "sgd"


def _update(c: Closeup, scene: Scene) -> list[Node]:
    moved: Floats = c.weight_after - c.weight
    k = int(np.argmax(np.abs(moved)))
    before, after = float(c.weight[k]), float(c.weight_after[k])
    step: list[Node | str | float]
    if _plain(scene) and math.isclose(before - c.rate * c.weight_gradient[k], after, rel_tol=1e-4, abs_tol=1e-9):
        step = ["− η", slope("L", f"w_{k + 1}"), "=", told(before, 5), "−", c.rate, "·",
                bracketed(float(c.weight_gradient[k]))]  # fmt: skip
    else:
        step = ["+ Δ", "=", told(before, 5), signed(float(moved[k]))]
    size = float(np.linalg.norm(c.weight))
    share = float(np.linalg.norm(moved)) / size if size else math.nan
    return [formula(f"w_{k + 1} ← w_{k + 1}", *step, "=", told(after, 5)), formula(fraction("|Δw|", "|w|"), "=", share)]


def _update_text(c: Closeup, scene: Scene) -> str:
    names = {"sgd": "Gradient descent", "momentum": "Momentum", "adam": "Adam"}
    name = "The optimizer" if scene.config is None else names[scene.config.optimizer]
    extra = ""
    if scaled(c):
        moved = c.affine_after - c.affine[0]
        extra = f" Gamma changes by {told(float(moved[0]))}"
        extra += f", beta by {told(float(moved[1]))}." if moved[1] == moved[1] else "."
    return f"{name} takes its step, at rate {told(c.rate)}; all other layers take theirs at the same moment.{extra}"


UPDATE = Stage(
    "update", "The update", _update_text, _update,
    lambda c: (
        Picture("What is added to each weight", lambda ink, c: bars(
            ink, [(c.weight_after - c.weight, "change", False)], ("entry k", "change of w"))),
        Picture("Weights", lambda ink, c: bars(
            ink, [(c.weight, "before", True), (c.weight_after, "after", False)], ("entry k", "w"),
            "grey: before; colour: after")),
    ),
)  # fmt: skip


def _shift_text(c: Closeup, scene: Scene) -> str:
    name = scene.layers[c.layer]
    if c.layer == 0:
        return (f"Before {name} there is no layer that could have moved: G′, its gradient on the same batch after the "
                "update of the layers before it, is G itself. Choose a later layer to see them part.")  # fmt: skip
    angle = math.degrees(math.acos(max(-1.0, min(1.0, c.ics_cosine)))) if c.ics_cosine == c.ics_cosine else math.nan
    return (f"{name.capitalize()} followed G. But the layers before it moved too: on the same batch its gradient is "
            f"now G′, {told(angle)}° away. That is the internal covariate shift of this layer, for all of its units "
            "together.")  # fmt: skip


def _shift(c: Closeup, scene: Scene) -> list[Node]:
    return [
        formula("cos ∠ ( G , G′ ) =", c.ics_cosine),
        formula("| G − G′ | =", c.ics_l2, ", ", fraction("| G − G′ |", "| G |"), "=", c.ics_relative),
    ]


def _two_gradients(ink: Ink, c: Closeup) -> Figure:
    cosine = c.ics_cosine if c.ics_cosine == c.ics_cosine else 1.0
    G, moved = (float(value) for value in c.norms)
    drawn = [(G, 0.0, "G", True), (moved * cosine, moved * math.sqrt(max(0.0, 1 - cosine**2)), "G′", False)]
    return arrows(ink, drawn, ("along G", "at right angles"), "lengths and angle as they are")


def _entries(ink: Ink, c: Closeup) -> Figure:
    ends = np.array(span(c.pairs[0]))
    return cloud(ink, [(c.pairs[0], c.pairs[1], "G′", False)], None, ("entry of G", "entry of G′"), (ends, ends),
                 "line: no shift")  # fmt: skip


SHIFT = Stage(
    "G and G′", "Was that still the right direction?", _shift_text, _shift,
    lambda c: (Picture("G and G′", _two_gradients), Picture("Entry by entry", _entries)),
)  # fmt: skip
