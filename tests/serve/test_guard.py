"""Nobody gets in where they do not belong: a real server, as the command starts it, and what an attacker would try."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import sys

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from bnviz.serve.inbound import MAX_FILES, MAX_HELD
from bnviz.serve.sockets import MAX_MESSAGE_BYTES
from tests.support.attack import SERVER, STREAM, Served, announced, closed, session, until
from tests.support.server import dashboard, wait_for

UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    told = tmp_path_factory.mktemp("guard") / "run.json"
    kept = {"BNVIZ_RECORDINGS": str(told.parent / "kept")}
    with dashboard(sys.executable, "-c", SERVER, str(told), env=kept) as server:
        yield Served(server, *json.loads(told.read_text()))


def everywhere(served):
    """A path of every kind that is answered, ours and Streamlit's."""
    run = f"/bnviz/run/{served.run}"
    return [
        "/", "/index.html", "/anything", "/favicon.png", "/_stcore/health", "/_stcore/host-config", "/_stcore/metrics",
        "/_stcore/script-health-check", "/_stcore/bidi-components/bnviz.player/x.js", "/component/x/y", "/media/x.svg",
        "/app/static/x", "/_stcore/upload_file/a/b", "/_stcore/agent/openapi.json", "/_stcore/agent/mcp",
        "/bnviz/plotly.min.js", "/bnviz/player.js", "/bnviz/watch.css", f"/bnviz/watch/{served.run}", "/bnviz/watch/x",
        f"{run}/script.py", f"{run}/qr.svg?base={served.dashboard.url}", f"{run}/recording.arrow",
        "/bnviz/recordings/x.arrow", "/bnviz/x",
    ]  # fmt: skip


def test_it_listens_on_this_machine_alone(served):
    process = psutil.Process(served.dashboard.process.pid)
    listening = {each.laddr.ip for each in process.net_connections() if each.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_every_answer_says_what_a_browser_may_do_with_it(served):
    for path in everywhere(served):
        for host in (served.host, "evil.example"):
            _, headers, _ = served.ask(path, Host=host)
            assert headers["X-Content-Type-Options"] == "nosniff", path
            assert headers["Referrer-Policy"] == "no-referrer", path
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin", path
            (policy,) = headers.get_all("Content-Security-Policy")
            told = dict(part.partition(" ")[::2] for part in policy.split("; "))
            assert told["default-src"] == "'none'", path
            assert told["frame-ancestors"] in ("'self'", "'none'"), path
            assert "unsafe" not in told.get("script-src", ""), path


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "localhost@evil.example", "x", "", "a b"]
)
def test_a_foreign_host_is_turned_away_everywhere(served, host):
    for path in everywhere(served):
        for method in ("GET", "PUT", "DELETE"):
            assert served.ask(path, method, Host=host)[0] in (400, 403), (method, path)
    for path in (served.socket, STREAM):
        assert served.ask(path, **UPGRADE, Host=host, Origin=f"http://{host}")[0] in (400, 403), path
        assert served.ask(path, **UPGRADE, Host=host)[0] in (400, 403), path


def test_two_hosts_are_none(served):
    with contextlib.closing(http.client.HTTPConnection(served.host, timeout=60)) as connection:
        connection.putrequest("GET", "/bnviz/plotly.min.js", skip_host=True)
        for host in (served.host, "evil.example"):
            connection.putheader("Host", host)
        connection.endheaders()
        assert connection.getresponse().status in (400, 403)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost", "http://127.0.0.1", "http://localhost.evil.example",
               "file://", "http://[::1", "javascript:alert(1)"]
)  # fmt: skip
def test_the_page_of_another_origin_gets_no_socket_and_no_file(served, origin):
    for path in (served.socket, f"{served.socket}?audience", STREAM):
        with pytest.raises(InvalidStatus) as refused, served.open(path, origin):
            pass
        assert refused.value.response.status_code == 403
    for name in ("recording.arrow", "page.html", "table.csv", "script.py"):
        assert served.ask(f"/bnviz/run/{served.run}/{name}", Origin=origin)[0] == 403
    assert served.ask("/bnviz/recordings/x.arrow", Origin=origin)[0] == 403


def test_a_program_may_watch_and_not_steer_and_what_it_asks_is_logged_once_without_the_key(served):
    audience = f"{served.socket}?audience"
    with served.open(origin=None) as program, served.open() as viewer, served.open(audience) as phone:
        for key in (served.run, "", None, 0, ["x"], served.control[:-1], "\ud800", "Ä" * 30):
            for command in ("pause", "restart", "fork", "drop", "\n2026-01-01 CRITICAL all is lost"):
                for socket in (program, phone, viewer):
                    socket.send(json.dumps({"command": command, "control": key, "arm": "none"}))
        for socket in (program, phone):
            socket.send(json.dumps({"command": "pause", "control": served.control}))
        for socket in (program, phone, viewer):  # all that was asked before this has been seen to
            socket.send('{"view": {"tab": "time"}, "follow": false}')
            until(socket, lambda m: m["type"] == "scene" and m["tab"] == "time")
    with served.open() as viewer:
        began = until(viewer, lambda m: m["type"] == "scene")["newest"]
        assert until(viewer, lambda m: m["newest"] > began + 20)["status"] == "running"
    wait_for(lambda: "A command was refused" in served.log())
    assert served.log().count("A command was refused") == 1
    assert "all is lost" not in served.log()


