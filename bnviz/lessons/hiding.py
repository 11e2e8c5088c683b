"""What of the page can be hidden, one by one or in groups; what is hidden keeps its value."""

from __future__ import annotations

from collections.abc import Iterable

from bnviz.charts import TABS
from bnviz.config import SETTINGS

ADVANCED = (
    "model",
    "init",
    "weight_scale",
    "optimizer",
    "loss",
    "steps",
    "measure_every",
    "landscape",
    "bn_momentum",
    "groups",
)
"""The settings that the page folds away."""
PARTS = {
    "preset": "the box that starts from named settings",
    "add": "the button that adds a network",
    "tabs": "the row of tabs",
    "texts": "the tabs that are text: presets, lessons, self-check and the like",
}
"""What is no setting, and what it is on the page."""
GROUPS = {"advanced": ADVANCED, "settings": (*SETTINGS, "preset", "add")}
"""Names for several."""
NAMES = (*SETTINGS, *PARTS, *GROUPS, *(name for name in TABS if name not in SETTINGS))
"""All that may be given; a setting and a tab of one name go together."""


def hidden(names: Iterable[str]) -> frozenset[str]:
    """These names, with groups as what they stand for. Errors: ValueError that names the first unknown one."""
    found: set[str] = set()
    for name in names:
        if name not in NAMES:
            raise ValueError(f"hide takes {', '.join(NAMES)}, got {name!r}.")
        found.update(GROUPS.get(name, (name,)))
    return frozenset(found)
