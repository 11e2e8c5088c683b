from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import io
import json
import threading
import time

import pytest
import uvicorn
from plotly.offline import get_plotlyjs_version
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bnviz.config import Arm, RunConfig
from bnviz.recording import Recording
from bnviz.serve import launch, sockets
from bnviz.serve.app import lifespan, middleware, routes
from bnviz.serve.shared import Server, server, use
from bnviz.serve.sockets import path_of, steer
from bnviz.serve.visitors import COOKIE, allowed_host
from bnviz.source import Status
from tests.support.server import wait_for

CONFIG = RunConfig(depth=2, width=8, steps=1_000_000)


@pytest.fixture(scope="module")
def port():
    use(Server())
    app = Starlette(routes=routes(), middleware=middleware(), lifespan=lifespan)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()), daemon=True)
    thread.start()
    wait_for(lambda: running.started)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    thread.join(15)
    assert not thread.is_alive()


@pytest.fixture
def run(port):
    run = server().hub.start(CONFIG, "me")
    wait_for(lambda: run.step > 0)
    yield run
    server().hub.stop(server().hub.get(run.id))
    wait_for(lambda: run.worker is None)


def socket_of(port, run, origin=""):
    """A socket as a page of ours opens it, or one of another origin."""
    return connect(f"ws://127.0.0.1:{port}{path_of(run)}", origin=origin or f"http://127.0.0.1:{port}", max_size=None)


def receive(socket, until):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        message = json.loads(socket.recv(timeout=20))
        if until(message):
            return message
    raise AssertionError("it never came")


def test_who_is_told_nothing_hears_a_word_all_the_same(port, run, monkeypatch):
    monkeypatch.setattr(sockets, "BEAT_SECONDS", 0.2)
    with socket_of(port, run) as socket:
        socket.send(json.dumps({"command": "pause", "control": run.control}))
        receive(socket, lambda m: m["type"] == "beat")
        receive(socket, lambda m: m["type"] == "beat")
        at = run.step
        socket.send(json.dumps({"command": "play", "control": run.control}))
        receive(socket, lambda m: m.get("step", 0) > at)


def test_a_viewer_sees_the_run_and_whoever_has_the_key_steers_it(port, run):
    with socket_of(port, run) as socket:
        assert receive(socket, lambda m: True)["type"] == "scene"
        socket.send(json.dumps({"command": "pause"}))
        socket.send(json.dumps({"command": "pause", "control": run.id}))
        socket.send("no json")
        socket.send("[1]")
        receive(socket, lambda m: m["type"] == "patch" and m["step"] > 50)
        assert run.status is Status.RUNNING
        socket.send(json.dumps({"command": "pause", "control": run.control}))
        paused = receive(socket, lambda m: m["status"] == "paused")
        socket.send(json.dumps({"command": "step", "control": run.control}))
        receive(socket, lambda m: m["newest"] == run.step and m["newest"] > paused["newest"])
        socket.send(json.dumps({"command": "play", "control": run.control}))
        receive(socket, lambda m: m["status"] == "running")


def test_two_viewers_watch_the_same_run_and_follow_it_through_a_restart(port, run):
    with socket_of(port, run) as one, socket_of(port, run) as two:
        past = [receive(socket, lambda m: m["type"] == "patch" and m["step"] > 100) for socket in (one, two)]
        one.send(json.dumps({"command": "restart", "control": run.control}))
        for socket, before in zip((one, two), past, strict=True):
            fresh = receive(socket, lambda m, b=before: m["type"] == "scene" and m["newest"] < b["newest"])
            assert fresh["run"] == run.id
            receive(socket, lambda m: m["type"] == "patch" and m["step"] > 0)
        assert server().hub.get(run.id) is not run


def test_a_viewer_counts_until_its_socket_closes(port, run):
    with socket_of(port, run) as socket:
        receive(socket, lambda m: True)
        assert run.watchers == 1
    wait_for(lambda: run.watchers == 0)


def test_an_unknown_run_is_said_kindly(port):
    with connect(f"ws://127.0.0.1:{port}/bnviz/run/nothing/socket") as socket:
        assert "no such run" in json.loads(socket.recv())["text"]


def test_other_sites_are_turned_away(port, run):
    with pytest.raises((InvalidStatus, ConnectionClosed)), socket_of(port, run, "https://evil.example") as socket:
        socket.recv(timeout=5)
    with socket_of(port, run, f"http://127.0.0.1:{port}") as socket:
        receive(socket, lambda m: True)


