"""What the sockets, the routes and the page of one process share."""

from __future__ import annotations

from bnviz.charts.scene import View
from bnviz.lessons import Lesson, built_in
from bnviz.serve.health import Pulse
from bnviz.serve.hub import Hub
from bnviz.serve.selfcheck import SelfCheck
from bnviz.serve.stream import Stream
from bnviz.serve.sweeps import Sweeps
from bnviz.serve.viewer import Viewer
from bnviz.source import Source


class Server:
    """One server: what there is to watch, who watches, and the check that its visitors share."""

    def __init__(self, self_check: SelfCheck | None = None) -> None:
        self.hub = Hub()
        self.self_check = self_check or SelfCheck()
        self.sweeps = Sweeps(lambda: self.hub.shelf.folder / "sweeps")
        self.pulse = Pulse()
        self.viewers: set[Viewer] = set()
        """All open sockets."""
        self.lessons: dict[str, Lesson] = dict(built_in())
        """Those that are offered, by name."""
        self.host_names: list[str] | None = None
        """The names by which it may be called; None: those of Streamlit's option."""
        self.local = False
        """Whether it is meant for its user's own machine alone, and no other can reach it."""
        self._streams: dict[Source, Stream] = {}

    @property
    def lan(self) -> bool:
        """Whether others on the network are let in, by `bnviz --lan`."""
        return self.host_names is not None

    def open(self) -> None:
        """Be ready for visitors."""
        self.hub.open()

    def close(self) -> None:
        """End everything; viewers are woken, so that their sockets close."""
        for viewer in tuple(self.viewers):
            viewer.wake()
        self.self_check.close()
        self.sweeps.close()
        self.hub.close()

    def stream(self, source: Source) -> Stream:
        """The stream of a source, the same for all its viewers."""
        return self._streams.setdefault(source, Stream(source))

    def lead(self, source: Source, view: View, seek: int | None) -> None:
        """A speaker who has no socket looks at this: show it to all who follow."""
        if (stream := self._streams.get(source)) is not None:
            stream.lead(view, seek)

    def forget_stream(self, source: Source) -> None:
        """Nobody watches the source any more."""
        self._streams.pop(source, None)


_server: Server | None = None


def use(server: Server) -> Server:
    """Make this the server of this process."""
    global _server
    _server = server
    return server


def server() -> Server:
    """The server of this process: Streamlit runs the page anew for each visitor, in a module of its own each time."""
    return _server or use(Server())
