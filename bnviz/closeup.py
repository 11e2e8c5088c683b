"""What is seen of one update close by: a `Closeup` of one unit of a layer, and a `Plane` of two-dimensional inputs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

import numpy as np

from bnviz.frames import Floats

MOST = 1000
"""Values of one unit that a closeup holds, at most; of more, evenly chosen ones."""
BINS = 48


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Values of one quantity: of the whole layer as a histogram, of the unit one by one."""

    counts: Floats
    """Of all units, (B,), in equal bins over `range`."""
    range: Floats
    """Least and largest value in the layer, (2,)."""
    unit: Floats
    """Of this unit, or of what enters it for the sample, (m,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Normalizing:
    """The values that the unit's own is normalized with, forward and back; g is dL/dx̂, over k values.

    Vectors hold at most `MOST` of the k; `place` says where in them the sample's own value stands. The numbers are of
    all of them.
    """

    over: Literal["batch", "sample"]
    """Whether they are one unit's over the batch, or one sample's over the units."""
    count: int
    """k."""
    place: int
    mean: float
    """What is taken away; 0 for RMSNorm, which takes nothing away."""
    scale: float
    """What is divided by, eps included."""
    eps: float
    centred: bool
    """Whether a mean is taken away, and so the direction of equal values from the gradient."""
    z: Floats
    xhat: Floats
    given: Floats
    """g."""
    before: Floats
    """g / scale: what dL/dz would be if mean and scale did not depend on the values."""
    after: Floats
    """dL/dz, as autograd finds it."""
    norms: Floats
    """|before| and |after|, (2,)."""
    along: Floats
    """Lengths of before and after along (1, ..., 1) and along x̂: [[before, after] of ones, of x̂], (2, 2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Closeup:
    """One update of one unit: every number on its way from the batch to the weights after it.

    Gradients are those of the network's own loss. The vectors of the unit hold at most `MOST` values, one for each
    sample (of a map: sample and position); `place` says which of them is the sample's, whose numbers are written out.
    """

    step: int
    arm: str
    """Its label."""
    layer: int
    """Weight layer, from 0, as frames count them."""
    unit: int
    units: int
    """How many the layer has."""
    sample: int
    """Row of the batch."""
    place: int
    x: Floats
    """What enters the unit for the sample, (f,)."""
    weight: Floats
    """Of the unit before the update, (f,); the weight in use under weight norm."""
    weight_after: Floats
    weight_gradient: Floats
    """dL/dw, (f,)."""
    bias: Floats
    """Before and after the update; NaN where there is none, (2,)."""
    bias_gradient: float
    inputs: Spread
    z: Spread
    """What leaves the weights."""
    y: Spread
    """What leaves the normalization, if there is one."""
    entering: Spread
    """What enters the activation: y, and noise, if there is any."""
    a: Spread
    """What leaves the activation, if there is one."""
    xhat: Floats
    """Normalized values of the unit, (m,); empty without normalization."""
    gradient_a: Floats
    gradient_entering: Floats
    gradient_y: Floats
    gradient_z: Floats
    slope: Floats
    """The activation's derivative at each of `entering`, (m,)."""
    normalization: str
    """Name of the module between weights and activation; empty: none."""
    normalizing: Normalizing | None
    """None without normalization, and for one whose statistics are not known here."""
    affine: Floats
    """Gamma and beta of the unit, and their gradients: (2, 2); NaN where there is none."""
    affine_after: Floats
    """Gamma and beta after the update, (2,)."""
    activation: str
    """Name of the module; empty: none."""
    noise: bool
    loss: float
    losses: Floats
    """Of each sample alone, (n,), at most `MOST`; `sample_place` is the sample's."""
    sample_place: int
    outputs: Floats
    """Of the network for the sample, (C,)."""
    target: Floats
    """Its class, (1,), or what the outputs should be, (C,)."""
    rate: float
    """Learning rate of the arm."""
    norms: Floats
    """|G| and |G'| of the layer's weight, (2,)."""
    ics_l2: float
    ics_relative: float
    ics_cosine: float
    pairs: Floats
    """Entries of G and G', (2, p), at most `MOST` evenly chosen ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What one network makes of the plane."""

    arm: str
    probability: Floats
    """Of class 1, in eval mode, on the grid: (rows, columns)."""
    layers: Floats
    """Weight layers shown, from 0: (S,)."""
    grid: Floats
    """Where each hidden layer shown puts the points of a coarse grid, (S, k * k, 2), along two directions."""
    points: Floats
    """Where it puts the training points, (S, P, 2)."""
    share: Floats
    """Share of the variance over the coarse grid that lies in the two directions, (S,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A two-dimensional set and what each network makes of it, before update `step`."""

    step: int
    xs: Floats
    """Columns of the grid."""
    ys: Floats
    points: Floats
    """Training points, (P, 2), evenly chosen."""
    classes: Floats
    """Of these points, 0 or 1."""
    surfaces: tuple[Surface, ...]


def to_text(value: Closeup | Plane) -> str:
    """As JSON; numbers to the last bit."""
    return json.dumps(_plain(value))


def closeup_from(text: str) -> Closeup:
    """The closeup that `to_text` wrote. Errors: ValueError for any other text."""
    with _or_senseless():
        known = json.loads(text)
        for name in ("inputs", "z", "y", "entering", "a"):
            known[name] = Spread(**_arrays(known[name]))
        if known["normalizing"] is not None:
            known["normalizing"] = Normalizing(**_arrays(known["normalizing"]))
        return Closeup(**_arrays(known))


def plane_from(text: str) -> Plane:
    """The plane that `to_text` wrote. Errors: ValueError for any other text."""
    with _or_senseless():
        known = json.loads(text)
        known["surfaces"] = tuple(Surface(**_arrays(each)) for each in known["surfaces"])
        return Plane(**_arrays(known))


@contextmanager
def _or_senseless() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("This text tells of no update.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value, "<f8")
        return {"shape": list(data.shape), "f8": base64.b64encode(data.tobytes()).decode()}
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _arrays(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _array(value) for name, value in known.items()}


def _array(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return np.frombuffer(base64.b64decode(value["f8"]), "<f8").reshape(value["shape"])
