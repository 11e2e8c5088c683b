"""The sidebar: widgets in, a RunConfig out. A control names the field it sets and knows nothing of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, get_args

import streamlit as st

from bnviz.config import SETTINGS, Arm, Landscape, RunConfig
from bnviz.config.catalog import DataSet
from bnviz.config.own import data_set
from bnviz.config.settings import Choice, Number, Whole
from bnviz.presets import PRESETS, live
from bnviz.ui import arm_rows, own_data

FIELDS = {each.name: each for each in fields(RunConfig)}
OWN = "own"


def put(config: RunConfig) -> None:
    """Make the widgets show this config (before they are drawn)."""
    state = st.session_state
    state["config"] = config
    for name in FIELDS:
        if name != "arms":
            state[_key(name)] = getattr(config, name)
    arm_rows.put(config.arms)


def take_landscape(setting: Any) -> None:
    """Take over what the button of the landscape's tab asks for (before the widgets are drawn)."""
    wanted = setting.get("landscape") if isinstance(setting, dict) else None
    if any(wanted == allowed for allowed in get_args(Landscape)):
        st.session_state[_key("landscape")] = wanted


def config_from_sidebar(problem: Callable[[str], None]) -> RunConfig:
    """Draw the controls; return the config they ask for, or the last good one after saying what is wrong."""
    state = st.session_state
    chosen: dict[str, Any] = {}
    _preset_box()
    chosen["dataset"] = dataset = own_data.choose(_key("dataset"), _label("dataset"), _help("dataset"))
    data = data_set(dataset)
    if dataset != state["config"].dataset:
        state.update({_key(name): value for name, value in data.usual.items()})
    if data.drawn:
        chosen["data_noise"] = _share("data_noise", 0.05)
    if data.openml:
        st.caption("Downloaded from openml.org on first use.")
    chosen["depth"] = _slider("depth")
    chosen["width"] = _stops("width")
    chosen["activation"] = _pills("activation")
    chosen["arms"] = arm_rows.arms()
    chosen["learning_rate"] = _stops("learning_rate", "{:g}")
    chosen["batch_size"] = _stops("batch_size")
    chosen["seed"] = _number("seed")
    with st.expander("Advanced"):
        chosen |= _advanced(data, chosen["arms"])
    try:
        config: RunConfig = replace(state["config"], **({} if data.images else {"model": "mlp"}) | chosen)
    except ValueError as error:
        problem(str(error))
        return _last_good()
    state["config"] = config
    if _preset_of(config) != state["preset"]:
        st.rerun()  # the box on top was drawn before the settings were known
    return config


def _advanced(data: DataSet, arms: Sequence[Arm]) -> dict[str, Any]:
    """Draw what is seldom changed; the settings chosen there."""
    chosen: dict[str, Any] = {}
    if data.images:
        chosen["model"] = _choice("model")
    chosen["loss"] = _choice("loss", data.losses)
    for name in ("init", "optimizer"):
        chosen[name] = _choice(name)
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


def _choice(name: str, allowed: Sequence[str] = ()) -> str:
    choice = SETTINGS[name]
    assert isinstance(choice, Choice)
    names = allowed or choice.names
    return str(st.selectbox(_label(name), names, key=_key(name), format_func=choice.title, help=_help(name)))


def _pills(name: str) -> str:
    choice = SETTINGS[name]
    assert isinstance(choice, Choice)
    return str(
        st.pills(_label(name), choice.names, key=_key(name), format_func=choice.title, required=True, help=_help(name))
    )


def _share(name: str, step: float) -> float:
    setting = SETTINGS[name]
    assert isinstance(setting, Number)
    return st.slider(_label(name), setting.low, setting.high, key=_key(name), step=step, help=_help(name))


def _slider(name: str) -> int:
    setting = SETTINGS[name]
    assert isinstance(setting, Whole)
    return st.slider(_label(name), setting.low, setting.high, key=_key(name), help=_help(name))


def _number(name: str) -> int:
    setting = SETTINGS[name]
    assert isinstance(setting, Whole)
    return int(st.number_input(_label(name), setting.low, setting.high, key=_key(name), step=1, help=_help(name)))


def _stops(name: str, form: str = "{}") -> Any:
    """A slider over round values, and whatever value a link has brought along."""
    setting = SETTINGS[name]
    assert isinstance(setting, (Whole, Number))
    brought = st.session_state.setdefault(f"brought_{name}", set())
    brought.add(st.session_state[_key(name)])
    stops = sorted({stop for stop in FIELDS[name].metadata["stops"] if setting.low <= stop <= setting.high} | brought)
    return st.select_slider(_label(name), stops, key=_key(name), format_func=form.format, help=_help(name))
