"""The tab of one update in slow motion: stage after stage, with one unit's numbers; beside it the plane, if any."""

from __future__ import annotations

from functools import partial

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.look import Figure
from bnviz.charts.motion.backward import BACK_ACTIVATION, SHIFT, UPDATE, WEIGHTS
from bnviz.charts.motion.forward import ACTIVATION, INPUTS, LINEAR, LOSS
from bnviz.charts.motion.normalization import AFFINE, BACK_AFFINE, NORMALIZE, PROJECTION, STATISTICS
from bnviz.charts.motion.pictures import Ink
from bnviz.charts.motion.stage import Picture, Stage, kind_of_unit
from bnviz.charts.motion.surfaces import beside
from bnviz.charts.panel import Panel, Part, Tab, layer_switch, strong, switch
from bnviz.charts.scene import Scene, View
from bnviz.closeup import Closeup

STAGES: tuple[Stage, ...] = (
    INPUTS, LINEAR, STATISTICS, NORMALIZE, AFFINE, ACTIVATION, LOSS,
    BACK_ACTIVATION, BACK_AFFINE, PROJECTION, WEIGHTS, UPDATE, SHIFT,
)  # fmt: skip
MOST_UNITS = 400
"""Units that are offered."""


def panels(scene: Scene, view: View) -> list[Panel]:
    """The pictures of the stage, and beside them those of the plane, unless type is large: they have a tab."""
    closeup = scene.closeup
    if closeup is None:
        return []
    stage = shown(closeup, view)
    own = [
        Panel(
            f"stage-{STAGES.index(stage)}-{place}", "layers", [strong(picture.title)],
            f"{stage.heading}: {picture.title}", partial(_drawn, picture=picture), partial(_told, stage=stage),
            EXPLANATIONS["update"], live=False, extra={"noted": True},
        )
        for place, picture in enumerate(stage.pictures(closeup))
    ]  # fmt: skip
    return own if view.present else own + beside(scene, closeup.arm)


def _drawn(scene: Scene, view: View, picture: Picture) -> Figure:
    assert scene.closeup is not None
    return picture.draw(Ink.of(scene, view, scene.closeup.arm), scene.closeup)


def _told(scene: Scene, view: View, stage: Stage) -> str:
    """The stage in words, which stand above its pictures."""
    assert scene.closeup is not None
    return f"Step {scene.closeup.step}. {stage.text(scene.closeup, scene)}"


def shown(closeup: Closeup, view: View) -> Stage:
    """The viewer's stage, or the next one that this layer has."""
    first = min(view.stage, len(STAGES) - 1)
    return next(stage for stage in (*STAGES[first:], STAGES[0]) if stage.there(closeup))


def words(scene: Scene, view: View) -> Part | None:
    """What happens in the stage, in a sentence and in formulas; where it stands among the others; what is looked at."""
    closeup = scene.closeup
    if closeup is None:
        return None
    stage = shown(closeup, view)
    there = [place for place, each in enumerate(STAGES) if each.there(closeup)]
    at = there.index(STAGES.index(stage))
    return {
        "heading": stage.heading,
        "count": f"{at + 1} of {len(there)}",
        "about": f"step {closeup.step}",
        "text": stage.text(closeup, scene),
        "formulas": stage.formulas(closeup, scene),
        "arm": scene.places[list(scene.titles).index(closeup.arm)] if closeup.arm in scene.titles else 0,
        "choices": _choices(scene, closeup),
        "places": [
            {"text": each.name, "there": place in there, "back": each.back, "now": each is stage,
             "set": {"stage": place}}
            for place, each in enumerate(STAGES)
        ],
        "back": {"stage": there[at - 1]} if at else None,
        "next": {"stage": there[at + 1]} if at + 1 < len(there) else None,
    }  # fmt: skip


def _choices(scene: Scene, closeup: Closeup) -> list[Part]:
    """Network, layer and unit."""
    nets: list[Part] = [{"value": place, "text": title} for place, title in enumerate(scene.titles.values())]
    kind = kind_of_unit(closeup)
    offered = range(min(closeup.units, MOST_UNITS))
    units: list[Part] = [{"value": place, "text": f"{kind} {place + 1}"} for place in offered]
    net = list(scene.titles).index(closeup.arm) if closeup.arm in scene.titles else 0
    return [
        switch("net", net, "Network seen close by", nets), layer_switch(scene, closeup.layer),
        switch("unit", closeup.unit, f"{kind.capitalize()} seen close by", units),
    ]  # fmt: skip


def notice(scene: Scene) -> Part | None:
    """Why there is no closeup, and how to have one."""
    if scene.closeup is not None:
        return None
    title = "One update in slow motion"
    if scene.config is None or scene.config.model == "own":
        return {"title": title, "text": "Slow motion takes bnviz's own networks apart; this one is somebody else's."}
    if scene.moment == "none":
        text = "A recording has no weights, and slow motion takes them apart: it needs a run that trains."
        return {"title": title, "text": text}
    if scene.moment == "past":
        text = "The networks have gone on from the step that is shown. Press Live: slow motion is where they are."
        return {"title": title, "text": text}
    about = (
        "What happens to one unit in one update, on the batch at hand: inputs, z = Wx, mean and variance, normalize, "
        "gamma and beta, activation, loss, the gradient back through all of these, the update, and the shift that it "
        "brings for the layers behind."
    )
    ask = {"text": "Stop here and look", "command": "pause"}
    if scene.moment == "resting":
        ask = {"text": "Make one step and look", "command": "step"}
    return {"title": title, "text": about, "button": ask}


TAB = Tab("update", "One update", panels, (EXPLANATIONS["update"],), notice, words)
