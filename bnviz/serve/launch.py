"""From a command to a page in the browser: port, address, options."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import tomllib
import urllib.request
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from bnviz.serve.address import own_address, own_names
from bnviz.serve.shared import server

PORT = 8501
HERE = Path(__file__).resolve().parent


def options() -> dict[str, Any]:
    """Streamlit's options as shipped in `.streamlit/config.toml`, by dotted name."""
    return dict(_flat(tomllib.loads((HERE / ".streamlit" / "config.toml").read_text())))


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


@dataclass(frozen=True)
class Place:
    """Where others find the page: the address that a proxy offers it at, `https://name/path`."""

    host: str
    path: str

    @classmethod
    def of(cls, url: str) -> Place:
        """Read an address. Errors: ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"url must be an address such as https://demo.school.org/bnviz, got {url!r}.")
        return cls(parts.hostname, parts.path.strip("/"))


def serve(
    app: st.App, *, port: int | None = None, lan: bool = False, browser: bool = True, query: str = "",
    behind: Place | None = None, sweeps: int | None = None,
) -> None:  # fmt: skip
    """Run the server until it is stopped, and open the page in a browser once it answers.

    port: None takes the first free one from `PORT` on. lan: be reachable from other machines. query: of the page's
    link, such as `?run=...`. behind: a proxy, which offers the page there. sweeps: processes that train visitors'
    sweeps; None: one a core where the page is for its user alone, else none. Errors: OSError when the port that was
    asked for is taken.
    """
    chosen = free_port(port, lan)
    address = "0.0.0.0" if lan else "127.0.0.1"
    path = f"/{behind.path}" if behind and behind.path else ""
    url = f"http://{own_address() if lan else '127.0.0.1'}:{chosen}{path}"
    print(f"bnviz: {url}/{query}   (Ctrl+C stops it)" if query else f"bnviz: {url}   (Ctrl+C stops it)", flush=True)
    if lan:
        print(_opened_to(chosen), flush=True)
    if browser:
        threading.Thread(target=_open_when_ready, args=(url, query), daemon=True).start()
    overrides = options() | {"server.address": address, "server.port": chosen, "server.headless": True}
    server().local = local = not lan and behind is None
    server().sweeps.processes = sweeps if sweeps is not None else server().hub.admission.limits.cores * local
    server().sweeps.minutes = None if local else server().hub.admission.limits.minutes
    if behind is not None:
        overrides |= {"server.baseUrlPath": behind.path}
        overrides["server.allowedHosts"] = [*overrides["server.allowedHosts"], behind.host]
    if lan:
        overrides["server.allowedHosts"] = []  # Streamlit would refuse addresses; `visitors.Hosts` knows them
        server().host_names = own_names() + ([behind.host] if behind else [])
    app.run(config=overrides)


def _opened_to(port: int) -> str:
    return (
        f"Open to every machine that can reach port {port} of this one, by its address or as {', '.join(own_names())}: "
        "whoever opens the page can start runs here and add files, whoever has a run's link can watch it, and what is "
        "sent is not encrypted. Without --lan it is open to this machine alone."
    )


def free_port(wanted: int | None, lan: bool) -> int:
    """The port that is wanted, or the first free one. Errors: OSError when it is taken, or all are."""
    for port in [wanted] if wanted is not None else range(PORT, PORT + 50):
        with socket.socket() as probe:
            if os.name != "nt":  # there it would let two programs have one port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0" if lan else "127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    what = f"Port {wanted} is" if wanted is not None else f"Ports {PORT} to {PORT + 49} are"
    raise OSError(f"{what} taken by another program; choose another with --port.")


def _open_when_ready(url: str, query: str) -> None:
    for _ in range(150):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
            webbrowser.open(f"{url}/{query}")
            return
        time.sleep(0.1)
