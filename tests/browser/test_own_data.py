"""A file of one's own, dropped on the page in a real Chromium."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.data.files import SHIPPED

from .conftest import PLAYER, SMALL, grown, opened


def test_a_file_is_dropped_and_learned_from(quiet_page, served, tmp_path):
    page = opened(quiet_page, f"{served.url}/?{SMALL.to_query()}")
    page.get_by_role("combobox", name="Data").click()
    page.get_by_role("option", name="Your own file").click()
    upload = page.locator("input[type=file]")
    bad = tmp_path / "bad.csv"
    bad.write_text("a\n1\n2\n")
    upload.set_input_files(bad)
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_role("alert")).to_contain_text("bad.csv has one column, a; a target", timeout=30_000)
    grown(page, "step", 10)  # the run so far goes on
    upload.set_input_files(SHIPPED / "wine_data.csv")
    expect(sidebar.get_by_text("142 rows to train and 36 to test")).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile(r"dataset=own-[0-9a-f]{16}-13-3-142-399"), timeout=30_000)
    expect(page.locator(".bnviz-sentence")).to_contain_text("accuracy", timeout=30_000)
    expect(page.locator(PLAYER)).to_have_attribute("data-status", "running")
    sidebar.get_by_text("Regression").click()
    expect(page).to_have_url(re.compile(r"loss=mean_squared_error"), timeout=30_000)
    expect(page.locator(".bnviz-sentence")).to_contain_text("test loss", timeout=30_000)
