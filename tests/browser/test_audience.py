"""The sheet that shares a run, and the phones of those who watch it, in a real Chromium."""

from __future__ import annotations

import re
import sys

import pytest
from playwright.sync_api import expect

from tests.support.server import dashboard

from .conftest import PLAYER, SMALL, grown, opened

pytestmark = pytest.mark.long

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "color_scheme": "dark"}
DRAWN = re.compile(r"^([3-9]|\d\d+)$")


@pytest.fixture(scope="module")
def served():
    """A server that lets others on the network in."""
    with dashboard(sys.executable, "-m", "bnviz.cli", "--no-browser", "--lan") as server:
        yield server


@pytest.fixture
def phone(browser):
    """A phone's page; its console is empty when the test ends."""
    context = browser.new_context(**PHONE)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert [text for text in said if "ERR_CONNECTION_REFUSED" not in text and "WebSocket" not in text] == []


def audience_link(page):
    """Where the sheet leads, read from it; the sheet is put away again."""
    page.keyboard.press("q")
    sheet = page.get_by_role("dialog", name="Share")
    link = sheet.locator(".bnviz-watch")
    expect(link).to_be_visible()
    code = sheet.get_by_role("img")
    page.wait_for_function("code => code.complete && code.naturalWidth > 20", arg=code.element_handle())
    found = link.get_attribute("href")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    return found


def test_phones_follow_the_speaker_until_they_choose_for_themselves(quiet_page, served, phone):
    page = opened(
        quiet_page, served.url.replace(re.search(r"//([\w.]+)", served.url)[1], "localhost") + f"/?{SMALL.to_query()}"
    )
    link = audience_link(page)
    assert link.startswith(served.url)  # by the address on the network, though the page was opened as localhost
    phone.goto(link)
    theirs = phone.locator(PLAYER)
    expect(theirs).to_have_attribute("data-seq", DRAWN, timeout=30_000)
    expect(phone.get_by_text("Following the speaker")).to_be_visible()
    expect(page.get_by_text("1 watching")).to_be_visible()
    for name in ("Play", "Pause", "Step", "Restart", "Save", "Keys"):
        expect(phone.get_by_role("button", name=name, exact=True)).to_have_count(0)
    assert phone.evaluate("document.scrollingElement.scrollWidth") <= 390

    page.get_by_role("tab", name="Over time").click()
    expect(theirs).to_have_attribute("data-tab", "time")
    expect(phone.get_by_role("tab", name="Over time")).to_have_attribute("aria-selected", "true")
    page.locator(PLAYER).get_by_label("Step shown").fill("0")
    expect(theirs).to_have_attribute("data-step", "0")
    phone.get_by_role("tab", name="Updates").tap()
    expect(theirs).to_have_attribute("data-tab", "updates")
    page.get_by_role("button", name="Live", exact=True).click()
    page.get_by_role("tab", name="Layers").click()
    grown(page, "seq", 5)
    expect(theirs).to_have_attribute("data-tab", "updates")
    expect(theirs).to_have_attribute("data-step", "0")
    phone.get_by_role("button", name="Follow the speaker").tap()
    expect(theirs).to_have_attribute("data-tab", "layers")
    expect(theirs).not_to_have_attribute("data-step", "0")
    expect(phone.get_by_role("button", name="Follow the speaker")).to_be_hidden()


def test_the_sheet_copies_links_and_says_who_cannot_open_them(quiet_page, context, phone):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    with dashboard() as alone:
        page = opened(quiet_page, f"{alone.url}/?{SMALL.to_query()}")
        link = audience_link(page)
        page.get_by_role("button", name="Share", exact=True).click()
        sheet = page.get_by_role("dialog", name="Share")
        expect(sheet.get_by_text("Only this machine can open this link: start bnviz with --lan")).to_be_visible()
        for name, wanted in (("Copy link", page.url), ("Copy audience link", link)):
            sheet.get_by_role("button", name=name, exact=True).click()
            expect(sheet.get_by_role("button", name=name, exact=True)).to_have_count(0)  # it says "Copied" for a while
            expect(sheet.get_by_role("button", name="Copied").last).to_be_visible()
            assert page.evaluate("navigator.clipboard.readText()") == wanted
        phone.goto(link)
        expect(phone.locator(PLAYER)).to_have_attribute("data-seq", DRAWN, timeout=30_000)
        phone.locator(".bnviz-picture").first.focus()
        phone.keyboard.press("Enter")
        with phone.expect_download() as saved:
            phone.get_by_role("button", name="PNG").click()
        assert saved.value.suggested_filename.endswith(".png")
        page.close()
    expect(phone.get_by_text("The connection is lost. Trying again …")).to_be_visible()
    expect(phone.locator(f"{PLAYER} .js-plotly-plot").first).to_be_visible()  # what was seen last stays
