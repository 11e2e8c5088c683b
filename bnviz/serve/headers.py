"""What is sent along with every answer, so that a browser lets nothing of others into the page, or out of it."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from functools import cache
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EMBEDDERS = "BNVIZ_EMBED"
"""The environment variable that names sites which may show the page in a frame, with blanks between them."""
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the page's link has the key to watching its run in it
    "Cross-Origin-Resource-Policy": "same-origin",
}
FILES = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""What anything but a page may do, should it be opened as one: a drawing has styles."""
_SITE = re.compile(r"https?://(\*\.)?[a-z0-9.-]+(:\d+)?", re.IGNORECASE)


def embedders() -> str:
    """Who may show a page of ours in a frame, for a policy: we, and the sites that `BNVIZ_EMBED` names.

    Errors: ValueError, in one sentence, where it names something that is no site.
    """
    sites = os.environ.get(EMBEDDERS, "").split()
    for site in sites:
        if not _SITE.fullmatch(site):
            raise ValueError(f"{EMBEDDERS} must name sites, such as https://school.example, got {site!r}.")
    return " ".join(["'self'", *sites])


@cache
def page_policy(page: Path, frames: str) -> str:
    """What Streamlit's page may do, with our component on it: run and load what this server gives it.

    A component's script is a blob that Streamlit makes; styles are set by script everywhere in it. Of the scripts that
    stand in the page itself each is named by its hash.
    """
    inline = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]
    scripts = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src 'self' blob: {scripts}; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; manifest-src 'self'; base-uri 'self'; form-action 'none'; "
        f"frame-ancestors {frames}"
    )


class SafeHeaders:
    """Middleware for every answer: `ALWAYS`, and a policy of what it may do, where it has none of its own.

    page: the file of Streamlit's. frames: who may show a page in one, as `embedders` has it.
    """

    def __init__(self, app: ASGIApp, page: Path, frames: str) -> None:
        self._app, self._page, self._frames = app, page, frames

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                if message["status"] != 304:  # that says nothing of its kind: the policy of what is kept holds
                    is_page = headers.get("content-type", "").startswith("text/html")
                    policy = page_policy(self._page, self._frames) if is_page else FILES
                    headers.setdefault("Content-Security-Policy", policy)
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
