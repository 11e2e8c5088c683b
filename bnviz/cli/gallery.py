"""`bnviz gallery` runs the presets and writes a page of each, for any web host."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from bnviz.presets import PRESETS, preset


def add(commands: Any) -> None:
    """Add `bnviz gallery`."""
    parser = commands.add_parser("gallery", help="run the presets and write a folder of pages that need no server")
    parser.set_defaults(run=_gallery)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", action="append", metavar="NAME", help="only this one (may be given again)")
    parser.add_argument("--steps", type=int, help="end every run after so many steps")


def _gallery(chosen: argparse.Namespace) -> None:
    names = chosen.preset or [*PRESETS]
    configs = {name: preset(name).config for name in names}
    if chosen.steps is not None:
        configs = {name: replace(config, steps=chosen.steps) for name, config in configs.items()}
    import torch
    from tqdm import tqdm

    from bnviz.frames import Event, Frame
    from bnviz.recording import Recording
    from bnviz.serve.takeaway.gallery import write_index, write_page
    from bnviz.training import Trainer, record

    torch.set_num_threads(1)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, (name, config) in enumerate(configs.items(), 1):
        trainer, frames, events = Trainer(config), list[Frame](), list[Event]()
        with tqdm(total=config.steps, desc=f"{number}/{len(configs)} {name}", unit=" steps", disable=None) as bar:
            for item in record(trainer):
                events += [item] if isinstance(item, Event) else []
                frames += [] if isinstance(item, Event) else item
                bar.update(trainer.step_count - bar.n)
            bar.set_postfix_str("drawing")
            recording = Recording(config, tuple(frames), tuple(events))
            size = write_page(chosen.folder, name, recording)
        made.append((name, recording))
        print(f"{size / 1e6:.1f} MB: {chosen.folder / name}.html")
    write_index(chosen.folder, made)
    print(f"The gallery is {chosen.folder / 'index.html'}: static files, for any web host.")
