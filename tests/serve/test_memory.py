"""What a server has freed goes back to the system."""

from __future__ import annotations

import sys

import numpy as np
import psutil
import pytest

from bnviz.config import RunConfig
from bnviz.serve import admission as admission_module
from bnviz.serve.admission import Admission, memory
from bnviz.serve.hub import Hub
from bnviz.source import Status
from tests.support.server import wait_for


def own():
    return psutil.Process().memory_full_info().uss


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps it")
def test_small_pieces_are_given_back_once_runs_are_forgotten(monkeypatch):
    class Known:
        worker, alone_for = None, 0.0

    calls = []
    monkeypatch.setattr(memory, "give_back", lambda give=memory.give_back: calls.append(give()))
    admission = Admission()
    admission.measure([Known(), Known()])
    memory.give_back()  # what other tests have left, or the pieces would lie in there
    calls.clear()
    before = own()
    pieces = [np.ones(500) for _ in range(20_000)]  # 80 MB
    held = pieces[::97]
    del pieces
    admission.measure([Known(), Known()])
    kept = own() - before
    assert calls == []
    admission.measure([Known()])
    given = own() - before
    assert len(calls) == 1
    assert given < 30e6 < kept, (given, kept)
    assert len(held) == 207


def test_a_run_that_rests_is_folded_and_whole_for_whoever_comes_back(monkeypatch):
    monkeypatch.setattr(admission_module, "FOLDED_SECONDS", 0.5)
    hub = Hub()
    hub.open()
    try:
        run = hub.start(RunConfig(depth=2, width=8, steps=200), "me")
        wait_for(lambda: run.status is Status.FINISHED)
        hub._give_way(run)
        wait_for(lambda: run.history._folded)
        steps = [frames[0].step for frames in run.history.snapshot()[0]]
        assert steps == [*range(0, 200, 10)]
    finally:
        hub.close()
