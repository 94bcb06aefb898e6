"""One step of liquid time-constant neurons, as their equations read."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-8
"""What is added to each conductance, so that none is zero."""


def solve(
    x: Tensor,
    state: Tensor,
    neurons: Tensor,
    sensory: Tensor,
    recurrent: Tensor,
    times: Tensor | None,
    unfolds: int,
) -> Tensor:
    """Returns the (B, H) state after a step, by the semi-implicit solver.

    With the current and the conductance of all synapses onto a neuron, which are held
    while its potential v is solved for, each unfold of length t / unfolds is

        c · (v' - v) = leak · (leak_potential - v') + current - conductance · v'

    with c = capacitance · unfolds / t. Both sides are multiplied by t / (1 + t), so
    that no time is too short or too long.

    Args:
        x: (B, F) inputs.
        state: (B, H) potentials before the step.
        neurons: (3, H) leak, leak potential and capacitance.
        sensory: (4, H, F) weight, reversal potential, µ and σ of synapses from inputs;
            a weight of zero where there is none.
        recurrent: (4, H, H) those of synapses from other neurons.
        times: (B, 1) time since the last step, finite; None for 1.
        unfolds: steps of the solver.
    """
    leak, leak_potential, capacitance = neurons.unbind()
    held = capacitance * unfolds
    rate: Tensor | float = 1.0
    if times is not None:
        held, rate = held / (1 + times), times / (1 + times)
    from_inputs, through_inputs = currents(x, sensory)
    from_inputs = from_inputs + leak * leak_potential
    through_inputs = through_inputs + leak + LEAST
    for _ in range(unfolds):
        current, conductance = currents(state, recurrent)
        current = held * state + rate * (current + from_inputs)
        state = current / (held + rate * (conductance + through_inputs))
    return state


def currents(potentials: Tensor, synapses: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the (B, to) current into each neuron, and the conductance.

    Args:
        potentials: (B, from) of the neurons that the synapses come from.
        synapses: (4, to, from) weight, reversal potential, µ and σ.
    """
    weight, reversal, mu, sigma = synapses.unbind()
    activity = torch.sigmoid(sigma * (potentials[:, None] - mu))  # (B, to, from)
    conductance = weight * activity
    return (conductance * reversal).sum(2), conductance.sum(2)
