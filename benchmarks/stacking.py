"""Eight seeds of a small net: one after the other, stacked in one process, and shared by two processes.

Stacked: `torch.func.stack_module_state` and `vmap`, with SGD by hand. Nothing is measured meanwhile: frames (ICS,
histograms) of eight nets would have to be stacked as well. Printed: updates a second of all seeds together, over one
after the other, and how far the losses of the stacked are from the plain ones after as many steps.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from bnviz.data import load
from bnviz.models import make_mlp

SEEDS, BATCH, RATE = 8, 128, 0.1


def nets(depth: int, width: int, normalization: str, seeds: range) -> list[nn.Sequential]:
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        net = make_mlp(64, width, depth, 10, "relu", normalization, "he")
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d):  # its buffers are changed in place, which vmap does not do
                module.track_running_stats, module.running_mean, module.running_var = False, None, None
                module.num_batches_tracked = None
        found.append(net)
    return found


def batches(seeds: range, steps: int) -> tuple[Tensor, Tensor]:
    """(seeds, steps, BATCH, 64) and (seeds, steps, BATCH)."""
    data = load("digits")
    at = torch.stack([torch.randint(len(data.x_train), (steps, BATCH), generator=torch.Generator().manual_seed(seed))
                      for seed in seeds])  # fmt: skip
    return data.x_train.reshape(len(data.x_train), -1)[at], data.y_train[at]


def one_by_one(given: tuple[int, int, str, range, int]) -> list[float]:
    """Losses of the last step."""
    depth, width, normalization, seeds, steps = given
    torch.set_num_threads(1)
    losses = []
    x, y = batches(seeds, steps)
    for place, net in enumerate(nets(depth, width, normalization, seeds)):
        optimizer = torch.optim.SGD(net.parameters(), RATE)
        for step in range(steps):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[place, step]), y[place, step])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        losses.append(loss.item())
    return losses


def stacked(given: tuple[int, int, str, range, int]) -> list[float]:
    """The same, of all seeds at once."""
    depth, width, normalization, seeds, steps = given
    torch.set_num_threads(1)
    models = nets(depth, width, normalization, seeds)
    parameters, buffers = stack_module_state(models)  # type: ignore[arg-type]
    base = copy.deepcopy(models[0]).to("meta")
    x, y = batches(seeds, steps)

    def loss_of(parameters: dict[str, Any], buffers: dict[str, Any], x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(functional_call(base, (parameters, buffers), (x,)), y)

    step_of = vmap(grad_and_value(loss_of))
    with torch.no_grad():
        for step in range(steps):
            grads, losses = step_of(parameters, buffers, x[:, step], y[:, step])
            for name, each in parameters.items():
                each.sub_(grads[name], alpha=RATE)
    return [float(each) for each in losses]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"{'updates a second of 8 seeds':32}{'one by one':>11}{'stacked':>10}{'two processes':>14}{'apart':>10}")
    with ProcessPoolExecutor(2) as pool:
        for depth, width, normalization in itertools.product((2, 6), (32, 64), ("none", "batch")):
            every = (depth, width, normalization, range(SEEDS), chosen.steps)
            halves = [(*every[:3], seeds, chosen.steps) for seeds in (range(SEEDS // 2), range(SEEDS // 2, SEEDS))]
            ways = {"plain": lambda g=every: one_by_one(g), "stacked": lambda g=every: stacked(g),
                    "two": lambda h=halves: list(pool.map(one_by_one, h))}  # fmt: skip
            found: dict[str, Any] = {name: way() for name, way in ways.items()}  # what is set up once
            took = dict.fromkeys(ways, float("inf"))
            for _ in range(chosen.rounds):
                for name, way in ways.items():
                    began = time.perf_counter()
                    way()
                    took[name] = min(took[name], time.perf_counter() - began)
            apart = max(abs(a - b) / abs(a) for a, b in zip(found["plain"], found["stacked"], strict=True))
            rates = {name: SEEDS * chosen.steps / each for name, each in took.items()}
            told = f"depth {depth}, width {width}, {normalization}"
            print(f"{told:32}{rates['plain']:>11.0f}{rates['stacked'] / rates['plain']:>9.2f}x"
                  f"{rates['two'] / rates['plain']:>13.2f}x{apart:>10.1e}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
