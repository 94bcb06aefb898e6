"""A CfC of ncps as one of ours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from velora.models.modules.cfc import CfC
from velora.models.modules.of_ncps.weights import TheirWeights
from velora.wiring import Connectome, LayerMasks

_LAYERS = ("inter", "command", "motor")  # as ncps numbers them


def cfc_of(module: Any, weights: TheirWeights) -> tuple[CfC, dict[str, Tensor]]:
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
    module: Any, weights: TheirWeights, options: dict[str, Any]
) -> tuple[CfC, dict[str, Tensor]]:
    """Does what `cfc_of` does for one over a wiring."""
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


def _heads(cell: Any, prefix: str, weights: TheirWeights) -> dict[str, Tensor]:
    """Returns what a cell of ours has of the heads of theirs."""
    heads = ["ff1"] if cell.mode == "pure" else ["ff1", "ff2", "time_a", "time_b"]

    def stacked(kind: str) -> Tensor:
        return torch.stack([weights.take(f"{prefix}{head}.{kind}") for head in heads])

    numbers = {kind: stacked(kind) for kind in ("weight", "bias")}
    if cell.mode == "pure":
        vectors = [weights.take(prefix + name) for name in ("A", "w_tau")]
        numbers["vectors"] = torch.cat(vectors)
    return numbers


def _backbone(
    cell: Any, weights: TheirWeights
) -> tuple[dict[str, Tensor], dict[str, Any]]:
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
