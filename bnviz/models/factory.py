"""A factory of somebody's own nets, named on the command line as `mynet.py:make_model`."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from torch import nn

from bnviz.models.copies import told

Factory = Callable[..., nn.Module]
FITTING = ("in_features", "in_shape", "out_features")
"""Parameters by which a factory may ask what its net is to fit: numbers a sample, shape of a sample, outputs."""


def load_factory(spec: str) -> Factory:
    """The function that `FILE.py:FUNCTION` names; the file's own folder can be imported from.

    Errors: ValueError, in one sentence, for what names no function, and for a file that cannot be run.
    """
    path, colon, name = spec.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise ValueError(f"A model is given as FILE.py:FUNCTION, such as mynet.py:make_model, got {spec!r}.")
    module = _module(Path(path).resolve())
    factory: Factory | None = getattr(module, name, None)
    if not callable(factory):
        offered = [each for each, value in vars(module).items() if inspect.isfunction(value) and each[0] != "_"]
        raise ValueError(f"{path} has no function {name!r}. It has: {', '.join(offered) or 'none'}.")
    return factory


def _module(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    found = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or found is None or found.loader is None:
        raise ValueError(f"There is no file {path.name} in {path.parent}.")
    module = importlib.util.module_from_spec(found)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # so that its classes can be pickled and copied
    try:
        found.loader.exec_module(module)
    except Exception as error:
        if before is None:
            del sys.modules[path.stem]
        else:
            sys.modules[path.stem] = before
        raise ValueError(f"{path.name} could not be run: {told(error)}.") from error
    return module


def make(factory: Factory, in_shape: Sequence[int] | None = None, outputs: int | None = None) -> nn.Module:
    """A net of the factory, which is given those of `FITTING` that it has parameters for, where they are known.

    in_shape: of one sample. outputs: numbers the net is to give for one. Errors: ValueError, in one sentence, where
    the factory needs something else, raises, or returns no net.
    """
    known: dict[str, object] = {}
    if in_shape is not None:
        size = 1
        for length in in_shape:
            size *= length
        known |= {"in_features": size, "in_shape": tuple(in_shape)}
    if outputs is not None:
        known["out_features"] = outputs
    called = getattr(factory, "__name__", type(factory).__name__)
    taken = inspect.signature(factory).parameters
    given = {name: known[name] for name in FITTING if name in taken and name in known}
    lacking = [
        name for name, each in taken.items()
        if each.default is each.empty and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        and name not in given
    ]  # fmt: skip
    if lacking:
        allowed = ", ".join(known) or "none, as the data are not known"
        raise ValueError(f"{called} must be callable without {', '.join(lacking)}; what it may ask for: {allowed}.")
    try:
        model = factory(**given)
    except Exception as error:
        raise ValueError(f"{called} raised {told(error)}.") from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"{called} must return a torch.nn.Module, got {type(model).__name__}.")
    return model
