"""The tensors of a network, where nothing but what its classes say happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from torch import Tensor

from velora.models.lnn.bare import are_bare
from velora.models.lnn.headed.cell import HeadedCell
from velora.models.lnn.sparse import SparseLinear


class At(IntEnum):
    """Where the fused function has its arguments; biases of heads follow weights."""

    X = 0
    STATE = 1
    TIMES = 3
    INTER_WEIGHT = 8
    INTER_BIAS = 9
    MOTOR_WEIGHT = 10
    MOTOR_BIAS = 11
    WEIGHTS = 12


class Parts(NamedTuple):
    """The tensors of a network of F inputs, I inter and H command neurons.

    Attributes:
        inter_mask: (I, F) booleans.
        mask: (H, I + H) booleans, of every head.
        motor_mask: (O, H) booleans.
        inter_weight: (I, F).
        inter_bias: (I,).
        motor_weight: (O, H).
        motor_bias: (O,).
        weights: (H, I + H) of each head.
        biases: (H,) of each head.
    """

    inter_mask: Tensor
    mask: Tensor
    motor_mask: Tensor
    inter_weight: Tensor
    inter_bias: Tensor
    motor_weight: Tensor
    motor_bias: Tensor
    weights: Sequence[Tensor]
    biases: Sequence[Tensor]


def parts_of(
    forward: Callable[..., Any],
    inter: SparseLinear,
    cell: HeadedCell,
    motor: SparseLinear,
) -> Parts | None:
    """Returns what layers compute with; None where one does more than its class.

    Args:
        forward: of the class that the cell is taken for.
        inter: layer before the cell.
        cell: the command neurons.
        motor: layer after it.
    """
    if not are_bare(forward, cell):
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
