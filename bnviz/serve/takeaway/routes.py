"""What a run can be turned into for taking away, over HTTP: a page of its own, a table, a script of PyTorch."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bnviz.as_pytorch import script_of
from bnviz.serve.shared import server
from bnviz.serve.visitors import same_origin
from bnviz.source import Source

KINDS = {"page.html": "text/html", "table.csv": "text/csv", "table.parquet": "application/vnd.apache.parquet"}
LARGEST = 100_000_000
"""Bytes of a recording that is turned into something else whole; of a longer one, what the history holds."""
LONGEST_SECONDS = 300
AT_ONCE = 2
"""Processes that turn recordings into something; whoever else asks waits."""
_turns = asyncio.Semaphore(AT_ONCE)


async def turned(request: Request) -> Response:
    """A run or recording in the form that the path names; made in a process of its own."""
    source, name = server().hub.get(request.path_params["run"]), request.url.path.rsplit("/", 1)[1]
    if source is None:
        return _sentence("There is no such run here any more.", 404)
    if not same_origin(request):
        return _sentence("Ask from the page itself.", 403)
    if source.history.latest is None:
        return _sentence("Nothing has been measured yet: try again after the first step.", 409)
    async with _turns:
        made = await asyncio.to_thread(_made, source, name)
    if made is None:
        return _sentence("It took too long or too much memory. Save the recording, and use bnviz export.", 500)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(source, name.split(".")[1])}"'}
    return Response(made, media_type=KINDS[name], headers=headers)


async def pytorch(request: Request) -> Response:
    """The script of PyTorch that trains these networks; or a sentence, with 409, why there is none."""
    source = server().hub.get(request.path_params["run"])
    if source is None:
        return _sentence("There is no such run here any more.", 404)
    if not same_origin(request):
        return _sentence("Ask from the page itself.", 403)
    try:
        return _sentence(script_of(source.description.config, source.history.snapshot()[1]), 200)
    except ValueError as error:
        return _sentence(str(error), 409)


def file_name(source: Source, ending: str) -> str:
    """What a file made of a run is called."""
    config = source.description.config
    if config is None:
        return f"bnviz-recording.{ending}"
    return f"bnviz-{config.dataset}-{config.depth}x{config.width}-{config.activation}-seed{config.seed}.{ending}"


def _made(source: Source, name: str) -> bytes | None:
    """The file's bytes; None where the process failed."""
    command = [sys.executable, "-m", "bnviz.serve.takeaway", name]
    sink, file = io.BytesIO(), source.file
    if file is not None and file.exists() and file.stat().st_size <= LARGEST:  # it may have been removed since
        command.append(str(file))
    else:
        source.recording.write(sink)
    data = sink.getvalue()
    try:
        child = subprocess.run(command, input=data, stdout=subprocess.PIPE, timeout=LONGEST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return child.stdout if child.returncode == 0 else None


def _sentence(text: str, status: int) -> Response:
    return Response(text, status, media_type="text/plain")


def routes() -> list[BaseRoute]:
    """What the app answers besides."""
    made = [Route(f"/bnviz/run/{{run}}/{name}", turned) for name in KINDS]
    return [*made, Route("/bnviz/run/{run}/script.py", pytorch)]
