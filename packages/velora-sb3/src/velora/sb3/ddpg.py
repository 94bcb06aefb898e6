"""Policies for Stable-Baselines3's DDPG, which are those of TD3."""

from stable_baselines3 import DDPG

from velora.sb3.td3 import Actor, Critic, LiquidPolicy, NCPPolicy

__all__ = ["Actor", "Critic", "LiquidPolicy", "NCPPolicy"]

DDPG.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
