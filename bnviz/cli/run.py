"""`bnviz run` trains without a browser."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bnviz.as_pytorch import script
from bnviz.cli.mistakes import UserError
from bnviz.cli.own_file import with_own_file
from bnviz.cli.pairs import pairs
from bnviz.config import RunConfig
from bnviz.config.arm import own_arms
from bnviz.frames import Description, Event, Frame
from bnviz.presets import DEFAULT, preset
from bnviz.serve.own_model import RATE


def add(commands: Any) -> None:
    """Add `bnviz run`."""
    parser = commands.add_parser("run", help="train without a browser, and keep a recording")
    parser.set_defaults(run=_run)
    parser.add_argument("--preset", default=DEFAULT, help=f"named settings to start from (default: {DEFAULT})")
    parser.add_argument("--model", metavar="FILE.py:FUNCTION", help="train your own model: what this function makes")
    told = "a setting, such as depth=10 or dataset=data.csv"
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=told)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the recording (an Arrow IPC stream)")
    parser.add_argument("--as-pytorch", type=Path, metavar="FILE", help="only write a script of plain PyTorch")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")


def config_from(preset_name: str, settings: Iterable[str], own: bool = False) -> RunConfig:
    """The preset's config with settings of the form `key=value`; a data set may be a file of the user's own.

    What was done to that file is said on stderr. own: for a model of one's own, as it is and with BatchNorm.

    Errors: ValueError that names the setting, the value and what is allowed; UserError.
    """
    settled, notes = with_own_file(pairs(settings))
    base = preset(preset_name).config
    if own:
        base = replace(base, model="own", arms=own_arms(()), learning_rate=RATE)
        settled["model"] = "own"
    config = RunConfig.from_dict(settled, base)
    for note in notes:  # once nothing is wrong any more
        print(note, file=sys.stderr)
    return config


def _run(chosen: argparse.Namespace) -> None:
    config = config_from(chosen.preset, chosen.set, own=chosen.model is not None)
    if not chosen.as_pytorch:
        _train(config, chosen)
        return
    chosen.as_pytorch.write_text(script(config), encoding="utf-8")
    print(f"{chosen.as_pytorch} trains these networks with torch, numpy and scikit-learn alone.")


def _train(config: RunConfig, chosen: argparse.Namespace) -> None:
    import torch
    from tqdm import tqdm

    from bnviz.data import DataUnavailable
    from bnviz.history import History
    from bnviz.models.factory import load_factory
    from bnviz.recording import StreamWriter
    from bnviz.training import OwnNets, Trainer, nets_of, record
    from bnviz.verdict import sentence

    torch.set_num_threads(1)  # as the dashboard's workers: the same config gives the same frames
    nets = nets_of(config, load_factory(chosen.model) if chosen.model else None)
    if isinstance(nets, OwnNets) and "arms" not in pairs(chosen.set):
        config = replace(config, arms=own_arms(nets.kinds))
    history = History()
    with ExitStack() as stack:
        sink = stack.enter_context(open(chosen.out, "wb")) if chosen.out else None
        bar = stack.enter_context(tqdm(total=config.steps, unit=" steps", disable=chosen.no_progress or None))
        try:
            trainer = Trainer(config, lambda text, share: bar.set_description(text), nets)
        except DataUnavailable as error:
            raise UserError(str(error)) from error
        writer = StreamWriter(sink, Description(nets.layers, config.labels, config)) if sink else None
        for item in record(trainer):
            if isinstance(item, Event):
                history.add_event(item)
            else:
                history.add(item)
            bar.update(trainer.step_count - bar.n)
            if writer:
                writer.write(item)
        bar.update(trainer.step_count - bar.n)
        if writer:
            writer.close()
    print(_table(history.latest or ()))
    print("".join(span.text for span in sentence(config, *history.snapshot())).strip())
    if chosen.out:
        print(f"Recording: {chosen.out}")


def _table(frames: Iterable[Frame]) -> str:
    rows = [["network", "step", "train loss", "test loss", "test acc.", "|G| layer 1", "ICS rel., median"]]
    for frame in frames:
        shift = sorted(value for value in frame.ics_relative[1:] if math.isfinite(value))
        rows.append(
            [
                frame.arm,
                str(frame.step),
                f"{frame.train_loss:.4g}",
                f"{frame.test_loss:.4g}",
                f"{frame.test_accuracy:.1%}" if math.isfinite(frame.test_accuracy) else "-",
                f"{frame.grad_norm[0]:.2e}",
                f"{shift[len(shift) // 2]:.2g}" if shift else "-",
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )
