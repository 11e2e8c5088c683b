"""A line to a server that can be cut, or fall silent, as networks and sleeping laptops do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Line:
    """Passes TCP connections on to the server of a URL; `url` is where to connect instead."""

    def __init__(self, server: str) -> None:
        self._server = urlsplit(server)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._silent: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> int:
        """End all connections that there are; how many."""
        ends = tuple(self._pairs)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        return len(ends) // 2

    def fall_silent(self) -> None:
        """From here on nothing comes through the connections that there are, and neither end is told."""
        self._silent |= self._pairs.keys()

    def close(self) -> None:
        """End everything."""
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((self._server.hostname, self._server.port))
                self._pairs |= {near: far, far: near}
                for end in (near, far):
                    threading.Thread(target=self._pass_on, args=(end,), daemon=True).start()

    def _pass_on(self, end: socket.socket) -> None:
        other = self._pairs[end]
        with suppress(OSError):
            while data := end.recv(65536):
                if end not in self._silent:
                    other.sendall(data)
        if end not in self._silent:
            with suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)
        self._pairs.pop(end, None)
        end.close()


@contextmanager
def line_to(server: str) -> Iterator[Line]:
    """A line to the server of a URL, for as long as it is needed."""
    line = Line(server)
    try:
        yield line
    finally:
        line.close()
