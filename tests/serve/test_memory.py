"""What a server has freed goes back to the system."""

from __future__ import annotations

import sys

import numpy as np
import psutil
import pytest

from bnviz.serve.admission import Admission, memory


def own():
    return psutil.Process().memory_full_info().uss


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps it")
def test_small_pieces_are_given_back_once_runs_are_forgotten(monkeypatch):
    class Known:
        worker = None

    calls = []
    monkeypatch.setattr(memory, "give_back", lambda give=memory.give_back: calls.append(give()))
    admission = Admission()
    admission.measure([Known(), Known()])
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
