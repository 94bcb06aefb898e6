"""The gated leaky integrator over time."""

from __future__ import annotations

from torch import Tensor

from velora.models.lnn.gated_leaky import backends
from velora.models.lnn.gated_leaky.step import in_dtype
from velora.models.lnn.gated_leaky.unrolled import unrolled
from velora.models.lnn.headed.recurrence import Recurrence
from velora.models.lnn.headed.scan import over_time

GATED_LEAKY = Recurrence(unrolled, backends)


def scan(
    inputs: Tensor,
    weight: Tensor,
    state: Tensor,
    resets: Tensor | None,
    times: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Runs gated leaky integrators over time, with arguments that are checked.

    With the heads f, k and proj and t the time since the last step, for each step

        f, k, proj = inputs[step] + state @ weight.T
        gate       = 1 - exp(-t * softplus(f))
        state      = state + gate * (tanh(k) - state)
        y          = proj + state

    `velora.models.lnn.headed.scan.over_time` says what runs it.

    Args:
        inputs: (T, B, 3·H) what inputs and biases give to the heads.
        weight: (3·H, H) from the state to the heads.
        state: (B, H) before the first step.
        resets: (T, B) booleans, true where the state is zero *before* that step.
        times: (T, B, 1) time since the last step; None for 1.

    Returns:
        y: (T, B, H) outputs.
        states: (T, B, H) states after each step.
    """
    times = None if times is None else in_dtype(times, weight.dtype)
    return over_time(GATED_LEAKY, inputs, weight, state, resets, times)
