"""Evaluation that carries states, and asks environments which actions are valid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stable_baselines3.common import callbacks, evaluation
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from velora.models.protocol import takes
from velora.sb3.memory.masks import METHOD, masks_of


class _Asking:
    """A model whose `predict` is told which actions are valid; all else is the model's.

    Args:
        model: an algorithm of Stable-Baselines3, or its policy.
        env: acts in these environments, and nowhere else.
    """

    def __init__(self, model: Any, env: VecEnv) -> None:
        policy = getattr(model, "policy", model)
        is_masked = getattr(policy, "masked", takes(model.predict, METHOD))
        asks = is_masked and env.has_attr(METHOD)
        vars(self).update(_model=model, _env=env, _asks=asks)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Chooses actions, as the model does."""
        masks = {METHOD: masks_of(self._env)} if self._asks else {}
        return self._model.predict(*args, **masks, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._model, name, value)


def evaluate_policy(
    model: Any,
    env: Any,
    n_eval_episodes: int = 10,
    deterministic: bool = True,
    render: bool = False,
    callback: Callable[[dict[str, Any], dict[str, Any]], None] | None = None,
    reward_threshold: float | None = None,
    return_episode_rewards: bool = False,
    warn: bool = True,
) -> tuple[float, float] | tuple[list[float], list[int]]:
    """Returns how well a model does, as `evaluate_policy` of Stable-Baselines3 does.

    Its state is carried from step to step, and an environment that has `action_masks()`
    is asked for them before each step, of any model that takes them.

    Args:
        model: an algorithm of Stable-Baselines3, or its policy.
        env: an environment, or several.
        n_eval_episodes: over which the mean is taken.
        deterministic: whether the most likely action is taken.
        render: whether it is shown.
        callback: called after each step with the local and global variables.
        reward_threshold: below which the mean is an error.
        return_episode_rewards: whether those of each episode are returned.
        warn: whether an environment without a `Monitor` is warned of.

    Returns:
        Mean and standard deviation of the episodes' returns, or with
        `return_episode_rewards` the returns and the lengths.
    """
    if not isinstance(env, VecEnv):
        single = env
        env = DummyVecEnv([lambda: single])
    return evaluation.evaluate_policy(
        _Asking(model, env),
        env,
        n_eval_episodes,
        deterministic,
        render,
        callback,
        reward_threshold,
        return_episode_rewards,
        warn,
    )


class EvalCallback(callbacks.EvalCallback):
    """Evaluates while an agent learns, as `EvalCallback` of Stable-Baselines3 does.

    States are carried and masks asked for, as in `evaluate_policy`. Arguments and
    attributes are the same.
    """

    def _on_step(self) -> bool:
        model = self.model
        self.model = _Asking(model, self.eval_env)  # type: ignore[assignment]  # in every way
        try:
            return super()._on_step()
        finally:
            self.model = model
