"""What was recorded beside the model: both act, and must do the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from velora.onnx.agent import OnnxAgent
from velora.onnx.exporter.acting import Acting
from velora.onnx.exporter.draws import Draws
from velora.onnx.exporter.reference import Reference

LIMIT = 1e-5
"""The largest difference of a file that is written."""
N_STEPS = 12
_ENDS = 0.3  # share of steps after which an episode ends


def compare(
    content: bytes,
    acting: Acting,
    reference: Reference,
    draws: Draws,
    normalised: Callable[[Any], Any],
) -> tuple[float, int]:
    """Returns the largest difference of a file from a model, and the steps taken.

    Args:
        content: of the file.
        acting: what it was recorded of.
        reference: the model, as an agent.
        draws: observations and masks.
        normalised: makes of an environment's observations those of the model.

    Raises:
        ValueError: the file does not run, or does something else than the model.
    """
    difference, n_steps = 0.0, 0
    try:
        agent = OnnxAgent(content)
    except ValueError as error:
        raise ValueError(f"What was recorded does not run: {error}") from error
    for n_envs in (1, 3):
        agent.reset()
        reference.reset()
        for _ in range(N_STEPS):
            seen = draws.observation(n_envs)
            masks = draws.says.masks
            given: tuple[np.ndarray, ...] = ()
            if masks is not None and masks.key is None:
                given = (draws.masks(masks, n_envs),)
            expected = reference.act(normalised(seen), *given)
            try:
                actions = agent.act(seen, *given)
            except Exception as error:  # onnxruntime has many of its own
                raise ValueError(
                    f"What was recorded does not run in {n_envs} environments: {error}"
                ) from error
            pairs = [(actions, expected)]
            if agent.state is not None:
                known = acting.as_in_file(reference.state or ())
                pairs += zip(agent.state, known, strict=True)
                # Each step is compared by itself: a network may be such that what is
                # rounded in one step grows in those after it.
                agent.state = known
            difference = max(difference, *(_difference(*pair) for pair in pairs))
            n_steps += n_envs
            if difference > LIMIT:
                raise ValueError(
                    f"What was recorded must act as the model, up to {LIMIT}; it is "
                    f"{difference:.3g} from it in {n_envs} environments. Something in "
                    "the model decides by values or sizes, which no recording follows."
                )
            done = draws.random.random(n_envs) < _ENDS
            agent.reset(done)
            reference.reset(done)
    return difference, n_steps


def _difference(got: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest difference, relative where numbers are above 1."""
    if got.shape != expected.shape:
        return np.inf
    if got.dtype.kind in "biu":  # which a float may not tell apart
        return float((got != expected).any())
    exact, other = expected.astype(float), got.astype(float)
    apart = np.abs(other - exact) / np.maximum(1, np.abs(exact))
    # What is not a number in both, or the same infinity, is no difference.
    same = (other == exact) | (np.isnan(other) & np.isnan(exact))
    apart = np.where(same, 0, np.nan_to_num(apart, nan=np.inf))
    return float(apart.max(initial=0))
