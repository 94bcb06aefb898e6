"""Rules about a network that is moved, and about the gradients that train it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from velora.models.testing.candidate import Candidate, Run
from velora.models.testing.compare import gradients
from velora.models.testing.state import mapped, name_parts

# Where tensors of two devices may meet: indices may be on the CPU, copies are moves.
_MAY_MIX = {"__getitem__", "__setitem__", "__get__", "copy_", "to", "type_as"}


def dtype(candidate: Candidate) -> Iterator[str]:
    """A network computes in the dtype it is moved to.

    The rules after this one compute in double precision where it holds.
    """
    network = candidate.network(dtype=torch.float64)
    x = candidate.inputs(3).double()
    named = candidate.run(network, x).named
    if candidate.recurrent:
        named |= name_parts("`initial_state`", candidate.start(network, 3))
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
        candidate.dtype = torch.float64


def device(candidate: Candidate) -> Iterator[str]:
    """A network computes where it is moved to: "meta" stands for any device."""
    network = candidate.network().to("meta")
    x = candidate.inputs(3).to("meta")
    named: dict[str, Tensor] = {}
    watch = _Mixing()
    try:
        with watch:
            if candidate.recurrent:
                start = candidate.start(network, 3)
                named |= name_parts("`initial_state`", start)
                # That it is elsewhere is a fault of its own.
                moved = mapped(start, lambda part: part.to("meta"))
                run = candidate.run(network, x, moved)
            else:
                run = candidate.run(network, x)
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


def trainable(candidate: Candidate) -> Iterator[str]:
    """Every parameter and the inputs get a finite gradient."""
    network = candidate.network().train()
    x = candidate.inputs(5).requires_grad_()
    options = {}
    if "timespans" in candidate.arguments(network):
        options["timespans"] = candidate.times(3, 5)
    run: Run = candidate.run(network, x, **options)
    if not run.y.requires_grad:
        yield (
            "outputs must be differentiable; they need no gradient. Look for "
            "`detach`, `torch.no_grad`, NumPy or an `argmax` on the way."
        )
        return
    named = {
        f"parameter `{name}`": parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    wanted = {"the inputs": x, **named}
    weights = candidate.numbers(*run.y.shape, seed=1)
    found: Any = torch.autograd.grad(
        (run.y * weights).sum(), list(wanted.values()), allow_unused=True
    )
    grads = dict(zip(wanted, found, strict=True))
    for name, grad in grads.items():
        if grad is None:
            yield (
                f"{name} must get a gradient; got None. Let the outputs depend on it, "
                "or freeze a parameter with requires_grad=False."
            )
        elif not torch.isfinite(grad).all():
            yield f"{name} must get a finite gradient; got {_first_bad(grad)}."
    for what, names in (("the inputs", ["the inputs"]), ("some parameter", named)):
        got = [grads[name] for name in names if grads[name] is not None]
        if got and not any(grad.any() for grad in got):
            yield (
                f"{what} must get a gradient other than zero; got zeros alone. Look "
                "for a `round`, a `sign` or a `clamp` that all goes through."
            )


def _first_bad(grad: Tensor) -> float:
    return float(grad[~torch.isfinite(grad)][0])
