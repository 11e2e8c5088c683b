"""The `bnviz` command. Users' mistakes: one clear line on stderr, and exit status 2."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from bnviz.config import RunConfig
from bnviz.frames import Event, Frame
from bnviz.presets import DEFAULT, PRESETS, preset

# The dashboard needs Streamlit and training needs torch, seconds each: every command imports only its own.


class UserError(Exception):
    """Something the user can mend; the message says how."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status: 0, 1 if a check fails, 2 for a user's mistake, 130 when interrupted."""
    try:
        chosen = _parser().parse_args(arguments)
        status: int | None = chosen.run(chosen)
    except (UserError, ValueError, OSError) as error:
        print(f"bnviz: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status or 0


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("bnviz", description="Watch what normalization does to a neural network, live.")
    parser.set_defaults(run=_dashboard)
    parser.add_argument("--port", type=int, help="port of the dashboard (default: the first free one from 8501)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--lan", action="store_true", help="let other machines on the network open the dashboard")
    commands = parser.add_subparsers(title="commands", metavar="")
    run = commands.add_parser("run", help="train without a browser, and keep a recording")
    run.set_defaults(run=_run)
    run.add_argument("--preset", default=DEFAULT, help=f"named settings to start from (default: {DEFAULT})")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, such as depth=10")
    run.add_argument("--out", type=Path, metavar="FILE", help="where to write the recording (an Arrow IPC stream)")
    run.add_argument("--no-progress", action="store_true", help="no progress bar")
    export = commands.add_parser("export", help="turn a recording into a table")
    export.set_defaults(run=_export)
    export.add_argument("file", type=Path)
    form = export.add_mutually_exclusive_group(required=True)
    form.add_argument("--csv", type=Path, metavar="OUT")
    form.add_argument("--parquet", type=Path, metavar="OUT")
    opening = commands.add_parser("open", help="show recordings on the page, and follow those still being written")
    opening.set_defaults(run=_open)
    opening.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check = commands.add_parser("check", help="test bnviz's own numbers against known laws (about a minute)")
    check.set_defaults(run=_check)
    check.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="these laws alone, by their numbers")
    check.add_argument("--json", action="store_true", help="a JSON object a line, as soon as a law is measured")
    presets = commands.add_parser("presets", help="list the named settings")
    presets.set_defaults(run=_presets)
    return parser


def _dashboard(chosen: argparse.Namespace, query: str = "") -> None:
    if chosen.port is not None and not 1 <= chosen.port <= 65535:
        raise UserError(f"port must be a whole number from 1 to 65535, got {chosen.port}.")
    from bnviz.serve.app import make_app  # noqa: PLC0415
    from bnviz.serve.launch import serve  # noqa: PLC0415
    from bnviz.ui import PAGE  # noqa: PLC0415

    serve(make_app(PAGE), port=chosen.port, lan=chosen.lan, browser=not chosen.no_browser, query=query)


def _presets(chosen: argparse.Namespace) -> None:
    for name, each in PRESETS.items():
        print(f"{name}\n    {each.title}. {each.source}.\n    {each.look_for}\n")


def config_from(preset_name: str, settings: Iterable[str]) -> RunConfig:
    """The preset's config with settings of the form `key=value`.

    Errors: ValueError that names the setting, the value and what is allowed.
    """
    values = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes KEY=VALUE, got {setting!r}.")
        values[name.strip()] = text.strip()
    return RunConfig.from_dict(values, preset(preset_name).config)


def _run(chosen: argparse.Namespace) -> None:
    config = config_from(chosen.preset, chosen.set)
    import torch  # noqa: PLC0415
    from tqdm import tqdm  # noqa: PLC0415

    from bnviz.data import DataUnavailable  # noqa: PLC0415
    from bnviz.history import History  # noqa: PLC0415
    from bnviz.recording import StreamWriter  # noqa: PLC0415
    from bnviz.training import Trainer, record  # noqa: PLC0415
    from bnviz.verdict import sentence  # noqa: PLC0415

    torch.set_num_threads(1)  # as the dashboard's workers: the same config gives the same frames
    history = History()
    with ExitStack() as stack:
        sink = stack.enter_context(open(chosen.out, "wb")) if chosen.out else None
        bar = stack.enter_context(tqdm(total=config.steps, unit=" steps", disable=chosen.no_progress or None))
        try:
            trainer = Trainer(config, progress=lambda text, share: bar.set_description(text))
        except DataUnavailable as error:
            raise UserError(str(error)) from error
        writer = StreamWriter(sink, config) if sink else None
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


def _export(chosen: argparse.Namespace) -> None:
    from bnviz.recording import load_safely  # noqa: PLC0415

    recording = load_safely(chosen.file)
    if recording.damage:
        print(f"{chosen.file}: {recording.damage}", file=sys.stderr)
    table = recording.to_dataframe()
    if chosen.csv:
        table.to_csv(chosen.csv, index=False)
    else:
        table.to_parquet(chosen.parquet, index=False)
    print(f"{len(table):,} rows: {chosen.csv or chosen.parquet}")


def _open(chosen: argparse.Namespace) -> None:
    from bnviz.recording import load_safely  # noqa: PLC0415
    from bnviz.serve.follow import Followed, still_written  # noqa: PLC0415
    from bnviz.serve.shared import server  # noqa: PLC0415
    from bnviz.source import Kept  # noqa: PLC0415

    opened = []
    for file in chosen.files:
        recording = load_safely(file)
        follow = not recording.damage and still_written(file)
        opened.append(Followed(recording, file) if follow else Kept(recording, file, recording.damage))
        server().hub.add(opened[-1])
        if recording.damage:
            print(f"{file}: {recording.damage}", file=sys.stderr)
        if len(chosen.files) > 1:
            print(f"{file}: ?run={opened[-1].id}")
    _dashboard(chosen, f"?run={opened[0].id}")


def _check(chosen: argparse.Namespace) -> int:
    import torch  # noqa: PLC0415

    from bnviz import laws  # noqa: PLC0415

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


if __name__ == "__main__":
    sys.exit(main())
