"""Messages of an Arrow stream that carry their own length and checksum, so that damage is known before Arrow parses.

A few changed bytes can make Arrow abort the whole process. So each message holds a seal in its metadata, such as
`bnviz-seal:00000001f0a8:9c3e11d2`: its length and its CRC-32, both in hexadecimal, taken with the CRC's digits at 0.
To any Arrow reader the seal is one more entry of metadata.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Protocol

SEAL = f"bnviz-seal:{0:012x}:{0:08x}"
"""A seal to be filled in: written into a message's metadata before it is serialized."""
_FILLED = re.compile(rb"bnviz-seal:([0-9a-f]{12}):([0-9a-f]{8})")
_CONTINUATION = b"\xff\xff\xff\xff"
_MOST_METADATA = 2**24
_MOST_BYTES = 2**31
END = _CONTINUATION + bytes(4)
"""The end of a stream."""


def ended(path: Path) -> bool:
    """Whether a file has the end of a stream; one that was cut short, or is still being written, has none."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(END)))
        return file.read() == END


def sealed(message: bytes) -> bytes:
    """A message whose metadata hold `SEAL`, with its seal filled in."""
    found = _FILLED.search(message)
    assert found is not None
    whole = bytearray(message)
    whole[found.start(1) : found.end(1)] = b"%012x" % len(whole)
    whole[found.start(2) : found.end(2)] = b"%08x" % zlib.crc32(whole)
    return bytes(whole)


class Readable(Protocol):
    """Something to read bytes from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, or fewer at the end."""


class Damaged(ValueError):
    """The bytes are not those that were written."""


def read_sealed(source: Readable) -> bytes | None:
    """The next message, unharmed; None at the end of the stream, also where it is cut short. Errors: Damaged."""
    head = source.read(8)
    if len(head) < 8 or head == END:
        return None
    (size,) = struct.unpack("<i", head[4:])
    if head[:4] != _CONTINUATION or not 0 < size <= _MOST_METADATA:
        raise Damaged
    metadata = source.read(size)
    if len(metadata) < size:
        return None
    found = _FILLED.search(metadata)
    if found is None:
        raise Damaged
    length = int(found[1], 16)
    if not len(head) + size <= length <= _MOST_BYTES:
        raise Damaged
    body = source.read(length - len(head) - size)
    message = bytearray(head + metadata + body)
    message[8 + found.start(2) : 8 + found.end(2)] = b"0" * 8
    if len(message) < length:
        return None
    if zlib.crc32(message) != int(found[2], 16):
        raise Damaged
    return head + metadata + body


class Unharmed(io.RawIOBase):
    """What can be read of a source message by message: it ends where the source does, or where damage begins."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._ready = memoryview(b"")
        self._ended = False
        self.damaged = False
        """Whether it ended because of damage."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # Arrow and io give plain memory
        """Fill the buffer with what is there; 0 at the end."""
        if not self._ready and not self._ended:
            try:
                self._ready = memoryview(read_sealed(self._source) or b"")
            except Damaged:
                self.damaged = True
            self._ended = not self._ready  # what follows in the source is another stream
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count
