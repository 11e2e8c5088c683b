"""The sidebar: widgets in, a RunConfig out. A control names the field it sets and knows nothing of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, get_args

import streamlit as st

from bnviz.config import AS_IS, SETTINGS, Arm, Landscape, RunConfig
from bnviz.config.catalog import DataSet
from bnviz.config.own import data_set
from bnviz.config.settings import Choice, Number, Whole
from bnviz.lessons.hiding import ADVANCED
from bnviz.presets import PRESETS, live
from bnviz.serve.own_model import OwnModel
from bnviz.serve.shared import server
from bnviz.ui import arm_rows, lessons, own_data
from bnviz.ui.markdown import escaped

FIELDS = {each.name: each for each in fields(RunConfig)}
OWN = "own"
More = ParamSpec("More")
Value = TypeVar("Value")


def put(config: RunConfig) -> None:
    """Make the widgets show this config (before they are drawn), as far as this server can train it."""
    config, state = offered(config), st.session_state
    state["config"] = config
    for name in FIELDS:
        if name != "arms":
            state[_key(name)] = getattr(config, name)
    arm_rows.put(config.arms, server().hub.own_model if config.model == "own" else None)


def offered(config: RunConfig) -> RunConfig:
    """The config itself; with a net of bnviz's in the place of a model of somebody's own that is not here."""
    if config.model != "own" or server().hub.own_model is not None:
        return config
    arms = tuple(replace(arm, normalization="none") if arm.normalization == AS_IS else arm for arm in config.arms)
    return replace(config, model="mlp", arms=arms, groups=RunConfig().groups)


def take_landscape(setting: Any) -> None:
    """Take over what the button of the landscape's tab asks for (before the widgets are drawn)."""
    wanted = setting.get("landscape") if isinstance(setting, dict) else None
    if any(wanted == allowed for allowed in get_args(Landscape)):
        st.session_state[_key("landscape")] = wanted


def config_from_sidebar(problem: Callable[[str], None]) -> RunConfig:
    """Draw the controls; return the config they ask for, or the last good one after saying what is wrong."""
    state = st.session_state
    chosen: dict[str, Any] = {}
    if "preset" not in lessons.hidden():
        _preset_box()
    chosen["dataset"] = dataset = _dataset("dataset")
    data = data_set(dataset)
    if dataset != state["config"].dataset:
        kept = ("model",) if state[_key("model")] == "own" else ()
        state.update({_key(name): value for name, value in data.usual.items() if name not in kept})
    if data.drawn:
        chosen["data_noise"] = _share("data_noise", 0.05)
    if data.openml and "dataset" not in lessons.hidden():
        st.caption("Downloaded from openml.org on first use.")
    own = server().hub.own_model
    if own is not None:
        chosen["model"] = _model_box(data, own)
    ours = chosen.get("model") != "own"
    if ours:
        chosen["depth"] = _slider("depth")
        chosen["width"] = _stops("width")
        chosen["activation"] = _pills("activation")
    chosen["arms"] = _arms(None if ours else own)
    chosen["learning_rate"] = _stops("learning_rate", "{:g}")
    chosen["batch_size"] = _stops("batch_size")
    chosen["seed"] = _number("seed")
    chosen |= _advanced(data, ours, chosen["arms"])
    try:
        config: RunConfig = replace(state["config"], **({} if data.images else {"model": "mlp"}) | chosen)
    except ValueError as error:
        problem(str(error))
        return _last_good()
    state["config"] = config
    if "preset" not in lessons.hidden() and _preset_of(config) != state["preset"]:
        st.rerun()  # the box on top was drawn before the settings were known
    return config


def _advanced(data: DataSet, ours: bool, arms: tuple[Arm, ...]) -> dict[str, Any]:
    """Draw what is seldom changed; the settings chosen there. ours: whether the nets are bnviz's."""
    chosen: dict[str, Any] = {}
    with nullcontext() if lessons.hidden().issuperset(ADVANCED) else st.expander("Advanced"):
        if data.images and server().hub.own_model is None:
            chosen["model"] = _choice("model", ("mlp", "cnn"))
        if ours:
            chosen["init"] = _choice("init")
            chosen["weight_scale"] = _stops("weight_scale", "{:g}")
        chosen["optimizer"] = _choice("optimizer")
        chosen["loss"] = _choice("loss", data.losses)
        for name in ("steps", "measure_every"):
            chosen[name] = _stops(name, "{:,}")
        chosen["landscape"] = _choice("landscape")
        if any(arm.kind.running_statistics for arm in arms):
            chosen["bn_momentum"] = _share("bn_momentum", 0.01)
        if any(arm.normalization == "group" for arm in arms):
            chosen["groups"] = _number("groups")
    return chosen


