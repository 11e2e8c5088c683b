"""Recordings from the shelf, and two laid over each other, as something to watch until nobody does."""

from __future__ import annotations

from bnviz.serve.follow import opened
from bnviz.serve.hub import Hub
from bnviz.serve.overlay import overlay
from bnviz.serve.run import Run
from bnviz.serve.shelf import Entry
from bnviz.source import Kept, Source


def lend(hub: Hub, entry: Entry) -> Source:
    """What to watch of a recording: the run that is writing it, else its file.

    Errors: OSError; ValueError, in one sentence, when it is no recording.
    """
    if source := (entry.writing and hub.of(entry.file, Run)) or hub.of(entry.file, Kept):
        return source
    return _for_now(hub, opened(entry.file, entry.card.damage))


def lend_both(hub: Hub, first: tuple[str, Source], second: tuple[str, Source]) -> Source:
    """Two recordings on common axes, each with the name that its networks get."""
    (name, one), (other_name, other) = first, second
    return _for_now(hub, overlay((name, one.recording), (other_name, other.recording)))


def _for_now(hub: Hub, kept: Kept) -> Kept:
    kept.for_now = True
    hub.add(kept)
    return kept
