"""The closed-form continuous-time network as a recurrent module."""

from __future__ import annotations

import torch

from velora.models.lnn.cfc_modes.layers import CfCLayersNetwork
from velora.models.lnn.cfc_modes.network import CfCNetwork
from velora.models.modules.base import RecurrentModule
from velora.models.modules.units import Units, is_number, wiring_of
from velora.wiring import Unlayered


class CfC(RecurrentModule):
    """A closed-form continuous-time network as a recurrent module, called as ncps' is.

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks". See
    `CfCNetwork` for the dense one and `CfCLayersNetwork` for the one over a wiring.

    Args:
        input_size: size F of an input.
        units: neurons H, all of which are outputs; or who is connected to whom, in
            layers: a wiring of `velora.wiring`, or `NCP` or `AutoNCP` of
            `velora.wiring.ncps`, whose motor neurons are the outputs.
        proj_size: size of a linear layer on the outputs; None for none.
        return_sequences: whether the output is of all steps; else of each row's last.
        batch_first: whether the batch is the first dimension of sequences, and time
            the second.
        mixed_memory: whether an LSTM's memory stands beside the state; see
            `MixedMemory`. The state is then the pair (h, c).
        mode: "default", "no_gate" or "pure"; see `velora.models.lnn.cfc_modes.modes`.
        backbone_units: units of each layer before the heads; 128 unless given.
        backbone_layers: such layers, 0 for none; 1 unless given.
        backbone_dropout: share of the last one's units left out in training; 0 unless
            given. Over a wiring there is no backbone, and none may be given.
        device: where the module is made; None is PyTorch's default.

    Attributes:
        network: a `CfCNetwork`, or over a wiring a `CfCLayersNetwork`; with mixed
            memory a `MixedMemory` around it.

    Raises:
        TypeError: a size is no integer, or `units` no wiring.
        ValueError: a size is below 1, the mode unknown, the dropout outside [0, 1), the
            wiring has no layers or is for another number of inputs, or there are both a
            wiring and a backbone.
    """

    def __init__(
        self,
        input_size: int,
        units: Units,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        mode: str = "default",
        *,
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        given = {
            "backbone_units": backbone_units,
            "backbone_layers": backbone_layers,
            "backbone_dropout": backbone_dropout,
        }
        backbone = {name: value for name, value in given.items() if value is not None}
        network: CfCNetwork | CfCLayersNetwork
        if is_number(units):
            network = CfCNetwork(
                input_size,
                None,
                n_neurons=units,  # type: ignore[arg-type]  # an integer
                mode=mode,
                device=device,
                **backbone,  # type: ignore[arg-type]  # each by its name
            )
        else:
            network = _in_layers(input_size, units, backbone, mode, device)
        super().__init__(
            network,
            network.out_features,
            proj_size=proj_size,
            return_sequences=return_sequences,
            batch_first=batch_first,
            mixed_memory=mixed_memory,
        )


def _in_layers(
    input_size: int,
    units: Units,
    backbone: dict[str, float],
    mode: str,
    device: torch.device | str | None,
) -> CfCLayersNetwork:
    """Returns the network over a wiring."""
    if backbone:
        raise ValueError(
            "A CfC over a wiring must have no backbone, as all neurons would share its "
            f"layers; got {backbone}. Leave that out, or pass a number of units."
        )
    wiring = wiring_of(units, input_size)
    if isinstance(wiring, Unlayered):
        raise ValueError(
            "`units` of a CfC must be a number, or a wiring in layers, as each is a "
            f"cell; got {wiring!r}. Where all are connected, pass their number, and "
            "`backbone_layers=0`, for the same. LTC takes any wiring."
        )
    return CfCLayersNetwork(
        input_size, None, wiring.counts.motor, wiring=wiring, mode=mode, device=device
    )
