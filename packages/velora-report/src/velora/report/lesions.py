"""What each neuron is worth: the return without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from velora.report.acting import Model, acting_of
from velora.report.environments import Environment, normalizer_of, prepared
from velora.report.episodes import checked_count, checked_seed, play, seeded
from velora.report.processes import results
from velora.report.silencing import (
    Neuron,
    check_trace,
    lesioned,
    silent_neurons,
    sizes_of,
)
from velora.report.trace import Trace

_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Lesions:
    """The returns of a model without some of its neurons; see `lesions`.

    Attributes:
        seed: from which the first episode of each lesion started.
        intact: (E,) returns of E episodes with all neurons.
        names: of the G groups of neurons.
        groups: the neurons of each.
        returns: (G, E) returns of the same episodes without a group.
        sizes: how many neurons each layer of the network has; empty if nobody said.
    """

    seed: int
    intact: np.ndarray
    names: tuple[str, ...]
    groups: tuple[tuple[Neuron, ...], ...]
    returns: np.ndarray
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def differences(self) -> np.ndarray:
        """(G,) mean change of the return by each lesion; negative where it harms."""
        change: np.ndarray = (self.returns - self.intact).mean(axis=1)
        return change

    @property
    def intervals(self) -> np.ndarray:
        """(G, 2) bounds of the 95 % bootstrap intervals of the `differences`.

        Episodes are drawn anew, in pairs with and without a lesion, with the same draws
        for all and at each call. NaN of one episode, which says nothing about others.
        """
        n_episodes = len(self.intact)
        if n_episodes == 1:
            return np.full((len(self.names), 2), np.nan)
        draws = np.random.default_rng(self.seed).integers(
            n_episodes, size=(_RESAMPLES, n_episodes)
        )
        bounds = [
            np.percentile(pairs[draws].mean(axis=1), (2.5, 97.5))
            for pairs in self.returns - self.intact
        ]
        return np.stack(bounds)


def lesions(
    model: Model,
    env: Environment,
    *,
    groups: Mapping[str, Sequence[Neuron]] | None = None,
    n_episodes: int = 10,
    seed: int | None = None,
    deterministic: bool = True,
    means: Trace | None = None,
    jobs: int = 1,
    progress_bar: bool = False,
) -> Lesions:
    """Silences neurons, one or a group at a time, and measures the return.

        found = lesions(model, "CartPole-v1", n_episodes=20, seed=0)
        for name, change in zip(found.names, found.differences):
            print(name, change)

    Every lesion plays the same episodes, from the same seeds, so that differences are
    of pairs. It is done in place and undone whatever happens; see
    `velora.report.lesioned` for what a silent neuron is.

    Args:
        model: as in `velora.report.trace`.
        env: as there. With more than one job it must be a name or a function that makes
            one: each process makes its own.
        groups: neurons by a name of yours, silenced together; None takes each sensory,
            inter and command neuron alone, called "inter 3".
        n_episodes: how many episodes E each lesion plays.
        seed: as in `velora.report.trace`.
        deterministic: as there.
        means: a trace at whose means silent neurons are held; None for zero.
        jobs: how many processes play. They start anew, so a script needs its
            `if __name__ == "__main__":`.
        progress_bar: whether rich shows how far it is.

    Raises:
        TypeError: the network has no neurons of ours, or an argument is none such.
        ValueError: `env` has other spaces or cannot be made by several processes, a
            number is too small, a neuron not there, or `means` of another network.
        RuntimeError: a process of several has died.
    """
    acting = acting_of(model)
    network = acting.wired
    counts = {"n_episodes": n_episodes, "jobs": jobs}
    n_episodes, jobs = (checked_count(name, n) for name, n in counts.items())
    if means is not None:
        check_trace(network, means)
    if groups is None:
        sizes = sizes_of(network).items()
        each = [(layer, index) for layer, size in sizes for index in range(size)]
        groups = {f"{layer} {index}": [(layer, index)] for layer, index in each}
    elif not isinstance(groups, Mapping):
        raise TypeError(
            "`groups` must be a dict of neurons by name, as "
            f'{{"left": [("inter", 3)]}}; got {groups!r:.100}.'
        )
    taken = {name: tuple(neurons) for name, neurons in groups.items()}
    for neurons in taken.values():
        silent_neurons(network, neurons)  # refuses what is not there
    if jobs > 1 and isinstance(env, gym.Env | VecEnv):
        raise ValueError(
            f"`env` must be a name or a function that makes an environment for {jobs} "
            f"jobs; got {env!r:.100}. Pass a lambda that makes it, or jobs=1."
        )
    seed = checked_seed(seed)
    trial = _Trial(
        acting.policy,
        env,
        normalizer_of(model),
        n_episodes,
        seed,
        deterministic,
        None if means is None else replace(means, frames=None),
    )
    with closing(results(trial, [(), *taken.values()], jobs)) as played:
        intact, *returns = _shown(played, 1 + len(taken)) if progress_bar else played
    return Lesions(
        seed=seed,
        intact=intact,
        names=tuple(taken),
        groups=tuple(taken.values()),
        returns=np.reshape(returns, (len(taken), n_episodes)),
        sizes=sizes_of(network),
    )


def _shown(played: Iterable[np.ndarray], total: int) -> Iterable[np.ndarray]:
    from rich.progress import track  # on use

    return track(played, "Lesions", total=total)


@dataclass
class _Trial:
    """The episodes that each lesion plays."""

    policy: Any
    env: Environment
    normalizer: VecNormalize | None
    n_episodes: int
    seed: int
    deterministic: bool
    means: Trace | None

    @contextmanager
    def opened(self) -> Iterator[Callable[[Sequence[Neuron]], np.ndarray]]:
        """Gives what plays without some neurons, and returns (E,) returns."""
        with prepared(self.env, self.policy, self.normalizer) as venv:
            yield partial(self._play, venv)

    def _play(self, venv: VecEnv, neurons: Sequence[Neuron]) -> np.ndarray:
        returns = np.zeros(self.n_episodes)
        with (
            lesioned(self.policy, neurons, means=self.means),
            seeded(self.policy.device, self.seed),
        ):
            for step in play(
                self.policy,
                venv,
                n_episodes=self.n_episodes,
                seed=self.seed,
                deterministic=self.deterministic,
            ):
                playing = step.episodes >= 0
                returns[step.episodes[playing]] += step.rewards[playing]
        return returns
