"""A viewer's socket: views, seeks and commands come in; scenes and patches go out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bnviz.charts.scene import View
from bnviz.config import LIVE_ARM_FIELDS
from bnviz.recording import Note
from bnviz.serve.admission import TooLarge, TooManyRuns
from bnviz.serve.rarely import Rarely
from bnviz.serve.run import Run
from bnviz.serve.shared import Server
from bnviz.serve.texts import Text
from bnviz.serve.viewer import Viewer
from bnviz.serve.visitors import OWN_PAGE
from bnviz.serve.worker import Command
from bnviz.source import Source, Status

MAX_MESSAGE_BYTES = 4096
BEAT_SECONDS = 4.0
"""Who has been told nothing for so long is sent a word: a page that hears none knows that its socket is dead."""
BEAT = Text.of("beat")
PATH = "/bnviz/run/{run}/socket"
_refused = Rarely(logging.getLogger(__name__), "A command was refused: its sender may not steer that run.")


def path_of(source: Source) -> str:
    """Path of a source's socket below the app's base path."""
    return PATH.format(run=source.id)


async def serve_viewer(server: Server, websocket: WebSocket) -> None:
    """Let a viewer watch until its socket closes; who is not on a page of ours cannot steer."""
    source = server.hub.get(websocket.path_params["run"])
    await websocket.accept()
    if len(server.viewers) >= (most := server.hub.admission.limits.viewers):
        text = f"{most} pages are watching here already, as many as this server takes. Trying again now and then …"
        await websocket.send_json({"type": "problem", "text": text, "full": True})
        await websocket.close(1013)
        return
    if source is None:
        await websocket.send_json({"type": "problem", "text": "There is no such run here any more.", "gone": True})
        await websocket.close()
        return
    loop, wake = asyncio.get_running_loop(), asyncio.Event()
    asked = websocket.query_params
    audience = "audience" in asked
    viewer = Viewer(lambda: _tell(loop, wake), audience=audience, follows=audience, packed="packed" in asked)
    server.viewers.add(viewer)
    # Whichever ends first ends the other: a send to a silent peer would hold up shutdown.
    seat = _Seat(server, source, viewer, steers=websocket.scope[OWN_PAGE] and not audience)
    tasks = [
        asyncio.create_task(_send(websocket, seat, wake)),
        asyncio.create_task(_receive(websocket, seat)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        seat.leave()
        server.viewers.discard(viewer)


def _tell(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to be told
        loop.call_soon_threadsafe(wake.set)


class _Seat:
    """A viewer's place at a source, or at the one that has taken its place."""

    def __init__(self, server: Server, source: Source, viewer: Viewer, steers: bool) -> None:
        self.server, self.viewer, self.steers = server, viewer, steers
        self._sit(source)

    def _sit(self, source: Source) -> None:
        self.source, self.stream = source, self.server.stream(source)
        self.stream.join(self.viewer)
        if self.viewer.leads:
            self.lead()

    def lead(self) -> None:
        """Show to all who follow what this viewer looks at."""
        self.viewer.leads = True
        self.stream.lead(self.viewer.view, self.viewer.seek)

    def leave(self) -> None:
        self.stream.leave(self.viewer)
        if not self.source.watchers:
            self.server.forget_stream(self.source)

    def follow(self) -> None:
        """Move on to what has taken the source's place, if something has."""
        while self.source.successor is not None:
            successor = self.source.successor
            self.leave()
            self.viewer.move()
            self._sit(successor)


async def _send(websocket: WebSocket, seat: _Seat, wake: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                await wake.wait()
        except TimeoutError:
            message: str | bytes | None = seat.viewer.sends(BEAT)
        else:
            wake.clear()
            seat.follow()
            message = None if seat.viewer.behind else seat.viewer.take()
        if isinstance(message, bytes):
            await websocket.send_bytes(message)
        elif message is not None:
            await websocket.send_text(message)
        elif seat.viewer.lacks:
            seat.stream.refresh(seat.viewer)


async def _receive(websocket: WebSocket, seat: _Seat) -> None:
    while True:
        try:
            text = await websocket.receive_text()
        except (WebSocketDisconnect, KeyError):
            return
        if len(text) > MAX_MESSAGE_BYTES:
            await websocket.close(1008)
            return
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):  # no JSON, or lists in lists in lists
            continue
        if not isinstance(message, dict):
            continue
        if (seen := _whole(message.get("seen"))) is not None:
            seat.viewer.seen = seen
            seat.viewer.wake()
        else:
            _obey(message, seat)
            seat.stream.refresh(seat.viewer)


def _obey(message: dict[str, Any], seat: _Seat) -> None:
    viewer = seat.viewer
    if "follow" in message:
        viewer.follow(message["follow"] is True)
    if "view" in message:
        viewer.view = View.from_dict(message["view"])
    if "seek" in message:
        viewer.seek = _whole(message["seek"])
    if (by := _whole(message.get("move"))) is not None:
        viewer.seek = seat.source.history.moved(viewer.seek, by)
    if message.get("resync"):
        viewer.drawn = None
    if not seat.steers:  # whatever key it sends
        if "command" in message:
            _refused.warn()
        return
    viewer.key = message.get("control", viewer.key)
    if seat.source.controlled_by(viewer.key):
        seat.lead()
        if isinstance(seat.source, Run) and seat.source.status is Status.WAITING:
            threading.Thread(target=seat.server.hub.welcome, args=(seat.source,), daemon=True).start()
    steer(seat.server, seat.source, message)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def steer(server: Server, source: Source, message: dict[str, Any]) -> None:
    """Follow a command, if its sender may give any; a run that has ended starts again."""
    command = message.get("command")
    if not isinstance(source, Run) or not source.controlled_by(message.get("control")):
        if command is not None:
            _refused.warn()
        return
    ended = not source.status.live and source.status is not Status.WAITING
    if command == "restart" or (command in ("play", "pause", "step") and ended):
        # The hub waits a moment for the old worker, and this is the event loop.
        threading.Thread(target=_restart, args=(server, source), daemon=True).start()
    elif command in ("play", "pause", "step"):
        source.command(command)
    elif (of_arms := command_of_arms(message)) is not None:
        _steer_arms(server, source, *of_arms)


def _restart(server: Server, run: Run) -> None:
    try:
        server.hub.restart(run)
    except (TooLarge, TooManyRuns) as error:
        run.take(Note("problem", str(error)))


def _steer_arms(server: Server, run: Run, name: Command, values: dict[str, Any]) -> None:
    if name == "drop":
        run.drop(values["arm"])
        return
    if name == "fork":
        try:
            server.hub.admission.check_fork(run)
        except TooLarge as error:
            run.take(Note("problem", str(error)))
            return
    run.command(name, **values)


def command_of_arms(message: dict[str, Any]) -> tuple[Command, dict[str, Any]] | None:
    """What is asked to be done to an arm, as far as it can be understood; None: nothing.

    `{"command": "fork" | "undo" | "drop" | "rename", "arm": label}`, with `name` for a rename, and for a fork with
    `fields`, new values as text, and `at`, the step to start from.
    """
    name, arm = message.get("command"), message.get("arm")
    if name not in ("fork", "undo", "drop", "rename") or not isinstance(arm, str):
        return None
    if name == "fork":
        given = message.get("fields")
        fields = {key: str(given[key]) for key in LIVE_ARM_FIELDS if key in given} if isinstance(given, dict) else {}
        return "fork", {"arm": arm, "fields": fields, "at": _whole(message.get("at"))}
    if name == "rename":
        return "rename", {"arm": arm, "name": str(message.get("name", ""))}
    return name, {"arm": arm}
