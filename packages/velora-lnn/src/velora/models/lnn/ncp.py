"""The sparse feed-forward network of a Neural Circuit Policy.

`LiquidNCPNetwork`, whose public path this is too, lies in `velora.models.lnn.cfc`.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from velora.models.lnn.activation import activation_of
from velora.models.lnn.cfc.network import LiquidNCPNetwork
from velora.models.lnn.eager import unbatched
from velora.models.lnn.shapes import check_batch
from velora.models.lnn.sparse import SparseLinear, oriented
from velora.models.lnn.wired import WiredNetwork

__all__ = ["LiquidNCPNetwork", "NCPNetwork"]


class NCPNetwork(WiredNetwork):
    """A sparse feed-forward network with the wiring of a Neural Circuit Policy.

    sensory → inter → activation → command → activation → motor, all `SparseLinear`.
    A state dict says which activation its weights are for, and a network with another
    refuses them.

    Args:
        in_features: as in `WiredNetwork`.
        n_neurons: as in `WiredNetwork`.
        out_features: as in `WiredNetwork`.
        activation: of inter and command neurons, a name in
            `velora.models.lnn.activation.ACTIVATIONS`: "mish" (Misra 2019), "tanh",
            "relu", ...
        **options: those of `WiredNetwork`, whose attributes and errors these are, too.

    Raises:
        ValueError: the `activation` is unknown.
    """

    command: SparseLinear
    activation: str = "mish"  # of one that was pickled before there were others

    def __init__(
        self,
        in_features: int,
        n_neurons: int | None,
        out_features: int,
        *,
        activation: str = "mish",
        **options: Any,
    ) -> None:
        activation_of(activation)  # refuses an unknown one before anything is made
        super().__init__(in_features, n_neurons, out_features, **options)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Computes the motor neurons.

        Args:
            x: (B, F) inputs.

        Returns:
            (B, O) outputs; (O,) when B is 1, but not in what `torch.export` makes.

        Raises:
            ValueError: `x` has another shape.
        """
        check_batch(x, self.in_features)
        activate = activation_of(self.activation)
        x = activate(self.inter(self.normed("inter", x)))
        x = activate(self.command(self.normed("command", x)))
        return unbatched(self.motor(self.normed("motor", x)))

    def build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> SparseLinear:
        """Builds a sparse layer; see the base."""
        return SparseLinear(in_features, n_hidden, oriented(mask), **options)

    def command_synapses(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (command, inter) mask; nothing recurs."""
        return self.command.mask, None

    def command_effect(self) -> tuple[Tensor, Tensor | None]:
        """Returns the (command, inter) weights; nothing recurs."""
        return self.command.weight, None

    def extra_repr(self) -> str:
        """Returns the activation, for `repr`."""
        return f"activation={self.activation!r}"

    def _save_to_state_dict(
        self, destination: Any, prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        noted = getattr(destination, "_metadata", {}).get(prefix[:-1])
        if noted is not None:
            noted["activation"] = self.activation

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        # A dict that says nothing of its modules may be of any; one that does, but not
        # of this, was written when there was Mish alone.
        says = "version" in local_metadata
        former = NCPNetwork.activation if says else self.activation
        its = local_metadata.get("activation", former)
        if its != self.activation:
            error_msgs.append(
                f"`activation` must be {its!r} for these weights; this network has "
                f"{self.activation!r}. Make it with activation={its!r}."
            )
        super()._load_from_state_dict(
            state_dict,
            prefix,
            local_metadata,
            strict,
            missing_keys,
            unexpected_keys,
            error_msgs,
        )
