"""The sidebar's rows follow the arms of a run that forks and drops them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.config import Arm, RunConfig
from bnviz.serve.shared import Server, use
from bnviz.source import Status
from bnviz.ui import PAGE
from tests.support.server import wait_for

CONFIG = RunConfig(dataset="iris", depth=2, width=8, steps=1_000_000, learning_rate=0.1)


@pytest.fixture(scope="module")
def hub():
    server = use(Server())
    yield server.hub
    server.close()


def test_rows_come_with_a_fork_and_go_with_a_drop_and_nothing_starts_anew(hub):
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, text in CONFIG.to_dict().items():
        page.query_params[name] = text
    page.run()
    run = hub.get(page.session_state["run"])
    run.watch(lambda: None)  # or it would rest
    wait_for(lambda: run.step > 100)
    run.command("fork", arm="none", fields={"normalization": "layer"}, at=50)
    wait_for(lambda: len(run.labels) == 3)
    page.run()
    assert not page.exception
    assert hub.get(run.id) is run
    assert page.session_state["arms"] == [0, 1, 2]
    # Its switch acts on the fork, in the running net.
    page.toggle(key="arm2_on").set_value(False).run()
    wait_for(lambda: [(e.kind, e.arm) for e in run.history.snapshot()[1]] == [("fork", "none"), ("change", "layer")])
    assert run.config.arms == (Arm("none"), Arm("batch"), Arm("none"))
    # To remove a row drops that arm alone.
    page.button(key="arm0_remove").click().run()
    assert hub.get(run.id) is run
    assert (run.labels, run.config.arms) == (("batch", "layer"), (Arm("batch"), Arm("none")))
    wait_for(lambda: run.history.latest and [frame.arm for frame in run.history.latest] == ["batch", "layer"])
    page.run()
    page.session_state["toggle"] = 2  # key B, on the fork by its colour
    page.run()
    assert run.config.arms == (Arm("batch"), Arm("layer"))
    wait_for(lambda: run.history.snapshot()[1][-1].changes == {"normalization": "layer"})
    assert run.status is Status.RUNNING
    # To add one starts all anew, with the arms as they are.
    page.button(key="add_arm").click().run()
    again = hub.get(run.id)
    assert again is not run
    assert again.config.arms == (Arm("batch"), Arm("layer"), Arm("batch"))
    assert again.labels == ("batch", "layer", "batch (2)")
    page.run()
    assert hub.get(run.id) is again
    assert not page.exception
