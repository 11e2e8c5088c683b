"""What is known of a recording without reading it: a small JSON file beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from bnviz.charts.scene import Scene
from bnviz.charts.thumbnail import of_losses
from bnviz.config import CATALOG, RunConfig
from bnviz.frames import Description, Event, Frame
from bnviz.presets import PRESETS

LONGEST_NAME = 60
"""Letters of a recording's name."""
MOST_ARMS = 12
"""Networks that a card names: those of two recordings laid over each other."""
LONGEST_ARM = 80
LONGEST_PICTURE = 100_000
MAX_BYTES = 200_000
"""A card is never as large; what is, is none."""


@dataclass(frozen=True, slots=True)
class Card:
    """A recording in short."""

    name: str = ""
    """What somebody called it; empty: nobody did."""
    owner: str = ""
    """Whose it is, as `owner_mark` has it; empty: nobody's."""
    began: float = 0.0
    """When, in seconds since 1970."""
    ended: float = 0.0
    step: int = 0
    """The last step measured."""
    measured: int = 0
    """How many steps were measured, or are left after thinning."""
    config: Mapping[str, str] | None = None
    """The settings that it began with, as `RunConfig.to_dict` has them; None for somebody else's loop."""
    arms: tuple[str, ...] = ()
    """Its networks as they were in the end, for people."""
    picture: str = ""
    """SVG; empty while it is being written."""
    damage: str = ""
    """What is wrong with the file, as a sentence."""
    size: int = -1
    """Bytes of the file that this was written for: of a file that has grown since, more is to be known."""

    @property
    def settings(self) -> RunConfig | None:
        """The settings that it began with, if they are known here."""
        if self.config is None:
            return None
        try:
            return RunConfig.from_dict(self.config)
        except ValueError:
            return None

    @property
    def usual_name(self) -> str:
        """The name of one that nobody has named: its preset's, or what is trained."""
        config = self.settings
        if config is None:
            return "Recording"
        for each in PRESETS.values():
            if replace(each.config, steps=config.steps, measure_every=config.measure_every) == config:
                return each.title
        data = CATALOG[config.dataset].title.split(",")[0] if config.dataset in CATALOG else "Own data"
        net = f"{config.model.upper()} {config.depth} × {config.width}" if config.model != "own" else "own model"
        return f"{data}, {net}"

    def told(self, description: Description, steps: Sequence[tuple[Frame, ...]], events: Sequence[Event]) -> Card:
        """The card with all that is known of the run by now."""
        scene = Scene(description.config, steps, events, steps[-1] if steps else ())
        arms = tuple(scene.titles.values()) or description.arms
        picture = of_losses(scene)
        return replace(
            self,
            step=steps[-1][0].step if steps else 0,
            measured=len(steps),
            config=None if description.config is None else description.config.to_dict(),
            arms=tuple(clean_name(arm, LONGEST_ARM) for arm in arms[:MOST_ARMS]),
            picture=picture if len(picture) <= LONGEST_PICTURE else "",
        )

    def write(self, file: Path) -> None:
        """Put it into this file, whole or not at all. Errors: OSError."""
        partial = file.with_name(file.name + ".partial")
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        partial.replace(file)

    @classmethod
    def read(cls, file: Path) -> Card | None:
        """The card in this file; None where there is none."""
        try:
            if file.stat().st_size > MAX_BYTES:
                return None
            told = json.loads(file.read_text(encoding="utf-8"))
            known = {each.name: told[each.name] for each in fields(cls) if each.name in told}
            return cls(**_checked(known))
        except (OSError, ValueError, TypeError, AttributeError):
            return None


def _checked(known: dict[str, Any]) -> dict[str, Any]:
    """Values of the types that a card has. Errors: ValueError; TypeError."""
    checked: dict[str, Any] = {name: float(known[name]) for name in ("began", "ended") if name in known}
    checked |= {name: int(known[name]) for name in ("step", "measured", "size") if name in known}
    checked |= {name: str(known[name]) for name in ("owner", "picture", "damage") if name in known}
    if "name" in known:
        checked["name"] = clean_name(str(known["name"]))
    if isinstance(known.get("config"), dict):
        checked["config"] = {str(name): str(text) for name, text in known["config"].items()}
    return checked | {"arms": tuple(str(arm) for arm in known.get("arms", ()))}


def clean_name(text: str, longest: int = LONGEST_NAME) -> str:
    """The name without what cannot be printed, and no longer than there is room for."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:longest].strip()


def begun(owner: str, description: Description) -> Card:
    """The card of a run that begins now."""
    now = time.time()
    return Card(owner=owner, began=now, ended=now).told(description, (), ())
