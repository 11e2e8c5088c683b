"""The hooks of a watched loop: what is measured when, and where it goes."""

from __future__ import annotations

import fnmatch
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves

from bnviz.frames import Description, Event, Frame
from bnviz.history import History
from bnviz.models.anatomy import Layer
from bnviz.recording import Recording, StreamWriter
from bnviz.watching.arguments import check
from bnviz.watching.caught import Caught, own_loss
from bnviz.watching.hook import Hook
from bnviz.watching.mirror import Mirror, parts
from bnviz.watching.reading import frame

log = logging.getLogger("bnviz.watch")


class Watch:
    """Measures a step of somebody's loop now and then; see `watch`. `with` closes it at the end."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer | Sequence[Optimizer], loss_fn: Callable[..., Tensor] | None,
        *, every: int, out: str | os.PathLike[str] | None, layers: str | Sequence[str] | None,
        ics_every: int | None, budget: float | None,
    ) -> None:  # fmt: skip
        self._called = model
        self._model: nn.Module = getattr(model, "_orig_mod", model)  # of a compiled one
        self._optimizers = [optimizer] if isinstance(optimizer, Optimizer) else list(optimizer)
        self._patterns = [layers] if isinstance(layers, str) else layers
        check(self._model, self._optimizers, self._patterns, every=every, ics_every=ics_every, budget=budget)
        self._every, self._ics_every, self._budget = every, ics_every or every, budget
        self._arm = type(self._model).__name__
        self._mirror = Mirror(self._model)
        self._layers: tuple[Layer, ...] = ()
        self._shown: list[int] = []
        self._history = History()
        self._sink = None if out is None else Path(out).open("wb")  # noqa: SIM115  closed by close()
        self._writer: StreamWriter | None = None
        self._loss_fn = loss_fn
        self._caught: Caught | None = None
        self._trains = False
        self._next = self._next_ics = 0
        self._spent, self._started = 0.0, math.nan
        self.step = 0
        """Updates made so far."""
        self.problems: list[str] = []
        """What could not be measured, a sentence each; each was logged once."""
        self._handles = [
            model.register_forward_pre_hook(Hook(self._entering), with_kwargs=True),
            model.register_forward_hook(Hook(self._left), with_kwargs=True),
            *(each.register_step_pre_hook(Hook(self._before_update)) for each in self._optimizers),
            *(each.register_step_post_hook(Hook(self._updated)) for each in self._optimizers),
        ]
        if isinstance(loss_fn, nn.Module):
            self._handles.append(loss_fn.register_forward_pre_hook(Hook(self._loss_called), with_kwargs=True))

    def loss(self, loss_fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """The loss function to call in its place, so that the target is seen: `loss_fn = watch.loss(loss_fn)`."""
        self._loss_fn = loss_fn

        def seen(*args: Any, **kwargs: Any) -> Tensor:
            self._loss_called(loss_fn, args, kwargs)
            return loss_fn(*args, **kwargs)

        return seen

    @property
    def share(self) -> float:
        """Share of the time since the first step that was spent on measuring, 0..1."""
        elapsed = time.perf_counter() - self._started
        return self._spent / elapsed if elapsed > 0 else 0.0

    @property
    def recording(self) -> Recording:
        """What was measured so far; thinned in a long run, as the file is not."""
        steps, events = self._history.snapshot()
        return Recording(self._description, tuple(each for frames in steps for each in frames), tuple(events))

    @property
    def _description(self) -> Description:
        return Description(tuple(self._layers[place].name for place in self._shown), (self._arm,))

    def close(self) -> None:
        """Leave the model, the optimizer and the loss as they were, and end the file."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._caught = None
        if not self.step:
            self._say("optimizer.step() was never called, so nothing was measured")
        if self._sink is not None:
            with self._measuring():
                if self._writer is not None:
                    self._writer.close()
                self._sink.close()
            self._sink = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _due(self) -> bool:
        return self.step >= self._next

    def _entering(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a forward of the model: if it is one of a step to be measured, keep what it starts from."""
        self._trains = self._trains or model.training
        if not self._due() or not torch.is_grad_enabled() or model.training is not self._trains:
            return
        with self._measuring():
            if math.isnan(self._started):
                self._started = time.perf_counter()
            self._caught = None
            self._mirror.match()
            copies = tuple(each.detach().clone() if isinstance(each, Tensor) else each for each in args)
            precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
            self._caught = Caught(copies, dict(kwargs), autocast=precision)

    def _left(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        caught = self._caught
        if caught is not None and torch.is_grad_enabled():
            with self._measuring():
                caught.outputs = tree_leaves(output)
                if self._loss_fn is None:
                    caught.loss_of = own_loss

    def _loss_called(self, fn: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        caught = self._caught
        if caught is None or not torch.is_grad_enabled():
            return
        with self._measuring():
            if not caught.take_loss(fn, args, kwargs):
                self._say("the loss is not taken of what the model returns, so ICS and losses are not measured; let a "
                          "function do what lies between: loss_fn = watch.loss(lambda output, y: ...)")  # fmt: skip

    def _before_update(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        caught = self._caught
        if caught is not None:
            with self._measuring():
                for name, parameter in self._model.named_parameters():
                    if parameter.grad is not None:
                        gradient = parameter.grad.detach()
                        gradient = gradient.coalesce().values() if gradient.is_sparse else gradient
                        norm = torch.linalg.vector_norm(gradient, dtype=torch.float64)
                        caught.grad_norms[name] = float(norm)

    def _updated(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if optimizer is not self._optimizers[-1]:
            return
        caught, self._caught = self._caught, None
        if caught is not None:
            with self._measuring():
                self._measure(caught)
            self._next = self.step + self._gap()
        self.step += 1

    def _gap(self) -> int:
        """Steps until the next that is measured: more than `every` where that is needed to keep to the budget."""
        if self._budget is None:
            return self._every
        training = time.perf_counter() - self._started - self._spent
        a_step = max(training / (self.step + 1), 1e-9)
        missing = self._spent / self._budget - self._spent - training
        return max(self._every, math.ceil(missing / a_step))

    def _measure(self, caught: Caught) -> None:
        if caught.loss_of is None and self._loss_fn is not None and not isinstance(self._loss_fn, nn.Module):
            self._say("a loss function cannot be watched from outside, so ICS and losses are not measured; "
                      "wrap it: loss_fn = watch.loss(loss_fn)")  # fmt: skip
        if not self._layers:
            self._learn(caught)
        shift = self.step >= self._next_ics
        if shift:
            self._next_ics = self.step + self._ics_every
        after = dict(self._model.named_parameters())
        try:
            made = frame(self.step, self._arm, self._mirror, caught, self._layers, self._shown, shift, after)
        except ValueError as error:  # of the loss: the rest can be measured without it
            self._say(str(error))
            caught.loss_of = None
            made = frame(self.step, self._arm, self._mirror, caught, self._layers, self._shown, False, after)
        self._keep(made)

    def _learn(self, caught: Caught) -> None:
        """What the layers are, from the first forward pass."""
        found = parts(self._mirror, caught)
        names = [layer.name for layer in found.layers]
        wanted = set(names) if self._patterns is None else {
            name for pattern in self._patterns for name in fnmatch.filter(names, pattern)
        }  # fmt: skip
        self._layers = found.layers
        self._shown = [place for place, name in enumerate(names) if name in wanted]
        for name, reason in found.left_out.items():
            self._say(f"{name} is left out: {reason}")
        if self._sink is not None:
            self._writer = StreamWriter(self._sink, self._description)

    def _keep(self, made: Frame) -> None:
        latest = self._history.latest
        self._history.add((made,))
        items: list[Any] = [(made,)]
        if made.diverged and not (latest and latest[0].diverged):
            event = Event(made.step, "diverged", made.arm)
            self._history.add_event(event)
            items.insert(0, event)
        for item in items if self._writer is not None else ():
            self._writer.write(item)  # type: ignore[union-attr]

    @contextmanager
    def _measuring(self) -> Iterator[None]:
        """Time spent here is measuring's; what goes wrong is said once, and the loop goes on."""
        started = time.perf_counter()
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever it is, the loop is not ours to end
            self._say(f"this step could not be measured ({type(error).__name__}: {' '.join(str(error).split())[:200]})")
        finally:
            self._spent += time.perf_counter() - started

    def _say(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)
            log.warning("bnviz.watch: %s.", text)
