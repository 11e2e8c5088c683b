"""One app: Streamlit's page, and beside it the sockets and files of what there is to watch."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import re
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket
from streamlit import file_util
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from bnviz.serve import audience, health, journal, player, sockets
from bnviz.serve.headers import SafeHeaders, embedders
from bnviz.serve.inbound import MessageLimit, Uploads
from bnviz.serve.player import PLOTLY
from bnviz.serve.shared import server
from bnviz.serve.shelf.entry import Entry
from bnviz.serve.takeaway import routes as takeaway
from bnviz.serve.takeaway.routes import file_name
from bnviz.serve.visitors import BasePath, Hosts, Origins, PageHeaders, browser, from_this_machine, same_origin
from bnviz.source import Source

CHUNK = 2**20
SHELF = "/bnviz/recordings/{key}.arrow"
ARROW = "application/vnd.apache.arrow.stream"


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Open the server with the app, and close it with the app."""
    journal.begin()
    journal.tell("server-started", version=health.VERSION)
    server().open()
    pulse = asyncio.create_task(server().pulse.beat())
    try:
        yield
    finally:
        pulse.cancel()
        server().close()
        journal.tell("server-stopped")


async def health_report(request: Request) -> Response:
    """How the server is, as JSON."""
    return JSONResponse(health.report(server()), headers={"Cache-Control": "no-store"})


async def plotly_js(request: Request) -> Response:
    """The part of plotly.js for charts with x and y axes, a third of the whole, compressed once."""
    headers = {"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
    compressed = "gzip" in request.headers.get("accept-encoding", "")
    if compressed:
        headers["Content-Encoding"] = "gzip"
    return Response(await asyncio.to_thread(_plotly, compressed), media_type="text/javascript", headers=headers)


@cache
def _plotly(compressed: bool) -> bytes:
    source = player.plotly().encode()
    return gzip.compress(source, 6) if compressed else source


async def recording_file(request: Request) -> Response:
    """The recording of what is watched, whole, as an Arrow IPC stream."""
    source = server().hub.get(request.path_params["run"])
    if source is None:
        return Response("There is no such run here any more.", 404, media_type="text/plain")
    if not same_origin(request):
        return Response("Ask from the page itself.", 403, media_type="text/plain")
    headers = {"Content-Disposition": f'attachment; filename="{file_name(source, "arrow")}"'}
    if source.file is not None and source.file.exists():  # it may have been removed since
        return StreamingResponse(_parts(source.file), media_type=ARROW, headers=headers)
    body = await asyncio.to_thread(_thinned, source)
    return Response(body, media_type=ARROW, headers=headers)


def shelf_path(entry: Entry) -> str:
    """Path of a recording on the shelf, relative to the page."""
    return SHELF.format(key=quote(entry.key)).lstrip("/")


async def shelf_file(request: Request) -> Response:
    """A recording from the shelf, for whom it is listed."""
    if not same_origin(request):
        return Response("Ask from the page itself.", 403, media_type="text/plain")
    everything = server().local and from_this_machine(request.headers)
    visitor = None if everything else browser(request.cookies)
    entry = await asyncio.to_thread(server().hub.shelf.entry, request.path_params["key"], visitor)
    if entry is None:
        return Response("There is no such recording here any more.", 404, media_type="text/plain")
    name = "-".join(re.findall(r"[\w.()+]+", entry.title.replace("×", "x"), re.ASCII)).strip("-.") or "recording"
    headers = {"Content-Disposition": f'attachment; filename="{name}.arrow"'}
    return StreamingResponse(_parts(entry.file), media_type=ARROW, headers=headers)


def _parts(file: Path) -> Iterator[bytes]:
    """What a file holds now, though it may be growing."""
    with file.open("rb") as source:
        left = file.stat().st_size
        while left > 0 and (part := source.read(min(CHUNK, left))):
            left -= len(part)
            yield part


def _thinned(source: Source) -> bytes:
    """What the history holds, where the disk holds nothing."""
    sink = io.BytesIO()
    source.recording.write(sink)
    return sink.getvalue()


async def run_socket(websocket: WebSocket) -> None:
    """A viewer of a run or recording."""
    await sockets.serve_viewer(server(), websocket)


def routes() -> list[BaseRoute]:
    """What the server answers besides Streamlit's own."""
    return [
        Route(PLOTLY, plotly_js),
        Route(health.PATH, health_report),
        Route("/bnviz/run/{run}/recording.arrow", recording_file),
        *takeaway.routes(),
        Route(SHELF, shelf_file),
        WebSocketRoute(sockets.PATH, run_socket),
        *audience.routes(),
    ]


def middleware() -> list[Middleware]:
    """What every request passes."""
    return [
        Middleware(SafeHeaders, page=Path(file_util.get_static_dir()) / "index.html", frames=embedders()),
        Middleware(Hosts, names=_host_names),
        Middleware(BasePath, base=lambda: st.get_option("server.baseUrlPath") or ""),
        Middleware(Origins, trusted=_origins),
        Middleware(PageHeaders, script=PLOTLY),
        Middleware(MessageLimit),
        Middleware(Uploads, held=_uploads),
    ]


def _uploads() -> dict[str, list[int]]:
    """Bytes of each file that Streamlit holds, by session."""
    files = get_instance().uploaded_file_mgr
    assert isinstance(files, MemoryUploadedFileManager)
    return {
        session: [len(each.data) for each in tuple(held.values())]
        for session, held in tuple(files.file_storage.items())
    }


def _host_names() -> list[str]:
    """The names of this server: its own, or Streamlit's option, which it looks at for its own socket alone."""
    return server().host_names or list(st.get_option("server.allowedHosts") or ["*"])


def _origins() -> list[str]:
    """The origins that Streamlit's options trust, where somebody has set them."""
    return list(st.get_option("server.corsAllowedOrigins") or []) if st.get_option("server.enableCORS") else ["*"]


def make_app(page: Path) -> st.App:
    """The app as the `bnviz` command serves it, with this script as its page; app.py spells it out, for Streamlit."""
    return st.App(page, routes=routes(), middleware=middleware(), lifespan=lifespan)
