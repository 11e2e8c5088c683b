"""Who asks: their own page or another site, an allowed name of this machine or a foreign one, and which browser."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

COOKIE = "bnviz_visitor"
SHORTEST = 16
"""Letters of a cookie that may be one of ours; they have 24, and what is shorter could be guessed."""


def browser(cookies: Mapping[str, object]) -> str:
    """The name of a browser among its cookies; empty where there is none that can be ours."""
    cookie = cookies.get(COOKIE)
    return cookie if isinstance(cookie, str) and len(cookie) >= SHORTEST else ""


def same_origin(connection: HTTPConnection) -> bool:
    """Whether a browser's request comes from our own page; programs send no Origin."""
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


def from_this_machine(headers: Mapping[str, str]) -> bool:
    """Whether the browser is on this machine: it calls the server by a name of the machine itself, and no proxy that
    others come through has passed it on."""
    if any(name.lower() in ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip") for name in headers):
        return False
    try:
        name = urlsplit(f"//{headers.get('host') or headers.get('Host') or ''}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def allowed_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names this server: by one of these names, or by an address.

    An attacker's page can make its own name point here (DNS rebinding), but not an address: a browser that sends one
    was given it by its user. Of the names, `*` stands for any, and `.example.org` for all below example.org.
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return any(each in ("*", name) or (each.startswith(".") and name.endswith(each)) for each in names)
    return True


class Hosts:
    """Middleware for every route and socket: a foreign Host is turned away with 403.

    names: gives the names by which this server may be called, as they are now.
    """

    def __init__(self, app: ASGIApp, names: Callable[[], Collection[str]]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is meant for this server."""
        if scope["type"] == "lifespan" or self._meant_for_us(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)  # before it is accepted: answered with 403
        else:
            text = "This server does not go by that name. (Option server.allowedHosts, or bnviz --lan.)"
            await PlainTextResponse(text, 403)(scope, receive, send)

    def _meant_for_us(self, scope: Scope) -> bool:
        try:
            return allowed_host(Headers(scope=scope).get("host", ""), self._names())
        except ValueError:  # no host can be read from it
            return False


class BasePath:
    """Middleware for an app below a path: Streamlit puts its own routes there, and those of others at the root.

    base: gives the path (`server.baseUrlPath`) as it is now, empty for none.
    """

    def __init__(self, app: ASGIApp, base: Callable[[], str]) -> None:
        self._app, self._base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is below the path and ours as if it were at the root."""
        base = self._base().strip("/")
        if base and scope["type"] in ("http", "websocket") and scope["path"].startswith(f"/{base}/bnviz/"):
            scope = {**scope, "path": scope["path"].removeprefix(f"/{base}")}
        await self._app(scope, receive, send)


class PageHeaders:
    """Middleware for the page itself: a random name for each browser, so that a run still knows its owner after a
    reload, and a hint to fetch a script while Streamlit's own are loading."""

    def __init__(self, app: ASGIApp, script: str) -> None:
        self._app, self._script = app, script

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the hint, and the cookie where it is not there yet."""
        if scope["type"] != "http" or not scope["path"].endswith("/"):
            await self._app(scope, receive, send)
            return
        added = [(b"link", f"<{self._script.removeprefix('/')}>; rel=prefetch; as=script".encode())]
        if not browser(HTTPConnection(scope).cookies):
            cookie = f"{COOKIE}={secrets.token_urlsafe(18)}; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000"
            secure = "; Secure" if scope["scheme"] == "https" else ""
            added.append((b"set-cookie", (cookie + secure).encode()))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)
