"""Slow motion's stages and the plane, drawn from real steps: every number told is that of the closeup."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import pytest

from bnviz.charts import figures, notice, panels, patch, structure
from bnviz.charts.motion.formulas import signed, told
from bnviz.charts.motion.pictures import _beside
from bnviz.charts.scene import Scene, View, chosen_arm
from bnviz.charts.tabs.update import STAGES
from bnviz.config import Arm, RunConfig
from bnviz.training import Trainer
from bnviz.training.slow import SlowMotion
from tests.charts.test_charts import decode

ARMS = tuple(Arm(name) for name in ("none", "batch", "layer", "rms", "batch_l1", "weight"))
NETS = {
    "moons": RunConfig(dataset="spiral", depth=3, width=8, batch_size=40, arms=ARMS),
    "maps": RunConfig(model="cnn", depth=2, width=8, batch_size=16, activation="relu", arms=ARMS),
    "regression": RunConfig(dataset="gaussian", loss="squared_error", depth=2, width=10, activation="identity",
                            learning_rate=1e-5, batch_size=1000, optimizer="adam", arms=ARMS[:3]),
}  # fmt: skip


@cache
def stepped(name):
    trainer = Trainer(NETS[name])
    steps = [trainer.step(measure=True) for _ in range(2)]
    return trainer, SlowMotion(trainer), steps


def seen(name, arm="batch", layer=1, moment="resting"):
    trainer, slow, steps = stepped(name)
    closeup = slow.close_up(arm, layer, 1) if moment == "resting" else None
    return Scene(trainer.config, steps, (), steps[-1], None, moment, closeup, slow.plane())


def text_of(node):
    return node if isinstance(node, str) else " ".join(text_of(each) for each in node[1:])


def said(scene, stage):
    words = figures(scene, View(tab="update", stage=stage))["words"]
    return words, " ".join(text_of(each) for each in words["formulas"])


@pytest.mark.parametrize("name", NETS)
def test_every_stage_of_every_layer_and_network_is_drawn(name):
    trainer, _, _ = stepped(name)
    for arm in list(trainer.models)[: 3 if name == "moons" else None]:
        for layer in range(trainer.config.depth + 1):
            scene = seen(name, arm, layer)
            for stage in range(len(STAGES)):
                view = View(tab="update", stage=stage)
                whole = figures(scene, view)
                json.dumps(whole, allow_nan=False)
                assert whole["grid"]
                assert whole["words"]["text"]
        json.dumps(patch(scene, view, series=True), allow_nan=False)
        assert patch(scene, view, series=False) == {}


def test_next_and_back_visit_each_stage_once_and_pass_over_what_the_layer_lacks():
    for arm, layer, lacking in (
        ("batch", 1, set()),
        ("none", 1, {"mean, variance", "normalize", "γ, β", "∂ γ, β", "∂ normalize"}),
        ("batch", 3, {"mean, variance", "normalize", "γ, β", "activation", "∂ activation", "∂ γ, β", "∂ normalize"}),
    ):
        scene, stage, visited = seen("moons", arm, layer), 0, []
        while True:
            words, _ = said(scene, stage)
            visited.append(next(place["text"] for place in words["places"] if place["now"]))
            assert words["count"].startswith(f"{len(visited)} of ")
            assert {place["text"] for place in words["places"] if not place["there"]} == lacking
            if words["next"] is None:
                break
            following, _ = said(scene, words["next"]["stage"])
            assert following["back"] == {"stage": stage}
            stage = words["next"]["stage"]
        assert visited == [each.name for each in STAGES if each.name not in lacking]


def test_formulas_hold_the_units_own_numbers():
    scene = seen("moons")
    c = scene.closeup
    part, at = c.normalizing, c.place
    wanted = {
        "z = Wx": (c.z.unit[at],), "mean, variance": (part.mean, part.scale**2 - part.eps),
        "normalize": (part.xhat[part.place], -part.mean if part.mean < 0 else part.mean, part.scale),
        "γ, β": (c.affine[0, 0], c.y.unit[at]), "activation": (c.a.unit[at],), "loss": (c.losses[0], c.loss),
        "∂ activation": (c.gradient_a[at], c.slope[at], c.gradient_entering[at]),
        "∂ γ, β": (*c.affine[1], c.affine[0, 0] * c.gradient_y[at]), "∂ normalize": (part.after[part.place],),
        "∂ W": (np.abs(c.weight_gradient).max() * np.sign(c.weight_gradient[np.abs(c.weight_gradient).argmax()]),),
        "update": (NETS["moons"].learning_rate,), "G and G′": (c.ics_cosine, c.ics_l2, c.ics_relative),
    }  # fmt: skip
    for place, stage in enumerate(STAGES):
        _, formulas = said(scene, place)
        for value in wanted.get(stage.name, ()):
            assert told(float(value)) in formulas, (stage.name, value)


def test_the_projection_is_told_and_drawn_as_it_is():
    scene = seen("moons")
    part, place = scene.closeup.normalizing, [each.name for each in STAGES].index("∂ normalize")
    words, formulas = said(scene, place)
    lost = 1 - np.sum(part.after**2) / np.sum(part.before**2)
    assert f"{100 * lost:.3g} %" in words["text"]
    g, xhat, at = part.given, part.xhat, part.place
    for term in (-g.mean(), -xhat[at] * (g * xhat).mean()):
        assert signed(term) in formulas
    drawn = figures(scene, View(tab="update", stage=place))["figures"]
    _, vectors, directions, *_ = drawn.values()
    before, after = ((decode(trace["x"])[0], decode(trace["y"])[0]) for trace in vectors["data"][2:])
    assert math.hypot(*before) == pytest.approx(part.norms[0], rel=1e-5)
    assert (after[0], after[1]) == (0, pytest.approx(part.norms[1], rel=1e-5))
    assert before[1] == pytest.approx(after[1], rel=1e-4)  # the rest stays: it is a projection
    ends = [(decode(trace["x"])[0], decode(trace["y"])[0]) for trace in directions["data"][2:]]
    np.testing.assert_allclose(ends, part.along.T, rtol=1e-5, atol=1e-9)


def test_the_angle_drawn_is_that_of_the_frame():
    scene = seen("moons", layer=2)
    frame = next(each for each in scene.current if each.arm == "batch")
    last = len(STAGES) - 1
    arrows = next(iter(figures(scene, View(tab="update", stage=last))["figures"].values()))
    G, moved = (np.array([decode(t["x"])[0], decode(t["y"])[0]]) for t in arrows["data"][2:])
    assert G @ moved / np.linalg.norm(G) / np.linalg.norm(moved) == pytest.approx(frame.ics_cosine[2], abs=1e-5)
    assert np.linalg.norm(G - moved) == pytest.approx(frame.ics_l2[2], rel=1e-4)
    words, _ = said(scene, last)
    assert f"{told(math.degrees(math.acos(frame.ics_cosine[2])))}°" in words["text"]


def test_why_there_is_nothing_is_said_and_what_to_do():
    for moment, word, command in (("running", "batch at hand", "pause"), ("resting", "batch at hand", "step"),
                                  ("past", "Live", None), ("none", "recording", None)):  # fmt: skip
        trainer, _, steps = stepped("moons")
        scene = Scene(trainer.config, steps, (), steps[-1], None, moment)
        found = notice(scene, View(tab="update"))
        assert word in found["text"]
        assert found.get("button", {}).get("command") == command
        assert panels(scene, View(tab="update")) == []
        assert notice(scene, View(tab="plane"))
    assert "Moons" in notice(seen("maps"), View(tab="plane"))["text"]


def test_the_plane_is_drawn_for_each_network_and_layer():
    scene = seen("moons")
    whole = figures(scene, View(tab="plane", net=2))
    json.dumps(whole, allow_nan=False)
    ids = [panel["id"] for panel in whole["grid"]]
    assert ids == [f"surface-{k}" for k in range(6)] + [f"bent-{k}" for k in range(3)]
    surface = scene.plane.surfaces[1]
    np.testing.assert_allclose(decode(whole["figures"]["surface-1"]["data"][0]["z"]), surface.probability, rtol=1e-6)
    lines = whole["figures"]["bent-2"]["data"][0]
    shown = decode(lines["x"])
    np.testing.assert_allclose(shown[np.isfinite(shown)][:169], scene.plane.surfaces[2].grid[2][:, 0], rtol=1e-5)
    assert len(panels(scene, View(tab="update"))) == 2 + 1 + 3  # the stage's own; decisions, and three hidden layers
    assert len(panels(scene, View(tab="update", present=True))) == 2  # in large type there is room for no more
    for name, figure in whole["figures"].items():
        assert figure["layout"]["yaxis"]["scaleanchor"] == "x", name  # a circle is one
    assert all(panel["noted"] for panel in whole["grid"])  # no note lies over points


def test_names_of_arrows_do_not_lie_over_each_other():
    ends = np.array([[1.0, 0.02], [1.0, 0.02], [0.9, 0.0], [0.0, 1.0], [0.0, 0.0]])
    beside = [_beside(ends, place, 1.2) for place in range(5)]
    assert beside == ["top center", "middle right", "top center", "middle right", "bottom right"]


def test_another_closeup_needs_another_scene_and_the_same_one_none():
    one, other = seen("moons"), seen("moons", layer=2)
    view = View(tab="update", stage=3)
    assert structure(one, view) == structure(seen("moons"), view) != structure(other, view)
    assert structure(one, View(tab="layers")) == structure(other, View(tab="layers"))


def test_the_network_seen_close_by_is_the_viewers_or_the_first_with_batchnorm():
    scene = seen("moons")
    assert [chosen_arm(scene, View(net=net)) for net in (None, 0, 99)] == ["batch", "none", "weight"]
    asked = View.from_dict({"net": 1, "unit": 3, "stage": 4, "layer": True})
    assert (asked.net, asked.unit, asked.stage, asked.layer) == (1, 3, 4, None)
    assert View.from_dict({"net": -1, "unit": "3", "stage": 1e9}) == View()
