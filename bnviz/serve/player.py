"""The live component's files: many modules and styles, which the browser gets as one script and one style."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "ui" / "player"
PLOTLY = "/bnviz/plotly.min.js"
"""Path of plotly.js below the app's base path."""


@cache
def plotly() -> str:
    """The part of plotly.js for charts with x and y axes, a third of the whole."""
    return (Path(__file__).parent / "plotly-cartesian.min.js").read_text()


@cache
def script() -> str:
    """The modules as the one script that a component is: without imports, and one export, the component."""
    return joined(sorted(FOLDER.glob("*.js")))


def joined(modules: Iterable[Path]) -> str:
    """Modules as one script, in which each knows the names of all."""
    plain = re.sub(r"^import .*;\n", "", "\n".join(path.read_text() for path in modules), flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", plain, flags=re.MULTILINE)


@cache
def style() -> str:
    """The styles, one after the other."""
    return "".join(path.read_text() for path in sorted(FOLDER.glob("*.css")))
