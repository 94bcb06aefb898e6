"""A rollout against a slow reference: episode by episode, a step at a time."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from memory_agents import CRITICS, make_model, masked, on_train, ragged
from recurrent_agents import FLAT, TIMED
from stable_baselines3.common.callbacks import BaseCallback

from velora.models.protocol import parts

pytestmark = pytest.mark.usefixtures("toy_networks")


class Recorder(BaseCallback):
    """Keeps what the environments said at each step, before anyone changes it."""

    def _on_training_start(self) -> None:
        self.began = True  # the environments were reset, whatever their dones

    def _on_rollout_start(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.starts = np.array(self.model._last_episode_starts)

    def _on_step(self) -> bool:
        names = ("obs_tensor", "rewards", "dones", "infos", "actions", "new_obs")
        self.steps.append({name: copy.deepcopy(self.locals[name]) for name in names})
        self.steps[-1]["given"] = copy.deepcopy(self.locals["given"])
        return True


class Reference:
    """Goes through rollouts with single steps of the networks, and carries states."""

    def __init__(self, model: Any, recorder: Recorder) -> None:
        self.model, self.recorder = model, recorder
        self.carried: list[Any] = [None] * model.n_envs
        self.n_rollouts = self.n_cut = 0

    @torch.no_grad()
    def check(self) -> None:
        """Compares a rollout with the reference."""
        rollout = self.model.rollout_buffer
        for env in range(self.model.n_envs):
            values, log_probs, advantages = self.of_environment(env)
            for got, expected in (
                (rollout.values, values),
                (rollout.log_probs, log_probs),
                (rollout.advantages, advantages),
                (rollout.returns, np.add(values, advantages)),
            ):
                np.testing.assert_allclose(got[:, env], expected, rtol=1e-4, atol=1e-4)
        self.n_rollouts += 1

    def of_environment(self, env: int) -> Any:
        model, steps = self.model, self.recorder.steps
        start, states = bool(self.recorder.starts[env]), self.carried[env]
        values, log_probs, follows = [], [], []
        for step in steps:
            states = self.fresh() if start or states is None else states
            row = pick(step["obs_tensor"], env)
            mean, value, states = self.think(row, states)
            values.append(value)
            given = step["given"]
            log_probs.append(
                self.log_prob(
                    mean, step["actions"][env], None if given is None else given[env]
                )
            )
            info, start = step["infos"][env], bool(step["dones"][env])
            follows.append(0.0 if start else None)
            if info.get("TimeLimit.truncated", False) and start:
                last, _ = model.policy.obs_to_tensor(info["terminal_observation"])
                follows[-1] = self.think(last, states)[1]
                self.n_cut += 1
        self.carried[env] = None if start else states
        after = model.policy.obs_to_tensor(pick(steps[-1]["new_obs"], env, True))[0]
        next_value = 0.0 if start else self.think(after, states)[1]
        advantages, advantage = [], 0.0
        for index in reversed(range(len(steps))):
            is_last = follows[index] is not None
            worth = follows[index] if is_last else next_value
            delta = steps[index]["rewards"][env] + model.gamma * worth - values[index]
            discount = 0.0 if is_last else model.gamma * model.gae_lambda
            advantage = delta + discount * advantage
            advantages.append(advantage)
            next_value = values[index]
        return values, log_probs, advantages[::-1]

    def fresh(self) -> Any:
        networks = self.model.policy.networks.values()
        return [
            net.initial_state(1) if hasattr(net, "initial_state") else None
            for net in networks
        ]

    def think(self, row: Any, states: Any) -> Any:
        policy = self.model.policy
        times = row["dt"].float() if isinstance(row, dict) and "dt" in row else None
        features = row["obs"] if isinstance(row, dict) else row
        outputs, after = [], []
        for net, state in zip(policy.networks.values(), states, strict=True):
            if state is None:
                outputs.append(net(features.float()).reshape(1, -1))
                after.append(None)
                continue
            options = {} if times is None else {"timespans": times.reshape(1, 1)}
            resets = torch.zeros(1, 1, dtype=torch.bool)
            y, state = net.forward_sequence(
                features.float()[None], state, resets=resets, **options
            )
            assert parts(state)
            outputs.append(y[0])
            after.append(state)
        said = torch.cat(outputs, dim=1)[0]
        return said[:-1], float(said[-1]), after

    def log_prob(self, mean: Any, action: Any, mask: Any) -> float:
        if hasattr(self.model.policy, "log_std"):
            std = self.model.policy.log_std.exp()
            normal = torch.distributions.Normal(mean, std)
            return float(normal.log_prob(torch.as_tensor(action)).sum())
        if mask is not None:
            mean = torch.where(torch.as_tensor(mask), mean, -torch.inf)
        return float(torch.log_softmax(mean, dim=0)[int(action)])


def pick(obs: Any, env: int, drop: bool = False) -> Any:
    at: Any = env if drop else slice(env, env + 1)
    return {k: v[at] for k, v in obs.items()} if isinstance(obs, dict) else obs[at]


@pytest.mark.parametrize("length", [None, 4])
@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("gated-leaky", "plain"),
        ("liquid", "timed"),
        ("test-pair", "timed"),
        ("test-learned", "discrete"),
        ("lstm", "masked"),
    ],
)
def test_rollout_is_what_its_episodes_say(
    network: str, kind: str, critic: str, length: int | None
) -> None:
    env: Any = {
        "plain": lambda: ragged(FLAT),
        "timed": lambda: ragged(TIMED),
        "discrete": lambda: ragged(FLAT, "discrete"),
        "masked": masked,
    }[kind]()
    options: dict[str, Any] = {"network": network, "critic": critic}
    if kind == "timed":
        options["timespan_key"] = "dt"
    model = make_model(
        env, policy_kwargs=options, sequence_length=length, gamma=0.9, gae_lambda=0.8
    )
    recorder = Recorder()
    reference = Reference(model, recorder)
    on_train(model, reference.check)
    model.learn(72, callback=recorder)
    assert any(state is not None for state in reference.carried)
    # Episodes go on into the next rollout; their states were of older weights.
    model.learn(72, callback=recorder, reset_num_timesteps=False)
    # The environments are reset although none was done.
    model.learn(144, callback=recorder)
    assert reference.n_rollouts == 4
    assert reference.n_cut > 10
