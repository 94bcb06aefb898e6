"""Tasks that hide velocities: a liquid memory, an LSTM and stacked frames.

    python benchmarks/novel.py [--task CartPole ...] [--seeds 5] [--json F] [--png F]

With --json, what is in that file already is not trained again, so a comparison may be
stopped and go on.

CartPole, Pendulum and MountainCarContinuous with their velocities set to zero, with the
settings and steps of rl-baselines3-zoo's CartPoleNoVel-v1, PendulumNoVel-v1 and
MountainCarContinuousNoVel-v0 for every row (hyperparams/ppo_lstm.yml). Rows:

- "LiquidPolicy": RecurrentPPO with it, as it is;
- "CfC": the same with the network "liquid", as many command neurons as the LSTM has
  hidden units;
- "LSTM": RecurrentPPO with MlpLstmPolicy;
- "frames": PPO with MlpPolicy on the last four observations; "frames, tanh", if asked
  for, with its own activation in the place of the ReLU that the zoo has for the LSTM;
- "window": PPO with LiquidPolicy on the same four, its cell run over them;
- "LSTM, our synapses" and "LSTM, our parameters", if asked for: as "LSTM", with the
  hidden size with which it has as many parameters as LiquidPolicy has biases and
  weights with a synapse, or as it stores;
- "CfC, 96 neurons", if asked for: as "CfC", of that size;
- "CfC, window", if asked for: as "window" with the network and size of "CfC";
- "ltc" and "cfc-layers", if asked for: as "CfC" with that network; "CfC, mixed memory":
  a dense one ("cfc") with as many neurons as the LSTM, or with 32, and an LSTM's memory
  beside it;
- "ncps-cfc" and "ncps-ltc", if asked for: likewise, of the plugin
  examples/plugins/velora-ncps, which has to be installed.

A seed's score is the mean return of 40 episodes of the deterministic policy after the
last step; no checkpoint is chosen by it. The picture shows returns while learning.
"""

from __future__ import annotations

from common.comparison import Comparison, command
from common.no_velocity import OPTIONAL_ROWS, ROWS, TASKS, job

COMPARISON = Comparison(
    make_job=job,
    tasks=list(TASKS),
    rows=ROWS,
    optional_rows=OPTIONAL_ROWS,
    title="{} without velocity",
)

if __name__ == "__main__":
    command(COMPARISON)()
