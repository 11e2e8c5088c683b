"""`bnviz --model`: somebody's own net, drawn live by its own names, with BatchNorm switched in as it trains."""

from __future__ import annotations

import sys

from playwright.sync_api import expect

from tests.serve.test_own_model import NET
from tests.support.server import dashboard

from .conftest import PLAYER, grown, number, opened


def test_an_own_model_is_drawn_and_steered_live(quiet_page, tmp_path):
    file = tmp_path / "mynet.py"
    file.write_text(NET)
    command = (sys.executable, "-m", "bnviz.cli", "--no-browser", "--model", f"{file}:make_model")
    with dashboard(*command) as server:
        page = opened(quiet_page, server.url)
        player = page.locator(PLAYER)
        expect(player.get_by_text("hidden", exact=True).first).to_be_visible()
        expect(player.get_by_text("as it is").first).to_be_visible()
        page.keyboard.press("b")
        expect(player.get_by_text("BatchNorm · since step").first).to_be_visible(timeout=30_000)
        run = player.get_attribute("data-run")
        grown(page, "step", number(page, "step") + 20)
        assert player.get_attribute("data-run") == run
        assert len(server.workers()) <= 2, "the run's and the spare one"