def test_who_has_the_key_on_a_page_of_ours_steers(served):
    with served.open() as owner:
        for command, status in (("pause", "paused"), ("play", "running")):
            owner.send(json.dumps({"command": command, "control": served.control}))
            until(owner, lambda m, status=status: m["status"] == status)


def test_what_is_no_message_of_ours_changes_nothing(served):
    odd = ["[" * 4000, '{"view":' * 400 + "1" + "}" * 400, "9" * 4000, '{"seek": 1e999, "move": -1e999}', "\x00", "{",
           json.dumps({"seek": 10**300, "seen": -(10**300)}), json.dumps({"move": 10**300}), '{"control": "\\ud800"}',
           json.dumps({"view": {"layer": 10**30, "tab": "\ud800", "ask": "<img src=x>", "solo": []}})]  # fmt: skip
    with served.open() as socket, served.open() as other:
        for text in odd:
            socket.send(text)
        for message in ({"seen": 10**6}, {"view": {"tab": "time"}, "seek": None}):
            socket.send(json.dumps(message))
        until(socket, lambda m: m["type"] == "scene" and m["tab"] == "time")
        before = until(other, lambda m: True)["newest"]
        until(other, lambda m: m["newest"] > before)


def test_a_flood_and_what_is_too_large_close_a_socket_of_any_kind(served):
    large = "x" * (MAX_MESSAGE_BYTES + 1)
    for message in ([large], [large.encode()], ["{}"] * 3000, [["x" * 1000] * 10], ["x" * 17_000_000]):
        with served.open() as socket:
            assert closed(socket, *message)
    for message in ([b"x" * 1_100_000], [b""] * 3000, [b"x" * 17_000_000], ["text"]):
        with served.open(STREAM, subprotocols=["streamlit"]) as socket:
            assert closed(socket, *message)
    assert served.ask("/_stcore/health")[0] == 200
    with served.open() as socket:
        until(socket, lambda m: m["status"] == "running")


@pytest.mark.parametrize(
    "tail", ["../../../../../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd",
             "..%5c..%5cetc%5cpasswd", "%252e%252e%252fetc%252fpasswd", "/etc/passwd", "%2fetc%2fpasswd", "x%00.arrow",
             "%00", "..", "..%2f.card.json", "*", "%ff%fe", "x" * 5000]
)  # fmt: skip
def test_no_path_leads_to_a_file_of_the_server(served, tail):
    run = f"/bnviz/run/{served.run}"
    for before in ("/bnviz/recordings/", "/bnviz/run/", "/bnviz/watch/", f"{run}/", "/bnviz/", "/media/", "/static/",
                   "/component/", "/_stcore/bidi-components/bnviz.player/", "/app/static/", "/"):  # fmt: skip
        for after in ("", ".arrow", "/recording.arrow", "/page.html"):
            status, headers, body = served.ask(before + tail + after)
            assert status in (200, 301, 400, 404, 431), (before, status)
            assert status != 200 or b"<title>Streamlit</title>" in body, before  # its page, for all that is not known
            assert not re.search(rb"root:|\"owner\"|ARROW1", body)
            assert "evil" not in (headers["Location"] or "")


def test_nothing_that_can_be_taken_along_holds_a_key_and_neither_does_the_log(served):
    for name in ("recording.arrow", "table.csv", "script.py", "qr.svg"):  # the page is made of the first
        status, _, body = served.ask(f"/bnviz/run/{served.run}/{name}?base={served.dashboard.url}")
        assert status == 200, name
        assert served.run.encode() not in body
        assert served.control.encode() not in body
    status, _, body = served.ask(f"/bnviz/watch/{served.run}")
    assert status == 200
    assert served.control.encode() not in body
    assert served.run not in re.search(r"<title>(.*)</title>", body.decode())[1]
    for secret in (served.run, served.control):
        assert secret not in served.log()


def test_files_are_bounded_before_they_come_each_and_all_together(served):
    small = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\nx,y\r\n--x--\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    with session(served) as (mine, keys), session(served) as (other, others_keys), contextlib.ExitStack() as waiting:

        def give(whose, name, headers, body=small):
            return served.ask(f"/_stcore/upload_file/{whose}/{name}", "PUT", body, **form, **headers)[0]

        assert give(mine, "a", {}) == 403  # no token: another site's page
        assert give("nobody", "a", keys) == 400
        assert give(mine, "a", keys) == 204
        assert give(mine, "b", keys, iter([small])) == 411  # in pieces, of which nobody knows how many will come
        with contextlib.closing(announced(served, f"/_stcore/upload_file/{mine}/b", 10**9, keys)) as large:
            assert large.getresponse().status == 413
        for place in range(MAX_FILES - 1):
            size = min(100_000_000, MAX_HELD)
            promised = announced(served, f"/_stcore/upload_file/{mine}/{place}", size, keys)
            waiting.enter_context(contextlib.closing(promised))
        wait_for(lambda: give(mine, "c", keys) == 413)
        assert give(other, "a", others_keys) == 204
        with contextlib.closing(announced(served, f"/_stcore/upload_file/{other}/b", 100_000_000, others_keys)) as full:
            assert full.getresponse().status == 413
        waiting.close()
        wait_for(lambda: give(mine, "d", keys) == 204)
