"""What each neuron and each synapse moves, by gradients along a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from velora.models.lnn.taps import STATE, tapped
from velora.models.lnn.wired import WiredNetwork
from velora.report.acting import Acting, Model, acting_of
from velora.report.lesions import Lesions
from velora.report.silencing import check_trace, sizes_of
from velora.report.trace import Trace
from velora.sb3.recurrent.recurrent_body import RecurrentBody


@dataclass(frozen=True, eq=False)
class Influence:
    """What neurons and synapses do to the O motor neurons; see `influence`.

    Attributes:
        neurons: (n, O) mean effect of each neuron of a layer over the steps, by
            "sensory", "inter" and "command"; positive where it raises the motor neuron.
        magnitudes: (n, O) mean size of those effects, whose signs may cancel out.
        synapses: (from, to, O) mean effect of each synapse, 0 where there is none, by
            "inter", "command" and "motor", the layers that they lead to, and
            "recurrent" where command neurons read each other.
    """

    neurons: dict[str, np.ndarray]
    magnitudes: dict[str, np.ndarray]
    synapses: dict[str, np.ndarray]


def influence(model: Model, trace: Trace) -> Influence:
    """Computes what each neuron and each synapse does to the motor neurons.

    It is activity times gradient: a_i · ∂m_o / ∂a_i of a neuron i and a motor neuron o,
    w · ∂m_o / ∂w of a synapse. That is the first order of what a lesion takes away. Of
    a network with a carried state the effect of a step on all later ones is counted,
    and over a window that of all its steps. Nothing of the model is changed.

    Args:
        model: as in `velora.report.trace`.
        trace: of this model.

    Raises:
        TypeError: the network has no neurons of ours, or the trace is none.
        ValueError: the trace is of another network.
    """
    acting = acting_of(model)
    network = acting.wired
    check_trace(network, trace)
    n_steps = len(trace)
    factors = {
        layer: torch.ones(n_steps, size, device=network.device, requires_grad=True)
        for layer, size in sizes_of(network).items()
    }
    weights = _weights(network)
    every = [weight for group in weights.values() for weight in group]
    neurons: dict[str, list[Tensor]] = {layer: [] for layer in factors}
    synapses: dict[str, list[Tensor]] = {layer: [] for layer in weights}
    inputs = inputs_of(acting, trace)
    with _differentiable(every), torch.enable_grad():
        with tapped(network, _Factors(factors, carried=_carries(acting))):
            motor = motor_of(acting, *inputs)
        for total in motor.sum(dim=0):
            grads = torch.autograd.grad(
                total,
                [*factors.values(), *every],
                retain_graph=True,
                materialize_grads=True,
            )
            # By a factor of 1 the gradient is the activity times its own.
            for layer, grad in zip(factors, grads, strict=False):
                neurons[layer].append(grad)
            of_weights = iter(grads[len(factors) :])
            for layer, group in weights.items():
                effects = [w.detach() * next(of_weights) for w in group]
                synapses[layer].append(torch.stack(effects).sum(dim=0) / n_steps)
    of_steps = {layer: torch.stack(grads, dim=2) for layer, grads in neurons.items()}
    return Influence(
        neurons={layer: _numbers(e.mean(dim=0)) for layer, e in of_steps.items()},
        magnitudes={
            layer: _numbers(e.abs().mean(dim=0)) for layer, e in of_steps.items()
        },
        synapses=_by_layer(network, synapses),
    )


def rank_correlation(
    influence: Influence, lesions: Lesions, *, motors: Sequence[int] | None = None
) -> float:
    """Says how well influence predicts lesions: Spearman's rank correlation.

    The magnitudes of all neurons of a lesion, summed over motor neurons, are compared
    with how much the lesion changes the mean return, whichever way.

    Args:
        influence: of a model.
        lesions: of the same.
        motors: the motor neurons that decide, where others say something else, as the
            log deviations of SAC do; None takes all.

    Returns:
        From -1 to 1; NaN where all of one kind are equal, or there are less than two.

    Raises:
        TypeError: an argument is none such.
        ValueError: a neuron or motor neuron is not there, or the two are of networks of
            other sizes.
    """
    for name, given, kind in (
        ("influence", influence, Influence),
        ("lesions", lesions, Lesions),
    ):
        if not isinstance(given, kind):
            raise TypeError(
                f"`{name}` must be what velora.report.{name} returns; got "
                f"{type(given).__name__}."
            )
    if motors is not None and not isinstance(motors, Sequence | np.ndarray):
        raise TypeError(
            "`motors` must be numbers of motor neurons, as [0], or None; got "
            f"{motors!r:.100}."
        )
    sizes = {layer: len(rows) for layer, rows in influence.magnitudes.items()}
    if lesions.sizes and lesions.sizes != sizes:
        raise ValueError(
            "`influence` and `lesions` must be of one model; got networks with "
            f"{sizes} and {dict(lesions.sizes)} neurons. Take both of the same one."
        )
    chosen = slice(None) if motors is None else list(motors)
    try:
        expected = [
            sum(influence.magnitudes[layer][i, chosen].sum() for layer, i in group)
            for group in lesions.groups
        ]
    except (KeyError, IndexError) as error:
        raise ValueError(
            "`influence` and `lesions` must be of one model, and `motors` numbers of "
            f"its motor neurons; got others ({error})."
        ) from error
    ranks = _ranks(np.array(expected)), _ranks(np.abs(lesions.differences))
    if any(len(np.unique(each)) < 2 for each in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


class _Factors:
    """Multiplies what is read in each step with a factor of its own, a row each."""

    def __init__(self, factors: Mapping[str, Tensor], *, carried: bool) -> None:
        self._factors = factors
        self._carried = carried
        self._calls: Counter[str] = Counter()

    def __call__(self, name: str, x: Tensor) -> Tensor:
        rows = self._factors["command" if name == STATE else name]  # (N, n)
        if not self._carried:
            return x * rows  # the steps are the batch, also of a window's (T, N, n)
        if x.dim() == 3:
            return x * rows[:, None]  # (N, 1, n)
        step = self._calls[name]
        self._calls[name] += 1
        return x * rows[step]


def _carries(acting: Acting) -> bool:
    return isinstance(acting.body, RecurrentBody)


Inputs = tuple[Tensor, Tensor, Tensor | None]


def inputs_of(acting: Acting, trace: Trace) -> Inputs:
    """Returns what a policy gives its network in the steps of a trace.

    Returns:
        features: (N, F).
        starts: (N,) true where an episode starts.
        timespans: (N, ...) where the network gets them, else None.
    """
    seen: list[Any] = []
    with acting.body.register_forward_pre_hook(lambda _, args: seen.extend(args)):
        acting.policy.predict(trace.observations, deterministic=True)
    features, *rest = seen
    starts = torch.from_numpy(trace.episode_starts).to(features.device)
    return features, starts, rest[2] if len(rest) == 3 else None


def motor_of(
    acting: Acting, features: Tensor, starts: Tensor, timespans: Tensor | None
) -> Tensor:
    """Runs the network along a trace: (N, O) motor neurons, differentiable."""
    if not isinstance(acting.body, RecurrentBody):
        outputs: Tensor = acting.body(features)
        return outputs
    outputs, _, _ = acting.body.forward_sequence(
        features[:, None],
        acting.body.initial_state(1),
        resets=starts[:, None],
        timespans=None if timespans is None else timespans.reshape(-1, 1),
    )
    return outputs[:, 0]


def _weights(network: WiredNetwork) -> dict[str, list[nn.Parameter]]:
    """Returns the (to, from) weights of each layer's synapses, of a cell one a head."""
    counts = network.counts
    _, recurrent = network.command_synapses()
    into_command = counts.inter + (0 if recurrent is None else counts.command)
    shapes = {
        "inter": (counts.inter, counts.sensory),
        "command": (counts.command, into_command),
        "motor": (counts.motor, counts.command),
    }
    found = {
        layer: [w for w in getattr(network, layer).parameters() if w.shape == shape]
        for layer, shape in shapes.items()
    }
    return {layer: group for layer, group in found.items() if group}


