"""Bad input of every kind, from a seed: what is right with something wrong in it, and what never was right."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from bnviz.charts import TABS
from bnviz.config import NORMALIZATIONS, SETTINGS
from bnviz.frames import Event
from bnviz.lessons.kinds import KINDS
from bnviz.presets import PRESETS
from bnviz.recording import Note

TEXTS = (
    "", " ", "0", "-1", "1", "-0.0", "1e999", "1e-400", "nan", "inf", "-inf", "9" * 5000, "1_000", "0x10", "٣", "½",
    "None", "True", "null", "\x00", "\x7f", "\x85", "\n", "\r\n", "a\nb", "\ud800", "\u200b", "\u202e", "\ufeff",
    "e\u0301" * 50, "👩\u200d🔬", "<script>alert(1)</script>", "{}", "[]", "%00", "%s%n", "${x}", "../../etc/passwd",
    "/dev/zero", "own-0123456789abcdef-1x8x8-10-1438-101", "own-" + "f" * 16 + "-0-0-0-0", ",,,,", "batch@nan",
    "batch@1e400", "none+noise+noise", "batch@-0.0", "batch+auxiliary+pretrain", ",".join(["none"] * 7), "A" * 3000,
)  # fmt: skip
NUMBERS = (0, 1, -1, 5, 10, 30, 39, 99, 2**31, 2**63, 2**64, -(2**63), 10**300, 0.5, -0.0, 1e308, float("inf"),
           float("nan"))  # fmt: skip
COMMANDS = ("play", "pause", "step", "fork", "undo", "drop", "rename", "change", "look", "pace", "stop", "start")


class Hostile:
    """Makes bad input; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def harmed(self, text: str) -> str:
        """With a few letters changed, missing, doubled or put in."""
        letters = list(text)
        for _ in range(self.rng.randint(1, 4)):
            place = self.rng.randrange(len(letters) + 1)
            other = self.rng.choice(("", chr(self.rng.randrange(1, 0x3000)), self.rng.choice("0123456789+-@,.=&%_ ")))
            letters[place : place + self.rng.randint(0, 2)] = [other]
        return "".join(letters)

    def harmed_bytes(self, data: bytes) -> bytes:
        """With a few bytes changed, missing or put in, or without an end."""
        harmed = bytearray(data)
        for _ in range(self.rng.randint(1, 12)):
            place = self.rng.randrange(len(harmed) or 1)
            harmed[place : place + self.rng.randint(0, 2)] = self.rng.randbytes(self.rng.randint(0, 2))
        return bytes(harmed[: self.rng.randrange(len(harmed))] if self.chance(0.1) else harmed)

    def text(self, right: Sequence[str] = ()) -> str:
        """One of the right ones, one that is harmed, or something else altogether."""
        kind = self.rng.random()
        if right and kind < 0.5:
            return self.rng.choice(right)
        if right and kind < 0.75:
            return self.harmed(self.rng.choice(right))
        return self.rng.choice(TEXTS)

    def value(self, depth: int = 2) -> Any:
        """Anything that JSON can say."""
        kind = self.rng.randrange(6 if depth else 4)
        if kind == 0:
            return self.rng.choice((None, True, False))
        if kind < 3:
            return self.rng.choice(NUMBERS) if kind == 1 else self.text()
        if kind == 3:
            return self.rng.randint(-5, 60)
        several = [self.value(depth - 1) for _ in range(self.rng.randrange(4))]
        return several if kind == 4 else {self.text(("a", "fields")): each for each in several}

    def setting(self, name: str) -> str:
        """A text for a setting, often a right one."""
        choices = getattr(SETTINGS[name], "names", None)
        low, high = (getattr(SETTINGS[name], end, None) for end in ("low", "high"))
        if name == "arms":
            arms = [self.rng.choice([*NORMALIZATIONS]) + self.rng.choice(("", "+noise", "@0.1", "+auxiliary"))
                    for _ in range(self.rng.randint(1, 6))]  # fmt: skip
            return self.text((",".join(arms),))
        right = choices or (str(low), str(high), str(low + (high - low) / 2), str(low + 1), str(high + 1))
        return self.text(right)

    def settings(self) -> dict[str, str]:
        """What a link says."""
        names = self.rng.sample([*SETTINGS], self.rng.randint(0, 5))
        link = {name: self.setting(name) for name in names}
        return link | ({self.text(): self.text()} if self.chance(0.1) else {})

    def lesson_link(self) -> dict[str, str]:
        """What a link says of a lesson and of a question."""
        said = "".join(f"{self.rng.randrange(15)}{self.rng.choice('abcdei-z')}" for _ in range(self.rng.randrange(9)))
        kind = self.rng.choice([*KINDS])
        return {
            "at": self.text(("1", "3", "12", "99")), "said": self.text((said,)), "ask": self.text(("Why?",)),
            "answer": self.text((kind, f"{kind} none", f"{kind} none, batch", f"{kind} batch none none")),
        }  # fmt: skip

    def arguments(self, folder: Path) -> list[str]:
        """Arguments of the command that write a script at most."""
        settings = [part for name, text in self.settings().items() for part in ("--set", f"{name}={text}")]
        settings += ["--set", self.text(("depth", "=", "depth=", "=3"))] if self.chance(0.1) else []
        preset = ["--preset", self.text([*PRESETS])] if self.chance(0.3) else []
        kind = self.rng.randrange(8)
        if kind < 4:
            return ["run", *preset, *settings, "--as-pytorch", str(folder / "script.py")]
        if kind == 4:
            return ["gallery", str(folder / "file"), *preset, "--steps", self.text(("1", "0", "100"))]
        if kind == 5:
            seeds = ["--seeds", self.text(("5", "0,1", "0,0"))]
            return ["compare", f"{folder}/none.py:f", *seeds, *settings, "--steps", self.text(("5", "500"))]
        if kind == 6:
            return ["export", str(folder / "none"), f"--{self.text(('html', 'csv', 'no'))}={self.text()}"]
        return ["lessons", self.text((str(folder),))] if self.chance(0.5) else ["run", "--no-such", self.text()]

    def view(self) -> dict[str, Any]:
        """What a client says that it looks at."""
        names = ("values", "ics", "layer", "theme", "present", "stacked", "net", "unit", "stage", "tab", "log_steps",
                 "large", "ask", "until", "solo", "away")  # fmt: skip
        view = {name: self.value() for name in names if self.chance(0.3)}
        right = {"tab": self.text([*TABS]), "ics": self.text(("l2", "cosine")), "layer": self.rng.randrange(5),
                 "solo": self.rng.randrange(4), "unit": self.rng.choice((0, 7, 8, 99_999)),
                 "ask": self.text(("learns 0 1", "weakest 0", "best 0 5", "lags 1")), "large": self.rng.choice((1, 99)),
                 "until": self.rng.randrange(60)}  # fmt: skip
        return view | {name: value for name, value in right.items() if self.chance(0.4)}

    def fields(self) -> dict[str, Any]:
        """New settings of an arm, as text, or of another kind."""
        right = {"normalization": self.text([*NORMALIZATIONS]), "noise": self.text(("True", "False")),
                 "learning_rate": self.text(("0.1", "None", "1000")), "trick": self.text(("auxiliary",))}  # fmt: skip
        given: dict[str, Any] = {name: value for name, value in right.items() if self.chance(0.3)}
        return given | ({self.text(tuple(right)): self.value()} if self.chance(0.2) else {})

    def of_arms(self, labels: Sequence[str]) -> dict[str, Any]:
        """A command for arms."""
        told: dict[str, Any] = {
            "command": self.text(COMMANDS), "arm": self.text(labels), "name": self.text(("My net", "x" * 40)),
            "fields": self.fields(), "at": self.rng.choice((None, 0, 10, 25, 10**6)),
        }  # fmt: skip
        wrong = {name: self.value() for name in told if self.chance(0.06)}
        return {name: value for name, value in {**told, **wrong}.items() if not self.chance(0.05)}

    def message(self, control: str, labels: Sequence[str]) -> dict[str, Any]:
        """What a client's socket brings, with the key to the run or with another."""
        told: dict[str, Any] = {"control": self.text((control,))}
        if self.chance(0.5):
            told["view"] = self.view() if self.chance(0.9) else self.value()
        told |= {name: self.value(1) for name in ("seek", "move", "follow", "resync") if self.chance(0.3)}
        return told | (self.of_arms(labels) if self.chance(0.5) else {})

    def line(self) -> bytes:
        """A line to a worker that no parent ever wrote; none that ends it."""
        told = self.of_arms(("none", "batch")) if self.chance(0.7) else self.value()
        if isinstance(told, dict) and told.get("command") in ("stop", "start"):
            told["command"] = "no"
        text = json.dumps(told)
        return (self.harmed(text) if self.chance(0.3) else text).replace("\n", " ").encode(
            "utf-8", "surrogatepass"
        ) + b"\n"

    def note(self) -> Note:
        """A word of a worker that no worker says."""
        kind = self.text(("closeup", "plane", "progress", "problem", "failed", "paused", "beat", "stopped"))
        text = self.text(('{"shape": [2], "f8": ""}', '{"surfaces": [{}]}', "[]", "5"))
        return Note(cast(Any, kind if self.chance(0.9) else self.value()), text if self.chance(0.9) else self.value())

    def event(self) -> Event:
        """Something that cannot have happened, or hardly."""
        kind = self.text(("change", "fork", "drop", "rename", "grow", "diverged", "rewind"))
        fields = {**self.fields(), **self.settings()}
        fields |= (
            {"label": self.text(("batch (2)", "none (2)")), "place": self.text(("2", "5", "6"))}
            if kind == "fork"
            else {}
        )
        step = self.rng.randint(0, 60) if self.chance(0.8) else self.value()
        return Event(
            cast(Any, step), cast(Any, kind), self.text(("none", "batch")) if self.chance(0.8) else None, fields
        )
