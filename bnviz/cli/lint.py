"""`bnviz lint` says what is wrong with how a net uses normalization."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import textwrap
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnviz.linting import Finding

WIDTH = 80
SHOWN = 5
"""Modules of a rule that are told one by one."""


def add(commands: Any) -> None:
    """Add `bnviz lint`."""
    parser = commands.add_parser("lint", help="say what is wrong with how a net of yours uses normalization")
    parser.set_defaults(run=_lint)
    parser.add_argument("model", metavar="FILE.py:FUNCTION", help="a function that makes the net; where its file has "
                        "a function sample_batch() too, that gives x and y, or a DataLoader")  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="FILE", help="a CSV, Parquet or NPZ file to take the batch from")
    parser.add_argument("--target", metavar="COLUMN", help="what the net is to learn of it")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")


def _lint(chosen: argparse.Namespace) -> int:
    import torch

    from bnviz.linting import RULES, lint

    if chosen.batch_size < 1:
        raise ValueError(f"--batch-size must be at least 1, got {chosen.batch_size}.")
    if chosen.target is not None and chosen.data is None:
        raise ValueError("--target names a column of --data, which is not given.")
    torch.manual_seed(0)  # the same net and the same noise every time
    model, sample, told = _sampled(chosen)
    for sentence in told:
        print(f"Note: {sentence}", file=sys.stderr if chosen.json else sys.stdout)
    found = lint(model, sample)
    if chosen.json:
        for each in found:
            print(json.dumps(asdict(each)))
    else:
        print(report(found, len(RULES)))
    return int(any(each.severity != "hint" for each in found))


def _sampled(chosen: argparse.Namespace) -> tuple[Any, Any, tuple[str, ...]]:
    """The model, a batch or batches for it, and what is to be said of them."""
    from bnviz.models.factory import FITTING, load_factory, make

    factory = load_factory(chosen.model)
    if chosen.data is not None:
        from torch.utils.data import DataLoader, TensorDataset

        from bnviz.data.own import load_file

        data, said = load_file(chosen.data, chosen.target)
        outputs = data.classes or (data.y_train.shape[1] if data.y_train.dim() > 1 else 1)
        several = len(data.x_train) > chosen.batch_size  # else the only batch would be dropped
        pairs = TensorDataset(data.x_train, data.y_train)
        loader = DataLoader(pairs, chosen.batch_size, shuffle=True, drop_last=several)
        return make(factory, data.in_shape, outputs), loader, said
    lacking = [name for name, each in inspect.signature(factory).parameters.items()
               if name in FITTING and each.default is each.empty]  # fmt: skip
    if lacking:
        raise ValueError(f"{chosen.model} asks for {', '.join(lacking)}, which no data tell: give --data FILE "
                         "--target COLUMN, or the parameters a default.")  # fmt: skip
    model = make(factory)
    own = getattr(sys.modules.get(Path(chosen.model.rpartition(":")[0]).stem), "sample_batch", None)
    if callable(own):
        try:
            return model, own(), ()
        except Exception as error:
            raise ValueError(f"sample_batch raised {type(error).__name__}: {error}.") from error
    from bnviz.linting.made_up import made_up

    sample, told = made_up(model, chosen.batch_size)
    return model, sample, (told,)


def report(found: list[Finding], rules: int) -> str:
    """Findings for a terminal of 80 columns: a paragraph a rule, the gravest first, and a line that sums them up."""
    if not found:
        return f"Nothing found by {rules} rules."
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for each in found:
        groups.setdefault((each.severity, each.rule, each.why, each.advice), []).append(each)
    lines = []
    for (severity, rule, why, advice), alike in groups.items():
        lines.append(f"{severity}: {rule}")
        lines += [_wrapped(f"{each.module or 'the model'}: {each.evidence}") for each in alike[:SHOWN]]
        if rest := alike[SHOWN:]:
            lines.append(_wrapped(f"and {len(rest)} more: {', '.join(each.module for each in rest)}"))
        lines += [_wrapped(f"Why: {why}"), _wrapped(f"Do:  {advice}"), ""]
    counts = Counter(each.severity for each in found)
    words = ", ".join(f"{count} {severity}{'s' * (count > 1)}" for severity, count in counts.items())
    return "\n".join([*lines, f"{len(found)} finding{'s' * (len(found) > 1)}: {words}"])


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="       ", break_on_hyphens=False)
