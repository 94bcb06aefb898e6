"""Policies for Stable-Baselines3's PPO."""

from stable_baselines3 import PPO

from velora.sb3.common.actor_critic import LiquidActorCriticPolicy, NCPActorCriticPolicy

NCPPolicy = NCPActorCriticPolicy
LiquidPolicy = LiquidActorCriticPolicy

PPO.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
