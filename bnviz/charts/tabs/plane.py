"""The tab of the plane: where each network decides how, and what the hidden layers of one make of the plane, live."""

from __future__ import annotations

from bnviz.charts.explanations import EXPLANATIONS
from bnviz.charts.motion.surfaces import decisions, layers
from bnviz.charts.panel import Panel, Part, Tab, name_of_arm, strong
from bnviz.charts.scene import Scene, View, chosen_arm
from bnviz.config import CATALOG


def panels(scene: Scene, view: View) -> list[Panel]:
    """Above: the decisions of each network. Below: the hidden layers of the one that is chosen."""
    if scene.plane is None:
        return []
    found = []
    for place, surface in enumerate(scene.plane.surfaces):
        if surface.arm not in scene.titles:
            continue
        arm = list(scene.titles).index(surface.arm)
        title = [strong("Decisions"), name_of_arm(scene, arm), *_layers_of(scene, view, arm)]
        found.append(decisions(surface.arm, title, id=f"surface-{place}"))
    return found + layers(scene, chosen_arm(scene, view))


def _layers_of(scene: Scene, view: View, arm: int) -> list[Part]:
    if list(scene.titles)[arm] == chosen_arm(scene, view):
        return [{"text": "its layers below"}]
    title = list(scene.titles.values())[arm]
    return [{"text": "show its layers", "set": {"net": arm}, "label": f"Show the layers of {title}"}]


def notice(scene: Scene) -> Part | None:
    """Why there is no plane."""
    if scene.plane is not None:
        return None
    title = "Where does each network decide how?"
    planar = ", ".join(data.title for data in CATALOG.values() if data.planar)
    if scene.config is None or scene.config.model == "own":
        return {"title": title, "text": "The plane is drawn for bnviz's own networks; this one is somebody else's."}
    if not scene.config.data.planar:
        data = scene.config.data.title
        text = f"Inputs of {data} do not lie in a plane. It is drawn for points of two classes: {planar}."
        return {"title": title, "text": text}
    if scene.moment in ("none", "past"):
        text = "Decisions are measured where the networks are, while somebody looks, and are not kept."
        return {"title": title, "text": text + (" Press Live to see them." if scene.moment == "past" else "")}
    return {"title": title, "text": "The first look at the plane is on its way: it comes with the next measured step."}


TAB = Tab("plane", "Plane", panels, (EXPLANATIONS["surface"], EXPLANATIONS["bent"]), notice)
