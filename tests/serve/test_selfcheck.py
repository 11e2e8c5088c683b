"""The check that visitors of a server share: its process, and the tab that shows it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from bnviz import laws
from bnviz.laws import Result
from bnviz.serve.selfcheck import Report, SelfCheck, Status
from bnviz.serve.shared import Server, use
from bnviz.ui import PAGE
from tests.support.server import wait_for

QUICK = (1, 4, 9)
ENDLESS = (1, 22, 23, 24, 25)
"""The first takes a second, the others a quarter of a minute and more."""


def checking(process: psutil.Process) -> bool:
    try:
        return "bnviz.laws" in process.cmdline()
    except psutil.NoSuchProcess:  # or a zombie
        return False


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if checking(child)]


def same(results) -> list[tuple]:
    """Results without the time they took."""
    return [(r.number, r.law, r.source, r.expected, r.measured, r.passed, r.total) for r in results]


@pytest.fixture
def endless():
    shared = SelfCheck(ENDLESS)
    yield shared
    shared.stop("me")


def test_the_laws_are_measured_as_in_a_terminal():
    shared = SelfCheck(QUICK)
    assert shared.report == Report()
    shared.start("me")
    assert shared.report.running
    wait_for(lambda: not shared.report.running)
    assert shared.report.status is Status.FINISHED
    assert same(shared.report.results) == same(laws.run(QUICK))
    assert all(result.passed for result in shared.report.results)
    wait_for(lambda: not children(), 5)


def test_there_is_one_check_at_a_time_and_it_can_be_stopped(endless):
    endless.start("me")
    wait_for(lambda: endless.report.results)
    before = endless.report
    endless.start("me")
    assert endless.report is before
    assert len(children()) == 1
    endless.stop("somebody else")  # who has not started it
    assert endless.report.running
    endless.stop("me")
    assert endless.report.status is Status.STOPPED
    assert same(endless.report.results) == same(before.results)
    wait_for(lambda: not children(), 5)
    assert endless.report.text == "Stopped."
    endless.start("me")
    assert endless.report.results == ()
    assert endless.report.started > before.started


def test_a_check_that_is_killed_says_so_and_keeps_its_results(endless):
    endless.start("me")
    wait_for(lambda: endless.report.results)
    children()[0].kill()
    wait_for(lambda: not endless.report.running, 5)
    assert endless.report.status is Status.FAILED
    assert endless.report.text.startswith("The check ended early: its process was killed (signal 9)")
    assert [result.number for result in endless.report.results] == [1]


def test_a_check_that_goes_wrong_says_why():
    shared = SelfCheck((1, 99))
    shared.start("me")
    wait_for(lambda: not shared.report.running)
    assert shared.report.status is Status.FAILED
    assert shared.report.text == "The check ended early: bnviz: only must name laws from 1 to 26, got 99."


def test_a_check_ends_when_its_time_is_up():
    shared = SelfCheck(ENDLESS, longest=1)
    shared.start("me")
    wait_for(lambda: not shared.report.running, 10)
    assert shared.report.status is Status.STOPPED
    assert shared.report.text == "Stopped: it took longer than 1 seconds."
    wait_for(lambda: not children(), 5)


def test_the_process_ends_with_its_server():
    command = [sys.executable, "-m", "bnviz.laws", "--only", *map(str, ENDLESS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert b'"number": 1,' in process.stdout.readline()
        process.stdin.close()
        assert process.wait(5) == 1
        assert process.stdout.read() == b""


@pytest.fixture
def shared():
    server = use(Server(SelfCheck(QUICK)))
    yield server.self_check
    server.close()


def opened() -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    page.query_params["tab"] = "selfcheck"
    page.query_params["depth"] = "1"
    page.run()
    assert not page.exception
    return page


def labels(page) -> list[str]:
    return [button.label for button in page.button if (button.key or "").startswith("selfcheck")]


def test_two_visitors_see_the_same_check(shared):
    first, second = opened(), opened()
    assert (labels(first), len(first.table)) == (["Run all checks"], 0)
    first.button(key="selfcheck-start").click().run()
    report = shared.report
    assert labels(first) == ["Stop"]
    second.button(key="selfcheck-start").click().run()  # a moment too late
    assert shared.report.started == report.started
    wait_for(lambda: not shared.report.running)
    for page in (first, second):
        page.run()
        assert not page.exception
        assert labels(page) == ["Run all checks"]
        assert page.success[0].value == f"{laws.summary(shared.report.results)}."
        assert page.success[0].value.startswith("3 of 3 laws hold (")
        table = page.table[0].value
        assert list(table.columns) == ["Law", "Source", "Expected", "Measured", "Result"]
        assert [text.split("\\")[0] for text in table["Law"]] == ["1", "4", "9"]
        assert all("pass" in text for text in table["Result"])
        assert f"{shared.report.started.astimezone():%H:%M}" in page.caption[-1].value


def test_stopping_from_the_page_keeps_what_was_measured(shared):
    page = opened()
    page.button(key="selfcheck-start").click().run()
    wait_for(lambda: shared.report.results)
    page.run()
    if labels(page) == ["Stop"]:  # three quick laws may all be there already
        page.button(key="selfcheck-stop").click().run()
        assert page.warning[0].value.startswith("Stopped. Of what was measured before, ")
    assert labels(page) == ["Run all checks"]
    assert len(page.table[0].value) == len(shared.report.results)


ROW = Result(1, "A law", "Somebody 2015", "0 ± 1e-11", "0.5", False, 1.0)


def test_a_law_that_fails_is_shown_without_colour_too(shared):
    shared.report = Report(Status.FINISHED, "me", datetime.now(UTC), (ROW,))
    page = opened()
    assert page.error[0].value.startswith("0 of 1 laws hold (1 s). ")
    assert "✗\N{NO-BREAK SPACE}FAIL" in page.table[0].value["Result"][0]


def test_an_early_end_is_said(shared):
    shared.report = Report(Status.FAILED, "me", datetime.now(UTC), (), "The check ended early: so it goes.")
    assert opened().warning[0].value == "The check ended early: so it goes."
