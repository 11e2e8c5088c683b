"""The hooks of a watched loop: what is measured when, and where it goes."""

from __future__ import annotations

import fnmatch
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle

from bnviz.frames import Description, Event, Frame
from bnviz.history import History
from bnviz.models.anatomy import Layer, named, observe
from bnviz.recording import Recording
from bnviz.recording.out import Out
from bnviz.watching.arguments import check
from bnviz.watching.caught import ANOTHER_LOSS, Caught, as_caught, catch, loss_problem, own_loss
from bnviz.watching.hook import Hook
from bnviz.watching.mirror import Mirror, parts
from bnviz.watching.pace import Pace
from bnviz.watching.problems import Problems
from bnviz.watching.reading import frame, no_shift, norm_of, shift_of
from bnviz.watching.seen import Seen


class Watch:
    """Measures a step of somebody's loop now and then; see `watch`. `with` closes it at the end."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer | Sequence[Optimizer], loss_fn: Callable[..., Tensor] | None,
        *, every: int, out: str | os.PathLike[str] | None, layers: str | Sequence[str] | None,
        ics_every: int | None, budget: float | None,
    ) -> None:  # fmt: skip
        self._model: nn.Module = getattr(model, "_orig_mod", model)  # of a compiled one
        self._compiled = self._model is not model
        self._optimizers = list(optimizer) if isinstance(optimizer, Sequence) else [optimizer]
        self._patterns = [layers] if isinstance(layers, str) else layers
        check(self._model, self._optimizers, self._patterns, every=every, ics_every=ics_every, budget=budget)
        self._pace, self._arm = Pace(every, ics_every, budget), type(self._model).__name__
        self._modules = named(self._model)
        self._mirror = Mirror(self._model)
        self._layers: tuple[Layer, ...] = ()
        self._shown: list[int] = []
        self._history = History()
        self._out = None if out is None else Out(out)
        if self._out is not None:
            weakref.finalize(self, self._out.close)  # also of a watch that nobody closes
        self._loss_fn = loss_fn
        self._caught: Caught | None = None
        self._trains = False
        self.step = 0
        """Updates made so far."""
        self._problems = Problems()
        self._inner: list[RemovableHandle] = []
        self._handles = [
            model.register_forward_pre_hook(Hook(self._entering), with_kwargs=True),
            model.register_forward_hook(Hook(self._left)),
            *(each.register_step_pre_hook(Hook(self._take_gradients)) for each in self._optimizers),
            *(each.register_step_post_hook(Hook(self._updated)) for each in self._optimizers),
        ]
        if isinstance(loss_fn, nn.Module):
            self._handles.append(loss_fn.register_forward_hook(Hook(self._loss_called), with_kwargs=True))

    def loss(self, loss_fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """The loss function to call in its place, so that the target is seen: `loss_fn = watch.loss(loss_fn)`."""
        self._loss_fn = loss_fn

        def seen(*args: Any, **kwargs: Any) -> Tensor:
            value = loss_fn(*args, **kwargs)
            self._loss_called(loss_fn, args, kwargs, value)
            return value

        return seen

    @property
    def share(self) -> float:
        """Share of the time since the first step that was spent on measuring, 0..1."""
        return self._pace.share

    @property
    def problems(self) -> list[str]:
        """What could not be measured, a sentence each; each was logged once."""
        return self._problems.told

    @property
    def recording(self) -> Recording:
        """What was measured so far; thinned in a long run, as the file is not."""
        steps, events = self._history.snapshot()
        return Recording(self._description, tuple(each for frames in steps for each in frames), tuple(events))

    @property
    def _description(self) -> Description:
        return Description(tuple(layer.name for layer in self._chosen), (self._arm,))

    @property
    def _chosen(self) -> list[Layer]:
        return [self._layers[place] for place in self._shown]

    def close(self) -> None:
        """Leave the model, the optimizer and the loss as they were, and end the file; again: nothing."""
        if not self._handles:
            return
        self._look_away()
        while self._handles:
            self._handles.pop().remove()
        self._caught = None
        if not self.step:
            self._problems.tell("optimizer.step() was never called, so nothing was measured")
        if self._out is not None:
            self._out.close()
            self._problems.tell(self._out.problem)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return self.recording._repr_html_(None if self._out is None else self._out.path)

    def _entering(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before a forward of the model: if it is one of a step to be measured, keep what it starts from."""
        self._trains |= model.training
        if self.step < self._pace.next or model.training is not self._trains or not torch.is_grad_enabled():
            return
        with self._measuring():
            self._caught = None
            self._look_away()
            self._mirror.match()
            caught = catch(self._model, args, kwargs)
            if self._layers and not self._compiled:  # else the forward is run once more, on the copy
                caught.seen = Seen(self._chosen, self._modules)
                self._look(caught.seen, (*args, *kwargs.values()))
            self._caught = caught

    def _look(self, seen: Seen, args: tuple[Any, ...]) -> None:
        """Hooks inside the model, for the time of one forward: without them the others cost next to nothing."""

        def see(name: str, args: tuple[Any, ...], output: Any) -> None:
            with self._measuring():
                seen.see(name, args, output)

        for name in seen.wanted - {self._arm}:
            self._inner += observe(name, self._modules[name], see)
        seen.see(self._arm, args, None)  # in case that the model itself is a layer: its own hooks are running already

    def _look_away(self) -> None:
        while self._inner:
            self._inner.pop().remove()

    def _left(self, model: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        caught = self._caught
        if caught is None or model.training is not self._trains or not torch.is_grad_enabled():
            return
        with self._measuring():
            self._look_away()
            caught.outputs = tree_leaves(output)
            if caught.seen is not None:
                caught.seen.see(self._arm, args, output)
            if self._loss_fn is None:
                caught.loss_of, caught.loss = own_loss, output

    def _loss_called(self, fn: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any], loss: Any) -> None:
        if (caught := self._caught) is None or Pace.busy or not torch.is_grad_enabled():
            return
        with self._measuring():
            if caught.take_loss(fn, args, kwargs):
                caught.loss = loss
            elif self._model.training is self._trains:  # else it is of an evaluation in between
                self._problems.tell(ANOTHER_LOSS)

    def _take_gradients(self, *_: Any) -> None:
        if (caught := self._caught) is None:
            return
        with self._measuring():
            for name, parameter in self._model.named_parameters():
                if parameter.grad is not None and parameter.dim() >= 2:  # a layer's weight
                    caught.grad_norms[name] = norm_of(parameter.grad.detach())

    def _updated(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if (caught := self._caught) is not None and not caught.grad_norms:  # a closure ran the forward inside of step()
            self._take_gradients()
        if optimizer is not self._optimizers[-1]:
            return
        self._caught = None
        if caught is not None:
            with self._measuring():
                self._measure(caught)
            self._pace.measured(self.step)
        self.step += 1

    def _measure(self, caught: Caught) -> None:
        if not self._layers:
            self._learn(caught)
        after, shift = dict(self._model.named_parameters()), no_shift(len(self._shown))
        if problem := loss_problem(caught, self._loss_fn):
            self._problems.tell(problem)
        elif self._pace.ics_due(self.step):
            with self._problems.survived("ICS"), self._pace.measuring_ics(self.step):
                shift = shift_of(self._mirror, caught, self._layers, self._shown, after)
        seen = caught.seen or self._seen_again(caught)
        self._keep(frame(self.step, self._arm, self._mirror, caught, seen, self._chosen, after, shift))

    def _seen_again(self, caught: Caught) -> Seen:
        """What the hooks did not see: the same forward, on the copy."""
        seen = Seen(self._chosen, named(self._mirror.twin))
        with as_caught(caught):
            self._mirror.run(caught, lambda name, args, output: seen.see(name or self._arm, args, output))
        return seen

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
            self._problems.tell(f"{name} is left out: {reason}")
        if self._out is not None:
            self._out.begin(self._description)

    def _keep(self, made: Frame) -> None:
        latest = self._history.latest
        self._history.add((made,))
        items: list[Any] = [(made,)]
        if made.diverged and not (latest and latest[0].diverged):
            event = Event(made.step, "diverged", made.arm)
            self._history.add_event(event)
            items.insert(0, event)
        if self._out is not None:
            for item in items:
                self._out.write(item)
            self._problems.tell(self._out.problem)

    @contextmanager
    def _measuring(self) -> Iterator[None]:
        """Time spent here is measuring's; what goes wrong is told once, and the loop goes on."""
        with self._pace.measuring(), self._problems.survived("this step"):
            yield
