"""Numbers, names and sentences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gymnasium import spaces

from velora.report.html.paths import Path, Reasons
from velora.report.html.words import (
    headline,
    names_of,
    number,
    part_names,
    path_words,
    signed,
    sum_words,
)

SIZES = {"sensory": 2, "inter": 3, "command": 2}
BOX = spaces.Box(-1, 1, (2,), np.float32)
ONE = spaces.Box(-1, 1, (1,), np.float32)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (1, "1"),
        (0.48251, "0.483"),
        (-0.5, "−0.5"),
        (123.4, "123"),
        (25140, "25,140"),
        (0.00012345, "1.23e−04"),
        (1e7, "1.00e+07"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "none"),
    ],
)
def test_numbers_have_three_digits_that_matter(value: float, said: str) -> None:
    assert number(value) == said


def test_sign_is_written() -> None:
    assert [signed(value) for value in (1.5, 0, -2)] == ["+1.5", "0", "−2"]


@pytest.mark.parametrize(
    ("space", "motors", "names"),
    [
        (spaces.Discrete(2), 2, ["action 0", "action 1"]),
        (spaces.Discrete(2, start=3), 2, ["action 3", "action 4"]),
        (spaces.Discrete(2), 4, ["motor 0", "motor 1", "motor 2", "motor 3"]),
        (
            spaces.MultiDiscrete([1, 2]),
            3,
            ["action 0 = 0", "action 1 = 0", "action 1 = 1"],
        ),
        (ONE, 1, ["the action"]),
        (ONE, 2, ["the action", "log deviation"]),
        (BOX, 2, ["action 0", "action 1"]),
        (BOX, 4, ["action 0", "action 1", "log dev. 0", "log dev. 1"]),
        (spaces.MultiBinary(2), 2, ["action 0", "action 1"]),
    ],
)
def test_motor_neurons_are_called_as_their_actions(
    space: spaces.Space[object], motors: int, names: list[str]
) -> None:
    found = names_of(SIZES | {"motor": motors}, space)
    assert found["motor"] == names
    assert found["sensory"] == ["sensor 0", "sensor 1"]
    assert found["command"] == ["command 0", "command 1"]


def test_given_names_are_used_and_counted() -> None:
    sizes = SIZES | {"motor": 2}
    found = names_of(sizes, BOX, sensory=["x", "y"], motor=("a", "b"))
    assert (found["sensory"], found["motor"]) == (["x", "y"], ["a", "b"])
    with pytest.raises(ValueError, match="each of the 2 sensory neurons; got 1"):
        names_of(sizes, BOX, sensory=["x"])
    with pytest.raises(TypeError, match="list of strings"):
        names_of(sizes, BOX, motor="ab")


def test_paths_are_said_with_their_names() -> None:
    names = names_of(SIZES | {"motor": 2}, BOX, sensory=["angle", "speed"])
    reasons = Reasons((Path((0, 2, 1), 0.25), Path((1, 0, 0), -2.0)), 0.5, None)
    assert path_words(names, reasons, "action 1") == [
        "angle → inter 2 → command 1 raises action 1 by 0.25",
        "speed → inter 0 → command 0 lowers action 1 by 2",
    ]
    together = "All paths from sensors together: +0.5 on action 1"
    assert sum_words(reasons, "action 1") == f"{together}."
    remembering = Reasons((), 0.5, -0.125)
    assert sum_words(remembering, "action 1") == (
        f"{together}; what command neurons remember: −0.125."
    )


@pytest.mark.parametrize(
    ("space", "motors", "action", "said"),
    [
        (spaces.Discrete(2), 2, 1, "chooses action 1"),
        (spaces.Discrete(2, start=3), 2, 4, "chooses action 4"),
        (spaces.Discrete(2), 4, 1, "chooses action 1"),
        (BOX, 2, [0.5, -1.0], "acts by 0.5, −1"),
        (spaces.Box(-1, 1, (9,)), 9, np.ones(9), "acts by 1, 1, 1, 1, 1, 1, 1, 1, …"),
    ],
)
def test_headline_says_the_action(
    space: spaces.Space[object], motors: int, action: object, said: str
) -> None:
    names = names_of(SIZES | {"motor": motors}, space)
    assert headline(space, names, np.array(action)) == said


def test_part_of_several_motor_neurons_is_what_was_chosen() -> None:
    names = names_of(SIZES | {"motor": 4}, spaces.Discrete(2))
    shares = np.array([[0.5, 0, 0.5, 0], [0, 1, 0, 0]])
    assert part_names(names, shares) == ["what was chosen", "motor 1"]
