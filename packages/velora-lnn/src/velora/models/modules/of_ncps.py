"""The modules of ncps, with their weights, as ours."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.modules.cfc import CfC
from velora.models.modules.ltc import LTC
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
_MEMORY = {
    "input_weight": "input_map.weight",
    "input_bias": "input_map.bias",
    "recurrent_weight": "recurrent_map.weight",
}
_LAYERS = ("inter", "command", "motor")  # as ncps numbers them
_EPSILON = 1e-8


def from_ncps(module: nn.Module) -> CfC | LTC:
    """Returns a `CfC` or `LTC` of ncps as one of ours that computes the same.

    It has the options, weights, dtype and device of theirs, and shares nothing with it.
    Where ncps is right (without times, or with a single row) numbers and gradients are
    equal. What an LTC of theirs was made without, such as an offset of the inputs, is
    there, fixed at what changes nothing.

    Args:
        module: an `ncps.torch.CfC` or `ncps.torch.LTC` of ncps 1.0.1.

    Raises:
        ImportError: ncps is not installed.
        TypeError: it is neither of these.
        ValueError: something of it has no counterpart here; the message names it.
    """
    try:
        theirs = importlib.import_module("ncps.torch")  # nothing else needs it
    except ImportError as error:
        raise ImportError(
            "`from_ncps` reads modules of ncps, which is not installed: "
            "pip install ncps"
        ) from error
    if not isinstance(module, theirs.CfC | theirs.LTC):
        raise TypeError(
            "`module` must be a CfC or LTC of ncps.torch; got "
            f"{type(module).__module__}.{type(module).__qualname__}."
        )
    weights = _Weights(module.state_dict())
    carry = _ltc if isinstance(module, theirs.LTC) else _cfc
    ours, numbers = carry(module, weights)
    if module.use_mixed:
        numbers = {f"network.{name}": value for name, value in numbers.items()}
        numbers |= {k: weights.take(f"lstm.{v}") for k, v in _MEMORY.items()}
    numbers = {f"network.{name}": value for name, value in numbers.items()}
    if isinstance(ours.proj, nn.Linear):
        numbers |= {f"proj.{k}": weights.take(f"fc.{k}") for k in ("weight", "bias")}
    weights.check_all_taken()
    ours.to(next(iter(numbers.values())))
    ours.load_state_dict(numbers)
    return ours.train(module.training)


class _Weights:
    """The numbers of their module, of which none may be left behind."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._left = dict(state)

    def has(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str) -> Tensor:
        if name not in self._left:
            raise ValueError(
                f"`module` must have the parameters of ncps 1.0.1; it lacks {name}. "
                "Undo what parametrises or prunes it first."
            )
        return self._left.pop(name)

    def check_all_taken(self) -> None:
        if self._left:
            raise ValueError(
                "`module` must have the parameters of ncps 1.0.1 alone; "
                f"{sorted(self._left)} have no counterpart here."
            )


def _ltc(module: Any, weights: _Weights) -> tuple[LTC, dict[str, Tensor]]:
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
    if getattr(wiring, "num_layers", 1) != len(_LAYERS):
        return None
    inter, command, motor = map(wiring.get_neurons_of_layer, range(len(_LAYERS)))
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


def _cfc(module: Any, weights: _Weights) -> tuple[CfC, dict[str, Tensor]]:
    """Returns a CfC of the sizes of theirs, and the numbers for its network."""
    options = {
        "proj_size": module.proj_size,
        "return_sequences": module.return_sequences,
        "batch_first": module.batch_first,
        "mixed_memory": module.use_mixed,
    }
    if hasattr(module.rnn_cell, "num_layers"):
        return _wired_cfc(module, weights, options)
    cell = module.rnn_cell
    numbers, backbone = _backbone(cell, weights)
    numbers |= _heads(cell, "rnn_cell.", weights)
    ours = CfC(
        module.input_size, cell.hidden_size, mode=cell.mode, **options, **backbone
    )
    return ours, {f"cell.{name}": value for name, value in numbers.items()}


def _wired_cfc(
    module: Any, weights: _Weights, options: dict[str, Any]
) -> tuple[CfC, dict[str, Tensor]]:
    """Does what `_cfc` does for one over a wiring."""
    names = [f"layer_{i}" for i in range(module.rnn_cell.num_layers)]
    cells = [getattr(module.rnn_cell, name) for name in names]
    inputs = []  # (F, H) synapses of each layer
    for name, cell in zip(names, cells, strict=True):
        mask = weights.take(f"rnn_cell.{name}.sparsity_mask")
        inputs.append(mask[:, : cell.input_size].T.sign().int())
    numbers = [
        _heads(cell, f"rnn_cell.{name}.", weights)
        for name, cell in zip(names, cells, strict=True)
    ]
    options |= {"mode": cells[0].mode}
    if len(cells) == 1 and bool(inputs[0].all()):  # all to all
        ours = CfC(
            module.input_size, cells[0].hidden_size, backbone_layers=0, **options
        )
        return ours, {f"cell.{name}": value for name, value in numbers[0].items()}
    if len(cells) != len(_LAYERS):
        raise ValueError(
            "`module` must be a CfC of units, or over a wiring of all to all or of "
            f"inter, command and motor neurons; got {type(module.wiring).__name__} of "
            f"{len(cells)} layers."
        )
    wiring = Connectome(LayerMasks(**dict(zip(_LAYERS, inputs, strict=True))))
    return CfC(module.input_size, wiring, **options), {
        f"{layer}.{name}": value
        for layer, of_layer in zip(_LAYERS, numbers, strict=True)
        for name, value in of_layer.items()
    }


def _heads(cell: Any, prefix: str, weights: _Weights) -> dict[str, Tensor]:
    """Returns what a cell of ours has of the heads of theirs."""
    heads = ["ff1"] if cell.mode == "pure" else ["ff1", "ff2", "time_a", "time_b"]

    def stacked(kind: str) -> Tensor:
        return torch.stack([weights.take(f"{prefix}{head}.{kind}") for head in heads])

    numbers = {kind: stacked(kind) for kind in ("weight", "bias")}
    if cell.mode == "pure":
        vectors = [weights.take(prefix + name) for name in ("A", "w_tau")]
        numbers["vectors"] = torch.cat(vectors)
    return numbers


def _backbone(cell: Any, weights: _Weights) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns the layers before the heads, and the options of a CfC with them."""
    layers, dropout = [], 0.0
    for i, part in enumerate(cell.backbone if cell.backbone_layers else ()):
        if isinstance(part, nn.Linear):
            layers.append(
                [weights.take(f"rnn_cell.backbone.{i}.{k}") for k in ("weight", "bias")]
            )
        elif isinstance(part, nn.Dropout):
            dropout = part.p
        elif type(part).__name__ != "LeCun":
            raise ValueError(
                "`module` must have the `activation` 'lecun_tanh', the only one here; "
                f"got {type(part).__name__}."
            )
    options: dict[str, Any]
    options = {"backbone_layers": len(layers), "backbone_dropout": dropout}
    if not layers:
        return {}, options
    (weight, bias), *deep = layers
    numbers = {"backbone_weight": weight, "backbone_bias": bias}
    if deep:
        numbers["deep_weight"], numbers["deep_bias"] = (
            torch.stack(parts) for parts in zip(*deep, strict=True)
        )
    return numbers, options | {"backbone_units": len(bias)}
