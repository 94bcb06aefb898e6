"""A leaky integrator whose rates and targets are learned, and that obeys a wiring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor

from velora.models.lnn.bare import are_bare
from velora.models.lnn.gated_leaky.scan import scan
from velora.models.lnn.gated_leaky.step import in_dtype, leak
from velora.models.lnn.headed.cell import HeadedCell
from velora.models.lnn.headed.packing import Packing
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.lnn.sparse import SparseLinear
from velora.models.protocol import Timespans


class GatedLeakyCell(HeadedCell):
    """A gated leaky integrator: a state that leaks towards a target at a learned rate.

    With z = [x, hidden] and t the time since the last step:

        gate       = 1 - exp(-t * softplus(f_head(z)))
        new_hidden = hidden + gate * (tanh(k_head(z)) - hidden)
        y          = proj(z) + new_hidden

    The state is one exponential Euler step (Hochbruck and Ostermann 2010, "Exponential
    integrators") of d hidden / dt = softplus(f) * (tanh(k) - hidden): exact where f and
    k stay what they were before the step. At t = 1 the gate is sigmoid(f). A gate as
    the learned time constant of a leaky integrator is Tallec and Ollivier's (2018, "Can
    recurrent neural networks warp time?"), one that depends on inputs Hasani et al.'s
    (2021, "Liquid time-constant networks"); without times it is a gated recurrent unit
    (Cho et al. 2014) that has no reset gate. A state that starts within ±1 stays there.
    An output adds to it what the neuron reads now, as `NCPLiquidCell`'s does: without
    such a shortcut an agent learns less steadily (docs/decisions/memory-network.md).

    The synapses from `x` obey the mask; those from the state are dense.

    Arguments, attributes and errors are those of `HeadedCell`.
    """

    head_names = ("f_head", "k_head", "proj")
    f_head: SparseLinear
    k_head: SparseLinear
    proj: SparseLinear

    def forward(
        self, x: Tensor, hidden: Tensor, timespans: Timespans = None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            hidden: (B, H) state.
            timespans: time since the last step: a number, (B,) or (B, 1); 1 where
                none are given.

        Returns:
            y: (B, H) outputs.
            new_hidden: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        check_state(hidden, x.shape[0], self.n_hidden)
        t = step_timespans(timespans, x.shape[0])
        z = torch.cat((x, hidden), dim=1)  # (B, F + H)
        # To pack three heads for a single step costs more than the products it saves.
        f, k, now = [head(z) for head in self.heads]
        state = leak(f, k, hidden, t)
        return now + state, state

    @torch.no_grad()
    def reset_time_constants(self, shortest: float, longest: float) -> None:
        """Draws anew how long each neuron remembers where its inputs are zero.

        The time constants 1 / softplus(f) start log-uniform in a range, as biases of
        `f_head`: long ones keep, from the first step on, what a gradient then finds
        (Tallec and Ollivier 2018, "chrono initialization", whose range is uniform).

        Args:
            shortest: time constant, in the units of timespans: of steps, without.
            longest: time constant. Choose it as long as what is to be remembered.

        Raises:
            TypeError: one is no number.
            ValueError: they are not positive, finite and in this order.
        """
        shortest, longest = check_time_constants((shortest, longest))
        rate = self.f_head.bias.uniform_(-math.log(longest), -math.log(shortest)).exp()
        # Of which softplus makes the rate.
        self.f_head.bias.copy_(rate + torch.log(-torch.expm1(-rate)))

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence with all heads as one product; see the base."""
        if not are_bare(SparseLinear.forward, *self.heads):
            return super().over_time(x, hidden, resets=resets, timespans=timespans)
        inputs, from_state = self.packed_by(Packing()).of_sequence(x)
        times = varying(timespans, x, inputs.dtype)
        return scan(inputs, from_state, hidden, resets, times)


def varying(timespans: Timespans, x: Tensor, dtype: torch.dtype) -> Tensor | None:
    """Returns the (T, B, 1) times of (T, B, F) inputs; None where all are 1."""
    if isinstance(timespans, Tensor):
        return in_dtype(timespans, dtype).expand(*x.shape[:2], 1)
    if timespans is None or timespans == 1:
        return None
    return x.new_full((1, 1, 1), in_dtype(timespans, dtype), dtype=dtype).expand(
        *x.shape[:2], 1
    )


def check_time_constants(given: Sequence[float]) -> tuple[float, float]:
    """Returns the shortest and the longest time constant.

    Raises:
        TypeError: they are not two numbers.
        ValueError: they are not positive, finite and in this order.
    """
    wanted = "`time_constants` must be the shortest and the longest, two numbers"
    if not isinstance(given, Sequence) or len(given) != 2:
        raise TypeError(f"{wanted}; got {given!r}.")
    for number in given:
        if isinstance(number, bool) or not isinstance(number, Real):
            raise TypeError(f"{wanted}; got {given!r}.")
    shortest, longest = map(float, given)
    if not 0 < shortest <= longest < math.inf:
        raise ValueError(
            f"{wanted}, 0 < shortest <= longest, both finite; got {given!r}."
        )
    return shortest, longest
