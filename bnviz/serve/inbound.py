"""What comes in is bounded before anybody looks into it: messages of a socket, and files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_MESSAGES = 60
"""Messages a second that a socket may bring, on average over a few seconds."""
UPLOADS = "/_stcore/upload_file/"
"""In the path of a file that somebody gives Streamlit's page, followed by the session's id."""
MAX_HELD = 400_000_000
"""Bytes of all files of all visitors that are in memory, or on their way."""
MAX_FILES = 4
"""Files of one session; the page takes two at once."""
LONGEST_SECONDS = 300.0
"""A file that is longer on its way is given up."""


class MessageLimit:
    """Middleware for every socket, Streamlit's own as well: one that brings more messages than it may is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        allowance, at, closed = 3.0 * MAX_MESSAGES, time.monotonic(), False

        async def receive_counted() -> Message:
            nonlocal allowance, at, closed
            message = await receive()
            if message["type"] == "websocket.receive" and not closed:
                now = time.monotonic()
                allowance, at = min(3.0 * MAX_MESSAGES, allowance + (now - at) * MAX_MESSAGES) - 1, now
                if allowance < 0:
                    closed = True
                    await send({"type": "websocket.close", "code": 1008})
            return {"type": "websocket.disconnect", "code": 1008} if closed else message

        async def send_while_open(message: Message) -> None:
            if not closed:
                await send(message)

        await self._app(scope, receive_counted, send_while_open)


class Uploads:
    """Middleware for files given to Streamlit, which it keeps in memory and of which it bounds the size of each alone.

    held: gives the sizes of the files in memory, by session.
    """

    def __init__(self, app: ASGIApp, held: Callable[[], Mapping[str, list[int]]]) -> None:
        self._app, self._held = app, held
        self._coming: dict[object, tuple[str, int]] = {}  # session and size of each that is on its way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a file that there is room for."""
        if scope["type"] != "http" or scope["method"] != "PUT" or UPLOADS not in scope["path"]:
            await self._app(scope, receive, send)
            return
        session = scope["path"].partition(UPLOADS)[2].partition("/")[0]
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None
        if size is None:
            await PlainTextResponse("Say in Content-Length how large the file is.", 411)(scope, receive, send)
        elif not self._has_room(session, size):
            text = "There are too many files here now; please try again in a minute."
            await PlainTextResponse(text, 413)(scope, receive, send)
        else:
            await self._pass_on(session, size, scope, receive, send)

    def _has_room(self, session: str, size: int) -> bool:
        held, coming = self._held(), list(self._coming.values())
        of_session = len(held.get(session, ())) + sum(whose == session for whose, _ in coming)
        total = sum(sum(sizes) for sizes in held.values()) + sum(size for _, size in coming)
        return of_session < MAX_FILES and total + size <= MAX_HELD

    async def _pass_on(self, session: str, size: int, scope: Scope, receive: Receive, send: Send) -> None:
        ticket = object()
        self._coming[ticket] = session, size
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._app(scope, receive, send)
        except TimeoutError:
            await PlainTextResponse("The file took too long to come.", 408)(scope, receive, send)
        finally:
            del self._coming[ticket]
