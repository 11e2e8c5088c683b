"""What an audience is given: a page with the component alone, without a session of Streamlit, and the way to it.

Who opens it watches, follows the speaker, and has no key to steer with.
"""

from __future__ import annotations

import gzip
import html
import io
import json
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bnviz.charts import TABS
from bnviz.serve import player
from bnviz.serve.address import own_address
from bnviz.serve.headers import embedders
from bnviz.serve.run import Run
from bnviz.serve.shared import server
from bnviz.serve.sockets import path_of

FOLDER = Path(__file__).parent / "watch"
PATH = "/bnviz/watch/{run}"
"""Path of the page below the app's base path."""
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; base-uri 'self'; "
    "form-action 'none'; "
    "style-src 'self' 'unsafe-inline'; "  # Plotly sets attributes named style
    "frame-ancestors "
)


async def page(request: Request) -> Response:
    """The page of one run or recording; in words, with 404, where there is no such run."""
    source = server().hub.get(request.path_params["run"])
    if source is None:
        return Response(_file("gone.html"), 404, _headers(), "text/html")
    data = {
        "socket": path_of(source),
        "plotly": player.PLOTLY,
        "run": source.id,
        "control": None,
        "kept": not isinstance(source, Run),
        "tabs": [{"name": name, "title": tab.title, "live": True} for name, tab in TABS.items()],
        "tab": next(iter(TABS)),
        "turn": 0,
        "audience": True,
        "address": lan_address(),
    }
    text = _file("page.html").replace("{data}", html.escape(json.dumps(data)))
    return Response(text, headers=_headers() | {"Cache-Control": "no-store"}, media_type="text/html")


def _headers() -> dict[str, str]:
    return {"Content-Security-Policy": POLICY + embedders()}


@cache
def _file(name: str) -> str:
    return (FOLDER / name).read_text()


def lan_address() -> str | None:
    """This machine's address now, if others on the network are let in by `bnviz --lan`."""
    return own_address() if server().lan else None


async def qr(request: Request) -> Response:
    """The link to the page as a QR code, an SVG image.

    The query's `base` says how the app is reached: only this server's own name or address is taken.
    """
    if server().hub.get(request.path_params["run"]) is None:
        return Response("There is no such run here any more.", 404, media_type="text/plain")
    base = request.query_params.get("base", "")
    if not _is_own(base, request.headers.get("host", "")):
        return Response("This is not an address of this server.", 400, media_type="text/plain")
    sink = io.BytesIO()
    link = base.rstrip("/") + PATH.format(run=request.path_params["run"])
    segno.make_qr(link, error="m").save(sink, kind="svg", border=4, omitsize=True, light="#fff", xmldecl=False)
    return Response(sink.getvalue(), media_type="image/svg+xml")


def _is_own(base: str, host: str) -> bool:
    try:
        parts = urlsplit(base)
        port = parts.port
    except ValueError:
        return False
    own = {host, f"{lan_address()}:{port}" if port else str(lan_address())}
    return len(base) <= 200 and parts.scheme in ("http", "https") and parts.netloc in own and not parts.query


def _text(read: Callable[[], str], kind: str) -> Callable[[Request], Awaitable[Response]]:
    """A route that gives a text which stays the same as long as the server, compressed once."""

    @cache
    def packed() -> bytes:
        return gzip.compress(read().encode(), 9)

    async def give(request: Request) -> Response:
        headers = {"Cache-Control": "max-age=300", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed(), headers=headers | {"Content-Encoding": "gzip"}, media_type=kind)
        return Response(read(), headers=headers, media_type=kind)

    return give


def routes() -> list[BaseRoute]:
    """The page, what it loads, and its QR code."""
    script, css = "text/javascript", "text/css"
    return [
        Route(PATH, page),
        Route("/bnviz/run/{run}/qr.svg", qr),
        Route("/bnviz/player.js", _text(player.script, script)),
        Route("/bnviz/player.css", _text(player.style, css)),
        Route("/bnviz/watch.js", _text(lambda: _file("watch.js"), script)),
        Route("/bnviz/watch.css", _text(lambda: _file("watch.css"), css)),
    ]
