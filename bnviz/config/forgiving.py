"""Reading a link that is partly wrong: what is right in it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bnviz.config import RunConfig, parse_field


def forgiving_config(values: Mapping[str, str], base: RunConfig | None = None) -> tuple[RunConfig, list[str]]:
    """The nearest allowed config, and a sentence for each field that fell back to `base` (default: the defaults).

    Fields are taken over one by one, so that one bad value costs that field alone.
    """
    config, problems = base or RunConfig(), []
    pending = {}
    for name, text in values.items():
        try:
            pending[name] = parse_field(name, text)
        except ValueError as error:
            problems.append(str(error))
    try:
        return replace(config, **pending), problems
    except ValueError:  # each value is fine alone, but not all together: keep what fits
        for name, value in pending.items():
            try:
                config = replace(config, **{name: value})
            except ValueError as error:
                problems.append(str(error))
    return config, problems