def test_a_flood_or_a_large_message_closes_the_socket(port, run):
    for flood in (["x" * (sockets.MAX_MESSAGE_BYTES + 1)], ['{"resync": true}'] * 2000):
        with socket_of(port, run) as socket:
            with contextlib.suppress(ConnectionClosed):
                for message in flood:
                    socket.send(message)
            with pytest.raises(ConnectionClosed):
                receive(socket, lambda m: False)
    assert run.status is Status.RUNNING


def get(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers=headers)
    with contextlib.closing(connection):
        response = connection.getresponse()
        return response, response.read()


def test_plotly_comes_compressed_and_stays_cached(port):
    response, body = get(port, "/bnviz/plotly.min.js", **{"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert "max-age" in response.headers["Cache-Control"]
    plain = get(port, "/bnviz/plotly.min.js")[1]
    assert gzip.decompress(body) == plain
    version = get_plotlyjs_version()  # of what plotly.py would draw with, and what its documentation is about
    assert f"plotly.js (cartesian - minified) v{version}".encode() in plain[:200]
    assert len(body) < len(plain) / 2


def test_the_recording_is_a_file_that_opens(port, run):
    response, body = get(port, f"/bnviz/run/{run.id}/recording.arrow")
    assert response.status == 200
    assert "bnviz-digits-2x8-sigmoid-seed0.arrow" in response.headers["Content-Disposition"]
    recording = Recording.read(io.BytesIO(body))
    assert recording.config == CONFIG
    assert recording.frames
    assert get(port, "/bnviz/run/nothing/recording.arrow")[0].status == 404
    assert get(port, f"/bnviz/run/{run.id}/recording.arrow", Origin="https://evil.example")[0].status == 403


def test_a_browser_is_known_again_by_its_cookie(port):
    response, _ = get(port, "/")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    again, _ = get(port, "/", Cookie=cookie.split(";")[0])
    assert again.headers["Set-Cookie"] is None
    for nobodys in (f"{COOKIE}=", f"{COOKIE}=short", f"x={COOKIE}"):
        assert get(port, "/", Cookie=nobodys)[0].headers["Set-Cookie"].startswith(f"{COOKIE}=")


def test_options_are_safe_by_default():
    options = launch.options()
    assert options["server.address"] == "127.0.0.1"
    assert options["browser.gatherUsageStats"] is False
    assert options["client.showErrorDetails"] == "none"
    assert options["runner.postScriptGC"] is False
    assert options["server.fileWatcherType"] == "none"
    import streamlit.config

    assert set(options) <= set(streamlit.config._config_options_template)


@pytest.mark.parametrize("path", ["/", "/bnviz/plotly.min.js", "/bnviz/run/x/recording.arrow", "/_stcore/health", "/x"])
def test_a_foreign_host_is_turned_away_on_every_route(port, path):
    response, body = get(port, path, Host="evil.example")
    assert response.status == 403
    assert b"does not go by that name" in body
    assert get(port, path, Host=f"localhost:{port}")[0].status != 403


def test_a_foreign_host_is_turned_away_on_the_socket(port, run):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    for host, status in (("evil.example", 403), ("localhost", 101)):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", path_of(run), headers=upgrade | {"Host": host, "Origin": f"http://{host}"})
        with contextlib.closing(connection):
            assert connection.getresponse().status == status


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:8501", True), ("LOCALHOST", True), ("127.0.0.1:1", True), ("[::1]:8501", True), ("10.1.2.3", True),
        ("evil.example", False), ("localhost.evil.example", False), ("evil.example:127", False), ("", False),
        ("127.0.0.1.nip.io", False), ("demo.school.org", True), ("school.org", False), ("a@evil.example", False),
    ],
)  # fmt: skip
def test_names_and_addresses_of_this_server(host, allowed):
    assert allowed_host(host, ["localhost", "*.school.org"]) is allowed
    assert allowed_host(host, ["*"]) is (host not in ("", "a@evil.example"))  # these are no hosts at all


def test_a_taken_port_is_a_sentence(port):
    with pytest.raises(OSError, match=f"Port {port} is taken"):
        launch.free_port(port, lan=False)
    assert launch.free_port(None, lan=False) >= launch.PORT


def test_steering_a_run_that_has_ended_starts_it_again(port):
    run = server().hub.start(RunConfig(depth=1, width=4, arms=(Arm(),)), "me")
    wait_for(lambda: run.step > 0)
    server().hub.stop(run)
    wait_for(lambda: run.worker is None)
    steer(server(), run, {"command": "play", "control": run.control})
    wait_for(lambda: run.successor is not None)
    server().hub.stop(run.successor)
