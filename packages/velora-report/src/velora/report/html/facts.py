"""What an agent is and scored, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from velora.models.lnn.wired import WiredNetwork
from velora.report.acting import Acting, Model
from velora.report.environments import Made
from velora.report.html.film import Film
from velora.report.html.words import number
from velora.report.trace import Trace
from velora.utils import active_parameters, total_parameters

_RETURNS = 10  # that are listed


def title(model: Model, env: Made) -> str:
    """Says which agent it is, and where it acts."""
    kind = f"{type(model).__name__} with " if isinstance(model, BaseAlgorithm) else ""
    return f"{kind}{_policy_name(model)} in {environment_name(env)}"


def environment_name(env: Made) -> str:
    """Returns what gymnasium calls an environment, or else its class."""
    if isinstance(env, VecEnv):
        spec = env.get_attr("spec", [0])[0] if env.has_attr("spec") else None
        return type(env).__name__ if spec is None else str(spec.id)
    return type(env.unwrapped).__name__ if env.spec is None else env.spec.id


def frames_per_second(env: Made) -> float:
    """Returns how fast an environment wants to be shown; 30 where it says nothing."""
    metadata: Any = getattr(env, "metadata", None) or {}
    return float(metadata.get("render_fps") or 30)


def facts(
    model: Model,
    acting: Acting,
    env: Made,
    episode: Trace,
    returns: np.ndarray,
    *,
    deterministic: bool,
) -> list[tuple[str, str]]:
    """Returns terms, and what is to be said of them.

    Args:
        model: the agent.
        acting: its network that acts.
        env: where it acts.
        episode: the one that is shown.
        returns: of all episodes.
        deterministic: whether it takes the most likely actions.
    """
    network = acting.network
    listed = ", ".join(number(each) for each in returns[:_RETURNS].tolist())
    listed += ", …" if len(returns) > _RETURNS else ""
    spread = f" ± {number(float(returns.std()))}" if len(returns) > 1 else ""
    found = [
        ("Mean return", f"{number(float(returns.mean()))}{spread}"),
        ("Returns", f"{listed} (from seed {episode.seed} on)"),
        ("Shown", f"the first episode, {len(episode):,} steps"),
        ("Actions", "the most likely ones" if deterministic else "drawn"),
        ("Environment", environment_name(env)),
        ("Network that acts", type(network).__name__),
        ("Its neurons", _neurons(network)),
        ("Its parameters", _parameters(network)),
    ]
    if isinstance(model, BaseAlgorithm):
        found.append(("Trained for", f"{model.num_timesteps:,} steps"))
        if model.get_vec_normalize_env() is not None:
            found.append(("Observations", "normalised by VecNormalize"))
    return found


def film_note(film: Film | None, unseen: str | None, shown: int, steps: int) -> str:
    """Says what the film shows, and how pictures were made to fit."""
    cut = f" It ends after the first {shown:,} of {steps:,}." if shown < steps else ""
    if film is None:
        return f"There is no film. {unseen or ''}".rstrip() + cut
    width, height = film.size
    steps_word = "every step" if film.stride == 1 else f"every {film.stride}th step"
    return (
        f"The environment before {steps_word}, scaled to {width} × {height} pixels and "
        f"compressed (WebP, quality {film.quality}): {size_words(film.n_bytes)}.{cut}"
    )


def size_words(n_bytes: int) -> str:
    """Says how large something is."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.0f} kB"


def order_note(trace: Trace) -> str:
    """Says how neurons are sorted."""
    by = "by the steps in which the autocorrelation falls to 1/e"
    if trace.time_constants is not None:
        by = f"of the command neurons by the median time constant, of the others {by}"
    return f"Sorted within each layer, the slowest on top: {by}."


def _neurons(network: Any) -> str:
    if not isinstance(network, WiredNetwork):
        return "those of a plugin"
    counts = network.counts
    return (
        f"{counts.sensory} sensory, {counts.inter} inter, {counts.command} command, "
        f"{counts.motor} motor"
    )


def _parameters(network: Any) -> str:
    total, active = total_parameters(network), active_parameters(network)
    return f"{total:,}" + (f", {active:,} with a synapse" if active < total else "")


def _policy_name(model: Model) -> str:
    """Returns the name that an algorithm knows a policy by, or else its class."""
    policy = getattr(model, "policy", model)
    aliases: dict[str, type] = getattr(model, "policy_aliases", {})
    named = (name for name, kind in aliases.items() if kind is type(policy))
    return next(named, type(policy).__name__)
