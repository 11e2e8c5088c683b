"""What a stage of an update is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bnviz.charts.look import Figure
from bnviz.charts.motion.formulas import Node
from bnviz.charts.motion.pictures import Ink
from bnviz.charts.scene import Scene
from bnviz.closeup import Closeup


@dataclass(frozen=True)
class Picture:
    """A chart of a stage."""

    title: str
    draw: Callable[[Ink, Closeup], Figure]


@dataclass(frozen=True)
class Stage:
    """One stage: what happens in it, in words, in a formula with one unit's numbers, and in pictures."""

    name: str
    """As the row of stages names it."""
    heading: str
    text: Callable[[Closeup, Scene], str]
    formulas: Callable[[Closeup, Scene], list[Node]]
    pictures: Callable[[Closeup], tuple[Picture, ...]]
    there: Callable[[Closeup], bool] = field(default=lambda closeup: True)
    """Whether the layer has it."""
    back: bool = False
    """Whether it belongs to the gradient's way back."""


def normalized(closeup: Closeup) -> bool:
    """Whether it is known how the layer normalizes."""
    return closeup.normalizing is not None


def scaled(closeup: Closeup) -> bool:
    """Whether the unit has a gamma."""
    return bool(closeup.affine[0, 0] == closeup.affine[0, 0])


def activated(closeup: Closeup) -> bool:
    """Whether the layer has an activation."""
    return bool(closeup.activation)


def name_of_kind(closeup: Closeup, scene: Scene) -> str:
    """What people call the arm's normalization."""
    arm = scene.arms.get(closeup.arm)
    return closeup.normalization if arm is None else arm.kind.title


def kind_of_unit(closeup: Closeup) -> str:
    """What people call a unit: of maps, which give many values a sample, a channel."""
    return "channel" if len(closeup.z.unit) > len(closeup.losses) else "unit"
