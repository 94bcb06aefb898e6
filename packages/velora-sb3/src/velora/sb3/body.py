"""A registered network as a plain function of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from velora.plugins import networks


class NetworkBody(nn.Module):
    """Any registered network as a function from features to outputs.

    A recurrent network runs over the time axis of its features, or from a zero
    state where they have none; its last output counts.

    Args:
        name: the network's name in `velora.plugins.networks()`.
        in_features: size F of the features.
        out_features: size O of the output.
        options: what the network's builder takes beyond the sizes.

    Raises:
        KeyError: the name is unknown; the message lists the known ones.
        TypeError: the builder does not take one of the options.
    """

    network: Any  # a module that may offer `forward_sequence`

    def __init__(
        self,
        name: str,
        in_features: int,
        out_features: int,
        options: Mapping[str, Any],
    ) -> None:
        super().__init__()
        entry = networks()[name]
        self.out_features = out_features
        self.recurrent = entry.recurrent
        self.network = entry.build(in_features, out_features, **options)

    def forward(self, features: Tensor) -> Tensor:
        """Computes the outputs.

        Args:
            features: (B, F), or (B, T, F) for a recurrent network.

        Returns:
            (B, O) outputs, of the last step where there is a time axis.
        """
        if self.recurrent:
            steps = features[None] if features.dim() == 2 else features.transpose(0, 1)
            sequence: Tensor = self.network.forward_sequence(steps)[0]  # (T, B, O)
            return sequence[-1]
        outputs: Tensor = self.network(features)
        # A network may drop the batch dimension of a single row.
        return outputs if outputs.dim() == 2 else outputs[None]
