"""The statistics of VecNormalize, as a part of what is recorded."""

from __future__ import annotations

import pickle
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

from velora.onnx.exporter.ports import port_of
from velora.onnx.port import Port


class Normaliser(nn.Module):
    """Normalises observations as VecNormalize does, in double precision.

    Args:
        statistics: as they are now.
        ports: of observations as the model takes them.
        device: the model's.

    Raises:
        ValueError: the statistics are of other observations.

    Attributes:
        statistics: what VecNormalize computes with.
        ports: of observations as the environment gives them.
    """

    def __init__(
        self,
        statistics: VecNormalize,
        ports: tuple[Port, ...],
        device: torch.device,
    ) -> None:
        super().__init__()
        self.statistics = statistics
        self.clip = float(statistics.clip_obs)
        found: Any = statistics.obs_rms
        by_key: dict[str | None, Any]
        by_key = dict(found) if isinstance(found, dict) else {None: found}
        shapes = {port.key: port.shape for port in ports}
        for key, moments in by_key.items():
            if shapes.get(key) != moments.mean.shape:
                of = "" if key is None else f" of {key!r}"
                raise ValueError(
                    f"`vec_normalize` must be of the model's observations, {shapes}; "
                    f"it has statistics{of} of the shape {moments.mean.shape}. To "
                    "normalise outside of the file, export `model.policy`."
                )
        self.moments = {
            key: (
                torch.as_tensor(moments.mean, device=device).double(),
                torch.as_tensor(
                    np.sqrt(moments.var + statistics.epsilon), device=device
                ).double(),
            )
            for key, moments in by_key.items()
        }
        self.ports = tuple(
            self._raw(port) if port.key in self.moments else port for port in ports
        )

    def forward(self, obs: Any) -> Any:
        """Normalises (B, ...) observations, or those of a dict that are normalised."""
        if not isinstance(obs, dict):
            return self._normalised(None, obs)
        return {
            key: self._normalised(key, part) if key in self.moments else part
            for key, part in obs.items()
        }

    def _normalised(self, key: str | None, part: Tensor) -> Tensor:
        mean, deviation = self.moments[key]
        scaled = (part.double() - mean) / deviation
        return scaled.clamp(-self.clip, self.clip).float()

    def _raw(self, port: Port) -> Port:
        """Returns the port of what an environment gives, in its own numbers."""
        # VecNormalize shows normalised images with other bounds, and unpickled ones
        # have no environments to ask.
        venv = self.statistics.venv or self.statistics
        space: Any = venv.observation_space
        part = space if port.key is None else space[port.key]
        return port_of(part, port.name, port.key)


def statistics_of(
    model: Any, given: VecNormalize | str | PathLike[str] | None
) -> VecNormalize | None:
    """Returns the statistics that observations are normalised by, or None.

    Args:
        model: whose environments have them, where none are given.
        given: statistics, or the path of such.

    Raises:
        OSError: the file cannot be read.
        TypeError: what is given are no statistics.
        ValueError: nor is what the file holds.
    """
    found: Any = given
    if isinstance(given, str | PathLike):
        content = Path(given).read_bytes()
        try:
            found = pickle.loads(content)
        except Exception as error:  # unpickling raises whatever it meets
            raise ValueError(
                "`vec_normalize` must be a file that VecNormalize has saved; "
                f"{str(given)!r} cannot be read ({error})."
            ) from error
    elif given is None and hasattr(model, "get_vec_normalize_env"):
        found = model.get_vec_normalize_env()
    if found is None:
        return None
    if not isinstance(found, VecNormalize):
        kind = ValueError if found is not given else TypeError
        raise kind(
            "`vec_normalize` must be a VecNormalize of Stable-Baselines3, or its file; "
            f"got {type(found).__name__}."
        )
    return found if found.norm_obs else None
