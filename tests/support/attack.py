"""A dashboard as an attacker meets it: raw requests, sockets of any origin, sessions, files on their way."""

from __future__ import annotations

import contextlib
import http.client
import json
import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

SERVER = """
import json, sys
from bnviz.config import RunConfig
from bnviz.serve.app import make_app
from bnviz.serve.launch import serve
from bnviz.serve.shared import server
from bnviz.ui import PAGE
run = server().hub.start(RunConfig(depth=2, width=8, steps=1_000_000), "somebody")
with open(sys.argv[1], "w") as file:
    json.dump([run.id, run.control], file)
serve(make_app(PAGE), browser=False)
"""
STREAM = "/_stcore/stream"


class Served:
    """The server, its run, and the key to it."""

    def __init__(self, dashboard, run, control):
        self.dashboard, self.run, self.control = dashboard, run, control
        self.host = dashboard.url.removeprefix("http://")
        self.socket = f"/bnviz/run/{run}/socket"

    def ask(self, path, method="GET", body=None, **headers):
        """Status, headers and body of an answer; the path is sent as it is."""
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as connection:
            connection.request(method, path, body, {"Host": self.host, **headers})
            response = connection.getresponse()
            return response.status, response.headers, b"" if response.status == 101 else response.read()

    def open(self, path=None, origin="", **more):
        """A socket; of a page of ours unless another origin, or None, is given."""
        origin = self.dashboard.url if origin == "" else origin
        return connect(f"ws://{self.host}{path or self.socket}", origin=origin, max_size=None, **more)

    def log(self):
        return self.dashboard.log.read_text()


def until(socket, wanted, seconds=60.0):
    """The first message that is wanted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = json.loads(socket.recv(timeout=seconds))
        if message["type"] != "beat" and wanted(message):
            return message
    raise AssertionError("it never came")


def closed(socket, *messages):
    """Whether a socket is closed by the server after these messages."""
    with contextlib.suppress(ConnectionClosed):
        for message in messages:
            socket.send(message)
        for _ in socket:  # until it is
            pass
    return socket.close_code is not None


@contextlib.contextmanager
def session(served):
    """A visitor's session of Streamlit: its id, and the headers that its page sends files with."""
    status, headers, _ = served.ask("/_stcore/host-config")
    if "_streamlit_xsrf" not in str(headers):
        status, headers, _ = served.ask("/_stcore/health")
    assert status == 200
    cookie = next(each for each in headers.get_all("Set-Cookie") if each.startswith("_streamlit_xsrf")).split(";")[0]
    with served.open(STREAM, subprotocols=["streamlit"]) as socket:
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        socket.send(asked.SerializeToString())
        while True:
            told = ForwardMsg()
            told.ParseFromString(socket.recv(timeout=60))
            if told.WhichOneof("type") == "new_session":
                break
        token = cookie.partition("=")[2]
        yield told.new_session.initialize.session_id, {"Cookie": cookie, "X-Xsrftoken": token}


def announced(served, path, size, headers):
    """A connection on which a file of a size was promised, and nothing of it has come yet."""
    connection = http.client.HTTPConnection(served.host, timeout=60)
    connection.putrequest("PUT", path)
    form = {"Content-Length": str(size), "Content-Type": "multipart/form-data; boundary=x"}
    for name, value in (headers | form).items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection
