"""A cell made ready for a sequence: all that does not depend on states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.cfc_modes.modes import Mode
from velora.models.lnn.cfc_modes.parameters import CfCParameters
from velora.models.lnn.cfc_modes.unrolled import advance
from velora.models.lnn.cfc_modes.weights import Weights
from velora.models.protocol import Timespans

# LeCun's tanh: 1.7159 · tanh(0.666 · x), which keeps the variance of its inputs.
INNER, OUTER = 0.666, 1.7159


class Prepared(NamedTuple):
    """A cell at the times of a sequence.

    Attributes:
        mode: of the cell.
        from_inputs: (P, F) weights from the inputs to the first layer, or to the heads.
        bias: (P,).
        weights: of everything after it.
        times: (T, B, 1), or None.
        noise: (T, B, U), or None.
    """

    mode: Mode
    from_inputs: Tensor
    bias: Tensor
    weights: Weights
    times: Tensor | None
    noise: Tensor | None

    def inputs(self, x: Tensor) -> Tensor:
        """Returns what (..., F) inputs give to the first layer, (..., P)."""
        return functional.linear(x, self.from_inputs, self.bias)

    def advance(self, step: int, inputs: Tensor, hidden: Tensor) -> Tensor:
        """Returns the (B, H) state after a step, by plain operators.

        Args:
            step: its number.
            inputs: (B, P), as `inputs` returns them.
            hidden: (B, H) state before it.
        """
        times = None if self.times is None else self.times[step]
        noise = None if self.noise is None else self.noise[step]
        return advance(self.mode, inputs, hidden, times, noise, self.weights)


def prepare(
    cell: CfCParameters, sizes: Sequence[int], timespans: Timespans = None
) -> Prepared:
    """Returns a cell with masks, times and scales in its weights.

    Args:
        cell: of which it is.
        sizes: (T, B) of the sequence.
        timespans: as in `over_time`.
    """
    weight, bias, times = _heads_at(cell, timespans, sizes)
    heads, heads_bias = weight.flatten(0, 1), bias.flatten()
    features = cell.in_features, cell.n_hidden
    if cell.backbone_weight is None or cell.backbone_bias is None:
        from_inputs, first = heads.split_with_sizes(features, dim=1)
        weights = Weights(first, None, None, None, None, cell.vectors)
        return Prepared(cell.mode, from_inputs, heads_bias, weights, times, None)
    # The scales of LeCun's tanh go into the weights before and after it.
    scaled = cell.backbone_weight * INNER
    from_inputs, first = scaled.split_with_sizes(features, dim=1)
    deep, deep_bias = cell.deep_weight, cell.deep_bias
    if deep is not None and deep_bias is not None:
        deep, deep_bias = deep * (INNER * OUTER), deep_bias * INNER
    noise = None
    if cell.training and cell.backbone_dropout:
        ones = first.new_ones(*sizes, cell.backbone_units)
        noise = functional.dropout(ones, cell.backbone_dropout)
    weights = Weights(first, deep, deep_bias, heads * OUTER, heads_bias, cell.vectors)
    bias = cell.backbone_bias * INNER
    return Prepared(cell.mode, from_inputs, bias, weights, times, noise)


def finite(timespans: Timespans, dtype: torch.dtype) -> float | Tensor:
    """Returns checked times as numbers that are finite in a dtype; 1 for None."""
    longest = torch.finfo(dtype).max
    if isinstance(timespans, Tensor):
        return timespans.to(dtype).clamp(max=longest)
    return 1.0 if timespans is None else min(timespans, longest)


def _heads_at(
    cell: CfCParameters, timespans: Timespans, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Returns the masked heads and their biases at these times.

    Returns:
        weight: (N, H, K), N fewer where a time is merged into the heads.
        bias: (N, H).
        times: (T, B, 1), or None where they are merged.
    """
    weight, bias = cell.masked_weight(), cell.bias
    t = finite(timespans, weight.dtype)
    if not isinstance(t, Tensor) or not t.dim():
        merged, merged_bias = (cell.mode.merged(x, t) for x in (weight, bias))
        if merged is not None and merged_bias is not None:
            return merged, merged_bias, None
        t = torch.as_tensor(t, dtype=weight.dtype, device=weight.device)
    return weight, bias, t.expand(*sizes, 1)
