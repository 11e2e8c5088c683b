"""The audience: what it is given, whom it follows, and that it cannot steer."""

from __future__ import annotations

import gzip
import io
import json
import re
import time
from urllib.parse import quote

import pytest
import segno
from websockets.sync.client import connect

from bnviz.charts.scene import View
from bnviz.serve import stream as streams
from bnviz.serve.shared import server
from bnviz.serve.sockets import path_of
from bnviz.serve.stream import Stream
from bnviz.serve.viewer import Viewer
from bnviz.source import Status
from tests.serve.test_app import get, port, run, socket_of  # noqa: F401
from tests.support.server import wait_for

SPEAKER = {"tab": "updates", "layer": 1, "theme": "light"}


def audience_of(port, run):  # noqa: F811
    return connect(f"ws://127.0.0.1:{port}{path_of(run)}?audience&packed", max_size=None)


def tell(socket, **message):
    socket.send(json.dumps(message))


def seen(socket, until):
    """The first message for which `until` holds; those of an audience are packed."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        data = socket.recv(timeout=20)
        message = json.loads(gzip.decompress(data) if isinstance(data, bytes) else data)
        if until(message):
            return message
    raise AssertionError("it never came")


def scene_in(tab):
    return lambda message: message["type"] == "scene" and message["tab"] == tab


def test_the_audience_follows_the_speaker_until_it_chooses_for_itself(port, run):  # noqa: F811
    with socket_of(port, run) as speaker, audience_of(port, run) as phone:
        tell(phone, view={"theme": "dark", "stacked": True})
        tell(speaker, view=SPEAKER, control=run.control)
        scene = seen(phone, scene_in("updates"))
        assert {name: scene["view"][name] for name in ("layer", "theme", "stacked")} == {
            "layer": 1, "theme": "dark", "stacked": True,
        }  # fmt: skip
        tell(speaker, view=SPEAKER | {"away": True}, seek=0, control=run.control)  # reads a text, at the first step
        seen(phone, lambda m: m["step"] == 0 and not m["live"])
        tell(phone, view=scene["view"] | {"tab": "time"}, follow=False)
        mine = seen(phone, scene_in("time"))
        assert mine["step"] == 0  # one's own choice begins where the speaker is
        tell(phone, seek=None)
        seen(phone, lambda m: m["live"] and m["step"] > 0)
        tell(phone, follow=True, resync=True)
        seen(phone, lambda m: m["type"] == "scene" and m["tab"] == "updates" and m["step"] == 0)
        seen(speaker, lambda m: m["watching"] == 1)  # the first were sent while another test's audience was leaving
    wait_for(lambda: run.watchers == 0)


def test_the_audience_goes_with_the_speaker_through_a_restart(port, run):  # noqa: F811
    with socket_of(port, run) as speaker, audience_of(port, run) as phone:
        tell(speaker, view=SPEAKER, control=run.control)
        before = seen(phone, lambda m: m["type"] == "patch" and m["step"] > 100)
        tell(speaker, command="restart", control=run.control)
        seen(phone, lambda m: m["type"] == "scene" and m["newest"] < before["newest"] and m["tab"] == "updates")
        seen(phone, lambda m: m["type"] == "patch" and m["step"] > 0)


@pytest.mark.parametrize("command", ["pause", "step", "restart", "play"])
def test_the_audience_cannot_steer_whatever_it_sends(port, run, command):  # noqa: F811
    with socket_of(port, run) as speaker, audience_of(port, run) as phone, audience_of(port, run) as other:
        tell(speaker, view=SPEAKER, control=run.control)
        seen(other, scene_in("updates"))
        for key in (None, "", run.id, run.control, [run.control], {"$ne": None}):
            tell(phone, command=command, control=key, view={"tab": "time"}, seek=0, follow=False, leads=True)
        at = seen(phone, scene_in("time"))["newest"]
        later = seen(other, lambda m: m["newest"] > at + 50)  # it goes on, and shows the others what it did
        assert later["live"]
        assert run.status is Status.RUNNING
        assert run.successor is None


def test_who_only_watches_on_the_whole_page_leads_nobody(port, run):  # noqa: F811
    with socket_of(port, run) as guest, audience_of(port, run) as phone:
        tell(guest, view=SPEAKER, control="guessed")
        seen(guest, scene_in("updates"))
        tell(phone, view={}, resync=True)
        at = seen(phone, scene_in("layers"))["newest"]
        tabs = set()
        seen(phone, lambda m: tabs.add(m.get("tab", "layers")) or m["newest"] > at + 50)  # a patch is of the same tab
        assert tabs == {"layers"}


def test_a_speaker_who_closes_one_of_two_pages_leads_on_by_the_other(run):  # noqa: F811
    stream, phone = Stream(run), Viewer(lambda: None, audience=True, follows=True)
    closed, open_still = (Viewer(lambda: None, view=View(tab=tab), leads=True) for tab in ("time", "updates"))
    for each in (closed, open_still, phone):
        stream.join(each)
    try:
        stream.lead(open_still.view, 0)
        open_still.seek = 0
        stream.leave(closed)
        wait_for(lambda: (phone.looks_at()[0].tab, phone.looks_at()[1]) == ("updates", 0))
        stream.leave(open_still)
        wait_for(lambda: (phone.looks_at()[0].tab, phone.looks_at()[1]) == ("updates", None))
    finally:
        for each in (open_still, phone):
            stream.leave(each)


def test_one_text_goes_to_all_who_see_the_same(run):  # noqa: F811
    stream = Stream(run)
    woken = []
    phones = [Viewer(lambda: woken.append(1), audience=True, packed=True, follows=True) for _ in range(50)]
    plain = Viewer(lambda: None)
    plain.view = View(**SPEAKER)
    try:
        for each in (plain, *phones):
            stream.join(each)
        stream.lead(plain.view, None)
        deadline = time.monotonic() + 10
        texts = []
        while len(texts) < 50 and time.monotonic() < deadline:
            time.sleep(0.3)
            texts = [text for each in phones if (text := each.take()) and b'"updates"' in gzip.decompress(text)]
        assert len(texts) == 50
        assert len({id(text) for text in texts}) <= 2  # a frame may have come in between
    finally:
        for each in (plain, *phones):
            stream.leave(each)


def test_the_audience_is_told_less_often_and_never_left_behind(run, monkeypatch):  # noqa: F811
    monkeypatch.setattr(streams, "AUDIENCE_EVERY", 0.0)
    stream = Stream(run)
    phone, page = Viewer(lambda: None, audience=True), Viewer(lambda: None)
    everybody = (phone, page)
    assert stream._whose_turn(everybody) == [phone, page]
    monkeypatch.setattr(streams, "AUDIENCE_EVERY", 1e9)
    stream._hear()
    assert stream._whose_turn(everybody) == [page]
    assert stream._whose_turn(everybody) == []
    monkeypatch.setattr(streams, "AUDIENCE_EVERY", 0.0)
    assert stream._whose_turn(everybody) == [phone]


def test_who_is_slow_gets_the_newest_and_no_queue(port, run):  # noqa: F811
    with audience_of(port, run) as phone:
        tell(phone, seen=0)
        last, count = seen(phone, lambda m: True), 1
        while True:  # until so much is on its way that no more comes
            try:
                last = json.loads(gzip.decompress(phone.recv(timeout=2)))
                count += 1
            except TimeoutError:
                break
        assert count < 5
        wait_for(lambda: run.step > last["newest"] + 300)
        tell(phone, seen=count)
        assert seen(phone, lambda m: True)["newest"] > last["newest"] + 100


def test_the_page_has_no_script_of_its_own_and_holds_no_key(port, run):  # noqa: F811
    response, body = get(port, f"/bnviz/watch/{run.id}")
    text = body.decode()
    assert response.status == 200
    assert response.headers["Set-Cookie"] is None
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert re.findall(r"<script[^>]*>([^<]*)", text) == [""]
    assert run.control not in text
    for path in ("bnviz/player.js", "bnviz/player.css", "bnviz/watch.js", "bnviz/watch.css"):
        plain, packed = get(port, f"/{path}")[1], get(port, f"/{path}", **{"Accept-Encoding": "gzip"})[1]
        assert gzip.decompress(packed) == plain
    assert b"export default function" in get(port, "/bnviz/player.js")[1]
    response, body = get(port, "/bnviz/watch/nothing")
    assert response.status == 404
    assert b"no such run here any more" in body


def test_the_code_leads_to_this_server_alone(port, run, monkeypatch):  # noqa: F811
    def code(base):
        return get(port, f"/bnviz/run/{run.id}/qr.svg?base={quote(base)}")

    response, body = code(f"http://127.0.0.1:{port}/below/")
    assert (response.status, response.headers["Content-Type"]) == (200, "image/svg+xml")
    wanted = io.BytesIO()
    segno.make_qr(f"http://127.0.0.1:{port}/below/bnviz/watch/{run.id}", error="m").save(
        wanted, kind="svg", border=4, omitsize=True, light="#fff", xmldecl=False
    )
    assert body == wanted.getvalue()
    here = f"http://127.0.0.1:{port}"
    foreign = ["http://evil.example/", "http://10.1.2.3:8501/", "javascript:alert(1)", ""]
    for base in (*foreign, "http://[", f"{here}@evil.example/", f"{here}/?x=", f"{here}/{'x' * 300}"):
        assert code(base)[0].status == 400, base
    assert get(port, "/bnviz/run/nothing/qr.svg")[0].status == 404
    monkeypatch.setattr(server(), "host_names", ["localhost"])
    monkeypatch.setattr("bnviz.serve.audience.own_address", lambda: "10.1.2.3")
    assert code("http://10.1.2.3:8501/")[0].status == 200
    assert '"10.1.2.3"' in get(port, f"/bnviz/watch/{run.id}")[1].decode().replace("&quot;", '"')


def test_below_a_path_everything_is_there_too(port, run, monkeypatch):  # noqa: F811
    monkeypatch.setattr(
        "bnviz.serve.app.st.get_option", {"server.baseUrlPath": "/below", "server.enableCORS": True}.get
    )
    for path in (f"bnviz/watch/{run.id}", "bnviz/watch.js", "bnviz/plotly.min.js"):
        assert get(port, f"/below/{path}")[0].status == 200
        assert get(port, f"/elsewhere/{path}")[0].status == 404
    with connect(f"ws://127.0.0.1:{port}/below{path_of(run)}?audience&packed", max_size=None) as phone:
        seen(phone, lambda m: m["type"] == "scene")
