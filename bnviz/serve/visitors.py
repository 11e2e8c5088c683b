"""Who asks: their own page or another site, an allowed name of this machine or a foreign one, and which browser."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable, Collection, Mapping

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

COOKIE = "bnviz_visitor"
SHORTEST = 16
"""Letters of a cookie that may be one of ours; they have 24, and what is shorter could be guessed."""
OWN_PAGE = "bnviz.own_page"
"""In the scope of a socket: whether a page of ours has opened it."""
PORTS = {"http": 80, "https": 443}
"""What a browser leaves out of Host and Origin."""
_HOST = r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9._-]*)(:(?P<port>\d{1,5}))?"
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_HOST}", re.IGNORECASE)
_AUTHORITY = re.compile(_HOST, re.IGNORECASE)


def browser(cookies: Mapping[str, object]) -> str:
    """The name of a browser among its cookies; empty where there is none that can be ours."""
    cookie = cookies.get(COOKIE)
    return cookie if isinstance(cookie, str) and len(cookie) >= SHORTEST else ""


def same_key(given: object, key: str) -> bool:
    """Whether somebody has this key; how long it takes to say so tells nothing about it."""
    return isinstance(given, str) and secrets.compare_digest(given.encode("utf-8", "surrogatepass"), key.encode())


def same_origin(connection: HTTPConnection) -> bool:
    """Whether no other site's page asks: the Origin, where there is one, is our own. Programs send none."""
    return "origin" not in connection.headers or from_own_page(connection)


def from_own_page(connection: HTTPConnection) -> bool:
    """Whether a page of ours asks: its Origin, which a browser sends with every socket, is what Host names.

    A port that is left out is the usual one of the Origin's scheme, since Host is of the same address. A proxy may have
    ended TLS, so https may arrive as http; what is known to have come by https is no answer to an http page.
    """
    origins, hosts = (connection.headers.getlist(name) for name in ("origin", "host"))
    origin = _ORIGIN.fullmatch(origins[0]) if len(origins) == 1 else None
    host = _AUTHORITY.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if origin is None or host is None:
        return False
    scheme = origin["scheme"].lower()
    usual = PORTS[scheme]
    same = [(each["name"].lower(), int(each["port"] or usual)) for each in (origin, host)]
    return same[0] == same[1] and (scheme == "https" or connection.scope["scheme"] not in ("https", "wss"))


def from_this_machine(headers: Mapping[str, str]) -> bool:
    """Whether the browser is on this machine: it calls the server by a name of the machine itself, and no proxy that
    others come through has passed it on."""
    if any(name.lower().startswith(("forwarded", "x-forwarded-", "x-real-ip", "via")) for name in headers):
        return False
    name = host_name(headers.get("host") or headers.get("Host") or "")
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name or address in a Host header, small and without brackets; empty where it is none."""
    match = _AUTHORITY.fullmatch(host)
    return "" if match is None else match["name"].lower().strip("[]").removesuffix(".")


def allowed_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names this server: by one of these names, or by an address.

    An attacker's page can make its own name point here (DNS rebinding), but not an address: a browser that sends one
    was given it by its user. Of the names, `*` stands for any, and `*.example.org` for all below example.org, as in
    Streamlit's option `server.allowedHosts`.
    """
    name = host_name(host)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        patterns = [each.strip().lower().removesuffix(".") for each in names]
        return bool(name) and any(
            each in ("*", name) or (each.startswith("*.") and name.endswith(each[1:])) for each in patterns
        )
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
        hosts = Headers(scope=scope).getlist("host")
        return len(hosts) == 1 and allowed_host(hosts[0], self._names())


class Origins:
    """Middleware for every socket: a page that is not ours is turned away with 403.

    Streamlit alone would take any page of `localhost`, whatever its port, and who sends no Origin at all: that is no
    browser, and may watch a run, nothing else. trusted: gives further origins whose pages are as good as ours; `*`
    stands for any.
    """

    def __init__(self, app: ASGIApp, trusted: Callable[[], Collection[str]]) -> None:
        self._app, self._trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from a page of ours, and say so in the scope."""
        if scope["type"] == "websocket":
            connection = HTTPConnection(scope)
            origin, trusted = connection.headers.get("origin"), self._trusted()
            own = from_own_page(connection) or (origin is not None and (origin in trusted or "*" in trusted))
            if not own and (origin is not None or not scope["path"].startswith("/bnviz/")):
                await WebSocketClose(1008)(scope, receive, send)
                return
            scope = {**scope, OWN_PAGE: own}
        await self._app(scope, receive, send)


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
