"""The page behind nginx, in a real Chromium: below a path and through TLS; and where ours is hidden."""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.nginx import WITH_404, WITH_THE_PAGE, certificate, free_port, hiding, needs_nginx, nginx
from tests.support.server import dashboard

from .conftest import PLAYER, SMALL, grown, number, opened

pytestmark = [needs_nginx, pytest.mark.long]

HOST = "demo.school.org"  # Chromium takes it for this machine (conftest)
README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCK = re.search(r"```nginx\n(.*?)```", README, re.DOTALL)[1]
"""What README tells to do."""


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """Where nginx offers a server, through TLS and below a path."""
    certificates, upstream, port = certificate(tmp_path_factory.mktemp("tls"), HOST), free_port(), free_port()
    block = BLOCK.replace("listen 443", f"listen 127.0.0.1:{port}").replace(":8501", f":{upstream}")
    for name, file in zip(("/etc/ssl/demo.pem", "/etc/ssl/demo.key"), certificates, strict=True):
        block = block.replace(name, str(file))
    url = f"https://{HOST}:{port}/bnviz"
    command = (sys.executable, "-m", "bnviz.cli", "--no-browser", "--port", str(upstream), "--url", url)
    with dashboard(*command) as server, nginx(block, port):
        assert server.url == f"http://127.0.0.1:{upstream}/bnviz"
        yield url


def test_below_a_path_and_through_tls_all_is_there(quiet_page, context, behind):
    page, sockets = quiet_page, []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    opened(page, f"{behind}/?{SMALL.to_query()}")
    grown(page, "seq", 3)
    assert page.url.startswith(f"{behind}/?")
    assert any(url.startswith(f"{behind.replace('https', 'wss')}/bnviz/run/") for url in sockets)
    cookie = next(each for each in context.cookies() if each["name"] == "bnviz_visitor")
    assert cookie["secure"]
    assert cookie["httpOnly"]
    page.get_by_role("button", name="Pause", exact=True).click()  # the key to steering is good here, too
    expect(page.locator(PLAYER)).to_have_attribute("data-status", "paused", timeout=30_000)
    expect(page.locator(".bnviz-foot")).to_have_text(re.compile("On this server: 1 run, 1 viewer"))

    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Recording", exact=True).click()
    assert Path(saved.value.path()).stat().st_size > 1000

    page.keyboard.press("q")
    sheet = page.get_by_role("dialog", name="Share")
    link = sheet.locator(".bnviz-watch").get_attribute("href")
    assert link.startswith(f"{behind}/bnviz/watch/")
    page.wait_for_function(
        "code => code.complete && code.naturalWidth > 20", arg=sheet.get_by_role("img").element_handle()
    )
    phone = context.new_page()
    phone.goto(link)
    expect(phone.locator(PLAYER)).to_have_attribute("data-seq", re.compile(r"^[1-9]"), timeout=30_000)
    phone.close()


def test_other_sites_are_turned_away_there_too(behind):
    import ssl

    unverified = ssl._create_unverified_context()
    local = behind.replace(HOST, "127.0.0.1")
    for headers, status in (
        ({"Host": behind.split("/")[2]}, 404),  # there is no such run
        ({"Host": "evil.example"}, 403),
    ):
        asked = urllib.request.Request(f"{local}/bnviz/run/nothing/recording.arrow", headers=headers)
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(asked, context=unverified, timeout=30)
        with error.value as answer:
            assert answer.code == status


@pytest.mark.parametrize("hidden", [WITH_404, WITH_THE_PAGE])
def test_where_our_own_addresses_are_hidden_the_page_brings_all(page, served, hidden):
    port, upstream = free_port(), served.url.rpartition(":")[2]
    page.set_default_timeout(30_000)
    with nginx(hiding(hidden, port, upstream), port):
        opened(page, f"http://127.0.0.1:{port}/?{SMALL.to_query()}")
        expect(page.locator(".bnviz-foot")).to_contain_text("pictures come by way of the page")
        grown(page, "step", number(page, "step"))
        page.get_by_role("tab", name="Over time").click()
        expect(page.locator(PLAYER)).to_have_attribute("data-tab", "time")
        grown(page, "seq", number(page, "seq") + 2)
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.locator(PLAYER)).to_have_attribute("data-status", "paused", timeout=30_000)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("dialog", name="Save")).to_contain_text("can be had in the tab Recordings")
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="Recordings").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download").first.click()
        assert Path(saved.value.path()).stat().st_size > 1000
