"""What a recording is compared with: a model that acts and remembers by itself."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

from velora.models.protocol import parts


class Reference(Protocol):
    """What a file is compared with."""

    state: tuple[np.ndarray, ...] | None

    def act(self, observation: Any, action_masks: Any = None) -> np.ndarray:
        """Chooses actions."""

    def reset(self, done: Any = None) -> None:
        """Forgets."""


class NetworkReference:
    """A network that is called as an agent is."""

    def __init__(self, network: Any, device: torch.device) -> None:
        self.network, self.device = network, device
        self.state: tuple[np.ndarray, ...] | None = None
        self._starts: np.ndarray | None = None

    def reset(self, done: Any = None) -> None:
        """Forgets all where there are no flags."""
        self._starts = done
        if done is None:
            self.state = None

    @torch.no_grad()
    def act(self, observation: Any, action_masks: Any = None) -> np.ndarray:
        """Returns the outputs of one step."""
        x = torch.as_tensor(observation, device=self.device)
        if not hasattr(self.network, "initial_state"):
            return self._outputs(self.network(x), len(x))
        first = self.network.initial_state(len(x))
        now = list(parts(first))
        if self.state is not None:
            kept = ~torch.as_tensor(self._starts, device=self.device)
            for i, old in enumerate(self.state):
                now[i] = now[i].clone()
                now[i][kept] = torch.as_tensor(old, device=self.device)[kept]
        state = tuple(now) if isinstance(first, tuple) else now[0]
        y, after = self.network.forward_sequence(x[None], state)
        self.state = tuple(part.cpu().numpy() for part in parts(after))
        return self._outputs(y[0], len(x))

    def _outputs(self, y: torch.Tensor, batch: int) -> np.ndarray:
        outputs: np.ndarray = y.reshape(batch, -1).cpu().numpy()
        return outputs
