"""One run of an agent: what it is, training, and evaluation.

What is here computes the rows, so their keys hold a hash of this file, and of that of
a function that makes their environment.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import sb3_contrib
import stable_baselines3
from sb3_contrib.common.maskable.evaluation import evaluate_policy as evaluate_masked
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

import velora.sb3
from common.versions import digest, installed, plugins_of, switches, versions
from velora.utils import active_parameters, total_parameters

EVALUATE = {  # with masks
    "MaskablePPO": evaluate_masked,
    "MemoryPPO": velora.sb3.evaluate_policy,
}
WINDOW = 20  # episodes that a point of a curve is the mean of


@dataclass(frozen=True)
class Falling:
    """A schedule from a value to zero."""

    start: float

    def __call__(self, left: float) -> float:
        """Returns the value where this share of the steps is left."""
        return self.start * left


@dataclass(frozen=True)
class AgentJob:
    """An agent and what it learns, and for how long: a job of the runner.

    Attributes:
        names: Which row it is of, such as {"task": ..., "policy": ...}.
        algorithm: Of ours, Stable-Baselines3 or sb3-contrib.
        policy: The name that the algorithm knows it by.
        env: The name of an environment, or a function of a module that makes one.
        seed: Of the agent and its environments.
        steps: Of the environment.
        settings: Those of the algorithm that are not its defaults.
        policy_kwargs: Those of the policy.
        env_kwargs: What the environment is made with.
        n_envs: Environments side by side.
        is_normalized: Whether VecNormalize is around them.
        libraries: What else the environment is computed with.
    """

    names: dict[str, str]
    algorithm: str
    policy: str
    env: str | Callable[..., gym.Env[Any, Any]]
    seed: int
    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    n_envs: int = 1
    is_normalized: bool = False
    libraries: tuple[str, ...] = ()

    @property
    def label(self) -> dict[str, Any]:
        """Which row it is of, and which seed."""
        return self.names | {"seed": self.seed}

    @property
    def arguments(self) -> dict[str, Any]:
        """What the algorithm is made with, its defaults included."""
        ours = {"policy_kwargs": self.policy_kwargs, "seed": self.seed}
        known = defaults(algorithm_of(self.algorithm)) | {"device": "cpu"}
        return known | self.settings | ours

    @property
    def key(self) -> dict[str, Any]:
        """All settings, the defaults included, and what computes."""
        fields = vars(self)
        policy = algorithm_of(self.algorithm).policy_aliases[self.policy]
        rest = {k: v for k, v in self.arguments.items() if k not in fields}
        computes = versions(*plugins_of(self.policy_kwargs)) | switches()
        computes |= {name: installed(name) for name in self.libraries}
        modules = {__name__, getattr(self.env, "__module__", __name__)}
        key = fields | {
            "policy": policy,
            "policy_kwargs": defaults(policy) | self.policy_kwargs,
            "settings": rest,
            "versions": computes | {"training": digest(modules)},
        }
        return json.loads(json.dumps(key, default=plain))  # type: ignore[no-any-return]  # a dict, as the key is


def algorithm_of(name: str) -> Any:
    """Returns the class of an algorithm of ours, Stable-Baselines3 or sb3-contrib."""
    libraries = (velora.sb3, sb3_contrib, stable_baselines3)
    return getattr(next(each for each in libraries if hasattr(each, name)), name)


def defaults(kind: type) -> dict[str, Any]:
    """Returns what a class is made with if not told otherwise.

    Where it takes any keyword, those of its bases are among them.
    """
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        arguments = inspect.signature(base.__init__).parameters.values()
        found = {
            a.name: a.default for a in arguments if a.default is not a.empty
        } | found
        if not any(a.kind is a.VAR_KEYWORD for a in arguments):
            break
    return found


def plain(value: Any) -> str:
    """Says what JSON cannot, as it says itself in every process.

    Raises:
        TypeError: The value says where it lies in memory.
    """
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if inspect.isfunction(value):  # another body is another function
        source = inspect.getsource(value).encode()
        return f"{value.__qualname__} {hashlib.sha256(source).hexdigest()[:12]}"
    if " at 0x" in repr(value):
        raise TypeError(
            f"A setting must be plain data or say what it is; got {value!r}. Make it a "
            "dataclass, as `Falling`."
        )
    return repr(value)


def make_agent(job: AgentJob) -> Any:
    """Makes the agent of a job, before its first step."""
    env = make_vec_env(job.env, job.n_envs, job.seed, env_kwargs=job.env_kwargs)
    if job.is_normalized:
        env = normalized(env, gamma=job.arguments["gamma"])
    with warnings.catch_warnings():
        # Most tasks need no memory, so a liquid policy may start from zero, and the
        # last, shorter minibatch is meant.
        warnings.filterwarnings("ignore", "A recurrent network", UserWarning)
        warnings.filterwarnings("ignore", "You have specified a mini-batch size")
        return algorithm_of(job.algorithm)(job.policy, env, **job.arguments)


def normalized(env: VecEnv, **options: Any) -> VecNormalize:
    """Puts VecNormalize around environments; of dicts it scales "obs" alone."""
    is_dict = isinstance(env.observation_space, gym.spaces.Dict)
    return VecNormalize(env, norm_obs_keys=["obs"] if is_dict else None, **options)


class Curve(BaseCallback):
    """Notes the mean return of the last 20 episodes after rollouts, once there are 20.

    Of fewer, a lucky one would look like success; a hundred are the whole of a short
    run of SAC.
    """

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every  # steps at least; a rollout may be a single one
        self.points: list[list[float]] = []  # as JSON has them

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        last = self.points[-1][0] if self.points else 0
        returns = [info["r"] for info in self.model.ep_info_buffer][-WINDOW:]
        if len(returns) == WINDOW and self.num_timesteps - last >= self.every:
            self.points.append([self.num_timesteps, statistics.mean(returns)])


def train(job: AgentJob) -> dict[str, Any]:
    """Trains and evaluates an agent: 40 deterministic episodes after the last step."""
    agent, found = fit(job)
    return found | {"score": score(agent, job)}


def fit(job: AgentJob) -> tuple[Any, dict[str, Any]]:
    """Trains an agent, and returns it with what is known of it before it is scored."""
    agent, curve = make_agent(job), Curve(job.steps // 500)
    start = time.perf_counter()
    agent.learn(job.steps, callback=curve)
    seconds = time.perf_counter() - start
    return agent, {
        "steps": job.steps,
        "steps/s": job.steps / seconds,
        "parameters": total_parameters(agent.policy),
        "active": active_parameters(agent.policy),
        "curve": curve.points,
    }


def score(agent: Any, job: AgentJob, **changes: Any) -> float:
    """Returns the mean return of 40 deterministic episodes.

    Args:
        agent: What was trained.
        job: As which it was trained.
        changes: Of what the environment is made with.
    """
    options = job.env_kwargs | changes
    env = make_vec_env(job.env, 8, job.seed + 1000, env_kwargs=options)
    if job.is_normalized:
        env = normalized(env, training=False, norm_reward=False)
        env.obs_rms = agent.get_vec_normalize_env().obs_rms
    evaluate = EVALUATE.get(job.algorithm, evaluate_policy)
    mean, _ = evaluate(agent, env, n_eval_episodes=40)
    return float(mean)
