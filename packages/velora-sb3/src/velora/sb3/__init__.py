"""Sparse and liquid policies and features extractors for Stable-Baselines3.

Each algorithm has a module with its `NCPPolicy` and `LiquidPolicy`, as in
Stable-Baselines3; `recurrent_ppo` has the latter alone. Importing `velora.sb3`
makes those names policy aliases, so that `PPO("NCPPolicy", env)` works. The algorithms
of sb3-contrib are there where it is installed: `pip install 'velora-sb3[contrib]'`.
`MemoryPPO`, `MemoryDQN` and `MemorySAC` are algorithms of our own, for policies that
remember.
"""

from velora.sb3 import (
    a2c,
    ddpg,
    dqn,
    memory_dqn,
    memory_ppo,
    memory_sac,
    ppo,
    sac,
    td3,
)
from velora.sb3.agent import Agent
from velora.sb3.extractors import LiquidExtractor, NCPExtractor
from velora.sb3.memory.evaluation import EvalCallback, evaluate_policy
from velora.sb3.memory_dqn import MemoryDQN
from velora.sb3.memory_ppo import MemoryPPO
from velora.sb3.memory_sac import MemorySAC
from velora.sb3.networks import networks_of
from velora.sb3.neuron_callback import NeuronCallback

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "EvalCallback",
    "LiquidExtractor",
    "MemoryDQN",
    "MemoryPPO",
    "MemorySAC",
    "NCPExtractor",
    "NeuronCallback",
    "a2c",
    "ddpg",
    "dqn",
    "evaluate_policy",
    "memory_dqn",
    "memory_ppo",
    "memory_sac",
    "networks_of",
    "ppo",
    "sac",
    "td3",
]

try:
    from velora.sb3.common import contrib  # noqa: F401  # whether it is there
except ImportError:
    pass  # importing one of its modules says what to install
else:
    from velora.sb3 import ars, crossq, maskable_ppo, qrdqn, recurrent_ppo, tqc, trpo

    __all__ += ["ars", "crossq", "maskable_ppo", "qrdqn", "recurrent_ppo"]
    __all__ += ["tqc", "trpo"]
