"""A module of ncps as one of ours."""

from __future__ import annotations

import importlib

from torch import nn

from velora.models.modules.cfc import CfC
from velora.models.modules.ltc import LTC
from velora.models.modules.of_ncps.cfc import cfc_of
from velora.models.modules.of_ncps.ltc import ltc_of
from velora.models.modules.of_ncps.weights import TheirWeights

# Names here and there.
_MEMORY = {
    "input_weight": "input_map.weight",
    "input_bias": "input_map.bias",
    "recurrent_weight": "recurrent_map.weight",
}


def from_ncps(module: nn.Module) -> CfC | LTC:
    """Returns a `CfC` or `LTC` of ncps as one of ours that computes the same.

    It has the options, weights, dtype and device of theirs, and shares nothing with it;
    its network and its projection are frozen where theirs are (`requires_grad`). Where
    ncps is right (without times, or with a single row) numbers and gradients are equal.
    What an LTC of theirs was made without, such as an offset of the inputs, is there,
    fixed at what changes nothing.

    Args:
        module: an `ncps.torch.CfC` or `ncps.torch.LTC` of ncps 1.0.1.

    Raises:
        ImportError: ncps is not installed.
        TypeError: it is neither of these.
        ValueError: something of it has no counterpart here, or is frozen in part; the
            message names it.
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
    frozen = {part: _is_frozen(module, part) for part in ("network", "proj")}
    weights = TheirWeights(module.state_dict())
    carry = ltc_of if isinstance(module, theirs.LTC) else cfc_of
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
    for part, is_frozen in frozen.items():
        if is_frozen:
            ours.get_submodule(part).requires_grad_(False)
    return ours.train(module.training)


def _is_frozen(module: nn.Module, part: str) -> bool:
    """Returns whether nothing of a part is trained; refuses some of it: ValueError."""
    trained = {
        name: parameter.requires_grad
        for name, parameter in module.named_parameters()
        if name.startswith("fc.") == (part == "proj")
        and not name.endswith("sparsity_mask")  # which is none of theirs to train
    }
    frozen = [name for name, is_trained in trained.items() if not is_trained]
    if 0 < len(frozen) < len(trained):
        raise ValueError(
            "`module` must be trained as a whole or not at all, but for its `fc`, as "
            "several of its parameters are one of ours; got "
            f"{frozen} frozen. Call its `requires_grad_(True)` first, and freeze what "
            "you want of the result."
        )
    return bool(frozen)
