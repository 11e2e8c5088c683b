"""One server: Streamlit's page, and beside it the runs' sockets and files."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import secrets
import socket
import threading
import time
import tomllib
import urllib.request
import webbrowser
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from bnviz.charts.scene import View
from bnviz.serve.hub import Hub, Run
from bnviz.serve.selfcheck import SelfCheck
from bnviz.serve.viewers import Stream, Viewer

HERE = Path(__file__).resolve().parent
PORT = 8501
PLOTLY = "/bnviz/plotly.min.js"
"""Path of plotly.js below the app's base path."""
VISITOR_COOKIE = "bnviz_visitor"
MAX_VIEWERS = 500
"""Open sockets on all runs together."""
MAX_MESSAGES = 60
"""Messages a second that a viewer may send, on average over a few seconds."""
MAX_MESSAGE_BYTES = 4096

hub = Hub()
"""The runs of this process."""
self_check = SelfCheck()
"""The check that its visitors share."""
_streams: dict[Run, Stream] = {}
_viewers: set[Viewer] = set()


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Open the hub with the server, and close it with the server."""
    hub.open()
    try:
        yield
    finally:
        for viewer in tuple(_viewers):
            viewer.wake()
        self_check.stop()
        hub.close()


def _same_origin(connection: Request | WebSocket) -> bool:
    """Whether a browser's request comes from our own page; programs send no Origin."""
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


async def plotly_js(request: Request) -> Response:
    """The part of plotly.js for charts with x and y axes, a third of the whole, compressed once."""
    headers = {"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(await asyncio.to_thread(_plotly, True), media_type="text/javascript", headers=headers)
    return Response(await asyncio.to_thread(_plotly, False), media_type="text/javascript", headers=headers)


@cache
def _plotly(compressed: bool) -> bytes:
    source = (HERE / "plotly-cartesian.min.js").read_bytes()
    return gzip.compress(source, 6) if compressed else source


async def recording_file(request: Request) -> Response:
    """The recording of a run, as an Arrow IPC stream."""
    run = hub.get(request.path_params["run"])
    if run is None:
        return Response("There is no such run here any more.", 404, media_type="text/plain")
    if not _same_origin(request):
        return Response("Ask from the page itself.", 403, media_type="text/plain")
    body = await asyncio.to_thread(_recording_bytes, run)
    config = run.started_with
    name = f"bnviz-{config.dataset}-{config.depth}x{config.width}-{config.activation}-seed{config.seed}.arrow"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type="application/vnd.apache.arrow.stream", headers=headers)


def _recording_bytes(run: Run) -> bytes:
    sink = io.BytesIO()
    run.recording.write(sink)
    return sink.getvalue()


async def run_socket(websocket: WebSocket) -> None:
    """A viewer of a run: views, seeks and commands come in; scenes and patches go out."""
    run = hub.get(websocket.path_params["run"])
    if not _same_origin(websocket) or len(_viewers) >= MAX_VIEWERS:
        await websocket.close(1008)
        return
    await websocket.accept()
    if run is None:
        await websocket.send_json({"type": "problem", "text": "There is no such run here any more.", "gone": True})
        await websocket.close()
        return
    loop, wake = asyncio.get_running_loop(), asyncio.Event()
    viewer = Viewer(lambda: _tell(loop, wake))
    _viewers.add(viewer)
    # Whichever ends first ends the other: a send to a silent peer would hold up shutdown.
    seat = _Seat(run, viewer)
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
        _viewers.discard(viewer)


