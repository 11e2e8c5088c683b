"""Real runs, trained once and kept, for the tests of the verdict; and slow twins of its medians."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from bnviz.config import RunConfig
from bnviz.frames import Event, Frame
from bnviz.training import Trainer
from bnviz.verdict import Finding, Span, findings, sentence

Steps = list[tuple[Frame, ...]]


@dataclass(frozen=True)
class Run:
    """A run with its verdict at hand."""

    config: RunConfig
    steps: Steps
    events: tuple[Event, ...]

    def found(self) -> tuple[Finding, ...]:
        return findings(self.config, self.steps, self.events)

    def kinds(self) -> set[tuple[str, int | None]]:
        return {(finding.kind, finding.arm) for finding in self.found()}

    def say(self, at: int = -1) -> str:
        return text(sentence(self.config, self.steps[: at + 1 or None], self.events))

    def only(self, kind: str, arm: int) -> Finding:
        (finding,) = [each for each in self.found() if (each.kind, each.arm) == (kind, arm)]
        return finding

    def claims(self) -> dict[str, bool | None]:
        """The article's claims by a word of each, with what the run says to them."""
        found = [finding for finding in self.found() if finding.kind == "article"]
        words = ("steadier", "correlation", "variance", "vanishing")
        return {word: each.agrees for word in words for each in found if word in each.text.split("”")[0]}


def text(spans: tuple[Span, ...]) -> str:
    return "".join(span.text for span in spans)


def run(at: int = 0, do: Callable[[Trainer], object] | None = None, **fields: object) -> Run:
    """Train and keep everything; `do` happens before update `at`."""
    config = RunConfig.from_dict({name: str(value) for name, value in fields.items()})
    trainer, steps = Trainer(config), []
    while not trainer.finished:
        if do is not None and trainer.step_count == at:
            do(trainer)
        frames = trainer.step(measure=trainer.due)
        steps += [frames] if frames else []
    return Run(config, steps, tuple(trainer.events))


RELU = {"activation": "relu", "init": "he", "steps": 200}
SETTINGS: dict[str, dict[str, object]] = {
    "sigmoid": {"steps": 200},
    "good_init": RELU | {"learning_rate": 0.05},
    "diverging": RELU | {"learning_rate": 1.0, "steps": 60},
    "hot": {"activation": "tanh", "learning_rate": 1.0, "steps": 150},
    "pairs": RELU | {"batch_size": 2, "learning_rate": 0.05, "steps": 150},
    "fours": RELU | {"batch_size": 4, "learning_rate": 0.05, "steps": 100},
    "regression": {"dataset": "gaussian", "loss": "squared_error", "activation": "identity", "learning_rate": 1e-5,
                   "width": 10, "batch_size": 1000, "steps": 200},
    "tiny_weights": {"activation": "relu", "init": "normal_0.01", "depth": 12, "width": 32, "steps": 40,
                     "learning_rate": 0.1, "measure_every": 5},
    "deep_start": {"activation": "relu", "init": "he", "depth": 50, "steps": 1},
    "maps": {"model": "cnn", "depth": 2, "width": 4, "batch_size": 2, "steps": 11, "activation": "relu"},
    "six": {"arms": "none,batch,batch_l1,layer,group,rms", "steps": 120},
    "alike": {"arms": "batch,batch@0.1,batch", "steps": 60, "depth": 2},
    "no_plain": {"arms": "layer,batch", "steps": 60},
    "smooth": {"model": "cnn", "depth": 6, "width": 16, "activation": "relu", "init": "he", "learning_rate": 0.1,
               "batch_size": 64, "steps": 90, "measure_every": 5, "landscape": "0.5-4"},
    "alone": {"arms": "none", "steps": 60},
}  # fmt: skip


def _toggle(trainer: Trainer) -> None:
    trainer.change("none", normalization="batch")


def _fork(trainer: Trainer) -> None:
    trainer.fork("none", normalization="batch")


@cache
def trained(name: str) -> Run:
    """The run of this name, trained once for all tests."""
    toggled = RELU | {"learning_rate": 0.05}
    if name == "toggled":
        return run(102, _toggle, **toggled | {"steps": 106, "measure_every": 5})
    if name == "settled":
        return run(102, _toggle, **toggled | {"steps": 250})
    if name == "forked":
        return run(55, _fork, arms="none", steps=160)
    return run(**SETTINGS[name])


def changed(run: Run, arm: int, **values: object) -> Run:
    steps = [tuple(replace(f, **values) if i == arm else f for i, f in enumerate(frames)) for frames in run.steps]
    return Run(run.config, steps, run.events)


def median(values: list[float]) -> float:
    values, half = sorted(values), len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def late(run: Run, arm: int) -> list[Frame]:
    """The frames of the last third of the steps."""
    last, first = run.steps[-1][0].step, run.steps[0][0].step
    return [frames[arm] for frames in run.steps if last - frames[arm].step <= (last - first) / 3]


def layer_medians(run: Run, arm: int, name: str) -> list[float]:
    frames = late(run, arm)
    return [median([float(getattr(frame, name)[i]) for frame in frames]) for i in range(len(frames[0].layers))]


def slope(norms: list[float]) -> float:
    """Least squares by the textbook: sum (x - mx)(y - my) / sum (x - mx)^2, over hidden layers but the first."""
    y = [math.log(value) for value in norms[1:-1]]
    mx, my = (len(y) - 1) / 2, sum(y) / len(y)
    return math.exp(sum((i - mx) * (v - my) for i, v in enumerate(y)) / sum((i - mx) ** 2 for i in range(len(y))))
