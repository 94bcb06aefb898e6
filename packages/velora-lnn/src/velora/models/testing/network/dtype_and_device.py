"""Rules about dtype and device: a network computes where it is moved to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from velora.models.testing.network.gradients import gradients
from velora.models.testing.network.network_under_test import NetworkUnderTest
from velora.models.testing.network.state import mapped, name_parts

# Where tensors of two devices may meet: indices may be on the CPU, copies are moves.
_MAY_MIX = {"__getitem__", "__setitem__", "__get__", "copy_", "to", "type_as"}


def dtype(subject: NetworkUnderTest) -> Iterator[str]:
    """A network computes in the dtype it is moved to.

    The rules after this one compute in double precision where it holds.
    """
    network = subject.network(dtype=torch.float64)
    x = subject.inputs(3).double()
    named = subject.run(network, x).named
    if subject.recurrent:
        named |= name_parts("`initial_state`", subject.start(network, 3))
    wrong = {
        name: tensor.dtype
        for name, tensor in named.items()
        if tensor.is_floating_point() and tensor.dtype != torch.float64
    }
    for name, got in wrong.items():
        yield (
            f"after `.to(torch.float64)`, {name} must be of torch.float64; got {got}. "
            "Make new tensors with `new_zeros` of a parameter or of the inputs."
        )
    gradients(named, dict(network.named_parameters()))
    if not wrong:
        subject.dtype = torch.float64


def device(subject: NetworkUnderTest) -> Iterator[str]:
    """A network computes where it is moved to: "meta" stands for any device."""
    network = subject.network().to("meta")
    x = subject.inputs(3).to("meta")
    named: dict[str, Tensor] = {}
    watch = _Mixing()
    try:
        with watch:
            if subject.recurrent:
                start = subject.start(network, 3)
                named |= name_parts("`initial_state`", start)
                # That it is elsewhere is a fault of its own.
                moved = mapped(start, lambda part: part.to("meta"))
                run = subject.run(network, x, moved)
            else:
                run = subject.run(network, x)
            named |= run.named
    except Exception as error:
        # A network may look at its numbers, which a meta tensor does not have.
        words = str(error).lower()
        excused = "meta" in words and "expected device" not in words
        if not watch.found and not excused:
            raise
    for function, shape in watch.found.items():
        yield (
            f'after `.to("meta")` all must be there, as on any device; `{function}` '
            f"got a tensor {shape} that is still on the CPU. Register what a network "
            "keeps by `register_buffer`, not as an attribute."
        )
    for name, tensor in named.items():
        if tensor.device.type != "meta":
            yield (
                f'after `.to("meta")`, {name} must be there; got {tensor.device}. '
                "Make new tensors with `new_zeros` of a parameter or of the inputs."
            )


class _Mixing(TorchFunctionMode):
    """Notes functions that get a tensor on the CPU together with one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, tuple[int, ...]] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        tensors = list(_tensors([*args, *kwargs.values()]))
        name = getattr(func, "__name__", str(func))
        if any(t.is_meta for t in tensors) and name not in _MAY_MIX:
            for tensor in tensors:
                if tensor.device.type == "cpu" and tensor.dim() > 0:
                    self.found.setdefault(name, tuple(tensor.shape))
        return func(*args, **kwargs)


def _tensors(things: list[Any] | tuple[Any, ...]) -> Iterator[Tensor]:
    for thing in things:
        if isinstance(thing, Tensor):
            yield thing
        elif isinstance(thing, list | tuple):
            yield from _tensors(thing)