def _tell(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to be told
        loop.call_soon_threadsafe(wake.set)


class _Seat:
    """A viewer's place at a run, or at the run that has taken its place."""

    def __init__(self, run: Run, viewer: Viewer) -> None:
        self.viewer = viewer
        self._sit(run)

    def _sit(self, run: Run) -> None:
        self.run, self.stream = run, _streams.setdefault(run, Stream(run))
        self.stream.join(self.viewer)

    def leave(self) -> None:
        self.stream.leave(self.viewer)
        if not self.run.watchers:
            _streams.pop(self.run, None)

    def follow(self) -> None:
        """Move on to the run that has taken this one's place, if one has."""
        while self.run.successor is not None:
            successor = self.run.successor
            self.leave()
            self.viewer.drawn = self.viewer.news = self.viewer.seek = None
            self._sit(successor)


async def _send(websocket: WebSocket, seat: _Seat, wake: asyncio.Event) -> None:
    while True:
        await wake.wait()
        wake.clear()
        seat.follow()
        if (text := seat.viewer.take()) is not None:
            await websocket.send_text(text)


async def _receive(websocket: WebSocket, seat: _Seat) -> None:
    allowance, at = float(MAX_MESSAGES), time.monotonic()
    while True:
        try:
            text = await websocket.receive_text()
        except (WebSocketDisconnect, KeyError):
            return
        now = time.monotonic()
        allowance, at = min(3.0 * MAX_MESSAGES, allowance + (now - at) * MAX_MESSAGES) - 1, now
        if len(text) > MAX_MESSAGE_BYTES or allowance < 0:
            await websocket.close(1008)
            return
        try:
            message = json.loads(text)
        except ValueError:
            continue
        if isinstance(message, dict):
            _obey(message, seat.run, seat.viewer)
            seat.stream.refresh()


def _obey(message: dict[str, Any], run: Run, viewer: Viewer) -> None:
    if "view" in message:
        viewer.view = View.from_dict(message["view"])
    if "seek" in message:
        step = message["seek"]
        viewer.seek = step if isinstance(step, int) and not isinstance(step, bool) else None
    if message.get("resync"):
        viewer.drawn = None
    steer(run, message)


def steer(run: Run, message: dict[str, Any]) -> None:
    """Follow a command, if its sender may give any; a run that has ended starts again."""
    command = message.get("command")
    if command in ("play", "pause", "step", "restart") and run.controlled_by(message.get("control")):
        if command == "restart" or run.worker is None:
            threading.Thread(target=hub.restart, args=(run,), daemon=True).start()
        else:
            run.command(command)


def socket_path(run: Run) -> str:
    """Path of a run's socket below the app's base path."""
    return f"/bnviz/run/{run.id}/socket"


class PageHeaders:
    """Middleware for the page itself: a random name for each browser, so that a run still knows its owner after a
    reload, and a hint to fetch plotly.js while Streamlit's own scripts are loading."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the hint, and the cookie where it is not there yet."""
        if scope["type"] != "http" or not scope["path"].endswith("/"):
            await self._app(scope, receive, send)
            return
        added = [(b"link", f"<{PLOTLY.removeprefix('/')}>; rel=prefetch; as=script".encode())]
        if not any(VISITOR_COOKIE.encode() in value for name, value in scope["headers"] if name == b"cookie"):
            cookie = f"{VISITOR_COOKIE}={secrets.token_urlsafe(18)}; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000"
            added.append((b"set-cookie", cookie.encode()))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def routes() -> list[BaseRoute]:
    """What the server answers besides Streamlit's own."""
    return [
        Route(PLOTLY, plotly_js),
        Route("/bnviz/run/{run}/recording.arrow", recording_file),
        WebSocketRoute("/bnviz/run/{run}/socket", run_socket),
    ]


def middleware() -> list[Middleware]:
    """What every request passes."""
    return [Middleware(PageHeaders)]


def make_app(page: Path) -> st.App:
    """The app as the `bnviz` command serves it, with this script as its page; app.py spells it out, for Streamlit."""
    return st.App(page, routes=routes(), middleware=middleware(), lifespan=lifespan)


def options() -> dict[str, Any]:
    """Streamlit's options as shipped in `.streamlit/config.toml`, by dotted name."""
    return dict(_flat(tomllib.loads((HERE / ".streamlit" / "config.toml").read_text())))


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def serve(app: st.App, *, port: int | None = None, lan: bool = False, browser: bool = True) -> None:
    """Run the server until it is stopped, and open the page in a browser once it answers.

    port: None takes the first free one from `PORT` on. lan: be reachable from other machines.
    Errors: OSError when the port that was asked for is taken.
    """
    chosen = _free_port(port, lan)
    address = "0.0.0.0" if lan else "127.0.0.1"
    url = f"http://{_own_address() if lan else '127.0.0.1'}:{chosen}"
    print(f"bnviz: {url}   (Ctrl+C stops it)", flush=True)
    if browser:
        threading.Thread(target=_open_when_ready, args=(url,), daemon=True).start()
    overrides = options() | {"server.address": address, "server.port": chosen, "server.headless": True}
    if lan:
        overrides["server.allowedHosts"] = []
    app.run(config=overrides)


def _free_port(wanted: int | None, lan: bool) -> int:
    for port in [wanted] if wanted is not None else range(PORT, PORT + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0" if lan else "127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    what = f"Port {wanted} is" if wanted is not None else f"Ports {PORT} to {PORT + 49} are"
    raise OSError(f"{what} taken by another program; choose another with --port.")


def _own_address() -> str:
    """The address by which others on the network reach this machine, as well as can be told."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the address is reserved for documentation
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _open_when_ready(url: str) -> None:
    for _ in range(150):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
            webbrowser.open(url)
            return
        time.sleep(0.1)
