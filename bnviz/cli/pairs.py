"""`--set KEY=VALUE`, as several commands take it."""

from __future__ import annotations

from collections.abc import Iterable

from bnviz.cli.mistakes import UserError


def pairs(settings: Iterable[str]) -> dict[str, str]:
    """Names and texts of settings of the form `KEY=VALUE`. Errors: UserError."""
    values = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"--set takes KEY=VALUE, got {setting!r}.")
        values[name.strip()] = text.strip()
    return values
