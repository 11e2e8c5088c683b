"""Commands as text, done to a trainer: what its owner asks for while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bnviz.config import parse_field
from bnviz.config.arm import parse_arm_field
from bnviz.lineup import to_undo
from bnviz.training import Trainer
from bnviz.training.replay import Journey, place_after, with_fork, without_last_change


def steer(trainer: Trainer, command: str, values: Mapping[str, Any]) -> Journey | None:
    """Change an arm or all, fork, drop, rename or undo; a journey where the run has to go back for it.

    What is undone is what was done last: a fork is dropped, of a change there is a copy from just before it.

    values: `arm` (its label), `fields` (new values as text), `name`; `at`, the step to fork from, if not from now.
    Errors: ValueError that says what was given and what is allowed.
    """
    arm, at, texts = values.get("arm"), values.get("at"), values.get("fields", {})
    if command == "undo":
        place = to_undo(trainer.events)
        if place is not None and trainer.events[place].kind == "fork":
            trainer.drop(trainer.events[place].changes["label"])
            return None
        return Journey(trainer, *without_last_change(trainer, arm or next(iter(trainer.arms))))
    if command == "change" and arm is None:
        trainer.change(**{name: parse_field(name, text) for name, text in texts.items()})
        return None
    fields = {name: parse_arm_field(name, text) for name, text in texts.items()}
    if at is not None and at < 0:
        raise ValueError(f"A fork starts at a step from 0 on, got {at}.")
    if command == "fork" and at is not None and at < trainer.step_count:
        events = with_fork(trainer, place_after(trainer.events, at), at, str(arm), fields)
        return Journey(trainer, events, at)
    if command == "rename":
        trainer.rename(str(arm), values["name"])
    elif command == "drop":
        trainer.drop(str(arm))
    elif command == "fork":
        trainer.fork(str(arm), **fields)
    else:
        trainer.change(arm, **fields)
    return None
