"""What `bnviz.watch` costs: the watched loop beside the bare one, and beside TensorBoard's histograms, in turn.

Ratios of medians in one run: bare time / watched time at --every steps (1: free), and every step. ICS of any module
beside the prefix-wise naive way, one forward and one partial backward a layer on deep copies. --peers installs
TensorBoard and Cockpit into a folder of their own and measures them too, or says that it could not.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bnviz
from bnviz.ics.anywhere import shift_of_any
from bnviz.models.anatomy import anatomy, observed

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


def loop(make: Callable[[], tuple[nn.Module, Tensor]], steps: int, every: int | None, board: bool = False) -> float:
    """Seconds of so many steps."""
    torch.manual_seed(0)
    model, x = make()
    y, loss = torch.randint(0, 10, (len(x),)), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with tempfile.TemporaryDirectory() as folder:
        watch = None
        if every:
            watch = bnviz.watch(model, optimizer, loss, every=every, out=Path(folder) / "run.arrow")
        writer = None
        if board:
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(folder)
        started = time.perf_counter()
        for step in range(steps):
            optimizer.zero_grad()
            seeing = observed(model, partial(_log, writer, step)) if writer else nullcontext()
            with seeing:
                loss(model(x), y).backward()
            if writer:
                for name, parameter in model.named_parameters():
                    writer.add_scalar(f"grad/{name}", parameter.grad.norm(), step)
                    writer.add_histogram(f"grad/{name}", parameter.grad, step)
            optimizer.step()
        seconds = time.perf_counter() - started
        if writer:
            writer.close()
        if watch:
            watch.close()
            assert not watch.problems, watch.problems
    return seconds


def _log(writer: object, step: int, name: str, args: tuple[object, ...], out: object) -> None:
    if out is None and args and isinstance(args[0], Tensor):
        writer.add_histogram(f"input/{name}", args[0], step)  # type: ignore[attr-defined]


def beside(name: str, make: Callable[[], tuple[nn.Module, Tensor]], steps: int, every: int, rounds: int) -> None:
    """Print bare time / watched time, medians over rounds in turn."""
    bare, watched = [], []
    for _ in range(rounds):
        bare.append(loop(make, steps, None) / steps)
        watched.append(loop(make, steps, every) / steps)
    ratio = statistics.median(bare) / statistics.median(watched)
    print(f"{name:<22} every {every:>3}: {ratio:5.3f} of the bare loop ({statistics.median(bare) * 1e3:.1f} ms a step)",
          flush=True)  # fmt: skip


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


def peers(rounds: int) -> None:
    """Print TensorBoard's and Cockpit's cost every step, or why it could not be measured."""
    with tempfile.TemporaryDirectory() as folder:
        for package in ("tensorboard", "cockpit-for-pytorch"):
            command = [sys.executable, "-m", "pip", "install", "-q", "--target", folder, package]
            if package != "tensorboard":
                command.insert(-1, "--no-deps")  # its own would bring another torch
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{package} could not be installed: {done.stderr.strip().splitlines()[-1]}")
        code = f"import sys; sys.path.append({folder!r}); from cockpit import Cockpit"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"Cockpit could not be imported: {done.stderr.strip().splitlines()[-1]}")
        script = [sys.executable, __file__, "--board", str(rounds)]
        path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
        # At the end of the path, so that what bnviz itself needs is not replaced.
        subprocess.run(script, env={**os.environ, "PYTHONPATH": path, "BNVIZ_PEERS": folder}, check=False)


def board(rounds: int) -> None:
    """Print what a step costs with TensorBoard's histograms of inputs and gradients, and with us, in turn."""
    sys.path.append(os.environ["BNVIZ_PEERS"])
    times: dict[str, list[float]] = {"bare": [], "watch": [], "tensorboard": []}
    for _ in range(rounds):
        times["bare"].append(loop(mlp, 60, None))
        times["watch"].append(loop(mlp, 60, 1))
        times["tensorboard"].append(loop(mlp, 60, None, board=True))
    bare, watched, other = (statistics.median(each) for each in times.values())
    print(f"every step, 8x256 MLP: bnviz.watch {watched / bare:.1f}x the bare loop, TensorBoard {other / bare:.1f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--board", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.board:
        board(chosen.board)
        return
    for every in (50, 1):
        beside("8x256 MLP", mlp, 200 if every > 1 else 50, every, chosen.rounds)
        beside("ResNet, 8 layers", lambda: resnet(3), 100 if every > 1 else 20, every, chosen.rounds)
    ics(chosen.rounds)
    if chosen.peers:
        peers(chosen.rounds)


if __name__ == "__main__":
    main()
