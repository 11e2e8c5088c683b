"""A folder of pages that any web host serves: one for each preset, and an index of them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from bnviz.presets import PRESETS
from bnviz.recording import Recording
from bnviz.serve import player
from bnviz.serve.takeaway import HERE, POLICY, page
from bnviz.serve.takeaway.book import Progress
from bnviz.verdict import sentence

THUMBNAILS = player.FOLDER.parent / "thumbnails"
STYLE = """
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
main { margin-top: 1rem; }
a { display: grid; grid-template-rows: auto auto 1fr auto; gap: 0.4rem; padding: 0.9rem; border-radius: 10px;
  color: inherit; text-decoration: none; border: 1px solid color-mix(in srgb, currentcolor 22%, transparent); }
a:is(:hover, :focus-visible) { border-color: currentcolor; }
h2, p { margin: 0; font-size: 1.05rem; }
main p { font-size: 0.92rem; text-wrap: pretty; }
main p + p { opacity: 0.75; font-size: 0.84rem; }
svg { width: 100%; height: auto; }
@media (prefers-color-scheme: dark) {
  :root { --st-text-color: #e6eaee; --st-background-color: #0f1418; color-scheme: dark; }
}
"""


def write_page(folder: Path, name: str, recording: Recording, progress: Progress | None = None) -> int:
    """Write the page of a preset from a recording of it, and return its bytes."""
    preset = PRESETS[name]
    text = page(
        recording, f"bnviz · {preset.title}", progress, tab=preset.tab, about=f"{preset.look_for} ({preset.source})"
    )
    return (folder / f"{name}.html").write_bytes(text.encode())


def write_index(folder: Path, shown: Iterable[tuple[str, Recording]]) -> None:
    """Write index.html: a card for each page, with the preset's picture and what this very run says."""
    cards = "\n".join(_card(name, recording) for name, recording in shown)
    (folder / "index.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>bnviz: gallery</title><style>{(HERE / 'page.css').read_text()}{STYLE}</style></head>"
        "<body><header><h1>bnviz: watch what normalization does to neural networks</h1></header>"
        "<p>Each page is a real run, whole: play it, drag its timeline, choose layers and measures.</p>"
        f"<main>{cards}</main></body></html>\n",
        encoding="utf-8",
    )


def _card(name: str, recording: Recording) -> str:
    preset = PRESETS[name]
    says = "".join(span.text for span in sentence(recording.config, [*recording.steps()], recording.events))
    picture = (THUMBNAILS / f"{name}.svg").read_text()
    told = f"<p>{escape(says)}</p><p>{escape(preset.source)}</p>"
    return f'<a href="{name}.html">{picture}<h2>{escape(preset.title)}</h2>{told}</a>'
