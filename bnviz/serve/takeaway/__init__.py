"""A recording as one HTML file: the page's charts, tabs and timeline, with no server, no network and no Python."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import asdict
from functools import cache
from html import escape
from pathlib import Path

from bnviz import charts
from bnviz.as_pytorch import script_of
from bnviz.charts.scene import View
from bnviz.config import TITLES
from bnviz.recording import Recording
from bnviz.serve import player
from bnviz.serve.takeaway.book import MOST_STEPS, Book, Progress

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""What the file may do: run itself, and load nothing; images are those that it makes."""


def page(
    recording: Recording, title: str = "", progress: Progress | None = None, *, tab: str = "", about: str = ""
) -> str:
    """The file's text.

    title: empty: what was trained. progress: hears of the share done, from 0 to 1. tab: the first one, where it has
    anything to show. about: a sentence on what is to be seen.

    It holds every tab of charts for every choice of layer and measure, in light and dark, at `MOST_STEPS` measured
    steps at most. Errors: ValueError for a recording without any measured step.
    """
    if not recording.frames:
        raise ValueError("There is nothing to draw in this recording: no step of it was measured.")
    book = Book(recording, progress or _unheard)
    packed = book.arrays.packed(book.contents() | {"usual": asdict(View())})
    title = title or title_of(recording)
    tabs = [{"name": name, "title": tab.title, "live": True} for name, tab in charts.TABS.items() if name in book.tabs]
    data = {
        "socket": "file", "run": book.source.id, "control": None, "kept": True, "turn": 0, "tabs": tabs,
        "tab": tab if tab in book.tabs else book.tabs[0], "script": _script_or_none(recording),
    }  # fmt: skip
    told = json.dumps(data).replace("<", "\\u003c")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title><style>{(HERE / 'page.css').read_text()}{player.style()}</style></head>",
        f'<body><header><h1>{escape(title)}</h1><button id="theme" title="Light or dark"></button></header>',
        f'<p class="about">{escape(about)}</p>' if about else "",
        f'<main id="player"><noscript>This page draws with JavaScript.</noscript></main>{_footer(recording, book)}',
        f'<script type="application/json" id="data">{told}</script>',
        f'<script type="text/plain" id="plotly">{_plotly()}</script>',
        f'<script type="text/plain" id="book">{base64.b64encode(packed).decode()}</script>',
        f'<script type="module">{_script()}</script></body></html>\n',
    ]
    return "\n".join(parts)


def title_of(recording: Recording) -> str:
    """What was trained, in a line."""
    config = recording.config
    if config is None:
        return f"bnviz · {', '.join(recording.description.arms)}"
    net = "your model" if config.model == "own" else f"{config.depth} layers of {config.width}, {config.activation}"
    return f"bnviz · {config.data.title} · {net} · {', '.join(arm.title for arm in config.arms)}"


def _script_or_none(recording: Recording) -> str | None:
    try:
        return script_of(recording.config, recording.events)
    except ValueError:
        return None


def _unheard(share: float) -> None:
    pass


@cache
def _plotly() -> str:
    source = (player.FOLDER.parents[1] / "serve" / "plotly-cartesian.min.js").read_bytes()
    return base64.b64encode(gzip.compress(source, 9, mtime=0)).decode()


def _script() -> str:
    """The page's own script and ours, as one module; nothing in it may end the element that it stands in."""
    text = player.joined([*sorted(player.FOLDER.glob("*.js")), HERE / "page.js"])
    return f"{text}\nopenBook();".replace("</script", "<\\/script")


def _footer(recording: Recording, book: Book) -> str:
    config, measured = recording.config, len({frame.step for frame in recording.frames})
    told = [f"A recording of bnviz, with seed {config.seed}." if config is not None else "A recording of bnviz."]
    if measured > MOST_STEPS:
        told.append(f"It has {measured:,} measured steps; this page has {MOST_STEPS} of them, evenly in log time.")
    told.append("This file works alone: it loads nothing from anywhere.")
    if recording.damage:
        told.append(recording.damage)
    rows = [] if config is None else [(title, config.to_dict()[name]) for name, title in TITLES.items()]
    table = "".join(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>" for name, text in rows)
    about = f"<p>{escape(' '.join(told))}</p>"
    return f"<footer><details><summary>Settings</summary>{about}<table>{table}</table></details></footer>"