def _by_layer(
    network: WiredNetwork, synapses: Mapping[str, list[Tensor]]
) -> dict[str, np.ndarray]:
    """Turns (to, from) effects on each motor neuron into (from, to, O)."""
    found = {
        layer: _numbers(torch.stack(effects, dim=2).transpose(0, 1))
        for layer, effects in synapses.items()
    }
    n_inter = network.counts.inter
    if "command" in found and len(found["command"]) > n_inter:
        found["recurrent"] = found["command"][n_inter:]
        found["command"] = found["command"][:n_inter]
    return found


@contextmanager
def _differentiable(weights: Sequence[nn.Parameter]) -> Iterator[None]:
    """Lets weights that are frozen have gradients meanwhile."""
    frozen = [weight for weight in weights if not weight.requires_grad]
    try:
        for weight in frozen:
            weight.requires_grad_(True)
        yield
    finally:
        for weight in frozen:
            weight.requires_grad_(False)


def _numbers(values: Tensor) -> np.ndarray:
    numbers: np.ndarray = values.detach().float().cpu().numpy()
    return numbers


def _ranks(values: np.ndarray) -> np.ndarray:
    """Returns the rank of each value, of equal ones the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: np.ndarray = (last - (counts - 1) / 2)[inverse]
    return ranks
