"""The sidebar: widgets in, a RunConfig out. A control names the field it sets and knows nothing of runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, cast, get_args

import streamlit as st

from bnviz.config import (
    BATCH_NORMALIZATIONS,
    DOWNLOADED_DATASETS,
    IMAGE_DATASETS,
    SETTINGS,
    Activation,
    Dataset,
    Landscape,
    RunConfig,
)
from bnviz.config.settings import Choice, Number, Whole
from bnviz.presets import PRESETS, live
from bnviz.ui import arm_rows

FIELDS = {each.name: each for each in fields(RunConfig)}
STOPS: dict[str, tuple[float, ...]] = {
    "width": (2, 4, 8, 16, 32, 64, 100, 128, 256, 512),
    "batch_size": (1, 2, 4, 8, 16, 32, 60, 64, 128, 256, 512, 1024, 4096),
    "learning_rate": (
        0.0, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0,
        5.0, 10.0,
    ),
    "measure_every": (1, 2, 5, 10, 20, 50, 100, 1000),
    "steps": (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000),
}  # fmt: skip
TITLES = {
    "digits": "Digits, 8×8", "breast_cancer": "Breast cancer", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10", "gaussian": "Gaussian, linear target", "mlp": "Fully connected", "cnn": "Convolutional",
    "relu": "ReLU", "leaky_relu": "leaky ReLU", "gelu": "GELU", "silu": "SiLU", "xavier": "Xavier (Glorot)",
    "he": "He", "normal_0.01": "Normal, 0.01", "sgd": "SGD", "momentum": "SGD, momentum 0.9", "adam": "Adam",
    "0.5-4": "½ to 4 × learning rate", "0.01-30": "0.01 to 30 × learning rate", "off": "off",
    "identity": "identity", "sigmoid": "sigmoid", "tanh": "tanh",
}  # fmt: skip
"""Names of choices as people write them; others are capitalized."""
OWN = "own"


def title(name: str) -> str:
    """A choice as people write it."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


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
    chosen["dataset"] = _choice("dataset")
    dataset = chosen["dataset"]
    if dataset in ("moons", "circles", "spiral"):
        chosen["data_noise"] = st.slider("Noise", 0.0, 1.0, step=0.05, key=_key("data_noise"), help=_help("data_noise"))
    if dataset in DOWNLOADED_DATASETS:
        st.caption("Downloaded from openml.org on first use.")
    chosen["depth"] = _slider("depth")
    chosen["width"] = _stops("width")
    chosen["activation"] = st.pills(
        "Activation", get_args(Activation), key=_key("activation"), format_func=title, required=True,
        help=_help("activation"),
    )  # fmt: skip
    chosen["arms"] = arm_rows.arms()
    chosen["learning_rate"] = _stops("learning_rate", "{:g}")
    chosen["batch_size"] = _stops("batch_size")
    chosen["seed"] = _number("seed")
    with st.expander("Advanced"):
        if dataset in IMAGE_DATASETS:
            chosen["model"] = _choice("model")
        for name in ("init", "optimizer"):
            chosen[name] = _choice(name)
        for name in ("steps", "measure_every"):
            chosen[name] = _stops(name, "{:,}")
        chosen["landscape"] = _choice("landscape")
        kinds = {arm.normalization for arm in chosen["arms"]}
        if kinds.intersection(BATCH_NORMALIZATIONS):
            chosen["bn_momentum"] = st.slider(
                _label("bn_momentum"), 0.0, 1.0, step=0.01, key=_key("bn_momentum"), help=_help("bn_momentum")
            )
        if "group" in kinds:
            chosen["groups"] = _number("groups")
    try:
        config = replace(_fitting(state["config"], dataset), **chosen)
    except ValueError as error:
        problem(str(error))
        return _last_good()
    state["config"] = config
    if _preset_of(config) != state["preset"]:
        st.rerun()  # the box on top was drawn before the settings were known
    return config


def _last_good() -> RunConfig:
    config: RunConfig = st.session_state["config"]
    return config


def _fitting(config: RunConfig, dataset: str) -> RunConfig:
    """The config with a loss and a network that go with this data set."""
    if dataset == config.dataset:
        return config
    model = config.model if dataset in IMAGE_DATASETS else "mlp"
    return replace(
        config,
        dataset=cast(Dataset, dataset),
        model=model,
        loss="squared_error" if dataset == "gaussian" else "cross_entropy",
    )


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


def _choice(name: str) -> str:
    setting = SETTINGS[name]
    assert isinstance(setting, Choice)
    return str(st.selectbox(_label(name), setting.names, key=_key(name), format_func=title, help=_help(name)))


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
    stops = sorted({stop for stop in STOPS[name] if setting.low <= stop <= setting.high} | brought)
    return st.select_slider(_label(name), stops, key=_key(name), format_func=form.format, help=_help(name))
