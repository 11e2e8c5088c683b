"""What a recording's card says, as sentences."""

from __future__ import annotations

from datetime import datetime

from bnviz.config import SETTINGS, RunConfig
from bnviz.config.settings import Choice
from bnviz.serve.shelf.card import Card
from bnviz.ui import own_data


def settings(card: Card) -> str:
    """The settings in words."""
    config: RunConfig | None = card.settings
    if config is None:
        return "Somebody's own loop: " + ", ".join(card.arms)
    net = f"{config.depth} hidden layers of {config.width}" if config.model != "own" else "a model of somebody's own"
    data = own_data.title(config.dataset)
    return (f"{', '.join(card.arms)}. {data}; {net}, {_title('activation', config)}; {_title('optimizer', config)}, "
            f"rate {config.learning_rate:g}, batch {config.batch_size}, seed {config.seed}")  # fmt: skip


def _title(name: str, config: RunConfig) -> str:
    setting, value = SETTINGS[name], getattr(config, name)
    return setting.title(value) if isinstance(setting, Choice) else str(value)


def when(card: Card) -> str:
    """When it began, by the clock of the server."""
    return f"{datetime.fromtimestamp(card.began).astimezone():%Y-%m-%d %H:%M}"


def line(title: str, card: Card, doing: str) -> str:
    """One recording in a list of many, some of the same settings: when it began to the second, and how far it is.

    doing: what it is doing, in the place of a last step that changes.
    """
    began = datetime.fromtimestamp(card.began).astimezone()
    return f"{title} · {began:%Y-%m-%d %H:%M:%S} · {doing or f'step {card.step:,}'}"


def times(card: Card, size: int) -> str:
    """When it began, how long it is, and how large."""
    seconds = max(0.0, card.ended - card.began)
    long = f", {seconds / 60:.0f} min" if seconds >= 90 else f", {seconds:.0f} s" if seconds else ""
    return f"{when(card)}{long}. Step {card.step:,}, {card.measured:,} measured; {size / 1e6:.1f} MB."
