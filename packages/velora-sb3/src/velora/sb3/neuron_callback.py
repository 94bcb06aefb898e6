"""What the neurons and synapses of an agent do while it learns, in its log."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from velora.models.lnn.wired import WiredNetwork
from velora.sb3.common.activity import Activity
from velora.sb3.common.synapses import Synapses
from velora.sb3.memory.policies import MemoryNetworks
from velora.sb3.networks import networks_of

_ROWS = 256  # observations that activities are taken over


class NeuronCallback(BaseCallback):
    """Logs how the neurons and synapses of an agent are, while it learns.

        model.learn(100_000, callback=NeuronCallback())

    The algorithm's own logger gets the numbers, at its next dump: TensorBoard, CSV, a
    terminal, Weights & Biases. For each role and layer they are, as
    "neurons/pi/inter/dead" or "neurons/vf/command/gate":

        dead           share of neurons that do not vary over observations
        saturated      share of neurons whose activation has no slope left
        gate           of liquid cells: mean, see `velora.models.lnn.gates`
        time_constant  of liquid cells: median, in steps or the unit of timespans
        weight_norm    of the weights of all synapses
        sign_flips     share of synapses that changed their sign since the last time

    The first four are of up to 256 observations, spread over the steps since the last
    time, through the networks of now, where the algorithm acts with them: "pi" and
    "vf" of PPO, "pi" of SAC, "qf" of DQN. An algorithm that does not show a callback
    what it observes, as ARS, has the last two alone. Networks of others are left out.

    Nothing is drawn, hooked or changed in training: weights are the same bits as
    without it.

    Args:
        every: environment steps from one time to the next.
        verbose: as of any callback.

    Raises:
        TypeError: `every` is no integer; or, when training starts, the model thinks
            with no network of ours.
        ValueError: `every` is below 1.
    """

    def __init__(self, every: int = 10_000, verbose: int = 0) -> None:
        super().__init__(verbose)
        if not isinstance(every, int | np.integer) or isinstance(every, bool):
            raise TypeError(
                f"`every` must be an integer, the steps between logs; got {every!r}."
            )
        if every < 1:
            raise ValueError(f"`every` must be at least 1 step; got {every}.")
        self.every = int(every)
        self._networks: dict[str, WiredNetwork] = {}
        self._synapses: dict[str, Synapses] = {}
        self._moments: deque[_Moment] = deque()

    def _on_training_start(self) -> None:
        networks = networks_of(self.model, nn.Module)
        self._networks = {
            role: network
            for role, network in networks.items()
            if isinstance(network, WiredNetwork)
        }
        if not self._networks:
            kinds = {role: type(network).__name__ for role, network in networks.items()}
            raise TypeError(
                "The model must think with a network that has inter and command "
                "neurons, a velora.models.lnn.wired.WiredNetwork; got "
                f'{kinds}. Leave the callback out, or take network="ncp" or "liquid".'
            )
        self._synapses = {role: Synapses(net) for role, net in self._networks.items()}
        n_moments = -(-_ROWS // self.model.n_envs)
        self._moments = deque(maxlen=n_moments)
        self._pause = self.every // n_moments
        self._next_moment = self.num_timesteps
        self._next_log = self._after(self.num_timesteps)

    def _on_step(self) -> bool:
        now = self.num_timesteps
        if now >= self._next_moment and "new_obs" in self.locals:
            self._moments.append(_Moment.of(self.locals))
            self._next_moment = now + self._pause
        if now >= self._next_log:
            self._log()
            self._next_log = self._after(now)
        return True

    def _on_training_end(self) -> None:
        self._moments.clear()

    def _after(self, now: int) -> int:
        """Returns the next multiple of `every`: `learn` may be called in parts."""
        return (now // self.every + 1) * self.every

    def _log(self) -> None:
        for role, synapses in self._synapses.items():
            self._record(role, synapses.numbers())
        if sum(len(moment.starts) for moment in self._moments) < 2:
            return  # of which nothing varies
        seen = {role: Activity(network) for role, network in self._networks.items()}
        with ExitStack() as stack:
            for activity in seen.values():
                stack.enter_context(activity.watched())
            _think(self.model.policy, self._moments)
        for role, activity in seen.items():
            self._record(role, activity.numbers())

    def _record(self, role: str, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            self.logger.record(f"neurons/{role}/{name}", value)


class _Moment(NamedTuple):
    """What an agent is about to act on, in each of its environments.

    Attributes:
        observations: (n_envs, ...), or a dict of such.
        starts: (n_envs,) true where an episode starts.
        states: of RecurrentPPO, packed: "pi" and "vf", (1, n_envs, H) tensors each; of
            MemoryPPO the actor's alone, (n_envs, ...) tensors, as only it steps.
    """

    observations: Any
    starts: np.ndarray
    states: Any

    @classmethod
    def of(cls, seen: dict[str, Any]) -> _Moment:
        """Takes it from the variables of a rollout, which it copies."""
        observations, starts = copy.deepcopy((seen["new_obs"], seen["dones"]))
        states = seen.get("lstm_states", seen.get("actor_state"))
        return cls(observations, starts, states)


@torch.no_grad()
def _think(policy: Any, moments: Sequence[_Moment]) -> None:
    """Calls the networks that act, with all moments at once; draws no action."""
    observations = _joined([moment.observations for moment in moments])
    if not hasattr(policy, "predict_values"):
        policy.predict(observations, deterministic=True)
        return
    obs, _ = policy.obs_to_tensor(observations)
    states = [moment.states for moment in moments]
    if states[0] is None:
        policy.get_distribution(obs)
        policy.predict_values(obs)
        return
    starts = np.concatenate([moment.starts for moment in moments])
    episode_starts = torch.from_numpy(starts).to(policy.device, torch.float32)
    if isinstance(policy, MemoryNetworks):
        pi = tuple(torch.cat(part) for part in zip(*states, strict=True))
        first = policy.initial_states(len(starts))
        policy(obs, first._replace(pi=pi), episode_starts, deterministic=True)
        return
    for ask, role in ((policy.get_distribution, "pi"), (policy.predict_values, "vf")):
        parts = zip(*(getattr(state, role) for state in states), strict=True)
        ask(obs, tuple(torch.cat(part, dim=1) for part in parts), episode_starts)


def _joined(observations: list[Any]) -> Any:
    """Puts batches of observations together, by their parts where they have any."""
    if isinstance(first := observations[0], dict):
        return {key: _joined([obs[key] for obs in observations]) for key in first}
    return np.concatenate(observations)
