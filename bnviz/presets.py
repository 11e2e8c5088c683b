"""Named settings that each reproduce something: a paper's figure, or a fact worth seeing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bnviz.config import RunConfig


@dataclass(frozen=True)
class Preset:
    """A config with its source and what to look for."""

    title: str
    config: RunConfig
    source: str
    """Paper and figure."""
    look_for: str


PRESETS: dict[str, Preset] = {
    "sigmoid-depth": Preset(
        "Sigmoid depth",
        RunConfig(),
        "Santurkar et al. 2018, Definition 2.1; Ioffe & Szegedy 2015, section 4.1",
        "The plain net stays at chance with an ICS near zero, because its gradients vanish; the net with "
        "BatchNorm learns, with a larger ICS.",
    ),
    "relu-lr": Preset(
        "High learning rate",
        RunConfig(activation="relu", init="he", learning_rate=1.0),
        "Ioffe & Szegedy 2015, section 3.3",
        "At this rate the plain net diverges; the net with BatchNorm does not.",
    ),
    "good-init": Preset(
        "Good initialization",
        RunConfig(activation="relu", init="he", learning_rate=0.05),
        "He et al. 2015, section 2.2",
        "With He initialization and few layers, BatchNorm hardly matters.",
    ),
}
DEFAULT = "sigmoid-depth"
LIVE_STEPS = 20_000
"""Steps of a run that people watch: it should outlast their looking around."""


def live(config: RunConfig) -> RunConfig:
    """The config of a preset as the page starts it: the same run, going on for longer."""
    return replace(config, steps=max(config.steps, LIVE_STEPS))


def preset(name: str) -> Preset:
    """The preset of this name. Errors: ValueError that lists the names."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}.")
    return PRESETS[name]
