"""A liquid time-constant cell in closed form (CfC) that obeys a wiring."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from velora.models.lnn.sparse import (
    SparseLinear,
    check_mask,
    check_sizes,
    oriented,
)

Timespans = float | Tensor | None
# From this many weights on, copying them into one costs more than five products.
_LARGE = 1 << 18


class CellWeights(NamedTuple):
    """All heads of a cell as one masked product: the blocks g, h, f..., proj.

    Attributes:
        weight: (N·H, F + H) masked weights of N blocks.
        bias: (N·H,) biases.
        n_blocks: 5, or 4 where the two f heads are one.
    """

    weight: Tensor
    bias: Tensor
    n_blocks: int


class NCPLiquidCell(nn.Module):
    """A closed-form continuous-time (CfC) cell with sparse synapses.

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks",
    Eq. 10. With z = [x, hidden] and t the time since the last step:

        gate       = sigmoid(f_head_to_g(z) * t + f_head_to_h(z))
        new_hidden = tanh(g_head(z)) * (1 - gate) + gate * tanh(h_head(z))
        y          = proj(z) + new_hidden

    The synapses from `x` obey the mask; those from the state are dense. We deviate from
    the paper in two points: its time constant f·t has an offset, `f_head_to_h`, and an
    output `y` with a projection is added to the state, which the paper reads itself.

    Args:
        in_features: size F of an input.
        n_hidden: size H of the state and of the output.
        mask: (F, H) synapses as a wiring gives them, signed or not.
        init_type: how weights start; see `SparseLinear.reset_parameters`.
        device: where the cell is made; None is PyTorch's default.

    Attributes:
        sparsity_mask: (H, F + H) buffer that all heads share: the mask's absolute
            value, transposed, and ones where the state enters.
        head_size: F + H, the inputs of each head.

    Raises:
        TypeError: a size is no integer or the mask no tensor.
        ValueError: a size is below 1, the mask has another shape or the
            `init_type` is unknown.
    """

    sparsity_mask: Tensor

    def __init__(
        self,
        in_features: int,
        n_hidden: int,
        mask: Tensor,
        *,
        init_type: str = "kaiming_uniform",
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        check_sizes(in_features=in_features, n_hidden=n_hidden)
        self.in_features = in_features
        self.n_hidden = n_hidden
        self.head_size = in_features + n_hidden

        sparsity_mask = self._with_state(mask)

        def head() -> SparseLinear:
            return SparseLinear(
                self.head_size,
                n_hidden,
                sparsity_mask,
                init_type=init_type,
                device=device,
            )

        self.g_head = head()
        self.h_head = head()
        self.f_head_to_g = head()
        self.f_head_to_h = head()
        self.proj = head()
        self.register_buffer("sparsity_mask", self.g_head.mask)
        _share_mask(self)
        self.register_load_state_dict_post_hook(_share_mask)  # type: ignore[no-untyped-call]  # PyTorch's own

    @property
    def heads(self) -> tuple[SparseLinear, ...]:
        """The five heads: g, h, the two f, proj."""
        return (
            self.g_head,
            self.h_head,
            self.f_head_to_g,
            self.f_head_to_h,
            self.proj,
        )

    def update_mask(self, mask: Tensor) -> None:
        """Replaces the synapses from the input in every head.

        Args:
            mask: (F, H) synapses as a wiring gives them, signed or not.

        Raises:
            ValueError: the mask has another shape.
        """
        sparsity_mask = self._with_state(mask)
        for head in self.heads:
            head.update_mask(sparsity_mask)

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
        if x.dim() != 2 or x.shape[1] != self.in_features:
            raise ValueError(
                "`x` must have shape (batch, in_features) = (batch, "
                f"{self.in_features}); got {tuple(x.shape)}."
            )
        check_hidden(hidden, x.shape[0], self.n_hidden)
        t = step_timespans(timespans, x.shape[0])
        z = torch.cat((x, hidden), dim=1)  # (B, F + H)
        if 5 * self.n_hidden * self.head_size > _LARGE:
            return _blend(*(head(z) for head in self.heads), timespans=t)
        return self.step(self.weights(), z, t)

    def weights(self, constant_time: float | Tensor | None = None) -> CellWeights:
        """Packs the heads, so that a step is one product and not five.

        Args:
            constant_time: t where it is the same number, or () tensor, in all steps to
                come: then it pays to make one head of the two f heads.
        """
        weights = [head.weight * self.sparsity_mask for head in self.heads]
        biases: list[Tensor] = [head.bias for head in self.heads]
        if constant_time is not None:
            t = constant_time
            t = t.to(weights[0].dtype) if isinstance(t, Tensor) else t
            for parts in (weights, biases):
                parts[2:4] = [parts[2] * t + parts[3]]
        return CellWeights(torch.cat(weights), torch.cat(biases), len(weights))

    @staticmethod
    def step(
        weights: CellWeights, z: Tensor, timespans: float | Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step with packed weights, unchecked.

        Args:
            weights: of all heads.
            z: (B, F + H) inputs and state.
            timespans: () or (B, 1); None for 1.

        Returns:
            y: (B, H) outputs.
            new_hidden: (B, H) state.
        """
        heads = functional.linear(z, weights.weight, weights.bias)  # (B, N·H)
        return _blend(*heads.chunk(weights.n_blocks, dim=1), timespans=timespans)

    def _with_state(self, mask: Tensor) -> Tensor:
        """Turns a wiring's (F, H) mask into the (H, F + H) mask of the heads."""
        check_mask(mask, {"in_features": self.in_features, "n_hidden": self.n_hidden})
        state = mask.new_ones(self.n_hidden, self.n_hidden)
        return torch.cat((oriented(mask), state), dim=1)

    def _apply(
        self, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> NCPLiquidCell:
        # PyTorch moves each buffer by itself, which would leave six masks.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # PyTorch's own
        _share_mask(self)
        return self


def _blend(
    g: Tensor, h: Tensor, *f_and_proj: Tensor, timespans: float | Tensor | None
) -> tuple[Tensor, Tensor]:
    """Computes (y, new_hidden) of the (B, H) heads: g, h, one or two f, proj."""
    *f, proj = f_and_proj
    if len(f) == 1:
        gate = torch.sigmoid(f[0])
    elif timespans is None:
        gate = torch.sigmoid(f[0] + f[1])
    else:
        if isinstance(timespans, Tensor):
            timespans = timespans.to(g.dtype)
        gate = torch.sigmoid(f[0] * timespans + f[1])
    new_hidden = torch.lerp(torch.tanh(g), torch.tanh(h), gate)
    return proj + new_hidden, new_hidden


def _share_mask(cell: NCPLiquidCell, _: object = None) -> None:
    for head in cell.heads:
        head.mask = cell.sparsity_mask


def check_hidden(hidden: Tensor, batch_size: int, n_hidden: int) -> None:
    """Refuses a state of another shape than (batch_size, n_hidden): ValueError."""
    if tuple(hidden.shape) != (batch_size, n_hidden):
        raise ValueError(
            "The state must have shape (batch, hidden) = "
            f"({batch_size}, {n_hidden}); got {tuple(hidden.shape)}."
        )


def step_timespans(timespans: Timespans, batch_size: int) -> float | Tensor | None:
    """Checks the timespans of one step and gives them the shape () or (B, 1).

    Raises:
        ValueError: they are no number, (B,) or (B, 1).
    """
    if timespans is None or isinstance(timespans, Real):
        return timespans
    if isinstance(timespans, Tensor):
        if timespans.dim() == 0:
            return timespans
        if tuple(timespans.shape) in ((batch_size,), (batch_size, 1)):
            return timespans.reshape(batch_size, 1)
    got = tuple(timespans.shape) if isinstance(timespans, Tensor) else repr(timespans)
    raise ValueError(
        f"`timespans` must be a number, or of shape (batch,) or (batch, 1) with batch "
        f"= {batch_size}; got {got}."
    )
