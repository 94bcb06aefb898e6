"""What an agent sees, does and thinks, step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from velora.models.storage.regular_file import FilePath
from velora.report.acting import Model, acting_of
from velora.report.environments import Environment, normalizer_of, prepared
from velora.report.episodes import Step, checked_count, checked_seed, play, seeded
from velora.report.recording import Recorder
from velora.report.storage import read_arrays, write_arrays
from velora.report.values import values_of

if TYPE_CHECKING:
    from typing_extensions import Self

_SINGLE = ("role", "seed")  # which are of no step
_PARTED = ("neurons", "states", "observations")  # the last one may be of parts
Camera = Callable[[np.ndarray], None]


@dataclass(frozen=True, eq=False)
class Trace:
    """N steps of whole episodes, one episode after another; see `trace`.

    An activity is what outgoing synapses read: after the activation and, where a
    network normalises, after that. Over a window of observations it is that of the last
    step.

    Attributes:
        role: of the network that acts: "pi", or "qf".
        seed: from which the first episode started; episode k from `seed + k`.
        observations: (N, ...) as the model gets them, normalised where
            `VecNormalize` does, or a dict of such.
        actions: (N, ...) as the environment gets them.
        rewards: (N,) of the environment, not normalised.
        episode_starts: (N,) true where an episode starts.
        neurons: (N, n) activities of the n neurons of each layer, "sensory", "inter",
            "command" and "motor"; "motor" alone where the network has none of ours.
        states: of the acting network after each step, (N, ...) each; none where it
            carries none.
        values: (N,) what the model says that the state is worth, or with Q-networks
            the action; None where it says nothing.
        gates: (N, H) of a liquid cell's neurons, from 0 to 1; None of another.
        time_constants: (N, H) of them, in steps or the unit of timespans, as
            `velora.models.lnn.gates` has it; None of another.
        action_masks: (N, A) what could be chosen; None where nothing is masked.
        frames: (N, height, width, 3) pictures of before each action, bytes; None where
            none were wanted.
    """

    role: str
    seed: int
    observations: np.ndarray | dict[str, np.ndarray]
    actions: np.ndarray
    rewards: np.ndarray
    episode_starts: np.ndarray
    neurons: dict[str, np.ndarray]
    states: tuple[np.ndarray, ...] = ()
    values: np.ndarray | None = None
    gates: np.ndarray | None = None
    time_constants: np.ndarray | None = None
    action_masks: np.ndarray | None = None
    frames: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def returns(self) -> np.ndarray:
        """The sum of rewards of each episode."""
        starts = np.flatnonzero(self.episode_starts)
        sums: np.ndarray = np.add.reduceat(self.rewards.astype(np.float64), starts)
        return sums

    def save(self, path: FilePath) -> None:
        """Writes all of it into an .npz file, without pickle; `Trace.load` reads it.

        A file that is there is replaced as a whole, or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        write_arrays(path, self._as_arrays())

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Reads what `save` has written. No code can run from a file.

        Raises:
            OSError: there is no such file, or it cannot be read.
            ValueError: it holds no trace, or is damaged.
        """
        arrays = read_arrays(path)
        try:
            found = cls._of_arrays(arrays)
            steps = {len(a) for name, a in arrays.items() if name not in _SINGLE}
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                "`path` must name a whole trace; got one that lacks a part or has one "
                f"too many, {path!r} ({error})."
            ) from error
        if steps != {len(found)}:
            raise ValueError(
                f"`path` must name a trace whose arrays are all of {len(found)} steps; "
                f"got {sorted(steps)} in {path!r}."
            )
        return found

    def _as_arrays(self) -> dict[str, np.ndarray]:
        """Returns the fields as arrays, parts of a field by "field/part"."""
        flat: dict[str, Any] = {}
        for name, value in vars(self).items():
            if isinstance(value, tuple):
                value = dict(enumerate(value))
            if isinstance(value, dict):
                flat |= {f"{name}/{part}": array for part, array in value.items()}
            elif value is not None:
                flat[name] = value
        return {name: np.asarray(value) for name, value in flat.items()}

    @classmethod
    def _of_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        values: dict[str, Any] = defaultdict(dict)
        for name, array in arrays.items():
            field, slash, part = name.partition("/")
            if bool(slash) != (field in _PARTED) and name != "observations":
                raise ValueError(f"not known: {name!r}")
            if slash:
                values[field][part] = array
            else:
                values[field] = array
        states = values["states"]
        values["states"] = tuple(states[str(index)] for index in range(len(states)))
        role, seed = str(values.pop("role")), int(values.pop("seed"))
        return cls(role=role, seed=seed, **values)


def trace(
    model: Model,
    env: Environment,
    *,
    n_episodes: int = 1,
    seed: int | None = None,
    deterministic: bool = True,
    frames: bool | Camera = False,
) -> Trace:
    """Lets a model act, and records every step: what it sees, does and thinks.

        trace(model, "CartPole-v1", seed=0).save("cartpole.npz")

    The policy is called as it is, and observed by hooks, before which its networks'
    fast paths step aside: actions are those of `predict`, numbers equal to rounding.
    Episodes must end. Give an environment of its own: one in which a model is being
    trained is somewhere else afterwards.

    Args:
        model: an algorithm of Stable-Baselines3 with a policy of Velora's, or such a
            policy.
        env: an environment, a `VecEnv`, a name, or a function that makes one. In a
            `VecEnv` all environments play, an episode each, side by side. The model's
            own `VecNormalize` normalises where `env` has none; statistics stand still.
        n_episodes: how many episodes are recorded.
        seed: of the first episode; episode k starts from `seed + k`, however many
            environments play. None draws one.
        deterministic: whether the most likely action is taken; else the policy draws
            one (DQN's random actions belong to the algorithm and are none of it).
        frames: whether pictures are kept, of an environment that renders "rgb_array",
            often about a megabyte a step; or a function that gets each of them,
            (height, width, 3) bytes, while the trace keeps none.

    Raises:
        TypeError: the model thinks with other networks, `env` is none, or a number is
            no integer.
        ValueError: `env` has other spaces or renders no pictures that are wanted,
            `n_episodes` is below 1 or `seed` below 0.
    """
    acting = acting_of(model)
    n_episodes, seed = checked_count("n_episodes", n_episodes), checked_seed(seed)
    camera = frames if callable(frames) else None
    policy = acting.policy
    value = values_of(policy)
    columns: list[dict[str, list[np.ndarray]]]
    columns = [defaultdict(list) for _ in range(n_episodes)]
    with (
        prepared(env, policy, normalizer_of(model)) as venv,
        seeded(policy.device, seed),
        Recorder(acting) as recorder,
    ):
        if frames and venv.render_mode != "rgb_array":
            raise ValueError(
                '`env` must have render_mode="rgb_array" where frames are wanted; got '
                f"{venv.render_mode!r}. Make it so, or leave `frames` out."
            )
        for step in play(
            policy,
            venv,
            n_episodes=n_episodes,
            seed=seed,
            deterministic=deterministic,
            frames=bool(frames),
        ):
            noted = recorder.take()
            if value is not None:
                noted["values"] = value(step, noted["neurons/motor"])
            noted = _noted(step) | noted
            if camera is not None:
                pictures = noted.pop("frames")
                for picture in pictures[step.episodes >= 0]:
                    camera(picture)
            for name, array in noted.items():
                for row, episode in zip(array, step.episodes, strict=True):
                    if episode >= 0:
                        columns[episode][name].append(np.array(row))
    arrays = {
        name: np.stack([row for episode in columns for row in episode[name]])
        for name in columns[0]
    }
    single = {"role": np.array(acting.role), "seed": np.array(seed)}
    return Trace._of_arrays(single | arrays)


def _noted(step: Step) -> dict[str, np.ndarray]:
    """Returns what is kept of a step but its neurons, by the names of arrays."""
    seen = step.observations
    parts = seen if isinstance(seen, dict) else {}
    noted = {f"observations/{key}": part for key, part in parts.items()}
    if not parts:
        noted["observations"] = seen
    noted |= {f"states/{index}": part for index, part in enumerate(step.states)}
    noted["actions"], noted["rewards"] = step.actions, step.rewards
    noted["episode_starts"] = step.starts
    optional = {"action_masks": step.action_masks, "frames": step.frames}
    return noted | {
        name: array for name, array in optional.items() if array is not None
    }
