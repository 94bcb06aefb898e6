"""What a comparison says of seeds, on rows that are made up."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sb3_contrib")
pytest.importorskip("rich")

from common.baseline import Baseline
from common.intervals import difference, interquartile_mean, is_as_good, overall
from common.scores import median_steps_to, return_at, steps_to, summarise

CURVE = [[100, 0.0], [200, 50.0], [400, 150.0], [600, 100.0]]
BASELINE = Baseline(
    "MlpPolicy",
    chance={"CartPole": 20, "Hopper": 0},
    solved={"CartPole": 100},
    dropped=lambda task, policy: f"layers of {task}",
)


def row(task: str, policy: str, score: float, **more: Any) -> dict[str, Any]:
    own = {"task": task, "policy": policy, "score": score, "steps": 600, "curve": CURVE}
    return own | {"parameters": 20, "active": 10, "steps/s": 1.0} | more


@pytest.mark.parametrize(
    ("threshold", "steps"),
    [(-5, 100), (0, 100), (25, 150), (50, 200), (75, 250), (150, 400), (151, math.inf)],
)
def test_steps_to_a_return_lie_on_the_line_between_points(
    threshold: float, steps: float
) -> None:
    assert steps_to(CURVE, threshold) == steps


def test_a_run_without_a_curve_never_gets_there() -> None:
    assert steps_to([], 0) == math.inf
    runs = [row("CartPole", "NCPPolicy", 0, curve=curve) for curve in (CURVE, [], [])]
    assert median_steps_to(runs[:1], 100) == 300
    assert median_steps_to(runs, 100) == math.inf


def test_the_return_late_and_at_the_end_show_a_policy_that_gets_worse() -> None:
    worse = [[100, 0.0], [360, 500.0], [600, 100.0]]
    runs = [row("CartPole", "NCPPolicy", 0, curve=worse)] * 2
    assert return_at(runs, 0.6) == 500
    assert return_at(runs, 1) == 100
    assert return_at(runs, 0.1) == ""  # nothing is known as early
    assert return_at([*runs, row("CartPole", "NCPPolicy", 0, curve=[])], 1) == ""


def test_a_summary_counts_the_seeds_that_get_there() -> None:
    slow = [[100, 0.0], [600, 100.0]]
    curves = (CURVE, slow, [])
    runs = [row("CartPole", "NCPPolicy", 0, curve=curve) for curve in curves]
    (line,) = summarise(runs, ("task", "policy"), {"CartPole": 100})
    assert line["steps to it"] == "600 (2 of 3)"
    (line,) = summarise(runs[1:], ("task", "policy"), {"CartPole": 100})
    assert line["steps to it"] == "never (1 of 2)"
    (line,) = summarise(runs, ("task", "policy"), {})
    assert line["steps to it"] == line["solved"] == ""
    (line,) = summarise(runs, ("task", "policy"))
    assert "steps to it" not in line


def test_a_difference_lies_in_its_interval_which_is_the_same_each_time() -> None:
    ours, theirs = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0]
    found = difference(ours, theirs)
    assert found.value == -1
    assert found.low < -1 < found.high
    assert found == difference(ours, theirs)
    back = difference(theirs, ours)
    assert back.value == 1
    assert back.low == pytest.approx(-found.high, abs=0.3)


def test_the_interval_is_as_wide_as_the_standard_error_says() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(0, 1, 400), rng.normal(0, 2, 400)
    found = difference(ours, theirs)
    error = (ours.var() / 400 + theirs.var() / 400) ** 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_as_good_is_an_interval_that_reaches_zero() -> None:
    assert is_as_good([10, 12, 14], [11, 13, 15])
    assert is_as_good([20, 20], [10, 12])
    assert not is_as_good([1, 2, 3], [11, 13, 15])


def test_as_good_is_within_two_per_cent_of_scores_that_are_all_one() -> None:
    assert is_as_good([490, 490], [500, 500])
    assert not is_as_good([489, 489], [500, 500])
    assert is_as_good([-102, -102], [-100, -100])
    assert not is_as_good([-103, -103], [-100, -100])
    assert not is_as_good([500, 100, 100, 100, 100], [500] * 5)
    # With any spread, as close a mean is not enough.
    assert not is_as_good([490.0, 490.0], [500.0, 499.9])


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    assert interquartile_mean([100, 2, 4, -100]) == 3
    assert interquartile_mean([[9, 1, 2], [3, 3, 3]]).tolist() == [4, 3]
    eight = np.array([0, 1, 2, 3, 4, 5, 6, 1000])
    assert interquartile_mean(eight) == 3.5


def test_the_overall_estimate_draws_within_each_task() -> None:
    """Tasks whose seeds agree leave nothing to draw, however far tasks are apart."""
    found = overall([[0.0] * 3, [1.0] * 3, [2.0] * 3, [9.0] * 3])
    assert found == (1.5, 1.5, 1.5)
    wide = overall([[0.0, 1.0], [1.0, 2.0]])
    assert wide.low < wide.value < wide.high


def test_a_comparison_has_a_line_for_what_both_have_learned() -> None:
    late = [[100, 0.0], [600, 100.0]]
    rows = [
        *[row("CartPole", "MlpPolicy", 120, active=100) for _ in range(3)],
        *[row("CartPole", "NCPPolicy", score, curve=late) for score in (60, 70, 80)],
        row("Hopper", "NCPPolicy", 5),
    ]
    (line,) = BASELINE.compare(rows)
    assert line["- MlpPolicy"] == pytest.approx(-50)
    assert line["from"] < -50 < line["to"] < 0
    assert line["as good"] == "NO"
    assert line["steps to solved"] == "× 2"  # 600 instead of 300
    assert line["weights"] == "× 0.1"
    assert line["dropped"] == "layers of CartPole"
    json.dumps(line, allow_nan=False)


def test_steps_that_somebody_never_reaches_are_said() -> None:
    def said(ours: Any, theirs: Any) -> str:
        rows = (
            row("CartPole", "MlpPolicy", 1, curve=theirs),
            row("CartPole", "NCPPolicy", 1, curve=ours),
        )
        (line,) = BASELINE.compare(rows)
        return str(line["steps to solved"])

    assert said(CURVE, CURVE) == "× 1"
    assert said([], CURVE) == "never"
    assert said(CURVE, []) == "only ours"
    assert said([], []) == ""


def test_a_task_without_a_threshold_takes_what_the_baseline_comes_to() -> None:
    other = [[100, 0.0], [600, 50.0]]
    rows = [
        row("Hopper", "MlpPolicy", 1),
        row("Hopper", "MlpPolicy", 1, curve=other),
        row("Hopper", "NCPPolicy", 1),
        row("CartPole", "MlpPolicy", 1),
    ]
    assert BASELINE.thresholds(rows) == {"Hopper": 75, "CartPole": 100}
    assert BASELINE.thresholds(rows[2:3]) == {"CartPole": 100}


def test_the_aggregate_is_zero_for_chance_and_one_for_the_baseline() -> None:
    rows = [
        *[row("CartPole", "MlpPolicy", score) for score in (110, 120, 130)],
        *[row("CartPole", "NCPPolicy", score) for score in (70, 70, 70)],
        *[row("Hopper", "MlpPolicy", score) for score in (10, 10, 10)],
        *[row("Hopper", "NCPPolicy", score) for score in (5, 5, 5)],
    ]
    theirs, ours = BASELINE.aggregate(rows)
    assert theirs["policy"] == "MlpPolicy"
    assert theirs["interquartile mean"] == pytest.approx(1)
    assert theirs["from"] < 1 < theirs["to"]
    estimates = ("interquartile mean", "from", "to")
    assert [ours[name] for name in estimates] == pytest.approx([0.5, 0.5, 0.5])
    assert theirs["tasks"] == ours["tasks"] == 2


def test_the_aggregate_leaves_out_what_the_baseline_has_not_learned() -> None:
    rows = [
        row("CartPole", "MlpPolicy", 20),  # as by chance
        row("CartPole", "NCPPolicy", 500),
        row("Hopper", "MlpPolicy", 10),
    ]
    assert BASELINE.aggregate(rows) == []  # ours has not tried Hopper
    _, ours = BASELINE.aggregate([*rows, row("Hopper", "NCPPolicy", 20)])
    assert ours["tasks"] == 1
    assert ours["interquartile mean"] == 2
