"""What the server says of itself: at its address, and in a line for each thing that happens."""

from __future__ import annotations

import asyncio
import json
import logging
import time

from bnviz.serve import journal
from bnviz.serve.health import BEAT, Pulse
from tests.serve.test_app import get, port, receive, run, socket_of  # noqa: F401
from tests.support.server import wait_for


def test_a_loop_that_is_held_up_is_late():
    async def held_up() -> float:
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        await asyncio.sleep(0)  # it asks to be woken
        time.sleep(3 * BEAT)
        while not pulse.lag:
            await asyncio.sleep(0)
        beating.cancel()
        return pulse.lag

    assert asyncio.run(held_up()) >= BEAT


def test_the_server_says_how_it_is_and_nothing_of_anybody(port, run):  # noqa: F811
    with socket_of(port, run) as socket:
        receive(socket, lambda message: message["type"] == "patch")
        response, body = get(port, "/bnviz/health")
    told = json.loads(body)
    assert response.headers["Content-Type"] == "application/json"
    assert told.pop("version")
    assert told.keys() == {"runs", "workers", "viewers", "loop_lag_ms", "last_frame_age"}
    assert min(told["runs"], told["workers"], told["viewers"]) >= 1
    assert told["last_frame_age"] >= 0
    for key in (run.id, run.control, run.owner):
        assert f'"{key}"' not in body.decode()


def test_a_run_is_told_when_it_starts_and_when_it_ends_by_no_key(port, run, caplog):  # noqa: F811
    from bnviz.serve.shared import server

    def lines() -> list[str]:
        return [journal.Line().format(record) for record in caplog.records if record.name == "bnviz"]

    with caplog.at_level(logging.INFO, "bnviz"):
        another = server().hub.start(run.config, "somebody")
        wait_for(lambda: another.step > 0)
        server().hub.stop(another)
        name = journal.short(another.id)
        wait_for(
            lambda: any(f"event=run-ended run={name} status=stopped reason=Stopped. step=" in each for each in lines())
        )
        assert any(f"level=info event=run-started run={name}" in each for each in lines())
        for key in (another.id, another.control, "somebody", "depth"):
            assert key not in "".join(lines())


def test_each_record_is_one_line_with_what_it_says_in_quotes_where_it_has_to_be():
    record = logging.LogRecord("bnviz.x", logging.WARNING, "", 0, "It is %s", ("odd",), None)
    record.fields = {"reason": 'two\nlines, "quoted"', "empty": "", "number": 3, "forged": "x\nevent=fine"}
    line = journal.Line().format(record)
    assert line.endswith(
        r'level=warning event="It is odd" reason="two\nlines, \"quoted\"" empty="" number=3 forged="x\nevent=fine"'
    )
    try:
        raise ValueError("no")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    assert "\n" not in journal.Line().format(record)
    assert "ValueError: no" in journal.Line().format(record)
