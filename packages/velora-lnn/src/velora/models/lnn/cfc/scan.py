"""The closed-form continuous-time (CfC) recurrence as one differentiable function."""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn.cfc import backends
from velora.models.lnn.cfc.heads import n_heads
from velora.models.lnn.cfc.unrolled import unrolled
from velora.models.lnn.headed import scan as headed
from velora.models.lnn.headed.recurrence import Recurrence
from velora.models.lnn.shapes import check_state, sequence_resets, varying_timespans

CFC = Recurrence(unrolled, backends)


def scan(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    *,
    resets: Tensor | None = None,
    timespans: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Runs a closed-form continuous-time (CfC) cell over time.

    With the heads g, h, f, proj and t the time since the last step, for each step

        g, h, f, proj = inputs[step] + state @ weight.T
        gate          = sigmoid(f)      or sigmoid(f_to_g * t + f_to_h) with timespans
        state         = tanh(g) * (1 - gate) + gate * tanh(h)
        y             = proj + state

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks", Eq. 10;
    `NCPLiquidCell` says where it deviates. Only what the next state depends on is in
    the loop; projections and gradients of the weights are one product each after it.
    Small problems in single precision on a CPU take loops that numba has compiled,
    where it is installed (`velora-lnn[fast]`), and on a GPU kernels by Triton;
    `VELORA_SCAN` forces a backend, see `velora.models.lnn.backend`. Second derivatives,
    `torch.func`, `torch.compile` and sequences of one or two steps take plain
    operators. Under autocast it computes in the weight's dtype.

    Args:
        inputs: (T, B, N·H) what inputs and biases give to the N = 4 heads g, h, f and
            proj; with timespans to the N = 5 heads g, h, f_to_g, f_to_h and proj.
        weight: (N·H, H) from the state to the heads.
        state: (B, H) before the first step.
        resets: (T, B), true where the state is zero *before* that step.
        timespans: (T,), (T, B) or (T, B, 1): time since the last step. A time that
            never changes costs less as `f = f_to_g * t + f_to_h` in the weights.

    Returns:
        y: (T, B, H) outputs.
        states: (T, B, H) states after each step.

    Raises:
        ValueError: an argument has another shape; nothing is broadcast.
    """
    _check_heads(inputs, weight, n_heads=n_heads(timespans))
    steps, batch, _ = inputs.shape
    check_state(state, batch, weight.shape[1])
    resets = sequence_resets(resets, steps, batch)
    times = None
    if timespans is not None:
        times = varying_timespans(timespans, steps, batch)
    return over_time(inputs, weight, state, resets, times)


def over_time(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Computes `scan` of what is checked: resets are booleans, times (T, B, 1)."""
    times = None if times is None else times.to(weight.dtype)
    return headed.over_time(CFC, inputs, weight, state, resets, times)


def _check_heads(inputs: Tensor, weight: Tensor, n_heads: int) -> None:
    """Refuses other shapes than (T, B, N·H) and (N·H, H): ValueError."""
    size = n_heads * weight.shape[-1:].numel()
    if weight.dim() != 2 or len(weight) != size:
        raise ValueError(
            f"`weight` must have shape (N·H, H), with N = {n_heads} heads "
            f"{'without' if n_heads == 4 else 'with'} timespans; got "
            f"{tuple(weight.shape)}."
        )
    if inputs.dim() != 3 or 0 in inputs.shape or inputs.shape[2] != size:
        raise ValueError(
            f"`inputs` must have shape (T, B, N·H) = (T, B, {size}), T and B at least "
            f"1; got {tuple(inputs.shape)}."
        )
