from __future__ import annotations

import random
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from bnviz.comparing import compare
from bnviz.comparing.planning import raced
from bnviz.comparing.processes import Job, run_all
from bnviz.comparing.settings import Settings
from bnviz.models.factory import load_factory
from bnviz.models.variants import variant
from tests.support.server import ROOT


def net():
    return nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 10))


def digits():
    x, y = load_digits(return_X_y=True)
    return x / 16, y


def race(make_model=net, data=None, **settings):
    return raced(make_model, data or digits(), None, None, Settings(**({"steps": 12, "batch_size": 50} | settings)))[0]


def plain(kind, rate, seed, steps=12, batch=50):
    """The same run without any of what does it: seeds, split, batches, loop and test written out."""
    x, y = (
        torch.as_tensor(each, dtype=kind_) for each, kind_ in zip(digits(), (torch.float32, torch.long), strict=True)
    )
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(seed))
    test, train = order[:359], order[359:]
    torch.manual_seed(seed)
    model = variant(net(), kind, lambda model: model(x[:50])).model.train()
    draw = torch.Generator().manual_seed(seed)
    shuffled = train[torch.randperm(len(train), generator=draw)]
    torch.manual_seed(seed)
    losses = []
    for step in range(steps):
        chosen = shuffled[step * batch : (step + 1) * batch]
        loss = F.cross_entropy(model(x[chosen]), y[chosen])
        model.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= rate * parameter.grad
    model.eval()
    with torch.no_grad():
        output = model(x[test])
    return losses[-1], float(F.cross_entropy(output, y[test])), float((output.argmax(1) == y[test]).double().mean())


@pytest.mark.parametrize("kind", ["as is", "batch", "layer"])
def test_a_run_is_a_plain_loop_bit_by_bit(kind):
    run = race().run(kind, 0.5, 3)
    assert run.error is None
    expected = plain(kind, 0.5, 3)
    assert run.train_loss == expected[0]  # the last tenth of 12 steps is the last
    assert run.test_loss == pytest.approx(expected[1], rel=1e-6)
    assert run.test_accuracy == pytest.approx(expected[2], abs=1e-12)


def test_variants_start_from_the_same_weights_and_see_the_same_batches():
    seen = {}

    class Spy(Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, place):
            seen.setdefault("now", []).append(place)
            return torch.randn(64), place % 10  # an augmentation: another sample each time

    shared = race(data=Spy(), batch_size=8)
    nets = {kind: dict(shared.variant(kind, 1).model.named_parameters()) for kind in ("as is", "batch", "layer")}
    for names in nets.values():
        for name, parameter in nets["as is"].items():
            assert torch.equal(names[name], parameter)
    orders = []
    for kind in nets:
        seen.clear()
        assert shared.run(kind, 0.1, 1).error is None
        orders.append(tuple(seen["now"]))
    assert len(set(orders)) == 1
    assert not torch.equal(next(shared.variant("as is", 2).model.parameters()), nets["as is"]["0.weight"])


def test_each_seed_holds_another_fifth_and_no_sample_is_in_both():
    shared = race()
    held = []
    for seed in (0, 1):
        train, test = (set(part.tolist()) for part in shared.places(seed))
        assert not train & test
        assert len(train | test) == 1797
        assert {place for batch in shared.batches(seed) for place in batch.tolist()} <= train
        held.append(test)
    assert held[0] != held[1]


def test_processes_and_this_one_give_the_same_and_take_functions_of_any_kind(tmp_path):
    (tmp_path / "mynet.py").write_text("from torch import nn\n\n\ndef layer(n):\n    return nn.Linear(64, n)\n")
    width, of_a_file = 8, load_factory(f"{tmp_path}/mynet.py:layer")
    shared = race(lambda: nn.Sequential(of_a_file(width), nn.Tanh(), nn.Linear(width, 10)))
    jobs = [Job(kind, 0.5, seed) for kind in ("as is", "batch") for seed in (0, 1)]
    found = [sorted(run_all(shared, jobs, count), key=lambda run: (run.variant, run.seed)) for count in (1, 2)]
    for here, there in zip(*found, strict=True):
        assert here.error is there.error is None
        assert here.test_loss == there.test_loss
        assert repr((here.curve, here.layers)) == repr((there.curve, there.layers))  # a NaN equals none


def test_a_run_that_diverges_or_raises_is_a_result():
    class Picky(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.calls = net(), 0

        def forward(self, x):
            self.calls += 1
            if self.calls > 8 and isinstance(next(self.net[0].children(), None), nn.LayerNorm):
                raise RuntimeError("not with LayerNorm")
            return self.net(x)

    raised = race(Picky).run("layer", 0.1, 0)
    assert not raised.finished
    assert raised.error == "RuntimeError: not with LayerNorm"
    lost = race(lambda: nn.Sequential(nn.Linear(64, 16), nn.Linear(16, 10)), steps=60).run("as is", 1000.0, 0)
    assert not lost.finished
    assert lost.error is None
    assert 0 < lost.diverged_at <= 60
    assert np.isnan(lost.test_loss)


def test_the_callers_random_states_threads_and_net_are_left_alone():
    kept = net()
    before = {name: value.clone() for name, value in kept.state_dict().items()}
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    compare(lambda: kept, digits(), seeds=1, steps=2, learning_rate=0.1, jobs=1, progress=False)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]
    assert all(torch.equal(value, before[name]) for name, value in kept.state_dict().items())


def test_loaders_and_data_sets_give_what_tensors_give():
    x, y = (torch.as_tensor(each) for each in digits())
    x = x.float()
    pair = race(data=(x, y), batch_size=50).run("batch", 0.5, 0)
    whole = TensorDataset(x, y)
    joined = DataLoader(whole, batch_size=50, collate_fn=lambda items: [torch.stack(e) for e in zip(*items)])  # noqa: B905
    for data in (whole, DataLoader(whole, batch_size=50, shuffle=True), joined):
        run = race(data=data, batch_size=50).run("batch", 0.5, 0)
        assert (run.train_loss, run.test_loss) == (pair.train_loss, pair.test_loss)


INTERRUPTED = """
import os, signal, threading, time
import psutil, torch
from torch import nn
import bnviz

def training():
    return [each for each in psutil.Process().children(recursive=True)
            if any("loky" in word for word in each.cmdline()) and not any("tracker" in word for word in each.cmdline())]

def interrupt():
    while len(training()) < 2:
        time.sleep(0.1)
    time.sleep(2)
    print(*(each.pid for each in training()), flush=True)
    os.kill(os.getpid(), SIGNAL)

threading.Thread(target=interrupt, daemon=True).start()
net = lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
try:
    bnviz.compare(net, (torch.randn(99, 4), torch.randint(0, 2, (99,))), steps=10**6, jobs=2, progress=False)
except KeyboardInterrupt:
    print("ended", training())
"""


def interrupted(by):
    code = INTERRUPTED.replace("SIGNAL", by)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=150)


def test_ctrl_c_ends_it_and_its_processes():
    done = interrupted("signal.SIGINT")
    assert "ended []" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_its_processes_end_when_it_is_killed():
    trained = [int(each) for each in interrupted("signal.SIGKILL").stdout.splitlines()[-1].split()]
    assert len(trained) == 2
    deadline = time.monotonic() + 60
    while any(psutil.pid_exists(each) for each in trained):
        assert time.monotonic() < deadline
        time.sleep(0.1)
