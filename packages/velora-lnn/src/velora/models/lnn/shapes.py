"""Validation of sizes, masks, inputs, states, resets and timespans: every refusal.

A plugin's network may call these, so that it refuses what Velora's own refuse, in the
same words. Nothing is broadcast: a shape that would fit by accident is a ValueError.
"""

from __future__ import annotations

from numbers import Real
from typing import SupportsIndex, TypeVar

import torch
from torch import Tensor

from velora.models.lnn.eager import is_at_hand, is_recorded
from velora.models.protocol import Timespans
from velora.utils import check_memory

# What no gate tells from for ever, while all that is multiplied with it stays finite.
_LONGEST = 1e18


def check_sizes(**sizes: int) -> None:
    """Refuses a size that is no integer (TypeError) or below 1 (ValueError)."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, SupportsIndex):
            raise TypeError(f"`{name}` must be an integer; got {size!r}.")
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1; got {size}.")


def check_weights(number: int, what: str, device: torch.device | str | None) -> None:
    """Refuses more weights than fit in memory, before they are made: ValueError."""
    if torch.empty(0, device=device).device.type == "cpu":
        size = torch.finfo(torch.get_default_dtype()).bits // 8
        check_memory(number * (size + 1), what)  # and a mask of a byte each


def check_mask(mask: Tensor, sizes: dict[str, int], *, signed: bool = False) -> None:
    """Refuses what is no mask.

    Args:
        mask: of which every number is 0 or 1, as a layer has it.
        sizes: its shape, by name.
        signed: whether it may hold -1 as well, as a wiring has it.

    Raises:
        TypeError: it is no tensor.
        ValueError: it has another shape, or holds other numbers.
    """
    names, shape = ", ".join(sizes), tuple(sizes.values())
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"`mask` must be a tensor of shape ({names}) = {shape}; got "
            f"{type(mask).__name__}."
        )
    if tuple(mask.shape) != shape:
        hint = " Transpose it." if tuple(mask.shape) == shape[::-1] else ""
        raise ValueError(
            f"`mask` must have shape ({names}) = {shape}; got "
            f"{tuple(mask.shape)}.{hint}"
        )
    if fault := fault_of_mask(mask, signed=signed):
        raise ValueError(f"`mask` {fault}")


def fault_of_mask(mask: Tensor, *, signed: bool = False) -> str | None:
    """Says what else than 0 and 1 (and -1, if signed) a mask holds; None if nothing."""
    if not is_at_hand(mask):
        return None
    held = (mask == 0) | (mask == 1)
    if signed and mask.dtype.is_signed:  # else 255 of uint8 equals -1
        held |= mask == -1
    if not mask.is_complex() and bool(held.all()):
        return None
    meant = "-1 (inhibitory), 0 (none) and 1" if signed else "0 (no synapse) and 1"
    got = (mask if held.all() else mask[~held]).flatten()[:3].tolist()
    return (
        f"must hold {meant} alone; got {got}. It is who is connected to whom and no "
        "weight: where state dicts are averaged or mutated, leave the mask entries out."
    )


def check_tensor(name: str, value: object) -> None:
    """Refuses what is no tensor, such as an array of NumPy's: TypeError."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"`{name}` must be a tensor; got {type(value).__name__}. Pass "
            f"torch.as_tensor({name}), of the dtype and on the device of the weights."
        )


def check_features(x: Tensor, in_features: int) -> None:
    """Refuses inputs of another shape than (..., in_features): ValueError."""
    check_tensor("x", x)
    if x.dim() == 0 or (not is_recorded() and x.shape[-1] != in_features):
        raise ValueError(
            f"`x` must have shape (..., in_features) = (..., {in_features}); got "
            f"{tuple(x.shape)}."
        )


def check_batch(x: Tensor, in_features: int) -> None:
    """Refuses inputs of another shape than (B, in_features): ValueError."""
    check_tensor("x", x)
    if x.dim() != 2 or (not is_recorded() and x.shape[1] != in_features):
        unsupported = "" if x.dim() == 2 else "Unsupported dimensionality: "
        raise ValueError(
            f"{unsupported}`x` must have shape (batch, in_features) = (batch, "
            f"{in_features}); got {tuple(x.shape)}."
        )


def check_sequence(x: Tensor, in_features: int) -> None:
    """Refuses inputs of another shape than (T, B, in_features): ValueError."""
    check_tensor("x", x)
    if x.dim() != 3 or (
        not is_recorded() and (0 in x.shape[:2] or x.shape[2] != in_features)
    ):
        raise ValueError(
            "`x` must have shape (steps, batch, in_features) = (T, B, "
            f"{in_features}) with T and B at least 1; got {tuple(x.shape)}."
        )


