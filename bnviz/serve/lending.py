"""Recordings from the shelf, and two laid over each other, as something to watch until nobody does."""

from __future__ import annotations

from bnviz.serve.follow import opened
from bnviz.serve.hub import Hub
from bnviz.serve.overlay import overlay
from bnviz.serve.run import Run
from bnviz.serve.shelf.entry import Entry
from bnviz.source import Kept, Source, Status


def lend(hub: Hub, entry: Entry) -> Source:
    """What to watch of a recording: the run that is writing it, else its file.

    Errors: OSError; ValueError, in one sentence, when it is no recording, or there is no room for it.
    """
    if source := (entry.writing and hub.of(entry.file, Run)) or hub.of(entry.file, Kept):
        return source
    return hub.lent.add(opened(entry.file, entry.card.damage))


def lend_both(hub: Hub, first: tuple[str, Source], second: tuple[str, Source]) -> Source:
    """Two recordings on common axes, each with the name that its networks get; asked again, the same.

    Errors: ValueError, in one sentence, where there is no room for it.
    """
    (name, one), (other_name, other) = first, second
    parts = (name, one.id, other_name, other.id)
    whole = one.status is Status.KEPT and other.status is Status.KEPT
    if whole and (made := next((each for each in hub.lent.all() if each.parts == parts), None)):
        return made
    kept = overlay((name, one.recording), (other_name, other.recording))
    kept.parts = parts if whole else ()
    return hub.lent.add(kept)
