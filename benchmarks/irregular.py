"""What is it worth that a cell knows how much time has passed?

    python benchmarks/irregular.py [--task NAME ...] [--seeds 5] [--json F] [--png F]

With --json, what is in that file already is not trained again, so a comparison may be
stopped and go on.

Positions alone are seen, so velocities are differences of positions by the time between
them. Tasks, with the settings of rl-baselines3-zoo's CartPoleNoVel-v1 and
PendulumNoVel-v1:

- "irregular": CartPole, an action is held for two steps, and the position shown for it
  is up to 1.75 steps old, by chance: from one to the next it is a quarter to 3.75
  steps, known when the action is chosen;
- "other steps": Pendulum, learned at its own steps; then, with no more training, seen
  and acted upon at every half and at every second of them. The score is the mean of
  both; "at 1/2", "at 1" and "at 2" are in the file.

Rows:

- "time": RecurrentPPO with LiquidPolicy and `timespan_key="dt"`: the cell evolves by
  it;
- "feature": the same policy gets the time as one more number;
- "none": it does not get it;
- "LSTM": MultiInputLstmPolicy with the time as a feature.

A score is the mean return of 40 episodes of the deterministic policy after the last
step; no checkpoint is chosen by it.
"""

from __future__ import annotations

from typing import Any

from common.comparison import Comparison, command
from common.no_velocity import TASKS
from common.sampled import PARTS, sampled, train
from common.training import AgentJob

IRREGULAR, OTHER = "irregular", "other steps"
ROWS = ("time", "feature", "none", "LSTM")


def job(name: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row on a task."""
    task = TASKS["CartPole" if name == IRREGULAR else "Pendulum"]
    options: dict[str, Any] = {"ortho_init": False}
    if row == "LSTM":
        options = task.policy_kwargs | {
            "lstm_hidden_size": task.hidden_size,
            "net_arch": [64],
        }
    elif row == "time":
        options["timespan_key"] = "dt"
    period, oldest = (2 * PARTS, 7) if name == IRREGULAR else (PARTS, 0)
    return AgentJob(
        {"task": name, "policy": row},
        "RecurrentPPO",
        "MultiInputLstmPolicy" if row == "LSTM" else "LiquidPolicy",
        sampled,
        seed,
        steps or task.steps,
        settings=task.settings,
        policy_kwargs=options,
        env_kwargs={
            "name": task.env,
            "period": period,
            "oldest": oldest,
            "has_time": row != "none",
        },
        n_envs=task.n_envs,
        is_normalized=True,
    )


COMPARISON = Comparison(
    make_job=job, tasks=[IRREGULAR, OTHER], rows=ROWS, train=train, title="{}"
)

if __name__ == "__main__":
    command(COMPARISON)()
