from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bnviz.config import RunConfig
from bnviz.frames import Frame, layer_names, quantities
from bnviz.serve import pool


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_data(tmp_path_factory):
    """Files of somebody's own, and recordings, are kept apart from the user's."""
    os.environ["BNVIZ_DATA"] = str(tmp_path_factory.mktemp("own"))
    os.environ["BNVIZ_RECORDINGS"] = str(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="session", autouse=True)
def _no_spares():
    """No test waits for a worker that stands by, and each takes seconds to import torch."""
    pool.SPARES = 0


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    """A frame of random numbers, of the right shapes."""

    def make(config: RunConfig, step: int, arm: str, **changes) -> Frame:
        names = layer_names(config)
        rng = np.random.default_rng(step)
        values = {
            q.name: rng.integers(0, 99, q.shape, dtype=np.int32) if q.counts else rng.random(q.shape)
            for q in quantities(len(names))
        }
        scalars = {name: float(value) for name, value in values.items() if np.ndim(value) == 0}
        return Frame(step=step, arm=arm, layers=names, **(values | scalars | changes))

    return make
