"""Names of neurons and actions, and why an action was taken, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from velora.report.html.paths import Reasons

Names = Mapping[str, Sequence[str]]
"""What each neuron of a layer is called, by layer."""


def names_of(
    sizes: Mapping[str, int],
    space: spaces.Space[Any],
    *,
    sensory: Sequence[str] | None = None,
    motor: Sequence[str] | None = None,
) -> Names:
    """Returns what all neurons are called.

    Args:
        sizes: how many each layer has.
        space: of actions.
        sensory: names of sensory neurons; None counts them.
        motor: names of motor neurons; None takes those of actions.

    Raises:
        TypeError: the names are no sequence of strings.
        ValueError: there are more or fewer names than neurons.
    """
    given = {"sensory": sensory, "motor": motor}
    found: dict[str, Sequence[str]] = {}
    for layer, size in sizes.items():
        called = given.get(layer)
        if called is None:
            word = "sensor" if layer == "sensory" else layer
            counted = [f"{word} {index}" for index in range(size)]
            found[layer] = _of_actions(space, size) if layer == "motor" else counted
            continue
        if isinstance(called, str) or not all(isinstance(each, str) for each in called):
            raise TypeError(
                f"`{layer}_names` must be a list of strings; got {called!r:.100}."
            )
        if len(called) != size:
            raise ValueError(
                f"`{layer}_names` must name each of the {size} {layer} neurons; got "
                f"{len(called)} names."
            )
        found[layer] = list(called)
    return found


def _of_actions(space: spaces.Space[Any], n_motors: int) -> list[str]:
    """Returns what motor neurons are called by the action that they make."""
    if isinstance(space, spaces.Discrete) and n_motors == space.n:
        return [f"action {space.start + index}" for index in range(n_motors)]
    if isinstance(space, spaces.MultiDiscrete):
        return [
            f"action {part} = {choice}"
            for part, size in enumerate(space.nvec.ravel().tolist())
            for choice in range(size)
        ]
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        n_parts = int(np.prod(space.shape))
        parts = (
            ["the action"] if n_parts == 1 else [f"action {i}" for i in range(n_parts)]
        )
        if n_motors == 2 * n_parts:
            return parts + [
                "log deviation" if n_parts == 1 else f"log dev. {i}"
                for i in range(n_parts)
            ]
        if n_motors == n_parts:
            return parts
    return [f"motor {index}" for index in range(n_motors)]


def headline(space: spaces.Space[Any], names: Names, action: np.ndarray) -> str:
    """Says which action is taken."""
    parts = np.ravel(action).tolist()
    if isinstance(space, spaces.Discrete):
        index = parts[0] - int(space.start)
        alone = len(names["motor"]) == space.n
        return f"chooses {names['motor'][index] if alone else f'action {parts[0]}'}"
    shown = ", ".join(number(part) for part in parts[:8])
    return f"acts by {shown}{', …' if len(parts) > 8 else ''}"


def part_names(names: Names, shares: np.ndarray) -> list[str]:
    """Returns what the parts of an action are called.

    Args:
        names: of neurons, by layer.
        shares: (parts, O) of each motor neuron in a part.
    """
    found = []
    for part in shares:
        motors = np.flatnonzero(part)
        alone = names["motor"][int(motors[0])]
        found.append(alone if len(motors) == 1 else "what was chosen")
    return found


def path_words(names: Names, reasons: Reasons, part: str) -> list[str]:
    """Says what each path does to a part of the action, the strongest path first."""
    sentences = []
    for path in reasons.paths:
        way = " → ".join(
            names[layer][index]
            for layer, index in zip(
                ("sensory", "inter", "command"), path.neurons, strict=True
            )
        )
        verb = "raises" if path.effect > 0 else "lowers"
        sentences.append(f"{way} {verb} {part} by {number(abs(path.effect))}")
    return sentences


def sum_words(reasons: Reasons, part: str) -> str:
    """Says what all paths from sensors do, and what memory does beside them."""
    words = f"All paths from sensors together: {signed(reasons.of_sensors)} on {part}"
    if reasons.of_memory is not None:
        words += f"; what command neurons remember: {signed(reasons.of_memory)}"
    return words + "."


def number(value: float) -> str:
    """Writes a number with three digits that matter."""
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "none"
    text = f"{value:,.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"
    if 100 <= abs(value) < 1e6:
        text = f"{value:,.0f}"
    return text.replace("-", "−")


def signed(value: float) -> str:
    """Writes a number with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)
