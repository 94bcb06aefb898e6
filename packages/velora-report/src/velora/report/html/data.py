"""What the page's script shows, step by step, as JSON that no browser runs."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from velora.report.acting import Acting
from velora.report.html.film import Film
from velora.report.html.paths import Reasons, chosen_motors
from velora.report.html.statistics import Neuron, rows_of
from velora.report.html.words import (
    Names,
    headline,
    number,
    part_names,
    path_words,
    sum_words,
)
from velora.report.trace import Trace

_LARGEST = 32767  # of two bytes


def steps_data(
    acting: Acting,
    trace: Trace,
    names: Names,
    neurons: Sequence[Neuron],
    why: Sequence[Sequence[Reasons]] | None,
) -> dict[str, Any]:
    """Returns all that the script needs but the film.

    Activities are of two bytes each, step by step, as shares of the largest one of
    their neuron, which stands beside them.

    Args:
        acting: the network that acts.
        trace: of an episode.
        names: of neurons, by layer.
        neurons: in the order in which the heat map has them.
        why: what moves each part of the action in each step; None of a foreign network.
    """
    rows = rows_of(trace)
    sizes = {layer: array.shape[1] for layer, array in rows.items()}
    starts = np.concatenate(([0], np.cumsum(list(sizes.values()))[:-1])).tolist()
    first = dict(zip(sizes, starts, strict=True))
    activity = np.nan_to_num(np.concatenate(list(rows.values()), axis=1))
    largest = np.abs(activity).max(axis=0)
    shares = activity / np.where(largest > 0, largest, 1.0)
    packed = np.round(shares * _LARGEST).astype("<i2")
    space = acting.policy.action_space
    return {
        "steps": len(trace),
        "layers": [
            {"name": layer, "first": first[layer], "size": size}
            for layer, size in sizes.items()
        ],
        "names": [name for layer in sizes for name in names[layer]],
        "order": [first[neuron.layer] + neuron.index for neuron in neurons],
        "activity": b64encode(packed.tobytes()).decode(),
        "largest": [float(f"{value:.4g}") for value in largest],
        "said": _said(trace, space, names),
        "why": None if why is None else _why(acting, trace, names, first, why),
    }


def film_data(film: Film | None, fps: float) -> dict[str, Any]:
    """Returns the film as the script has it."""
    if film is None:
        return {"film": None, "fps": fps}
    return {
        "film": [b64encode(picture).decode() for picture in film.pictures],
        "stride": film.stride,
        "fps": fps,
    }


def as_script(data: dict[str, Any]) -> str:
    """Writes JSON that can stand inside an element `script`, whatever strings hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.translate({ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&"})


def _said(trace: Trace, space: spaces.Space[Any], names: Names) -> list[str]:
    """Says of each step which action is taken, what it brings and what it is worth."""
    sums = np.cumsum(trace.rewards.astype(np.float64))
    sentences = []
    for step, (action, reward) in enumerate(
        zip(trace.actions, trace.rewards, strict=True)
    ):
        words = f"{headline(space, names, action)}; reward {number(float(reward))}"
        words += f", {number(float(sums[step]))} so far"
        if trace.values is not None:
            words += f"; value {number(float(trace.values[step]))}"
        sentences.append(words)
    return sentences


def _why(
    acting: Acting,
    trace: Trace,
    names: Names,
    first: dict[str, int],
    why: Sequence[Sequence[Reasons]],
) -> list[list[dict[str, Any]]]:
    """Returns for each step and part of the action its sum and its paths in words."""
    shares = chosen_motors(acting, trace)
    motors = shares.argmax(axis=2) + first["motor"]
    layers = ("sensory", "inter", "command")
    found = []
    for step, parts in enumerate(why):
        called = part_names(names, shares[step])
        found.append(
            [
                {
                    "sum": sum_words(reasons, called[part]),
                    "words": path_words(names, reasons, called[part]),
                    "effects": [float(f"{p.effect:.4g}") for p in reasons.paths],
                    "ways": [
                        [
                            *(
                                first[layer] + index
                                for layer, index in zip(
                                    layers, path.neurons, strict=True
                                )
                            ),
                            int(motors[step, part]),
                        ]
                        for path in reasons.paths
                    ],
                }
                for part, reasons in enumerate(parts)
            ]
        )
    return found
