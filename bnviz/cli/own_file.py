"""`--set dataset=data.csv --set target=label --set task=regression`: a file of the user's own as the data set."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from bnviz.config.own import data_set


def with_own_file(values: Mapping[str, str]) -> dict[str, str]:
    """The settings with the name of the prepared set in place of a file, and what goes with it where nothing is said.

    What was done to the file is told on stderr. Errors: OSError; ValueError, one sentence.
    """
    from bnviz.data.own import KINDS, safely  # noqa: PLC0415  numpy, which other commands need not wait for

    settings = dict(values)
    asked = {name: settings.pop(name) for name in ("target", "task") if name in settings}
    file = Path(settings.get("dataset", ""))
    if file.suffix.lower() not in KINDS:
        if asked:
            raise ValueError(
                f"{', '.join(asked)} goes with a file as the data set, dataset=FILE{' or FILE'.join(KINDS)}."
            )
        return settings
    own = safely.prepare(file, **asked)
    for note in own.about.notes:
        print(f"{own.about.file}: {note}", file=sys.stderr)
    data = data_set(own.name)
    usual = {"loss": data.losses[0]} if data.images else {"loss": data.losses[0], "model": "mlp"}
    return usual | settings | {"dataset": own.name}
