"""The report of an agent, from its episodes to the file."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from velora.models.lnn.wired import WiredNetwork
from velora.models.storage.regular_file import FilePath, replace_regular
from velora.report.acting import Acting, Model, acting_of
from velora.report.environments import Environment
from velora.report.episodes import checked_count, checked_seed
from velora.report.html.data import as_script, film_data, steps_data
from velora.report.html.facts import (
    facts,
    film_note,
    frames_per_second,
    order_note,
    title,
)
from velora.report.html.film import Film, Studio
from velora.report.html.lesions import lesions_html
from velora.report.html.page import Page
from velora.report.html.paths import reasons
from velora.report.html.pictured import opened
from velora.report.html.statistics import neurons_of, rows_of
from velora.report.html.tables import neuron_table, verdicts
from velora.report.html.wiring import wiring_svg
from velora.report.html.words import names_of
from velora.report.lesions import Lesions
from velora.report.lesions import lesions as lesions_of
from velora.report.trace import Trace, trace

MAX_STEPS = 1000  # that are shown of an episode
_PATHS = (
    "A path's effect is the activity of its sensor times the slope of the action's "
    "motor neuron along the path, in this step. The thick lines of the wiring are "
    "these paths: blue ones raise, orange ones lower."
)
_FOREIGN = "Paths are known of networks that show inter and command neurons."


@dataclass(frozen=True)
class Report:
    """What `report` has written.

    Attributes:
        path: where.
        n_bytes: how large it is.
        returns: (E,) of the episodes.
        notes: what it lacks, and why; sentences.
    """

    path: FilePath
    n_bytes: int
    returns: np.ndarray
    notes: tuple[str, ...]


def report(
    model: Model,
    env: Environment,
    path: FilePath,
    *,
    n_episodes: int = 5,
    seed: int | None = 0,
    deterministic: bool = True,
    frames: bool = True,
    lesions: bool | Lesions = True,
    max_bytes: int = 9_500_000,
    jobs: int = 1,
    progress_bar: bool = False,
    sensory_names: Sequence[str] | None = None,
    motor_names: Sequence[str] | None = None,
) -> Report:
    """Shows an agent in one file for the browser, which needs nothing else.

        report(model, "CartPole-v1", "cartpole.html")

    It has what the agent is and scored; the first episode as a film beside the wiring,
    whose neurons are lit by their activity; neurons over time; the paths that led to
    each action; lesions; time constants and gates. The same model, environment, seed
    and versions give the same file.

    Args:
        model: as in `velora.report.trace`.
        env: as there; a name is made so that it renders, others must render
            "rgb_array" to be filmed.
        path: where to write; a file that is there is replaced as a whole.
        n_episodes: how many episodes are scored, and played by each lesion.
        seed: as in `velora.report.trace`.
        deterministic: as there.
        frames: whether there is a film, where the environment renders one.
        lesions: whether each neuron is silenced, which plays the episodes as often as
            there are neurons; or the lesions of this model, if they are known.
        max_bytes: how large the file may be. Pictures become smaller, coarser and fewer
            for it; the rest, of 500 steps about half a megabyte, does not.
        jobs: how many processes play lesions, as in `velora.report.lesions`.
        progress_bar: whether rich shows how far the lesions are.
        sensory_names: what sensory neurons are called; None counts them.
        motor_names: what motor neurons are called; None takes the actions.

    Raises:
        TypeError: the model thinks with other networks or acts by a head after its
            own, or an argument is none such.
        ValueError: `env` has other spaces, a number or a list of names does not fit, or
            `lesions` are of another network.
        OSError: the file cannot be written; nothing of it is left.
    """
    acting = acting_of(model)
    _check_acts_alone(acting)
    n_episodes, seed = checked_count("n_episodes", n_episodes), checked_seed(seed)
    jobs = checked_count("jobs", jobs)
    max_bytes = checked_count("max_bytes", max_bytes)
    _check_place(path)
    how: dict[str, Any] = {"deterministic": deterministic}
    studio = Studio(MAX_STEPS)
    with opened(env, frames=frames) as (made, unseen):
        camera = studio.take if unseen is None else False
        episode = trace(model, made, seed=seed, frames=camera, **how)
        returns = episode.returns
        if n_episodes > 1:
            others = trace(model, made, n_episodes=n_episodes - 1, seed=seed + 1, **how)
            returns = np.concatenate((returns, others.returns))
        heading, fps = title(model, made), frames_per_second(made)
        known = facts(model, acting, made, episode, returns, **how)
    shown = _first(episode, MAX_STEPS)
    sizes = {layer: rows.shape[1] for layer, rows in rows_of(shown).items()}
    names = names_of(
        sizes, acting.policy.action_space, sensory=sensory_names, motor=motor_names
    )
    notes = []
    wired = acting.network if isinstance(acting.network, WiredNetwork) else None
    if unseen is not None:
        notes.append(f"There is no film. {unseen}")
    if wired is None:
        notes.append(
            f"{type(acting.network).__name__} shows no inter and command neurons, so "
            "its state and its motor neurons are seen, without wiring, paths and "
            "lesions."
        )
        lesions_section = _sentence(notes[-1])
    elif lesions is False:
        notes.append("No lesions were wanted.")
        lesions_section = _sentence(notes[-1])
    else:
        found = lesions
        if not isinstance(found, Lesions):
            found = lesions_of(
                model,
                env,
                n_episodes=n_episodes,
                seed=seed,
                jobs=jobs,
                progress_bar=progress_bar,
                **how,
            )
        lesions_section = lesions_html(acting, shown, found, names)
    neurons = neurons_of(shown)
    why = None if wired is None else reasons(acting, shown)
    data = steps_data(acting, shown, names, neurons, why)
    wiring, caption = wiring_svg(sizes, names, wired)

    def page(film: Film | None) -> bytes:
        return (
            Page(
                title=heading,
                facts=known,
                film_note=film_note(film, unseen, len(shown), len(episode)),
                wiring_html=wiring,
                wiring_note=caption,
                why_note=_FOREIGN if wired is None else _PATHS,
                order_note=order_note(shown),
                lesions_html=lesions_section,
                verdicts=verdicts(neurons, names),
                neurons_html=neuron_table(neurons, names),
                data=as_script(data | film_data(film, fps)),
            )
            .html()
            .encode()
        )

    room = max(max_bytes - len(page(None)), max_bytes // 10)
    content = page(studio.film(room * 3 // 4))  # four letters for three bytes
    if len(content) > max_bytes:
        notes.append(
            f"The file has {len(content)} bytes, more than {max_bytes}: all but "
            "pictures needs so many."
        )
    replace_regular(path, content)
    return Report(path, len(content), returns, tuple(notes))


def _check_acts_alone(acting: Acting) -> None:
    """Refuses a Q-network with a head, in which no path ends: TypeError."""
    if acting.role == "qf" and (head := getattr(acting.policy, "head", ())):
        raise TypeError(
            "The motor neurons of the network that acts must be the Q-values, in which "
            f"paths end; got a MemoryDQN with dense layers {head} after them. Train it "
            "with policy_kwargs=dict(head=()), or look at it with `trace`."
        )


def _check_place(path: FilePath) -> None:
    """Refuses a path that cannot be written, before hours of lesions: OSError."""
    place = os.fspath(path)
    folder = os.path.dirname(os.path.realpath(place))
    if os.path.isdir(place):
        raise IsADirectoryError(f"`path` must name a file; got the directory {path!r}.")
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            errno.ENOENT, "`path` must be in a folder that is there", place
        )
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            errno.EACCES, "`path` must be in a folder that can be written into", place
        )


def _first(episode: Trace, n_steps: int) -> Trace:
    """Returns the first steps of a trace."""
    if len(episode) <= n_steps:
        return episode
    arrays = {
        name: array[:n_steps] if array.ndim else array
        for name, array in episode._as_arrays().items()
    }
    return Trace._of_arrays(arrays)


def _sentence(words: str) -> str:
    return f'<p class="note">{escape(words)}</p>'
