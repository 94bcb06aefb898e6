"""Which paths lead from sensors to the action, in each step of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from velora.models.lnn.taps import STATE, tapped
from velora.models.lnn.wired import WiredNetwork
from velora.report.acting import Acting
from velora.report.influence import Inputs, inputs_of
from velora.report.trace import Trace
from velora.sb3.recurrent.recurrent_body import RecurrentBody
from velora.wiring.influence import strongest_paths

N_PATHS, N_PARTS = 5, 4  # what a reader can follow


@dataclass(frozen=True)
class Path:
    """A path from a sensor to a part of the action, in one step.

    Attributes:
        neurons: the numbers of its sensory, inter and command neuron.
        effect: what goes along it: the sensor's activity times the slope of the part
            along the path.
    """

    neurons: tuple[int, int, int]
    effect: float


@dataclass(frozen=True)
class Reasons:
    """What moves a part of the action in one step.

    Attributes:
        paths: the strongest ones.
        of_sensors: the sum over all paths.
        of_memory: what the remembered state adds likewise; None where there is none.
    """

    paths: tuple[Path, ...]
    of_sensors: float
    of_memory: float | None


def chosen_motors(acting: Acting, trace: Trace) -> np.ndarray:
    """Returns which motor neurons make each part of the action, step by step.

    A part is a number of a box or of several bits, or one choice. Of a choice the motor
    neuron of what was chosen counts, of quantiles all of it, each by its share.

    Returns:
        (N, parts, O) shares, which sum up to 1 over the O motor neurons.
    """
    n_steps, n_motors = trace.neurons["motor"].shape
    space = acting.policy.action_space
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        n_parts = int(np.prod(space.shape))  # log deviations come after the means
        rows = np.arange(n_parts)[None].repeat(n_steps, axis=0)[..., None]
    elif isinstance(space, spaces.MultiDiscrete):
        first = np.concatenate(([0], np.cumsum(space.nvec)[:-1]))
        rows = (trace.actions.reshape(n_steps, -1) + first)[..., None]
    else:
        actions = trace.actions.reshape(n_steps, 1, 1) - int(space.start)
        rows = actions + np.arange(0, n_motors, int(space.n))
    shares = np.zeros((n_steps, rows.shape[1], n_motors), np.float32)
    np.put_along_axis(shares, rows.astype(np.int64), 1 / rows.shape[2], axis=2)
    return shares[:, :N_PARTS]


def reasons(acting: Acting, trace: Trace) -> list[list[Reasons]]:
    """Finds the strongest paths to each part of the action, for each step.

    The path's effect is a_i · ∂a_j/∂a_i · ∂a_k/∂a_j · ∂m/∂a_k for neurons i, j and k
    and the motor neuron m: the effects of all paths from a sensor add up to its
    activity times gradient in that step, as in `velora.report.influence`.

    Args:
        acting: the network that acts, one of ours.
        trace: of it.

    Returns:
        For each step a list, with an entry for each part of the action.
    """
    slopes = _slopes(acting, trace)
    return [
        [
            _of_part(
                sensed=trace.neurons["sensory"][step],
                inter=slopes.inter[step],
                command=slopes.command[step],
                motor=slopes.motor[step, part],
                memory=None if slopes.memory is None else slopes.memory[step, part],
            )
            for part in range(slopes.motor.shape[1])
        ]
        for step in range(len(trace))
    ]


@dataclass(frozen=True)
class _Slopes:
    """Slopes of what is read along what is read before, (N, from, to).

    `motor` is (N, parts, command), `memory` (N, parts) what the state adds, or None.
    """

    inter: np.ndarray
    command: np.ndarray
    motor: np.ndarray
    memory: np.ndarray | None


def _of_part(
    *,
    sensed: np.ndarray,
    inter: np.ndarray,
    command: np.ndarray,
    motor: np.ndarray,
    memory: float | None,
) -> Reasons:
    effects = {
        "inter": (sensed[:, None] * inter).astype(np.float64),
        "command": command.astype(np.float64),
        "motor": motor[:, None].astype(np.float64),
    }
    found = []
    for sensor, i, c in strongest_paths(effects, 0, N_PATHS).tolist():
        effect = effects["inter"][sensor, i] * command[i, c] * motor[c]
        found.append(Path((sensor, i, c), float(effect)))
    total = float((effects["inter"] @ effects["command"] @ effects["motor"]).sum())
    return Reasons(tuple(found), total, None if memory is None else float(memory))


def _slopes(acting: Acting, trace: Trace) -> _Slopes:
    network = acting.wired
    read: dict[str, Tensor] = {}

    def see(name: str, x: Tensor) -> Tensor:
        # A leaf of its own where nothing before it has a gradient.
        read[name] = x if x.requires_grad else x.detach().requires_grad_(True)
        return read[name]

    shares = torch.from_numpy(chosen_motors(acting, trace)).to(network.device)
    inputs = inputs_of(acting, trace)
    with torch.enable_grad(), tapped(network, see):
        motor = motors_of_steps(acting, trace, inputs)  # (N, O)
    inter = _jacobian(read["inter"], read["sensory"])
    command = _jacobian(read["command"], read["inter"])
    parts = (motor[:, None] * shares).sum(dim=2)  # (N, parts)
    memory = None
    if STATE in read:
        state = read[STATE]
        along = _jacobian(parts, state)  # (N, H, parts)
        memory = _numbers((state.detach()[..., None] * along).sum(dim=1))
    return _Slopes(
        inter=_numbers(inter),
        command=_numbers(command),
        motor=_numbers(_jacobian(parts, read["command"]).transpose(1, 2)),
        memory=memory,
    )


def motors_of_steps(acting: Acting, trace: Trace, inputs: Inputs) -> Tensor:
    """Runs the network on the steps of a trace beside each other: (N, O).

    Args:
        acting: the network.
        trace: whose states there are before each step.
        inputs: of the network in those steps, as `inputs_of` gives them.
    """
    features, starts, timespans = inputs
    body: Any = acting.body
    if not isinstance(body, RecurrentBody):
        outputs: Tensor = body(features)
        return outputs
    (first,) = body.initial_state(1)
    after = torch.from_numpy(trace.states[0]).to(first)
    before = torch.cat((first, after[:-1]))
    outputs, _, _ = body.forward_sequence(
        features[None],
        (before,),
        resets=starts[None],
        timespans=None if timespans is None else timespans.reshape(1, -1),
    )
    return outputs[0]


def _jacobian(outputs: Tensor, inputs: Tensor) -> Tensor:
    """Returns (N, from, to) slopes of rows that depend on the same rows of inputs.

    Of a window, (T, N, n), those of the last step.
    """
    last = outputs[-1] if outputs.dim() == 3 else outputs
    columns = [
        torch.autograd.grad(
            column.sum(), inputs, retain_graph=True, materialize_grads=True
        )[0]
        for column in last.unbind(dim=1)
    ]
    found = torch.stack(columns, dim=-1)
    return found[-1] if found.dim() == 4 else found


def _numbers(values: Tensor) -> np.ndarray:
    numbers: np.ndarray = values.detach().float().cpu().numpy()
    return numbers


def has_paths(acting: Acting) -> bool:
    """Whether the network has neurons of ours between sensors and motors."""
    return isinstance(acting.network, WiredNetwork)
