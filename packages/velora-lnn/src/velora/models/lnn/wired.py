"""Networks of layers, sensory to motor, that obey a wiring."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn.initialization import check_gain
from velora.models.lnn.sparse import SparseLinear, oriented
from velora.models.lnn.wiring_argument import WiringChoice, choose_wiring
from velora.models.lnn.with_wiring import WithWiring, as_masks
from velora.wiring import LayerEffects, LayerMasks

_LAYERS = ("inter", "command", "motor")


class WiredNetwork(WithWiring):
    """A network with a wiring, unless told otherwise a Neural Circuit Policy's (NCP).

    Its layers are sensory → inter → command → motor; a subclass says what its command
    layer is. Source of the NCP rule: Lechner et al. 2020, "Neural circuit policies
    enabling auditable autonomy". The wiring is read back from the layers, so what a
    network shows after `load_state_dict` or `update_mask` is what it computes with. The
    layers learn the sign of each synapse: masks are 1 where there is one.

    Args:
        in_features: size F of an input, the sensory neurons.
        n_neurons: decision neurons (inter and command), at least 2; None takes as many
            as a ready `wiring` has.
        out_features: size O of an output, the motor neurons.
        sparsity_level: share of synapses left out, in [0.1, 0.9]; of no effect on a
            ready `wiring`.
        wiring: who is connected to whom: None for the NCP rule, a name in
            `velora.plugins.wirings()`, a function that makes one (`velora.wiring.dense`
            shows its arguments), or a ready one with `masks` and `counts`, such as a
            `velora.wiring.Connectome`.
        init_type: how weights start; see `SparseLinear.reset_parameters`.
        gain: what the weights that start are multiplied with, or a dict with a factor
            for some of the layers: `{"motor": 0.01}`.
        norm: makes a normalisation of a size, such as `nn.LayerNorm`, which then
            stands before each of the three layers; a state is not normalised.
        device: where the network is made; None is PyTorch's default. The synapses
            are drawn from PyTorch's global CPU generator on every device.

    Attributes:
        inter: `SparseLinear` from sensory to inter neurons.
        command: layer from inter to command neurons.
        motor: `SparseLinear` from command to motor neurons.
        norms: the normalisation before each layer by the layer's name, or None.
        n_units: all neurons but the sensory ones.

    Raises:
        KeyError: no wiring has this name; the message lists the known ones.
        TypeError: a size is no integer, `norm` makes no module, or `wiring` is none.
        ValueError: a size is too small, the sparsity outside its range, the
            `init_type` unknown, the wiring has other neurons than asked for, or a
            `gain` is negative, not finite, or of no layer.
    """

    command: nn.Module

    def __init__(
        self,
        in_features: int,
        n_neurons: int | None,
        out_features: int,
        *,
        sparsity_level: float = 0.5,
        wiring: WiringChoice = None,
        init_type: str = "kaiming_uniform",
        gain: float | Mapping[str, float] = 1.0,
        norm: Callable[[int], nn.Module] | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        if norm is not None and (isinstance(norm, nn.Module) or not callable(norm)):
            raise TypeError(
                "`norm` must be a callable that makes a normalisation of a size, such "
                f"as nn.LayerNorm itself; got {norm!r}."
            )
        gains = _gains(gain)
        drawn = choose_wiring(
            wiring, in_features, n_neurons, out_features, sparsity_level
        )
        super().__init__(drawn)
        masks, counts = drawn.data()
        layer = partial(SparseLinear, init_type=init_type, device=device)
        self.inter = layer(
            counts.sensory, counts.inter, oriented(masks.inter), gain=gains["inter"]
        )
        more = {} if gains["command"] == 1 else {"gain": gains["command"]}
        self.command = self.build_command(
            counts.inter,
            counts.command,
            masks.command,
            init_type=init_type,
            device=device,
            **more,
        )
        self.motor = layer(
            counts.command, counts.motor, oriented(masks.motor), gain=gains["motor"]
        )
        self.norms: nn.ModuleDict | None = None
        if norm is not None:
            sizes = {
                "inter": counts.sensory,
                "command": counts.inter,
                "motor": counts.command,
            }
            made = {name: norm(size) for name, size in sizes.items()}
            if not all(isinstance(module, nn.Module) for module in made.values()):
                raise TypeError(
                    "`norm` must make a torch.nn.Module of a size, as nn.LayerNorm "
                    f"does; got {norm!r}, which made {made['inter']!r}."
                )
            self.norms = nn.ModuleDict(made).to(device)

    @property
    def masks(self) -> LayerMasks:
        """The synapses that the network computes with, 1 each, (from, to)."""
        command, recurrent = self.command_synapses()
        return as_masks(
            self.inter.mask != 0,
            command != 0,
            self.motor.mask != 0,
            None if recurrent is None else recurrent != 0,
        )

    @property
    def effects(self) -> LayerEffects:
        """What each synapse now does to the neuron that it leads to, near rest.

        A synapse of the inter and motor layers has its weight, one of the command
        layer its effect on that neuron's output (the Jacobian at zero, in one step).
        Activations between layers and normalisations are left out.
        """
        command, recurrent = self.command_effect()
        there, recurs = self.command_synapses()

        def plain(effect: Tensor, mask: Tensor) -> Tensor:
            return effect.detach().where(mask != 0, 0).T.cpu().contiguous()

        return LayerEffects(
            inter=plain(self.inter.weight, self.inter.mask),
            command=plain(command, there),
            motor=plain(self.motor.weight, self.motor.mask),
            recurrent=(
                None
                if recurrent is None or recurs is None
                else plain(recurrent, recurs)
            ),
        )

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.inter.weight.device

    def normed(self, layer: str, x: Tensor) -> Tensor:
        """Returns the (..., F) inputs of a layer as its normalisation makes them."""
        if self.norms is None:
            return x
        rows = x.flatten(0, -2)  # statistics of a batch are those of all its steps
        normed: Tensor = self.norms[layer](rows)
        return normed.view_as(x)

    @abstractmethod
    def build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> nn.Module:
        """Builds the command layer.

        Args:
            in_features: inter neurons, whose (..., in_features) outputs go in.
            n_hidden: command neurons.
            mask: (in_features, n_hidden) synapses as a wiring gives them, signed.
            **options: `init_type`, `device` and, where it is not 1, the `gain`.
        """

    @abstractmethod
    def command_synapses(self) -> tuple[Tensor, Tensor | None]:
        """Returns where the command layer has synapses, not 0 each.

        Returns:
            from_inter: (command, inter), to neurons of the former from the latter.
            recurrent: (command, command), or None where there are none.
        """

    @abstractmethod
    def command_effect(self) -> tuple[Tensor, Tensor | None]:
        """Returns what those synapses do to the neuron that they lead to, signed."""


def _gains(gain: float | Mapping[str, float]) -> dict[str, float]:
    """Returns the factor of each layer's initial weights."""
    given = gain if isinstance(gain, Mapping) else dict.fromkeys(_LAYERS, gain)
    if unknown := sorted(map(str, given.keys() - set(_LAYERS))):
        raise ValueError(
            f"`gain` must be a number, or a dict for some of the layers "
            f"{list(_LAYERS)}; got one for {unknown}."
        )
    return dict.fromkeys(_LAYERS, 1.0) | {k: check_gain(v) for k, v in given.items()}
