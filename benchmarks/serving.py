"""The server as it is (its routes and sockets, without the page), for benchmarks, in the process that calls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette

from bnviz.serve.app import lifespan, middleware, routes
from bnviz.serve.hub import Hub
from bnviz.serve.shared import Server, use


def serve(begin: Callable[[Hub], Awaitable[dict[str, Any]]]) -> None:
    """Serve what `begin` starts; print what it says of that, and the port, as JSON; live until killed."""
    hub = use(Server()).hub
    app = Starlette(routes=routes(), middleware=middleware(), lifespan=lifespan)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws_per_message_deflate=False))

    async def main() -> None:
        serving = asyncio.create_task(running.serve())
        while not running.started:
            await asyncio.sleep(0.05)
        told = await begin(hub)
        port = running.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"port": port, **told}), flush=True)
        await serving

    asyncio.run(main())
