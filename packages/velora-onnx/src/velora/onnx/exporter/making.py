"""From a model to its file: described, recorded, compared, and only then written."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from velora.models.lnn.bare import are_bare
from velora.models.modules.base import RecurrentModule
from velora.models.storage.regular_file import replace_regular
from velora.onnx.description import Description
from velora.onnx.exported import Exported
from velora.onnx.exporter.acting import (
    Acting,
    ModuleAlone,
    NetworkAlone,
    acting_of,
)
from velora.onnx.exporter.comparing import compare
from velora.onnx.exporter.draws import Draws
from velora.onnx.exporter.normalising import Normaliser, statistics_of
from velora.onnx.exporter.ports import acted, observed
from velora.onnx.exporter.recording import record
from velora.onnx.exporter.reference import NetworkReference, Reference
from velora.onnx.version import __version__
from velora.sb3 import Agent


def make(
    model: Any,
    path: str | PathLike[str],
    vec_normalize: VecNormalize | str | PathLike[str] | None,
) -> Exported:
    """Writes a model into a file; see `velora.onnx.export`."""
    policy = getattr(model, "policy", model)
    if isinstance(policy, nn.Module) and not hasattr(policy, "obs_to_tensor"):
        return _network(policy, path, vec_normalize)
    reference = Agent(model)  # refuses what is no model
    policy.set_training_mode(False)
    statistics = statistics_of(model, vec_normalize)
    made_of = type(policy).__name__
    if policy is not model:
        made_of = f"{type(model).__name__} {made_of}"
    return _write(
        path,
        acting_of(policy),
        reference,
        policy.observation_space,
        policy.action_space,
        policy.device,
        made_of,
        statistics,
    )


def _network(network: nn.Module, path: Any, vec_normalize: Any) -> Exported:
    name = type(network).__name__
    if isinstance(network, RecurrentModule):
        if not are_bare(RecurrentModule.forward, network):
            raise TypeError(
                "A module of velora.models must be called as its class says; got "
                f"{name} with hooks or a `forward` of its own. Pass its `network`."
            )
        network = ModuleAlone(network)
    sizes: list[Any]
    sizes = [getattr(network, name, None) for name in ("in_features", "out_features")]
    if not all(isinstance(size, int) for size in sizes):
        raise TypeError(
            "`model` must be an algorithm of Stable-Baselines3, its policy, or a "
            f"network with `in_features` and `out_features`; got {name}."
        )
    if vec_normalize is not None:
        raise TypeError(
            "`vec_normalize` must be left out with a network, which has no environment."
        )
    parameter = next(network.parameters(), torch.zeros(()))
    if parameter.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            "A network must be of torch.float32, or of torch.float64 where onnxruntime "
            f"has its functions; got {parameter.dtype}. Export a copy: "
            "`copy.deepcopy(network).float()`."
        )
    dtype: Any = np.float64 if parameter.dtype == torch.float64 else np.float32
    inputs, outputs = (spaces.Box(-np.inf, np.inf, (n,), dtype) for n in sizes)
    training = network.training
    network.eval()
    try:
        device = parameter.device
        reference = NetworkReference(network, device)
        acting = NetworkAlone(network)
        return _write(path, acting, reference, inputs, outputs, device, name, None)
    finally:
        network.train(training)


def _write(
    path: Any,
    acting: Acting,
    reference: Reference,
    observations: spaces.Space[Any],
    actions: spaces.Space[Any],
    device: torch.device,
    made_of: str,
    statistics: VecNormalize | None,
) -> Exported:
    ports = observed(observations)
    moments: dict[str | None, Any] = {}
    normalised: Any = _as_they_are
    if statistics is not None:
        normaliser = Normaliser(statistics, ports, device)
        acting.normalise, ports = normaliser, normaliser.ports
        normalised = statistics.normalize_obs
        for key, moment in normaliser.moments.items():
            moments[key] = tuple(part.cpu().numpy() for part in moment)
    says = Description(
        made_of=made_of,
        velora=__version__,
        observations=ports,
        action=acted(actions),
        states=acting.states,
        masks=acting.masks,
    )
    content, branches = record(acting, says, device)
    timespans = getattr(acting.policy, "timespan_key", None)
    draws = Draws(says, moments, timespans)
    difference, n_steps = compare(content, acting, reference, draws, normalised)
    if branches:
        warnings.warn(
            f"{made_of} decides by a value or a size at {', '.join(branches)}: the "
            "file always goes the way that it went in the recording. In "
            f"{n_steps} steps it did the same; where the other way is taken, it will "
            "not. Take torch.where.",
            stacklevel=4,  # who has called `export`, or `export` for a network alone
        )
    replace_regular(path, content)
    return Exported(len(content), difference, n_steps)


def _as_they_are(observation: Any) -> Any:
    return observation
