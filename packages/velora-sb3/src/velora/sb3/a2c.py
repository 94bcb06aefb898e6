"""Policies for Stable-Baselines3's A2C."""

from stable_baselines3 import A2C

from velora.sb3.common.actor_critic import LiquidActorCriticPolicy, NCPActorCriticPolicy

NCPPolicy = NCPActorCriticPolicy
LiquidPolicy = LiquidActorCriticPolicy

A2C.policy_aliases.update(NCPPolicy=NCPPolicy, LiquidPolicy=LiquidPolicy)