def check_state(state: Tensor, batch: int, n_hidden: int) -> None:
    """Refuses a state of another shape than (batch, n_hidden): ValueError."""
    check_tensor("state", state)
    if not has_shape(state, (batch, n_hidden)):
        raise ValueError(
            f"`state` must have shape (batch, hidden) = ({batch}, {n_hidden}); got "
            f"{tuple(state.shape)}."
        )


def step_timespans(timespans: Timespans, batch: int) -> Timespans:
    """Checks the timespans of one step.

    Args:
        timespans: a number, (B,) or (B, 1); None where none are given.
        batch: B.

    Returns:
        None, a number, or a tensor of shape () or (B, 1).

    Raises:
        ValueError: any other shape, even one that would broadcast, or times that are
            negative or no number.
    """
    if _is_constant(timespans):
        return _times(timespans)
    shapes = (batch,), (batch, 1)
    if isinstance(timespans, Tensor) and has_shape(timespans, *shapes):
        return _times(timespans).reshape(batch, 1)
    raise ValueError(
        "`timespans` must be a number, or of shape (batch,) or (batch, 1) with batch "
        f"= {batch}; got {_told(timespans)}."
    )


def sequence_timespans(timespans: Timespans, steps: int, batch: int) -> Timespans:
    """Checks the timespans of a sequence.

    Args:
        timespans: a number, (T,), (T, B) or (T, B, 1); None where none are given.
        steps: T.
        batch: B.

    Returns:
        None, a number, or a tensor of shape () or (T, B, 1).

    Raises:
        ValueError: any other shape, even one that would broadcast, or times that are
            negative or no number.
    """
    if _is_constant(timespans):
        return _times(timespans)
    if isinstance(timespans, Tensor):
        return varying_timespans(timespans, steps, batch)
    raise ValueError(
        "`timespans` must be a number or a tensor of shape (T,), (T, B) or (T, B, 1) "
        f"with (T, B) = ({steps}, {batch}); got {timespans!r}."
    )


def varying_timespans(timespans: Tensor, steps: int, batch: int) -> Tensor:
    """Checks timespans that differ from step to step, and gives them as (T, B, 1).

    Args:
        timespans: (T,), (T, B) or (T, B, 1).
        steps: T.
        batch: B.

    Raises:
        ValueError: any other shape, even one that would broadcast, or times that are
            negative or no number.
    """
    if not has_shape(timespans, (steps,), (steps, batch), (steps, batch, 1)):
        raise ValueError(
            "`timespans` must have shape (T,), (T, B) or (T, B, 1) with (T, B) = "
            f"({steps}, {batch}), or be one number where that is taken; got "
            f"{_told(timespans)}."
        )
    return _times(timespans).view(steps, -1, 1).expand(steps, batch, 1)


def sequence_resets(resets: Tensor | None, steps: int, batch: int) -> Tensor | None:
    """Checks the resets of a sequence and gives them as booleans.

    Args:
        resets: (T, B), true where the state is zero before that step; or None.
        steps: T.
        batch: B.

    Raises:
        ValueError: another shape.
    """
    if resets is None:
        return None
    if not isinstance(resets, Tensor) or not has_shape(resets, (steps, batch)):
        raise ValueError(
            f"`resets` must have shape (T, B) = ({steps}, {batch}); got "
            f"{_told(resets)}."
        )
    return resets.bool()


def has_shape(tensor: Tensor, *shapes: tuple[int, ...]) -> bool:
    """Whether a tensor has one of these shapes; while recorded, as many dimensions."""
    if is_recorded():
        return tensor.dim() in map(len, shapes)
    return tuple(tensor.shape) in shapes


def _is_constant(timespans: Timespans) -> bool:
    """Whether no time differs from another: None, a number or a tensor of one."""
    if isinstance(timespans, Tensor):
        return timespans.dim() == 0
    return timespans is None or isinstance(timespans, Real)


T = TypeVar("T", bound=Timespans)


def _times(timespans: T) -> T:
    """Refuses times that are no times, and gives endless ones as very long."""
    if timespans is None:
        return timespans
    if isinstance(timespans, Tensor):
        if is_at_hand(timespans) and not bool((timespans >= 0).all()):
            raise _refused_time(timespans.nan_to_num(nan=-torch.inf).min().item())
        if not timespans.is_floating_point():
            return timespans
        longest = min(_LONGEST, torch.finfo(timespans.dtype).max)
        return timespans.clamp(max=longest)  # type: ignore[return-value]  # a tensor
    if not timespans >= 0:
        raise _refused_time(timespans)
    return min(timespans, _LONGEST)  # type: ignore[return-value]  # a number


def _refused_time(got: object) -> ValueError:
    return ValueError(
        "`timespans` must be times since the last step, so neither negative nor NaN; "
        f"got {got}. Leave them out of any normalisation."
    )


def _told(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else repr(value)
