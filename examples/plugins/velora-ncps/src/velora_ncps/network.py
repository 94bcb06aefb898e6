"""The networks: cells of ncps, gone through step by step."""

from __future__ import annotations

from collections import ChainMap
from numbers import Real
from typing import Any

import torch
from ncps.torch import LTCCell, WiredCfCCell
from torch import Tensor, nn

from velora_ncps.wiring import draw

Timespans = float | Tensor | None

# The LTC divides by the time; after no time its state is the same, and not NaN.
LEAST_TIME = 1e-6


class NcpsNetwork(nn.Module):
    """A recurrent network that is a cell of ncps, its motor neurons the outputs.

    ncps' own modules for sequences know no resets, and where times differ between
    environments they fail or mix them up, so the loop over time is here. The state of
    all H units goes in and comes out; the network keeps none.

    Args:
        cell: of ncps, with a state of `state_size` numbers; its masks become buffers.
        out: what the motor neurons go through, element by element.

    Attributes:
        cell: the same.
        out: the same.
    """

    cell: Any  # ncps has no types

    def __init__(self, cell: nn.Module, out: nn.Module) -> None:
        super().__init__()
        self.cell = cell
        self.out = out
        # ncps keeps masks as parameters without gradient. TRPO asks for a gradient of
        # each parameter, and ARS varies each.
        for module in cell.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                if not parameter.requires_grad:
                    delattr(module, name)
                    module.register_buffer(name, parameter.detach().contiguous())

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return next(self.parameters()).new_zeros(batch_size, self.cell.state_size)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            state: (B, H) state; None starts from zero.

        Returns:
            y: (B, O) outputs.
            state: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        y, state = self.forward_sequence(x[None], state)
        return y[0], state

    def forward_sequence(
        self,
        x: Tensor,
        state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence.

        Args:
            x: (T, B, F) inputs.
            state: (B, H) state before the first step; None starts from zero.
            resets: (T, B), true where the state is zero *before* that step.
            timespans: time since the last step: a number, (T,), (T, B) or (T, B, 1);
                1 where none are given.

        Returns:
            y: (T, B, O) outputs.
            state: (B, H) state after the last step.

        Raises:
            ValueError: an argument has another shape; nothing is broadcast.
        """
        if x.dim() != 3 or x.shape[2] != self.cell.sensory_size or 0 in x.shape:
            raise ValueError(
                "`x` must have shape (steps, batch, in_features) = (T, B, "
                f"{self.cell.sensory_size}) with T and B at least 1; got "
                f"{tuple(x.shape)}."
            )
        steps, batch, _ = x.shape
        state = self.initial_state(batch) if state is None else state
        _check("state", state, batch, self.cell.state_size)
        if resets is not None:
            _check("resets", resets, steps, batch)
            resets = resets.bool()[..., None]
        times = _times(timespans, x)
        outputs = []
        for step in range(steps):
            if resets is not None:
                state = state.masked_fill(resets[step], 0.0)
            motor, state = self.cell(x[step], state, times[step])
            outputs.append(motor)
        return self.out(torch.stack(outputs)), state


class Affine(nn.Module):
    """Scales and shifts each of its inputs by numbers that are learned."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Computes outputs of the shape of the inputs, (..., O)."""
        return x * self.weight + self.bias


class ReplaceableLTCCell(LTCCell):  # type: ignore[misc]  # ncps has no types
    """ncps' LTC cell, which follows where its parameters or buffers are replaced.

    That of ncps 1.0.1 computes with a dict `_params` of the tensors that it was made
    with. Moves to "meta", `load_state_dict(assign=True)`, `torch.func` and all moves of
    a buffer put others in their place; so here the dict is the module's own.
    """

    @property
    def _params(self) -> ChainMap[str, Any]:
        return ChainMap(self._parameters, self._buffers)

    @_params.setter
    def _params(self, empty: dict[str, Any]) -> None:
        """Ignores the dict that ncps would fill with what is registered anyway."""


def build_cfc(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int = 64,
    sparsity_level: float = 0.5,
    device: torch.device | str | None = None,
) -> NcpsNetwork:
    """Builds "ncps-cfc": ncps' `WiredCfCCell` with AutoNCP, a CfC for each layer.

    Its motor neurons lie in (-1, 1), and values and Q-values do not, so each is scaled
    and shifted by learned numbers, one and zero at first, as the LTC cell does itself.

    Args:
        in_features: size F of an input.
        out_features: size O of an output.
        n_neurons: inter and command neurons, at least 3; the state has O more numbers.
        sparsity_level: share of synapses left out, in [0.1, 0.9].
        device: where the network is made; None is PyTorch's default.

    Raises:
        TypeError: a size is no integer.
        ValueError: a size is too small or the sparsity outside its range.
    """
    wiring = draw(in_features, n_neurons, out_features, sparsity_level=sparsity_level)
    network = NcpsNetwork(WiredCfCCell(in_features, wiring), Affine(out_features))
    return network.to(device)


def build_ltc(
    in_features: int,
    out_features: int,
    *,
    n_neurons: int = 64,
    sparsity_level: float = 0.5,
    device: torch.device | str | None = None,
) -> NcpsNetwork:
    """Builds "ncps-ltc": ncps' `LTCCell` with AutoNCP, an ODE solved in six steps.

    Its parameters that must be positive are kept so by a softplus, as in ncps' `LTC`.
    Arguments and errors are those of `build_cfc`.
    """
    wiring = draw(in_features, n_neurons, out_features, sparsity_level=sparsity_level)
    cell = ReplaceableLTCCell(wiring, in_features, implicit_param_constraints=True)
    return NcpsNetwork(cell, nn.Identity()).to(device)


def _check(name: str, tensor: Tensor, *shape: int) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(
            f"`{name}` must have shape {shape}; got {tuple(tensor.shape)}."
        )


def _times(timespans: Timespans, x: Tensor) -> Tensor:
    """Returns the times as (T, B, 1) or (T, 1, 1), to broadcast over units."""
    steps, batch, _ = x.shape
    if timespans is None:
        timespans = 1.0
    if isinstance(timespans, Real):
        timespans = torch.tensor(timespans)
    shapes = (), (steps,), (steps, batch), (steps, batch, 1)
    if not isinstance(timespans, Tensor) or tuple(timespans.shape) not in shapes:
        got = tuple(timespans.shape) if isinstance(timespans, Tensor) else timespans
        raise ValueError(
            "`timespans` must be a number, or of shape (T,), (T, B) or (T, B, 1) with "
            f"(T, B) = ({steps}, {batch}); got {got!r}. Of (B, T) times give the "
            "transpose."
        )
    times = timespans.to(x).clamp(min=LEAST_TIME)
    return times.reshape(steps if times.dim() else 1, -1, 1).expand(steps, -1, 1)
