"""What does sparsity buy? The same number of weights, spread thin or dense.

    python benchmarks/sparsity.py [--task NAME ...] [--seeds 5] [--json F] [--png F]

With --json, what is in that file already is not trained again, so a comparison may be
stopped and go on.

Two questions, asked before the first run, of PPO with the settings of `dropin.py`:

- which learns better, and in fewer steps: many neurons with few synapses each, or few
  with many?
- which holds out longer when, after training, its sensors get noisy?

All rows have as many weights (and biases) as NCPPolicy has of its own size: "sparsity
0.1", "0.5" (the default) and "0.9" are NCPPolicy with as many neurons as give that
number; "MlpPolicy" has two dense layers of such a width. "noise 0.1" and "noise 0.3"
are returns with Gaussian noise of that many standard deviations of each sensor
(`common/noisy.py`). A score is the mean return of 40 episodes of the deterministic
policy after the last step; no checkpoint is chosen by it.
"""

from __future__ import annotations

from dataclasses import replace

from common.comparison import Comparison, command
from common.matched import matched
from common.noisy import noisy, train
from common.task import OWN_SIZE
from common.training import AgentJob
from common.zoo import TASKS

ASKED = ("PPO CartPole", "PPO Acrobot", "PPO Hopper")
SPARSITIES = {f"sparsity {level}": level for level in (0.1, 0.5, 0.9)}


def job(name: str, row: str, seed: int, steps: int | None = None) -> AgentJob:
    """Returns the run of a row on a task."""
    task, names = TASKS[name], {"task": name, "policy": row}
    policy = row if row == "MlpPolicy" else OWN_SIZE
    made = task.job(names, policy, seed, steps)
    env_kwargs = {"name": made.env, "level": 0.0}
    made = replace(made, env=noisy, env_kwargs=env_kwargs)

    def of_width(width: int) -> AgentJob:
        sized = {"net_arch": [width, width]}
        if row in SPARSITIES:
            sized = {"n_neurons": width, "sparsity_level": SPARSITIES[row]}
        return replace(made, policy_kwargs=made.policy_kwargs | sized)

    return matched(task.job({}, OWN_SIZE, seed, steps), of_width, "our synapses")


COMPARISON = Comparison(
    make_job=job,
    tasks=ASKED,
    rows=["MlpPolicy", *SPARSITIES],
    train=train,
    missing={
        name: f'{name} needs `pip install "gymnasium[{TASKS[name].extra}]"`.'
        for name in ASKED
        if not TASKS[name].is_available
    },
    title="{}",
)

if __name__ == "__main__":
    command(COMPARISON)()
