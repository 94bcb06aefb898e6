"""The liquid time-constant network as a recurrent module."""

from __future__ import annotations

import torch

from velora.models.lnn.ltc.network import LTCNetwork
from velora.models.lnn.ltc.unlayered import UnlayeredLTCNetwork
from velora.models.modules.base import RecurrentModule
from velora.models.modules.units import Units, is_number, wiring_of
from velora.wiring import Unlayered
from velora.wiring.ncps import FullyConnected


class LTC(RecurrentModule):
    """Liquid time-constant neurons as a recurrent module, called as ncps' LTC is.

    Source: Hasani et al. 2021, "Liquid time-constant networks". See `LTCCell` for the
    equations and `LTCNetwork` for their order in a wiring.

    Args:
        input_size: size F of an input.
        units: neurons H, each of which listens to all and is an output; or who is
            connected to whom: a wiring of `velora.wiring` or of `velora.wiring.ncps`,
            whose motor neurons or first units are the outputs.
        return_sequences: whether the output is of all steps; else of each row's last.
        batch_first: whether the batch is the first dimension of sequences, and time
            the second.
        mixed_memory: whether an LSTM's memory stands beside the potentials; see
            `MixedMemory`. The state is then the pair (h, c).
        ode_unfolds: as in `LTCCell`.
        positive: as in `LTCCell`; ncps' `implicit_param_constraints`.
        device: where the module is made; None is PyTorch's default.

    Attributes:
        network: an `LTCNetwork`, or without layers an `UnlayeredLTCNetwork`; with mixed
            memory a `MixedMemory` around it.

    Raises:
        TypeError: a size is no integer, `positive` no boolean, or `units` no wiring.
        ValueError: a size is below 1, or the wiring is for another number of inputs.
    """

    def __init__(
        self,
        input_size: int,
        units: Units,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        *,
        ode_unfolds: int = 6,
        positive: bool = True,
        device: torch.device | str | None = None,
    ) -> None:
        if is_number(units):
            units = FullyConnected(units)  # type: ignore[arg-type]  # an integer
        wiring = wiring_of(units, input_size)
        network: LTCNetwork | UnlayeredLTCNetwork
        if isinstance(wiring, Unlayered):
            network = UnlayeredLTCNetwork(
                wiring, ode_unfolds=ode_unfolds, positive=positive, device=device
            )
        else:
            network = LTCNetwork(
                input_size,
                None,
                wiring.counts.motor,
                wiring=wiring,
                ode_unfolds=ode_unfolds,
                positive=positive,
                device=device,
            )
        super().__init__(
            network,
            network.out_features,
            return_sequences=return_sequences,
            batch_first=batch_first,
            mixed_memory=mixed_memory,
        )
