"""What every preset must show beside what it does, seed by seed: `python benchmarks/presets.py [NAME ...]`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import torch

from bnviz.presets import preset
from bnviz.training import train
from bnviz.verdict.expected import RULES, outcomes

SEEDS = (0, 1, 2)


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or RULES:
        table, seconds = [], []
        for seed in SEEDS:
            started = time.perf_counter()
            table.append(outcomes(name, train(replace(preset(name).config, seed=seed))))
            seconds.append(f"{time.perf_counter() - started:.0f} s")
        print(f"{name} (a run takes {', '.join(seconds)})")
        for row in zip(*table, strict=True):
            verdict = "" if all(each.holds for each in row) else "   NOT SO"
            measured = " ".join(f"{each.measured:>9}" for each in row)
            print(f"    {row[0].what:62s} {row[0].expected:>18s}   {measured}{verdict}")


if __name__ == "__main__":
    main(sys.argv[1:])
