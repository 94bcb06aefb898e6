"""A row that the others are compared with, task by task and over all."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.intervals import difference, is_as_good, overall
from common.runner import Row
from common.scores import grouped, median_steps_to, return_at


@dataclass(frozen=True)
class Baseline:
    """The row that the others are compared with, and what is known of the tasks.

    Attributes:
        policy: The row's name.
        chance: The return of actions at random, by task.
        solved: The return that counts as learned, by task where there is one.
        dropped: Says what (task, policy) does not take of the baseline's settings, if
            anything.
    """

    policy: str
    chance: Mapping[str, float]
    solved: Mapping[str, float]
    dropped: Callable[[str, str], str] | None = None

    def thresholds(self, rows: Sequence[Row]) -> dict[str, float]:
        """Returns the return that counts as learned, by task.

        Where there is none, it is what the baseline comes to while learning.
        """
        own = {
            task: value
            for (task, policy), group in grouped(rows, ("task", "policy")).items()
            if policy == self.policy and isinstance(value := return_at(group, 1), float)
        }
        return own | dict(self.solved)

    def compare(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Returns a line for each task and row that the baseline has learned, too."""
        groups, solved = grouped(rows, ("task", "policy")), self.thresholds(rows)
        lines = []
        for (task, policy), group in groups.items():
            theirs = groups.get((task, self.policy))
            if theirs is None or policy == self.policy:
                continue
            scores, others = _scores(group), _scores(theirs)
            found = difference(scores, others)
            line = {
                "task": task,
                "policy": policy,
                f"- {self.policy}": found.value,
                "from": found.low,
                "to": found.high,
                "as good": "yes" if is_as_good(scores, others) else "NO",
                "steps to solved": _ratio(group, theirs, solved.get(task)),
                "weights": f"× {group[0]['active'] / theirs[0]['active']:.2g}",
            }
            if self.dropped:
                line["dropped"] = self.dropped(task, policy)
            lines.append(line)
        return lines

    def aggregate(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Returns a line for each row: its interquartile mean over tasks.

        A score is 0 for actions at random and 1 for the baseline's mean. Tasks that the
        baseline has not learned at all, or another row not tried, are left out.
        """
        groups = grouped(rows, ("task", "policy"))
        policies = [policy for (policy,) in grouped(rows, ("policy",))]
        spans = {
            task: statistics.mean(_scores(group)) - self.chance[task]
            for (task, policy), group in groups.items()
            if policy == self.policy
            and all((task, other) in groups for other in policies)
        }
        tasks = [task for task, span in spans.items() if span > 0]
        lines = []
        for policy in policies if tasks else ():
            scores = [
                [
                    (score - self.chance[task]) / spans[task]
                    for score in _scores(groups[task, policy])
                ]
                for task in tasks
            ]
            line = {"policy": policy, "tasks": len(tasks)}
            found = overall(scores)
            names = ("interquartile mean", "from", "to")
            lines.append(line | dict(zip(names, found, strict=True)))
        return lines


def _scores(group: Sequence[Row]) -> list[float]:
    return [row["score"] for row in group]


def _ratio(ours: Sequence[Row], theirs: Sequence[Row], threshold: float | None) -> str:
    """Says how many times as many steps the median seed of ours needs, if any does."""
    if threshold is None:
        return ""
    steps, others = median_steps_to(ours, threshold), median_steps_to(theirs, threshold)
    if math.isinf(others):
        return "" if math.isinf(steps) else "only ours"
    return "never" if math.isinf(steps) else f"× {steps / others:.2g}"
