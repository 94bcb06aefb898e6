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
        TypeError: the builder does not take one of the options, or what it builds
            is no module, or cannot run over a sequence though it is recurrent.
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
        self.name = name
        self.out_features = out_features
        self.recurrent = entry.recurrent
        self.network = entry.build(in_features, out_features, **options)
        if not isinstance(self.network, nn.Module):
            raise TypeError(
                f"The network {name!r} must be a torch.nn.Module; its builder returned "
                f"{type(self.network).__name__}."
            )
        if self.recurrent and not hasattr(self.network, "forward_sequence"):
            raise TypeError(
                f"The recurrent network {name!r} must offer `forward_sequence`; "
                f"{type(self.network).__name__} does not."
            )

    def forward(self, features: Tensor) -> Tensor:
        """Computes the outputs.

        Args:
            features: (B, F), or (B, T, F) for a recurrent network.

        Returns:
            (B, O) outputs, of the last step where there is a time axis.

        Raises:
            ValueError: the network returns another shape.
        """
        if self.recurrent:
            steps = features[None] if features.dim() == 2 else features.transpose(0, 1)
            sequence: Tensor = self.network.forward_sequence(steps)[0]  # (T, B, O)
            outputs = sequence[-1]
        else:
            outputs = self.network(features)
        if outputs.dim() == 1 and len(features) == 1:
            outputs = outputs[None]  # a network may drop the batch of a single row
        if outputs.shape != (len(features), self.out_features):
            raise ValueError(
                f"The network {self.name!r} must return (batch, out_features) = "
                f"({len(features)}, {self.out_features}); got {tuple(outputs.shape)}."
            )
        return outputs
