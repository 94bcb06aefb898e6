"""A liquid time-constant cell in closed form (CfC) that obeys a wiring."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.bare import are_bare
from velora.models.lnn.cfc.heads import packing_of
from velora.models.lnn.cfc.scan import over_time
from velora.models.lnn.cfc.step import blend, packed_step
from velora.models.lnn.headed.cell import HeadedCell, share_mask
from velora.models.lnn.headed.packing import PackedHeads
from velora.models.lnn.masked import as_factors
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.lnn.sparse import SparseLinear
from velora.models.protocol import Timespans

__all__ = ["NCPLiquidCell", "share_mask"]  # the latter for pickles

# From this many weights on, copying them into one costs more than five products.
_LARGE = 1 << 18


class NCPLiquidCell(HeadedCell):
    """A closed-form continuous-time (CfC) cell with sparse synapses.

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks",
    Eq. 10. With z = [x, hidden] and t the time since the last step:

        gate       = sigmoid(f_head_to_g(z) * t + f_head_to_h(z))
        new_hidden = tanh(g_head(z)) * (1 - gate) + gate * tanh(h_head(z))
        y          = proj(z) + new_hidden

    The synapses from `x` obey the mask; those from the state are dense. We deviate from
    the paper in two points: its time constant f·t has an offset, `f_head_to_h`, and an
    output `y` with a projection is added to the state, which the paper reads itself.

    Arguments, attributes and errors are those of `HeadedCell`.
    """

    head_names = ("g_head", "h_head", "f_head_to_g", "f_head_to_h", "proj")
    g_head: SparseLinear
    h_head: SparseLinear
    f_head_to_g: SparseLinear
    f_head_to_h: SparseLinear
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
        heads = self.heads
        if not are_bare(SparseLinear.forward, *heads):
            return blend(tuple(head(z) for head in heads), t)
        if 5 * self.n_hidden * self.head_size > _LARGE:
            factors = as_factors(self.sparsity_mask, heads[0].weight.dtype)
            weighted = ((head.weight * factors, head.bias) for head in heads)
            return blend(tuple(functional.linear(z, *each) for each in weighted), t)
        if isinstance(t, Tensor) and t.dim() > 0:
            return packed_step(self.packed(), z, t)
        return packed_step(self.packed(1.0 if t is None else t), z)

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
        times = None
        constant: float | Tensor | None = 1.0 if timespans is None else timespans
        if isinstance(timespans, Tensor) and timespans.dim() > 0:
            times, constant = timespans, None
        inputs, from_state = self.packed(constant).of_sequence(x)
        return over_time(inputs, from_state, hidden, resets, times)

    def packed(self, constant_time: float | Tensor | None = None) -> PackedHeads:
        """Packs the heads, so that a step is one product and not five.

        Args:
            constant_time: t where it is the same number, or () tensor, in all steps to
                come: then one head is made of the two f heads.
        """
        return self.packed_by(packing_of(constant_time))
