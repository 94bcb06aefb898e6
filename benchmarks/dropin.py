"""A user's settings for MlpPolicy, one word changed: does ours learn as well?

    python benchmarks/dropin.py [--task "SAC Pendulum" ...] [--json FILE] [--png FILE]
    python benchmarks/dropin.py --quick   # ten to twenty minutes on two cores

With --json, what is in that file already is not trained again, so a comparison may be
stopped and go on.

"MlpPolicy" becomes "NCPPolicy", and nothing else is touched. In rows of LiquidPolicy,
of "NCPPolicy, own size" and of a number of neurons the arguments for an MLP's layers
are dropped (`net_arch`, `activation_fn`, `ortho_init`) and named in the table. The
tasks and their settings are in `common/zoo.py`; "identity" are Stable-Baselines3's own
learning tests, in `common/identity.py`, and its score is how many of the twelve pass.

Rows of equal size, if asked for: "MlpPolicy, our synapses" has two layers of the width
with which it has as many parameters as NCPPolicy of its own size has biases and weights
with a synapse, "MlpPolicy, our parameters" as many as that stores; "MlpPolicy, our
synapses, tanh" has the activation and initial values that MlpPolicy has if the user
gives none, as NCPPolicy has its own. "MlpPolicy, as NCPPolicy" has as many as the row
NCPPolicy, which follows the user's layers, has biases and weights with a synapse. On
MuJoCo's tasks "NCPPolicy, 738 neurons" is as large as MlpPolicy, "NCPPolicy, 512
neurons" has half of its weights, and "NCPPolicy, 192 neurons" as many as two dense
layers of 64.

A seed's score is the mean return of 40 episodes of the deterministic policy after the
last step; no checkpoint is chosen by it. Seeds 10 to 14 are for reports: whatever is
chosen, of a cell, a default or a policy, is chosen on others (`--first-seed 0`).
"""

from __future__ import annotations

from common.baseline import Baseline
from common.comparison import Comparison, command
from common.identity import CASES, Suite, suite, train_any
from common.matched import MATCHED
from common.task import OWN_SIZE
from common.training import AgentJob, plain
from common.zoo import TASKS

QUICK = {  # and the steps, the task's own where None
    "identity": None,
    "PPO CartPole": None,
    "PPO Acrobot": 100_000,
    "SAC Pendulum": 8_000,
    "DQN CartPole": None,
}
WIDER = [f"NCPPolicy, {n} neurons" for n in (192, 512, 738)]
DENSE = "MlpPolicy, our synapses, tanh"


def job(task: str, policy: str, seed: int, steps: int | None) -> AgentJob | Suite:
    """Returns the run of a policy on a task, with the task's own steps if no others."""
    names = {"task": task, "policy": policy}
    make = suite if task == "identity" else TASKS[task].job
    return make(names, policy, seed, steps)


def dropped(task: str, row: str) -> str:
    """Says which of a task's arguments a row leaves out."""
    tasks = CASES.values() if task == "identity" else [TASKS[task]]
    found = [f"{k}={plain(v)}" for each in tasks for k, v in each.dropped(row).items()]
    return ", ".join(dict.fromkeys(found))


COMPARISON = Comparison(
    make_job=job,
    tasks=["identity", *TASKS],
    rows=["MlpPolicy", "NCPPolicy"],
    optional_rows=[
        "LiquidPolicy",
        OWN_SIZE,
        *WIDER,
        *(f"MlpPolicy, {what}" for what in MATCHED),
        DENSE,
    ],
    first_seed=10,
    train=train_any,
    quick=QUICK,
    missing={
        name: f'{name} needs `pip install "gymnasium[{task.extra}]"`.'
        for name, task in TASKS.items()
        if not task.is_available
    },
    baseline=Baseline(
        "MlpPolicy",
        {"identity": 0} | {name: task.chance for name, task in TASKS.items()},
        {name: task.solved for name, task in TASKS.items() if task.solved is not None},
        dropped,
    ),
)

if __name__ == "__main__":
    command(COMPARISON)()
