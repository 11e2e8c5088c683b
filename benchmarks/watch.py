"""What `bnviz.watch` costs: the watched loop beside the bare one, in turn; `watch_peers` has what others cost.

Ratios of medians in one run: bare time / watched time, every 50 steps and every step, with ICS in every frame and as
often as the default has it. The default's grace, which is of seconds, is set to 0 here, so that short loops show what a
long one costs once it is used up. ICS of any module beside the prefix-wise naive way, one forward and one partial
backward a layer on deep copies.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bnviz
from bnviz.ics.anywhere import shift_of_any
from bnviz.models.anatomy import anatomy, observed
from bnviz.watching import pace

Layers = list[tuple[tuple[str, ...], tuple[str, ...]]]
"""Names of weights and of all parameters of each layer."""


class Block(nn.Module):
    """Two convolutions with BatchNorm, and a sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, H, W) -> the same."""
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def mlp() -> tuple[nn.Module, Tensor]:
    """8 hidden layers of 256."""
    hidden = [module for _ in range(8) for module in (nn.Linear(256, 256), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(256, 10)), torch.randn(128, 256)


def resnet(blocks: int = 9) -> tuple[nn.Module, Tensor]:
    """2 x blocks + 2 weight layers."""
    stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
    body = nn.Sequential(*(Block(16) for _ in range(blocks)))
    return nn.Sequential(stem, body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)), torch.randn(
        64, 3, 16, 16
    )


def loop(make: Callable[[], tuple[nn.Module, Tensor]], steps: int, **how: int) -> float:
    """Seconds of one core a step of so many, watched as told, or bare; so other processes have less of a say."""
    torch.manual_seed(0)
    model, x = make()
    y, loss = torch.randint(0, 10, (len(x),)), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.arrow"
        with bnviz.watch(model, optimizer, loss, out=out, **how) if how else nullcontext() as watch:
            started = 0.0
            for _ in range(steps + 1):  # in the first one the layers are found: it is not counted
                optimizer.zero_grad()
                loss(model(x), y).backward()
                optimizer.step()
                started = started or time.process_time()
            seconds = time.process_time() - started
    assert watch is None or not watch.problems, watch.problems
    return seconds / steps


def beside(name: str, make: Callable[[], tuple[nn.Module, Tensor]], steps: int, rounds: int, **how: int) -> None:
    """Print bare time / watched time, medians over rounds in turn."""
    bare, watched = [], []
    for _ in range(rounds):
        bare.append(loop(make, steps))
        watched.append(loop(make, steps, **how))
    told = "ICS in every frame" if "ics_every" in how else "ICS by default"
    base, other = statistics.median(bare), statistics.median(watched)
    print(f"{name:<17} every {how['every']:>2}, {told:<18}: {base / other:5.3f} of the bare loop "
          f"({base * 1e3:.1f} ms a step)", flush=True)  # fmt: skip


def unmeasured(rounds: int) -> None:
    """Print what a step costs that is not measured, on a net that is next to nothing."""

    def tiny() -> tuple[nn.Module, Tensor]:
        return nn.Sequential(nn.Linear(1, 10)), torch.randn(1, 1)

    pairs = [(loop(tiny, 3000), loop(tiny, 3000, every=10**6)) for _ in range(rounds)]
    bare, watched = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"a step that is not measured costs {1e6 * (watched - bare):.0f} microseconds")


def ics(rounds: int) -> None:
    """Print the general path beside the naive way, on a net of 20 weight layers."""
    torch.manual_seed(0)
    before, x = resnet()
    y, after = torch.randint(0, 10, (len(x),)), copy.deepcopy(before)
    with torch.no_grad():
        for each in after.parameters():
            each.add_(0.01 * torch.randn_like(each))
    executed: list[str] = []
    with observed(before, lambda name, args, out: executed.append(name)):
        before(x)
    layers = [(layer.weights, layer.parameters) for layer in anatomy(before, executed).layers]
    new = dict(after.named_parameters())
    times: dict[str, list[float]] = {"general": [], "naive": []}
    for _ in range(rounds):
        started = time.perf_counter()
        shift_of_any(before, new, layers, (x,), {}, lambda out: F.cross_entropy(out, y))
        times["general"].append(time.perf_counter() - started)
        started = time.perf_counter()
        naive(before, new, layers, x, y)
        times["naive"].append(time.perf_counter() - started)
    mine, other = (statistics.median(each) for each in times.values())
    print(f"ICS of {len(layers)} weight layers: {mine:.2f} s, naive by prefixes {other:.2f} s ({other / mine:.2f}x)")


def naive(before: nn.Module, new: dict[str, nn.Parameter], layers: Layers, x: Tensor, y: Tensor) -> None:
    """G with one forward and backward; then a copy, a forward and a partial backward a layer."""
    first = copy.deepcopy(before)
    torch.autograd.grad(F.cross_entropy(first(x), y), [*first.parameters()])
    for place, (weights, _) in enumerate(layers):
        net = copy.deepcopy(before)
        own = dict(net.named_parameters())
        with torch.no_grad():
            for _, names in layers[:place]:
                for each in names:
                    own[each].copy_(new[each])
        torch.autograd.grad(F.cross_entropy(net(x), y), [own[each] for each in weights])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    pace.ICS_GRACE = 0.0
    unmeasured(chosen.rounds)
    nets = {"8x256 MLP": (mlp, 600, 60), "ResNet, 8 layers": (lambda: resnet(3), 200, 30)}
    for name, (make, many, few) in nets.items():
        beside(name, make, 4 * many, chosen.rounds, every=50)  # long enough for ICS to come in its turn
        beside(name, make, many, chosen.rounds, every=50, ics_every=1)
        beside(name, make, few, chosen.rounds, every=1)
        beside(name, make, few, chosen.rounds, every=1, ics_every=1)
    ics(chosen.rounds)


if __name__ == "__main__":
    main()
