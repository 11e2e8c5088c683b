"""`python -m bnviz.recording FILE [--thinned]`: what can be read of a recording, as a clean one on stdout.

See `load_safely`, which is in no danger from a file that this process cannot bear.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

from bnviz.frames import Event, Frame
from bnviz.history import History
from bnviz.leash import end_with_parent
from bnviz.recording import Note, Recording, StreamReader, StreamWriter

MAX_MEMORY = 4 * 2**30
"""Bytes of address space: what needs more is given up."""


def main() -> int:
    """Copy the recording; what is wrong with it is said on stderr. Status 2: it is none."""
    end_with_parent()
    _limit()
    with open(sys.argv[1], "rb") as source:
        try:
            reader = StreamReader(source)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        writer = StreamWriter(sys.stdout.buffer, reader.description)
        items: Iterable[tuple[Frame, ...] | Event | Note] = _thinned(reader) if "--thinned" in sys.argv else reader
        for item in items:
            writer.write(item)
    writer.close()
    print(reader.damage, file=sys.stderr, end="")
    return 0


def _thinned(reader: StreamReader) -> Iterator[tuple[Frame, ...] | Event]:
    """What a history keeps of it."""
    history = History()
    for item in reader:
        if isinstance(item, Event):
            history.add_event(item)
        elif isinstance(item, tuple):
            history.add(item)
    steps, events = history.snapshot()
    return Recording(reader.description, tuple(frame for each in steps for frame in each), tuple(events)).items()


def _limit() -> None:
    with suppress(ImportError, ValueError, OSError):  # not on every system
        import resource  # noqa: PLC0415  not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


if __name__ == "__main__":
    sys.exit(main())
