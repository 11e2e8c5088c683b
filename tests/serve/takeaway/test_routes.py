"""What Save offers, over a real server: a page, tables and a script, each made of the run as it is."""

from __future__ import annotations

import asyncio
import io
import threading
import urllib.error
import urllib.request
from types import SimpleNamespace

import pandas as pd
import pytest
import uvicorn
from starlette.applications import Starlette

from bnviz.as_pytorch import script
from bnviz.config import RunConfig
from bnviz.recording import Recording
from bnviz.serve.app import lifespan, middleware, routes
from bnviz.serve.shared import Server, server, use
from bnviz.serve.takeaway import routes as takeaway
from bnviz.source import Kept
from bnviz.training import train
from tests.support.server import wait_for

CONFIG = RunConfig(depth=2, width=8, steps=30)


@pytest.fixture(scope="module")
def recording():
    return Recording(CONFIG, tuple(train(CONFIG)))


@pytest.fixture(scope="module")
def address(recording, tmp_path_factory):
    """Of a server with three recordings: one on disk, one whose file is gone, and one of nothing."""
    file = tmp_path_factory.mktemp("kept") / "run.arrow"
    recording.save(file)
    use(Server())
    kept = [Kept(recording, file), Kept(recording, file.with_name("gone.arrow")), Kept(Recording(CONFIG))]
    for name, source in zip(("whole", "gone", "empty"), kept, strict=True):
        source.id = name
        server().hub.add(source)
    app = Starlette(routes=routes(), middleware=middleware(), lifespan=lifespan)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
    thread.start()
    wait_for(lambda: running.started)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/bnviz/run"
    running.should_exit = True
    thread.join(15)


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return SimpleNamespace(status=answer.status, headers=answer.headers, body=answer.read())
    except urllib.error.HTTPError as error:
        return SimpleNamespace(status=error.code, headers=error.headers, body=error.read())


@pytest.mark.parametrize("run", ["whole", "gone"])
def test_tables_are_those_of_the_recording(address, recording, run):
    wanted = recording.to_dataframe()
    answer = get(f"{address}/{run}/table.parquet")
    assert 'filename="bnviz-digits-2x8-sigmoid-seed0.parquet"' in answer.headers["Content-Disposition"]
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(answer.body)), wanted)
    if run == "whole":
        found = pd.read_csv(io.BytesIO(get(f"{address}/{run}/table.csv").body))
        pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_the_page_is_whole_and_names_no_other_address(address):
    answer = get(f"{address}/whole/page.html")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    text = answer.body.decode()
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert "default-src 'none'" in text
    for sign in ('src="', "url(http", "@import", "fetch('"):
        assert sign not in text


def test_the_script_is_that_of_the_run(address):
    assert get(f"{address}/whole/script.py").body.decode() == script(CONFIG)


@pytest.mark.parametrize("name", ["page.html", "table.csv", "table.parquet", "script.py"])
def test_what_cannot_be_had_is_said(address, name):
    assert get(f"{address}/nobody/{name}").status == 404
    assert get(f"{address}/whole/{name}", Origin="https://evil.example").status == 403
    if name != "script.py":
        empty = get(f"{address}/empty/{name}")
        assert (empty.status, b"Nothing has been measured yet" in empty.body) == (409, True)


def test_a_process_that_fails_is_one_sentence(address, monkeypatch):
    monkeypatch.setattr(takeaway, "LONGEST_SECONDS", 0.01)
    answer = get(f"{address}/whole/table.csv")
    assert answer.status == 500
    assert b"Save the recording" in answer.body
