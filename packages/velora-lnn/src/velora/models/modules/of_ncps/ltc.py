"""An LTC of ncps as one of ours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from velora.models.modules.ltc import LTC
from velora.models.modules.of_ncps.weights import TheirWeights
from velora.wiring import Connectome, LayerMasks, Unlayered

# Names here and there.
_NEURONS = {"leak": "gleak", "leak_potential": "vleak", "capacitance": "cm"}
_SYNAPSES = {"weight": "w", "reversal": "erev", "mu": "mu", "sigma": "sigma"}
_AFFINE = {
    "sensory.weight": "input_w",
    "sensory.bias": "input_b",
    "motor.weight": "output_w",
    "motor.bias": "output_b",
}
_EPSILON = 1e-8


def ltc_of(module: Any, weights: TheirWeights) -> tuple[LTC, dict[str, Tensor]]:
    """Returns an LTC of the sizes of theirs, and the numbers for its network."""
    cell, prefix = module.rnn_cell, "rnn_cell."
    if cell._epsilon != _EPSILON:
        raise ValueError(
            f"`module` must have an `epsilon` of {_EPSILON}, which is fixed here; got "
            f"{cell._epsilon}."
        )

    def pairs(name: str) -> Tensor:
        """Returns what there is of each synapse, (F + H, H)."""
        both = (weights.take(prefix + start + name) for start in ("sensory_", ""))
        return torch.cat(list(both))

    mask = pairs("sparsity_mask").sign().int()
    ours = LTC(
        module.input_size,
        _layered(module.wiring_or_units, mask) or Unlayered(mask, cell.motor_size),
        module.return_sequences,
        module.batch_first,
        module.use_mixed,
        ode_unfolds=cell._ode_unfolds,
        positive=cell._implicit_param_constraints,
    )
    numbers = {f"cell.{k}": weights.take(prefix + v) for k, v in _NEURONS.items()}
    numbers |= {f"cell.{k}": pairs(v).T for k, v in _SYNAPSES.items()}
    network: Any = ours.network
    network = network.network if module.use_mixed else network
    for name, other in _AFFINE.items():
        if weights.has(prefix + other):
            numbers[name] = weights.take(prefix + other)
        else:  # which it was made without
            numbers[name] = network.get_parameter(name).requires_grad_(False)
    return ours, numbers


def _layered(wiring: Any, mask: Tensor) -> Connectome | None:
    """Returns a wiring of theirs in layers, if it is one and our order is its own."""
    if getattr(wiring, "num_layers", 1) != 3:
        return None
    inter, command, motor = map(wiring.get_neurons_of_layer, range(3))
    hidden = mask.shape[1]
    if [*motor, *command, *inter] != list(range(hidden)):
        return None
    sensory, among = mask[:-hidden], mask[-hidden:]
    masks = LayerMasks(
        inter=sensory[:, inter],
        command=among[inter][:, command],
        motor=among[command][:, motor],
        recurrent=among[command][:, command],
    )
    found = sum(int(layer.count_nonzero()) for _, layer in masks.items())
    return Connectome(masks) if found == int(mask.count_nonzero()) else None
