"""Sparse and liquid policies and features extractors for Stable-Baselines3.

Each algorithm has a module with its `NCPPolicy` and `LiquidPolicy`, as in
Stable-Baselines3. Importing `velora.sb3` makes those names policy aliases, so that
`PPO("NCPPolicy", env)` works.
"""

from velora.sb3 import a2c, ppo
from velora.sb3.extractors import LiquidExtractor, NCPExtractor

__all__ = ["LiquidExtractor", "NCPExtractor", "a2c", "ppo"]
