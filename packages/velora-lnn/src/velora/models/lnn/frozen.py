"""A network, or a layer, of now: a copy that nothing later reaches."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn.sparse import SparseLinear


class FrozenNetwork:
    """A copy of a recurrent network, called without gradients.

    Args:
        network: a module that is called as `y, state = network(x, state, timespans)`.
    """

    def __init__(self, network: nn.Module) -> None:
        # What pruning and the older weight norms leave on a module is no leaf, which
        # `deepcopy` refuses.
        derived = {
            id(value): value.detach().clone()
            for module in network.modules()
            for value in vars(module).values()
            if isinstance(value, Tensor) and not value.is_leaf
        }
        memo: dict[int, Any] = {**derived}
        self._network = copy.deepcopy(network, memo)

    @torch.no_grad()
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Goes one step, as the network does."""
        return self._network(*args, **kwargs)


def masked(layer: SparseLinear) -> tuple[Tensor, Tensor | None]:
    """Returns a copy of a layer's masked weight, and of its bias."""
    bias = None if layer.bias is None else layer.bias.clone()
    return layer.weight * layer.mask, bias
