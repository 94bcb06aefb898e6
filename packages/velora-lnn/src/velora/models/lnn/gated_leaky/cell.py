"""A leaky integrator whose rates and targets are learned, and that obeys a wiring."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.bare import are_bare
from velora.models.lnn.gated_leaky.scan import scan
from velora.models.lnn.gated_leaky.step import Layer, in_dtype, leak
from velora.models.lnn.headed_cell import HeadedCell
from velora.models.lnn.masked import as_factors
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

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence with each product over all steps; see the base."""
        if not are_bare(SparseLinear.forward, *self.heads):
            return super().over_time(x, hidden, resets=resets, timespans=timespans)
        weight, bias = self._packed(*self.heads[:2])
        sizes = (self.in_features, self.n_hidden)
        from_inputs, from_state = torch.split_with_sizes(weight, sizes, dim=1)
        inputs = functional.linear(x, from_inputs, bias)  # (T, B, 2·H)
        times = None
        if isinstance(timespans, Tensor):
            times = timespans.expand(*x.shape[:2], 1)
        elif timespans is not None and timespans != 1:
            t = in_dtype(timespans, weight.dtype)
            times = weight.new_full((), t).expand(*x.shape[:2], 1)
        states = scan(inputs, from_state, hidden, resets, times)
        before = torch.cat((hidden.to(states.dtype)[None], states[:-1]))
        if resets is not None:
            before = before.masked_fill(resets[..., None], 0)
        return self.proj(torch.cat((x, before), dim=2)) + states, states

    def packed(self) -> Layer:
        """Returns the heads as one (3·H, F + H) masked weight and one (3·H,) bias."""
        return self._packed(*self.heads)

    def _packed(self, *heads: SparseLinear) -> Layer:
        factors = as_factors(self.sparsity_mask, heads[0].weight.dtype)
        weights = [head.weight * factors for head in heads]
        return torch.cat(weights), torch.cat([head.bias for head in heads])
