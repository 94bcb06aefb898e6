"""The tensors of a liquid network, where nothing but what its classes say happens."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from torch import Tensor

from velora.models.lnn.bare import are_bare
from velora.models.lnn.cfc.cell import NCPLiquidCell
from velora.models.lnn.sparse import SparseLinear

Heads = Sequence[Tensor]  # g, h, f_to_g, f_to_h, proj


class At(IntEnum):
    """Where the fused function has its arguments; five heads are each."""

    X = 0
    STATE = 1
    TIMES = 3
    INTER_WEIGHT = 8
    INTER_BIAS = 9
    MOTOR_WEIGHT = 10
    MOTOR_BIAS = 11
    WEIGHTS = 12
    BIASES = 17


class Parts(NamedTuple):
    """The tensors of a liquid network of F inputs, I inter and H command neurons.

    Attributes:
        inter_mask: (I, F) booleans.
        mask: (H, I + H) booleans, of every head.
        motor_mask: (O, H) booleans.
        inter_weight: (I, F).
        inter_bias: (I,).
        motor_weight: (O, H).
        motor_bias: (O,).
        weights: five of (H, I + H).
        biases: five of (H,).
    """

    inter_mask: Tensor
    mask: Tensor
    motor_mask: Tensor
    inter_weight: Tensor
    inter_bias: Tensor
    motor_weight: Tensor
    motor_bias: Tensor
    weights: Heads
    biases: Heads


def parts_of(
    inter: SparseLinear, cell: NCPLiquidCell, motor: SparseLinear
) -> Parts | None:
    """Returns what layers compute with; None where one does more than its class."""
    if not are_bare(NCPLiquidCell.forward, cell):
        return None
    heads = cell.heads
    if not are_bare(SparseLinear.forward, inter, motor, *heads):
        return None
    return Parts(
        inter.mask,
        cell.sparsity_mask,
        motor.mask,
        inter.weight,
        inter.bias,
        motor.weight,
        motor.bias,
        [head.weight for head in heads],
        [head.bias for head in heads],
    )
