"""The recurrence in PyTorch's operators on compressed rows; on any device.

Arguments are those of `velora.models.lnn.ltc.backends`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from velora.models.lnn.backend import OPERATORS, Backend
from velora.models.lnn.ltc.rows import Circuit, Rows
from velora.models.lnn.ltc.step import LEAST


def takes(tensor: Tensor, work: int) -> bool:
    """Whether these are tensors for PyTorch's operators: all are."""
    return True


def forward(
    inputs: Tensor,
    circuit: Circuit,
    times: Tensor | None,
    resets: Tensor | None,
    trail: Tensor,
) -> tuple[Tensor, Tensor | None]:
    """Fills `trail` and returns the conductances and currents of each unfold."""
    neurons, sensory, recurrent = circuit
    leak, leak_potential, capacitance = neurons[..., None].unbind()  # (H, 1) each
    conductances = torch.empty_like(trail[:, 1:])
    currents = None if times is None else torch.empty_like(conductances)
    unfolds = conductances.shape[1]
    for step, now in enumerate(inputs.unbind()):
        held, rate = _held(capacitance * unfolds, times, step)
        state = trail[0, 0] if step == 0 else trail[step - 1, -1]
        if resets is not None:
            state = state.masked_fill(resets[step], 0)
        trail[step, 0] = state
        from_inputs = (leak * leak_potential).expand_as(state).clone()
        through_inputs = (leak + LEAST).expand_as(state).clone()
        _add_currents(from_inputs, through_inputs, now, *sensory)
        for unfold in range(unfolds):
            current, conductance = from_inputs.clone(), through_inputs.clone()
            _add_currents(current, conductance, state, *recurrent)
            state = (held * state + rate * current) / (held + rate * conductance)
            trail[step, unfold + 1] = state
            conductances[step, unfold] = conductance
            if currents is not None:
                currents[step, unfold] = current
    return conductances, currents


def backward(
    grad_states: Tensor,
    inputs: Tensor,
    circuit: Circuit,
    times: Tensor | None,
    resets: Tensor | None,
    trail: Tensor,
    conductances: Tensor,
    currents: Tensor | None,
) -> tuple[Tensor | None, ...]:
    """Returns the gradients of all that is a number; see the table."""
    neurons, sensory, recurrent = circuit
    leak, leak_potential, capacitance = neurons[..., None].unbind()  # (H, 1) each
    unfolds = conductances.shape[1]
    grad_inputs, grad_neurons = torch.zeros_like(inputs), torch.zeros_like(neurons)
    grad_sensory, grad_recurrent = map(torch.zeros_like, (sensory[1], recurrent[1]))
    grad_times = None if times is None else torch.empty_like(times)
    now = torch.zeros_like(grad_states[0])  # (H, B)
    for step in range(len(inputs) - 1, -1, -1):
        held, rate = _held(capacitance * unfolds, times, step)
        ratio = 1.0 if times is None else 1 / (1 + times[step, :, 0])
        now = now + grad_states[step]
        of_current, of_conductance, of_held, of_rate = now.new_zeros(4, *now.shape)
        for unfold in range(unfolds - 1, -1, -1):
            before, after = trail[step, unfold], trail[step, unfold + 1]
            conductance = conductances[step, unfold]
            up = now / (held + rate * conductance)
            down = -up * after
            of_held += up * before + down
            if currents is not None:
                of_rate += up * currents[step, unfold] + down * conductance
            to_current, to_conductance = rate * up, rate * down
            of_current += to_current
            of_conductance += to_conductance
            now = held * up
            _add_gradients(
                *(to_current, to_conductance, before, *recurrent),
                *(now, grad_recurrent),
            )
        _add_gradients(
            *(of_current, of_conductance, inputs[step], *sensory),
            *(grad_inputs[step], grad_sensory),
        )
        grad_neurons[0] += (of_current * leak_potential + of_conductance).sum(1)
        grad_neurons[1] += (of_current * leak).sum(1)
        grad_neurons[2] += (of_held * ratio).sum(1) * unfolds
        if grad_times is not None:
            of_time = of_rate - capacitance * unfolds * of_held
            grad_times[step, :, 0] = of_time.sum(0) * ratio * ratio
        if resets is not None:
            now = now.masked_fill(resets[step], 0)
    return grad_inputs, now, grad_neurons, grad_sensory, grad_recurrent, grad_times


def _held(
    capacitance: Tensor, times: Tensor | None, step: int
) -> tuple[Tensor, Tensor | float]:
    """Returns by how much a potential is held, and the rate at which it is moved."""
    if times is None:
        return capacitance, 1.0
    t = times[step, :, 0]  # (B,)
    return capacitance / (1 + t), t / (1 + t)


def _add_currents(
    current: Tensor, conductance: Tensor, potentials: Tensor, rows: Rows, values: Tensor
) -> None:
    """Adds what the synapses carry to the (to, B) currents and conductances."""
    weight, reversal, mu, sigma = values[..., None]  # (K, 1) each
    activity = torch.sigmoid(sigma * (potentials[rows.sources] - mu))  # (K, B)
    through = weight * activity
    conductance.index_add_(0, rows.targets, through)
    current.index_add_(0, rows.targets, through * reversal)


def _add_gradients(
    to_current: Tensor,
    to_conductance: Tensor,
    potentials: Tensor,
    rows: Rows,
    values: Tensor,
    grad_potentials: Tensor,
    grad_values: Tensor,
) -> None:
    """Adds the gradients of the (from, B) potentials and of the (4, K) values."""
    weight, reversal, mu, sigma = values[..., None]  # (K, 1) each
    above = potentials[rows.sources] - mu
    activity = torch.sigmoid(sigma * above)  # (K, B)
    of_current, of_conductance = to_current[rows.targets], to_conductance[rows.targets]
    of_through = of_current * reversal + of_conductance
    of_argument = weight * of_through * activity * (1 - activity)
    of_potential = of_argument * sigma
    grad_potentials.index_add_(0, rows.sources, of_potential)
    grad_values[0] += (of_through * activity).sum(1)
    grad_values[1] += (of_current * activity * weight).sum(1)
    grad_values[2] -= of_potential.sum(1)
    grad_values[3] += (of_argument * above).sum(1)


BACKEND = Backend(OPERATORS, takes, forward, backward, Tensor.contiguous)
