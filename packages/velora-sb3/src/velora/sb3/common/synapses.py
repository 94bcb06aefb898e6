"""What the synapses of a network weigh, and how many have changed sides."""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.sparse import SparseLinear
from velora.models.lnn.wired import WiredNetwork

_LAYERS = ("inter", "command", "motor")


class Synapses:
    """The synapses of a network, and the signs that they had.

    Args:
        network: whose synapses they are.
    """

    def __init__(self, network: WiredNetwork) -> None:
        self._network = network
        self._signs = {layer: self._weights(layer).sign() for layer in _LAYERS}

    def numbers(self) -> dict[str, float]:
        """Returns numbers for a log, by name, and remembers the signs of now.

        "inter/weight_norm", likewise "command" and "motor", is the Euclidean norm of
        the layer's weights, of a cell those of all heads; no bias. "inter/sign_flips"
        is the share of them that have the other sign than at the last call, or when
        this was made. A layer that is not of `SparseLinear` has none.
        """
        found = {}
        for layer in _LAYERS:
            count = sum(part.n_synapses for part in self._parts(layer))
            if not count:
                continue
            weights = self._weights(layer)
            signs = weights.sign()
            flips = (signs * self._signs[layer] < 0).sum()
            self._signs[layer] = signs
            found[f"{layer}/weight_norm"] = float(weights.norm())
            found[f"{layer}/sign_flips"] = float(flips) / count
        return found

    def _weights(self, layer: str) -> Tensor:
        """Returns the weights of a layer in a row, zero where no synapse is."""
        parts = self._parts(layer)
        rows = [part.weight.detach().where(part.mask, 0).flatten() for part in parts]
        return torch.cat(rows) if rows else torch.zeros(0)

    def _parts(self, layer: str) -> list[SparseLinear]:
        modules = getattr(self._network, layer).modules()
        return [module for module in modules if isinstance(module, SparseLinear)]
