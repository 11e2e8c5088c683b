"""Who asks, told from what a browser sends; and what is said where somebody is let in, or turned away."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from bnviz.serve import launch, rarely
from bnviz.serve.app import middleware
from bnviz.serve.headers import EMBEDDERS, SafeHeaders, embedders
from bnviz.serve.rarely import Rarely
from bnviz.serve.shared import Server, server, use
from bnviz.serve.visitors import from_own_page, from_this_machine, same_key, same_origin


def asked(*headers, scheme="http"):
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "websocket", "scheme": scheme, "headers": raw})


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "own"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501", "ws", True), ("http://LocalHost:85", "localhost:85", "ws", True),
        ("http://school.example", "school.example", "ws", True), ("http://a.example:80", "a.example", "ws", True),
        ("http://school.example", "school.example:80", "ws", True), ("http://[::1]:8501", "[::1]:8501", "ws", True),
        ("https://school.example", "school.example", "ws", True),  # a proxy has ended TLS, and says nothing of it
        ("https://school.example", "school.example", "wss", True), ("https://a.example:443", "a.example", "wss", True),
        ("https://school.example:8443", "school.example:8443", "wss", True),
        ("http://school.example", "school.example", "wss", False),  # whoever is on the way wrote that page
        ("http://school.example", "school.example", "https", False),
        ("https://school.example", "school.example:80", "ws", False), ("http://a.example:81", "a.example", "ws", False),
        ("http://127.0.0.1:8502", "127.0.0.1:8501", "ws", False), ("http://localhost:85", "127.0.0.1:85", "ws", False),
        ("null", "127.0.0.1:8501", "ws", False), ("", "", "ws", False), ("http://", "", "ws", False),
        ("file://", "127.0.0.1", "ws", False), ("ftp://127.0.0.1", "127.0.0.1", "ws", False),
        ("http://127.0.0.1@evil.example", "127.0.0.1", "ws", False), ("http://127.0.0.1/x", "127.0.0.1", "ws", False),
        ("http://evil.example", "evil.example@127.0.0.1", "ws", False), ("http://a b", "a b", "ws", False),
        ("http://127.0.0.1:x", "127.0.0.1:x", "ws", False), ("http://127.0.0.1\n", "127.0.0.1", "ws", False),
    ],
)  # fmt: skip
def test_only_a_page_of_the_very_host_is_ours(origin, host, scheme, own):
    connection = asked(("Origin", origin), ("Host", host), scheme=scheme)
    assert from_own_page(connection) is own
    assert same_origin(connection) is own


def test_who_sends_no_origin_is_no_page_of_ours_and_two_are_none():
    host = ("Host", "127.0.0.1:8501")
    assert same_origin(asked(host))
    assert not from_own_page(asked(host))
    ours = ("Origin", "http://127.0.0.1:8501")
    assert from_own_page(asked(ours, host))
    for more in (ours, ("Origin", "https://evil.example"), host, ("Host", "evil.example")):
        assert not same_origin(asked(ours, host, more))


def test_what_comes_through_a_proxy_is_not_from_this_machine():
    assert from_this_machine({"host": "127.0.0.1:8501"})
    assert from_this_machine({"Host": "localhost"})
    for more in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-IP", "Via"):
        assert not from_this_machine({"host": "127.0.0.1:8501", more: "x"})
    for host in ("10.1.2.3", "school.example", "", "localhost@10.1.2.3", "x"):
        assert not from_this_machine({"host": host})


@pytest.mark.parametrize("given", ["", "secre", "secret ", None, 0, ["secret"], "\ud800", "sécret", b"secret"])
def test_a_key_is_the_whole_key(given):
    assert same_key("secret", "secret")
    assert not same_key(given, "secret")


def test_a_warning_is_said_seldom_with_how_often_it_was_due(caplog, monkeypatch):
    warning = Rarely(logging.getLogger("bnviz.test"), "Refused.")
    for _ in range(5):
        warning.warn()
    monkeypatch.setattr(rarely, "EVERY_SECONDS", 0.0)
    warning.warn()
    assert caplog.messages == ["Refused. (1 since this was last said)", "Refused. (5 since this was last said)"]


def test_who_may_show_the_page_in_a_frame_is_named_and_what_is_no_site_is_said_at_the_start(monkeypatch):
    monkeypatch.delenv(EMBEDDERS, raising=False)
    assert embedders() == "'self'"
    monkeypatch.setenv(EMBEDDERS, "https://school.example http://*.lab.example:8080")
    assert embedders() == "'self' https://school.example http://*.lab.example:8080"
    for wrong in ("*", "school.example", "https://a.example; script-src *", "javascript:", "'none'"):
        monkeypatch.setenv(EMBEDDERS, wrong)
        with pytest.raises(ValueError, match="BNVIZ_EMBED must name sites, such as"):
            middleware()


class App:
    """Takes the place of Streamlit's app, whose server would run until it is stopped."""

    def run(self, config):
        self.config = config


def test_others_are_let_in_by_lan_alone_which_says_whom(capsys, monkeypatch):
    monkeypatch.setattr(launch, "own_names", lambda: ["localhost", "lab", "lab.local"])
    use(Server())
    app = App()
    launch.serve(app, browser=False)
    assert app.config["server.address"] == "127.0.0.1"
    assert server().local
    assert (server().sweeps.processes, server().sweeps.minutes) == (server().hub.admission.limits.cores, None)
    assert "Open to" not in capsys.readouterr().out
    use(Server())
    launch.serve(app, browser=False, lan=True)
    assert app.config["server.address"] == "0.0.0.0"
    assert not server().local
    assert (server().sweeps.processes, server().sweeps.minutes) == (0, 60)
    said = capsys.readouterr().out
    assert f"Open to every machine that can reach port {app.config['server.port']} of this one" in said
    assert "localhost, lab, lab.local" in said
    launch.serve(app, browser=False, lan=True, sweeps=3)
    assert server().sweeps.processes == 3


@pytest.mark.parametrize(("status", "has_policy"), [(200, True), (304, False)])
def test_an_answer_that_nothing_has_changed_leaves_the_policy_of_what_is_kept(status, has_policy):
    sent = []

    async def send(message):
        sent.append(message)

    app = SafeHeaders(Response(status_code=status), Path("no page"), "'self'")
    asyncio.run(app({"type": "http"}, None, send))
    assert (b"content-security-policy" in dict(sent[0]["headers"])) == has_policy
