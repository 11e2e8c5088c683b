"""One message in the forms in which viewers need it: each is made once, when the first of them does."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bnviz.serve.series import Series


@dataclass(frozen=True, eq=False)
class Text:
    """One message in both forms in which it may be sent."""

    plain: str

    @classmethod
    def of(cls, kind: str, **message: Any) -> Text:
        """A message as JSON."""
        return cls(json.dumps({"type": kind, **message}))

    @cached_property
    def packed(self) -> bytes:
        """Gzipped, once for all who want it so."""
        return gzip.compress(self.plain.encode(), 6)


@dataclass(frozen=True, eq=False)
class Message:
    """What viewers of one view are to see now; each text is made when the first of them needs it."""

    structure: object
    header: dict[str, Any]
    live: dict[str, Any] | None
    """Figures that change with every message; None: nothing is measured yet, so there is nothing to draw."""
    series: Series
    scene: Text | None
    moving: bool = True
    """Whether a new frame changes anything; not so for who looks at an earlier step: its figures are in the series."""

    @cached_property
    def without_series(self) -> Text:
        """A patch for who has these series."""
        return self._patch(self.live if self.moving else None, {})

    @cached_property
    def with_series(self) -> Text:
        """A patch for who has older ones."""
        return self._patch(None if self.live is None else {**self.live, **self.series.figures}, self.series.extras)

    def _patch(self, figures: dict[str, Any] | None, extras: dict[str, Any]) -> Text:
        if figures is None:
            return Text.of("status", **self.header)
        return Text.of("patch", **self.header, figures=figures, **extras)
