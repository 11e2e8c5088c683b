"""`--set dataset=data.csv --set target=label --set task=regression`: a file of the user's own as the data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bnviz.config.own import data_set


def with_own_file(values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The settings with the name of the prepared set in place of a file, and what goes with it where nothing is said.

    And what was done to the file, a sentence each. Errors: OSError; ValueError, one sentence.
    """
    from bnviz.data.own import KINDS, safely

    settings = dict(values)
    asked = [name for name in ("target", "task") if name in settings]
    file = Path(settings.get("dataset", ""))
    if not file.suffix:  # a name, or nothing that could be read
        if asked:
            files = f"dataset=FILE{' or FILE'.join(KINDS)}"
            raise ValueError(f"{', '.join(asked)} may be set for a file of your own alone, {files}.")
        return settings, []
    own = safely.prepare(file, settings.pop("target", None), settings.pop("task", "auto"))
    usual = {name: str(value) for name, value in data_set(own.name).usual.items()}
    return usual | settings | {"dataset": own.name}, [f"{own.about.file}: {note}" for note in own.about.notes]
