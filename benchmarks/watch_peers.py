"""`bnviz.watch` every step beside TensorBoard's histograms and Cockpit's default, on an 8x256 MLP, in turn.

Both are installed into a folder that is removed afterwards; what could not be installed or run is said.
TensorBoard: a histogram of what enters each layer and of each gradient, and its norm. Cockpit: its configuration
`economy`, the least that it has (`full` is its default).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

import bnviz

PACKAGES = [
    "tensorboard", "absl-py", "grpcio", "markdown", "werkzeug", "tensorboard-data-server", "protobuf", "markupsafe",
    "cockpit-for-pytorch", "backpack-for-pytorch", "setuptools<81",  # which still has pkg_resources
    "einops", "unfoldNd", "tinydb", "json_tricks", "gitpython", "gitdb", "smmap", "matplotlib", "seaborn", "cycler",
    "kiwisolver", "pyparsing", "contourpy", "fonttools",
]  # fmt: skip
"""With --no-deps: torch, numpy and pandas stay those at hand."""
Step = Callable[[int], None]


def net() -> tuple[nn.Sequential, Tensor, Tensor, torch.optim.Optimizer]:
    torch.manual_seed(0)
    hidden = [module for _ in range(8) for module in (nn.Linear(256, 256), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(256, 10))
    return model, torch.randn(128, 256), torch.randint(0, 10, (128,)), torch.optim.SGD(model.parameters(), 0.01)


@contextmanager
def bare(folder: str) -> Iterator[Step]:
    model, x, y, optimizer = net()
    loss = nn.CrossEntropyLoss()

    def step(number: int) -> None:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    yield step


@contextmanager
def watched(folder: str, ics_every: int | None = None) -> Iterator[Step]:
    model, x, y, optimizer = net()
    loss = nn.CrossEntropyLoss()
    with bnviz.watch(model, optimizer, loss, every=1, ics_every=ics_every, out=Path(folder) / "run.arrow") as watch:

        def step(number: int) -> None:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()

        yield step
    assert not watch.problems, watch.problems


@contextmanager
def with_ics_every_step(folder: str) -> Iterator[Step]:
    with watched(folder, 1) as step:
        yield step


@contextmanager
def tensorboard(folder: str) -> Iterator[Step]:
    from torch.utils.tensorboard import SummaryWriter

    model, x, y, optimizer = net()
    loss, writer, now = nn.CrossEntropyLoss(), SummaryWriter(folder), [0]
    for name, module in model.named_children():
        module.register_forward_pre_hook(
            lambda module, args, name=name: writer.add_histogram(f"input/{name}", args[0], now[0])
        )

    def step(number: int) -> None:
        now[0] = number
        optimizer.zero_grad()
        loss(model(x), y).backward()
        for name, parameter in model.named_parameters():
            writer.add_scalar(f"norm/{name}", parameter.grad.norm(), number)
            writer.add_histogram(f"grad/{name}", parameter.grad, number)
        optimizer.step()

    yield step
    writer.close()


@contextmanager
def cockpit(folder: str) -> Iterator[Step]:
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration

    model, x, y, optimizer = net()
    extend(model)
    loss, each = extend(nn.CrossEntropyLoss()), nn.CrossEntropyLoss(reduction="none")
    instruments = Cockpit([*model.parameters()], quantities=configuration("economy"))

    def step(number: int) -> None:
        optimizer.zero_grad()
        output = model(x)
        value = loss(output, y)
        given = {"batch_size": len(x), "individual_losses": each(output, y), "loss": value, "optimizer": optimizer}
        with instruments(number, info=given):
            value.backward(create_graph=instruments.create_graph(number))
        optimizer.step()

    yield step


def measure(rounds: int, steps: int) -> None:
    """Print what a step takes, medians over rounds in turn."""
    makers = [bare, watched, with_ics_every_step, tensorboard, cockpit]
    times: dict[str, list[float]] = {make.__name__: [] for make in makers}
    for _ in range(rounds):
        for make in list(makers):
            try:
                with tempfile.TemporaryDirectory() as folder, make(folder) as step:
                    step(0)
                    started = time.perf_counter()
                    for number in range(1, steps + 1 if make is not cockpit else 4):
                        step(number)
                    times[make.__name__].append((time.perf_counter() - started) / number)
            except Exception as error:  # noqa: BLE001  of somebody else's package
                print(f"{make.__name__} could not be measured: {type(error).__name__}: {error}")
                makers.remove(make)
    base = statistics.median(times["bare"])
    for name, each in times.items():
        if each:
            found = statistics.median(each)
            print(f"{name:<22} {found * 1e3:8.1f} ms a step, {found / base:6.1f}x the bare loop", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--folder", help="where the two are installed already")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.folder:
        sys.path.append(chosen.folder)  # at the end, so that what bnviz itself needs is not replaced
        measure(chosen.rounds, chosen.steps)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"not all could be installed: {done.stderr.strip().splitlines()[-1]}")
        script = [sys.executable, "-W", "ignore", __file__, "--folder", folder]
        path = os.pathsep.join([str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")])
        numbers = ["--rounds", str(chosen.rounds), "--steps", str(chosen.steps)]
        subprocess.run([*script, *numbers], env={**os.environ, "PYTHONPATH": path}, check=False)


if __name__ == "__main__":
    main()
