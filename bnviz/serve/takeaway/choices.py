"""What can be chosen of a view, and which of it matters: whatever is made of a view is made once for what it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from bnviz.charts.scene import View

T = TypeVar("T")
When = dict[str, Any]
"""Fields of a view, and the values that they must have."""

LOOKS = frozenset({"theme", "present", "stacked"})
"""How charts look: nothing of what is drawn depends on these."""
ELSEWHERE = frozenset({"tab", "away"})


def choices(layers: int) -> dict[str, tuple[Any, ...]]:
    """The fields of `View` that have few values, and these, the default first; layers: how many there are."""
    hints, found = get_type_hints(View), {}
    for each in fields(View):
        if each.name in ELSEWHERE:
            continue
        if get_origin(hints[each.name]) is Literal:
            found[each.name] = get_args(hints[each.name])
        elif hints[each.name] is bool:
            found[each.name] = (False, True)
    return found | {"layer": (None, *range(layers))}


class _Watched(View):
    """A view that notes which of its fields are read."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name in View.__dataclass_fields__:
            self.__dict__.setdefault("read", set()).add(name)
        return value


def outcomes(
    make: Callable[[View], T], tab: str, allowed: dict[str, tuple[Any, ...]], fixed: Collection[str] = ()
) -> Iterator[tuple[When, T]]:
    """Everything that a function makes of the views of a tab, and for which views it does so.

    Only what it reads is varied, so that a function that reads nothing is called once. fixed: fields that stay as they
    are by default.
    """
    usual = {name: getattr(View(), name) for name in allowed}
    waiting: list[When] = [usual]
    tried: set[frozenset[tuple[str, Any]]] = set()
    done: list[When] = []
    while waiting:
        given = waiting.pop()
        if (key := frozenset(given.items())) in tried or any(matches(when, given) for when in done):
            continue
        tried.add(key)
        view = _Watched(tab=tab, **given)
        made = make(view)
        read = {name for name in view.__dict__.get("read", ()) if name in allowed and name not in fixed}
        when = {name: getattr(view, name) for name in sorted(read)}
        done.append(when)
        yield when, made
        for name, value in when.items():
            waiting += [{**usual, **when, name: other} for other in allowed[name] if other != value]


def matches(when: When, view: When) -> bool:
    """Whether a view has these values; of what it does not name, it has none."""
    return all(name in view and view[name] == value for name, value in when.items())
