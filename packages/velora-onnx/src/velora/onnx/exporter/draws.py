"""Observations and masks as an environment might give them."""

from __future__ import annotations

from typing import Any

import numpy as np

from velora.onnx.description import Description, Masks
from velora.onnx.port import Port

_UNBOUNDED = 1e6  # what an environment gives is smaller than bounds from here on


class Draws:
    """Draws observations and masks as an environment might give them.

    Args:
        says: what the file takes.
        moments: mean and deviation of those that are normalised, by key.
        not_negative: the key of timespans, if there are any.
    """

    def __init__(
        self,
        says: Description,
        moments: dict[str | None, tuple[np.ndarray, np.ndarray]],
        not_negative: str | None,
    ) -> None:
        self.says, self.moments, self.not_negative = says, moments, not_negative
        self.random = np.random.default_rng(0)

    def observation(self, n_envs: int) -> Any:
        """Returns one for each environment."""
        drawn: dict[Any, Any]
        drawn = {port.key: self._port(port, n_envs) for port in self.says.observations}
        masks = self.says.masks
        if masks is not None and masks.key is not None:
            dtype = drawn[masks.key].dtype
            drawn[masks.key] = self.masks(masks, n_envs).astype(dtype)
        return drawn.get(None, drawn)

    def masks(self, masks: Masks, n_envs: int) -> np.ndarray:
        """Returns (n_envs, choices) masks that leave a choice in each part."""
        drawn = []
        for count in masks.counts:
            part = self.random.random((n_envs, count)) < 0.5
            part[np.arange(n_envs), self.random.integers(count, size=n_envs)] = True
            drawn.append(part)
        return np.concatenate(drawn, axis=1)

    def _port(self, port: Port, n_envs: int) -> np.ndarray:
        shape = n_envs, *port.shape
        if port.counts:
            return self.random.integers(np.array(port.counts), size=shape).astype(
                port.dtype
            )
        if port.kind == "MultiBinary":
            return self.random.integers(2, size=shape).astype(port.dtype)
        normal = self.random.normal(size=shape)
        low, high = _limits(port.low, -np.inf), _limits(port.high, np.inf)
        if port.key in self.moments:
            mean, deviation = self.moments[port.key]
            # Some are further away than VecNormalize lets them be.
            drawn = np.clip(mean + 3 * deviation * normal, low, high)
        else:
            bounded = np.isfinite(low) & np.isfinite(high)
            least, most = np.where(bounded, low, 0), np.where(bounded, high, 1)
            uniform = least + (most - least) * self.random.random(shape)
            drawn = np.where(bounded, uniform, np.clip(normal, low, high))
        if port.key is not None and port.key == self.not_negative:
            drawn = np.abs(drawn)
        return np.asarray(drawn.astype(port.dtype))


def _limits(bound: Any, otherwise: float) -> np.ndarray:
    limits = np.array(otherwise if bound is None else bound, dtype=float)
    return np.where(np.abs(limits) < _UNBOUNDED, limits, otherwise)