def _last_good() -> RunConfig:
    config: RunConfig = st.session_state["config"]
    return config


def _key(name: str) -> str:
    """Key of a widget's state. Streamlit forgets the state of a widget that was out of sight: it is put back."""
    key = f"field_{name}"
    if "config" in st.session_state:
        st.session_state.setdefault(key, getattr(st.session_state["config"], name))
    return key


def _unless_hidden(draw: Callable[Concatenate[str, More], Value]) -> Callable[Concatenate[str, More], Value]:
    """The control of a setting; where it is hidden, only the value that the setting has."""

    @wraps(draw)
    def drawn(name: str, /, *more: More.args, **named: More.kwargs) -> Value:
        if name in lessons.hidden():
            return cast(Value, st.session_state[_key(name)])
        return draw(name, *more, **named)

    return drawn


@_unless_hidden
def _dataset(name: str) -> str:
    return own_data.choose(_key(name), _label(name), _help(name))


def _arms(own: OwnModel | None) -> tuple[Arm, ...]:
    if "arms" in lessons.hidden():
        return _last_good().arms
    return arm_rows.arms(own, more="add" not in lessons.hidden())


def _help(name: str) -> str:
    return str(FIELDS[name].metadata["help"])


def _label(name: str) -> str:
    return str(FIELDS[name].metadata["title"])


def _preset_of(config: RunConfig) -> str:
    """Name of the preset that has these settings, or `OWN`."""
    return next((name for name, each in PRESETS.items() if live(each.config) == live(config)), OWN)


def _preset_box() -> None:
    def take() -> None:
        name = st.session_state["preset"]
        if name in PRESETS:
            put(live(PRESETS[name].config))

    matching = _preset_of(st.session_state["config"])
    st.session_state["preset"] = matching
    names = [*PRESETS, *([OWN] if matching == OWN else [])]
    st.selectbox(
        "Start from", names, key="preset", on_change=take,
        format_func=lambda name: PRESETS[name].title if name in PRESETS else "Settings of your own",
        help="Named settings that each show one thing. Choosing one starts anew.",
    )  # fmt: skip


@_unless_hidden
def _choice(name: str, allowed: Sequence[str] = (), on_change: Callable[[], None] | None = None) -> str:
    choice = SETTINGS[name]
    assert isinstance(choice, Choice)
    names, shown = allowed or choice.names, choice.title
    return str(
        st.selectbox(
            _label(name), names, key=_key(name), format_func=shown, help=_help(name), on_change=on_change
        )
    )  # fmt: skip


def _model_box(data: DataSet, own: OwnModel) -> str:
    """The networks to choose from, where there is a model of the operator's own."""
    key = _key("model")

    def take() -> None:
        if st.session_state[key] == "own":
            arm_rows.put(own.arms, own)
        else:
            arm_rows.put(RunConfig().arms)

    chosen = _choice("model", ("mlp", *(["cnn"] if data.images else []), "own"), on_change=take)
    if chosen == "own":
        st.caption(f"{escaped(own.title)}. What is done to it for each network stands behind the sign beside it.")
    return chosen


@_unless_hidden
def _pills(name: str) -> str:
    choice = SETTINGS[name]
    assert isinstance(choice, Choice)
    return str(
        st.pills(_label(name), choice.names, key=_key(name), format_func=choice.title, required=True, help=_help(name))
    )


@_unless_hidden
def _share(name: str, step: float) -> float:
    setting = SETTINGS[name]
    assert isinstance(setting, Number)
    return st.slider(_label(name), setting.low, setting.high, key=_key(name), step=step, help=_help(name))


@_unless_hidden
def _slider(name: str) -> int:
    setting = SETTINGS[name]
    assert isinstance(setting, Whole)
    return st.slider(_label(name), setting.low, setting.high, key=_key(name), help=_help(name))


@_unless_hidden
def _number(name: str) -> int:
    setting = SETTINGS[name]
    assert isinstance(setting, Whole)
    return int(st.number_input(_label(name), setting.low, setting.high, key=_key(name), step=1, help=_help(name)))


@_unless_hidden
def _stops(name: str, form: str = "{}") -> Any:
    """A slider over round values, and whatever value a link has brought along."""
    setting = SETTINGS[name]
    assert isinstance(setting, (Whole, Number))
    brought = st.session_state.setdefault(f"brought_{name}", set())
    brought.add(st.session_state[_key(name)])
    stops = sorted({stop for stop in FIELDS[name].metadata["stops"] if setting.low <= stop <= setting.high} | brought)
    return st.select_slider(_label(name), stops, key=_key(name), format_func=form.format, help=_help(name))
