"""Agents that remember and replay: MemorySAC and MemoryDQN.

    python benchmarks/replay.py [--task CartPole] [--seeds 3] [--json F]

Pendulum without velocity with rl-baselines3-zoo's settings for SAC and 30,000 steps;
CartPole without velocities with those for DQN and 50,000, where MemoryDQN has a lower
learning rate and larger minibatches; and a T-maze (`common/t_maze.py`), a corridor of
50 steps, with CartPole's settings, VecNormalize, sequences of 16 steps and a burn-in of
10. Rows:

- "liquid", "LSTM", "GRU": the algorithm with LiquidPolicy, LSTMPolicy and GRUPolicy;
- "frames": SAC or DQN with MlpPolicy on four observations, the zoo's layers;
- if asked for, "liquid, slow", whose time constants start between 1 and 100 steps, and
  "liquid, slow, from zeros", whose sequences start from zeros in the place of the
  states that were met; "liquid, small head", whose dense part is one layer of 64;
  "liquid, no head" of CartPole, whose motor neurons are the Q-values; "frames, slowly",
  with MemoryDQN's learning rate and minibatches; "liquid, normalised" and "frames,
  normalised", with VecNormalize; and "window", SAC or DQN with LiquidPolicy over the
  last four observations.

A score is the mean return of 40 deterministic episodes after the last step. With --json
it goes on where it stopped.
"""

from __future__ import annotations

from common.comparison import Comparison, command
from common.replay import OPTIONAL_ROWS, REPLAYS, ROWS, job

COMPARISON = Comparison(
    make_job=job,
    tasks=list(REPLAYS),
    rows=ROWS,
    optional_rows=OPTIONAL_ROWS,
    seeds=3,
)

main = command(COMPARISON)

if __name__ == "__main__":
    main()
