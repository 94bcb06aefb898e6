"""The network under test: how it is built, fed and called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from velora.models.protocol import State, parts, takes
from velora.models.testing.calling import calling
from velora.models.testing.differences import TOLERANCES
from velora.models.testing.network.state import copied, name_parts

_WIDEST = 256  # a state wider than this is not tried as a batch size


class Run(NamedTuple):
    """What a call gave.

    Attributes:
        y: (B, O) or (T, B, O) outputs.
        state: the state after it; None of a network without.
    """

    y: Tensor
    state: State | None

    @property
    def named(self) -> dict[str, Tensor]:
        """The outputs and the parts of the state, by what a report calls them."""
        return {"the outputs": self.y, **name_parts("the states", self.state)}


@dataclass
class NetworkUnderTest:
    """A network to be judged.

    Attributes:
        build: called as in `velora.plugins.NetworkEntry`.
        recurrent: whether it carries a state.
        in_features: size F of an input.
        out_features: size O of an output.
        options: what `build` gets beyond the sizes.
        dtype: what it computes in. A rule sets it to double precision, in which
            rounding hides nothing, once the network has been seen to work in it.
    """

    build: Callable[..., Any]
    recurrent: bool
    in_features: int
    out_features: int
    options: Mapping[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32

    @property
    def tolerance(self) -> float:
        """The largest error that rounding excuses, as in `difference`."""
        return TOLERANCES[self.dtype]

    @property
    def entry_point(self) -> str:
        """The method that Velora calls."""
        return "forward_sequence" if self.recurrent else "forward"

    def make(
        self,
        *,
        seed: int = 0,
        sizes: tuple[int, int] | None = None,
        device: str | None = None,
    ) -> Any:
        """Builds the network after seeding PyTorch's generator for the CPU."""
        torch.default_generator.manual_seed(seed)
        sizes = sizes or (self.in_features, self.out_features)
        placed = {} if device is None else {"device": device}
        call = ", ".join([*map(str, sizes), *(f"{k}={v!r}" for k, v in placed.items())])
        with calling(f"building it with ({call})"):
            return self.build(*sizes, **placed, **self.options)

    def network(self, *, seed: int = 0, dtype: torch.dtype | None = None) -> Any:
        """Builds the network, ready for being judged: in eval mode and wide awake."""
        network = self.make(seed=seed).to(dtype or self.dtype).eval()
        _awaken(network)
        return network

    def takes(self, network: Any, argument: str) -> bool:
        """Whether `forward_sequence` takes an argument; False without a state."""
        return self.recurrent and takes(network.forward_sequence, argument)

    def inputs(self, batch: int, *, steps: int = 3, seed: int = 0) -> Tensor:
        """Samples (B, F) inputs, or (T, B, F) ones for a recurrent network."""
        lead = (steps, batch) if self.recurrent else (batch,)
        return self.numbers(*lead, self.in_features, seed=seed)

    def numbers(self, *shape: int, seed: int = 0) -> Tensor:
        """Samples normal numbers of a shape, always the same ones for a seed."""
        generator = torch.Generator("cpu").manual_seed(seed)
        sampled = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return sampled.to(self.dtype)

    def times(self, *shape: int) -> Tensor:
        """Samples timespans from 0.2 to 2.2, all different."""
        generator = torch.Generator("cpu").manual_seed(2)
        sampled = torch.rand(*shape, generator=generator, dtype=torch.float64)
        return (0.2 + 2 * sampled).to(self.dtype)

    def resets(self, steps: int, batch: int) -> Tensor:
        """Samples (T, B) resets, not the same along any axis, at the first step too."""
        generator = torch.Generator("cpu").manual_seed(8)
        given = torch.rand(steps, batch, generator=generator) < 0.3
        given[:2, 0] = torch.tensor([True, False])
        given[:, 1] = False
        return given

    def state(self, network: nn.Module, batch: int) -> State | None:
        """Returns a state that two steps have led to; None for one without."""
        if not self.recurrent:
            return None
        with torch.no_grad():
            x = self.inputs(batch, steps=2, seed=3)
            return copied(self.run(network, x).state)

    def start(self, network: Any, batch: int) -> State:
        """Returns what `initial_state` gives."""
        with calling(f"`initial_state({batch})`"):
            state: State = network.initial_state(batch)
        return state

    def run(
        self, network: nn.Module, x: Tensor, state: State | None = None, **options: Any
    ) -> Run:
        """Calls the network on copies of its arguments.

        Args:
            network: what `network` gave.
            x: (B, F) or (T, B, F) inputs.
            state: before the first step.
            **options: resets and timespans.
        """
        if not self.recurrent:
            with calling(f"`forward` of x {tuple(x.shape)}"):
                y = network(x.clone())
            return Run(y[None] if y.dim() == 1 and len(x) == 1 else y, None)
        given = () if state is None else (copied(state),)
        words = [f"x {tuple(x.shape)}", *(["a state"] if given else [])]
        words += [f"{name} {_told(value)}" for name, value in options.items()]
        with calling(f"`forward_sequence` of {', '.join(words)}"):
            sequence: Any = getattr(network, "forward_sequence", None)
            y, after = sequence(x.clone(), *given, **options)
        return Run(y, after)

    def awkward_sizes(self, network: nn.Module) -> list[tuple[int, int]]:
        """Returns pairs (T, B) for which axes may be mixed up unseen: T = B, B = H."""
        if not self.recurrent:
            return [(1, 5)]
        widths = {n for part in parts(self.start(network, 1)) for n in part.shape[1:]}
        return [(5, 5), *((3, n) for n in sorted(widths) if 1 < n <= _WIDEST)]


def in_both_precisions(
    faults: Callable[[NetworkUnderTest], Iterator[str]],
) -> Callable[[NetworkUnderTest], Iterator[str]]:
    """Makes a rule look once more, in single precision, where double found nothing.

    A fast path may be for one of them alone.
    """

    @functools.wraps(faults)
    def both(subject: NetworkUnderTest) -> Iterator[str]:
        found = False
        for fault in faults(subject):
            found = True
            yield fault
        if not found and subject.dtype != torch.float32:
            for fault in faults(replace(subject, dtype=torch.float32)):
                yield f"in single precision alone, {fault}"

    return both


def _told(value: Any) -> str:
    return str(tuple(value.shape) if isinstance(value, Tensor) else value)


@torch.no_grad()
def _awaken(network: nn.Module) -> None:
    """Moves parameters off constants: a layer of zeros hides what is behind it."""
    generator = torch.Generator("cpu").manual_seed(4)
    for parameter in network.parameters():
        if not parameter.is_floating_point() or not parameter.numel():
            continue
        if bool((parameter == parameter.flatten()[0]).all()):
            noise = torch.rand(parameter.shape, generator=generator).to(parameter.dtype)
            # A sign is kept: a time constant must not become negative.
            awake = parameter * (0.8 + 0.4 * noise) if parameter.any() else noise - 0.5
            parameter.copy_(awake)
