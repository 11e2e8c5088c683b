"""`bnviz check` tests bnviz's own numbers."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any


def add(commands: Any) -> None:
    """Add `bnviz check`."""
    parser = commands.add_parser("check", help="test bnviz's own numbers against known laws (about a minute)")
    parser.set_defaults(run=_check)
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="these laws alone, by their numbers")
    parser.add_argument("--json", action="store_true", help="a JSON object a line, as soon as a law is measured")


def _check(chosen: argparse.Namespace) -> int:
    import torch

    from bnviz import laws

    torch.set_num_threads(1)  # as the dashboard's workers
    results: list[laws.Result] = []
    for result in laws.run(chosen.only):
        if not chosen.json and not results:
            print(laws.header())
        results.append(result)
        print(json.dumps(asdict(result)) if chosen.json else laws.format_row(result), flush=True)
    if not chosen.json:
        print(laws.summary(results))
    return 0 if all(result.passed for result in results) else 1
