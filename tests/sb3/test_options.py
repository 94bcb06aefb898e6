"""What SB3's policies take works in ours as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import (
    ALGORITHMS,
    POLICIES,
    learn,
    make_agent,
    make_env,
    predict,
    sample_observations,
)
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.torch_layers import NatureCNN

each_policy = pytest.mark.parametrize("policy", POLICIES)
ON_POLICY = ["PPO", "A2C", "TRPO", "MaskablePPO"]
GSDE = ["PPO", "A2C", "TRPO", "SAC", "TQC", "CrossQ"]
WITHOUT_EXTRACTOR_CHOICE = ["DQN", "QRDQN", "ARS"]


@pytest.mark.parametrize("algorithm", GSDE)
@each_policy
def test_gsde_explores_with_noise_of_the_features(algorithm: str, policy: str) -> None:
    settings = {"use_sde": True, "sde_sample_freq": 4}
    model = make_agent(algorithm, policy, actions="box", **settings)
    noisy_part = getattr(model.policy, "actor", model.policy)
    n_features = 6 if policy == "NCPPolicy" else 24
    assert noisy_part.log_std.shape == (n_features, 3)
    learn(model)
    obs = sample_observations(model)
    noisy, _ = model.predict(obs, deterministic=False)
    repeated, _ = model.predict(obs, deterministic=False)
    assert not np.allclose(predict(model), noisy)
    np.testing.assert_array_equal(noisy, repeated)  # until the noise is reset
    model.policy.reset_noise()
    assert not np.allclose(model.predict(obs, deterministic=False)[0], noisy)


@pytest.mark.parametrize("algorithm", ["SAC", "TQC", "CrossQ"])
@pytest.mark.parametrize("clip_mean", [0.0, 0.01])
def test_gsde_clips_the_means_where_asked(algorithm: str, clip_mean: float) -> None:
    options = {"clip_mean": clip_mean, "use_expln": True}
    model = make_agent(algorithm, policy_kwargs=options, use_sde=True)
    obs, _ = model.policy.obs_to_tensor(100 * sample_observations(model))
    with torch.no_grad():
        means, _, _ = model.policy.actor.get_action_dist_params(obs)
    assert (means.abs().max() <= clip_mean) == (clip_mean > 0)


@pytest.mark.parametrize("algorithm", GSDE)
def test_log_std_init_is_obeyed(algorithm: str) -> None:
    options = {"log_std_init": -1.5}
    model = make_agent(algorithm, actions="box", policy_kwargs=options, use_sde=True)
    noisy_part = getattr(model.policy, "actor", model.policy)
    assert torch.equal(noisy_part.log_std, torch.full_like(noisy_part.log_std, -1.5))


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    "algorithm", [a for a in ALGORITHMS if a not in WITHOUT_EXTRACTOR_CHOICE]
)
def test_features_extractor_is_shared_where_asked(algorithm: str, shared: bool) -> None:
    options = {"share_features_extractor": shared}
    model = make_agent(algorithm, observations="image", policy_kwargs=options)
    policy = learn(model).policy
    if algorithm in ON_POLICY:
        pair = policy.pi_features_extractor, policy.vf_features_extractor
    else:
        pair = policy.actor.features_extractor, policy.critic.features_extractor
    assert all(isinstance(extractor, NatureCNN) for extractor in pair)
    assert (pair[0] is pair[1]) == shared
    loaded = type(policy)(**policy._get_constructor_parameters())
    assert loaded.share_features_extractor == shared


@pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if a != "ARS"])
def test_images_that_are_normalised_are_left_alone(algorithm: str) -> None:
    options: dict[str, Any] = {"normalize_images": False}
    options["features_extractor_kwargs"] = {"features_dim": 16}
    model = make_agent(algorithm)
    space = spaces.Box(0, 1, (1, 36, 36), np.float32)
    policy = type(model.policy)(
        space, model.action_space, model.lr_schedule, n_neurons=12, **options
    )
    image = np.random.default_rng(0).uniform(size=(2, 1, 36, 36)).astype(np.float32)
    seen: list[torch.Tensor] = []
    for module in policy.modules():
        if isinstance(module, NatureCNN):
            module.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    policy.predict(image)
    assert seen
    assert all(torch.equal(x, torch.as_tensor(image)) for x in seen)


@pytest.mark.parametrize("algorithm", ["PPO", "DQN"])
def test_images_too_small_for_convolutions_are_flattened(algorithm: str) -> None:
    model = make_agent(algorithm, actions="discrete")
    space = spaces.Box(0, 255, (3, 7, 7), np.uint8)  # as MiniGrid's
    policy = type(model.policy)(space, model.action_space, model.lr_schedule)
    assert next(iter(policy.networks.values())).in_features == 147
    policy.predict(space.sample())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@each_policy
def test_agent_learns_and_predicts_in_several_environments(
    algorithm: str, policy: str
) -> None:
    observations = "flat" if policy == "NCPPolicy" else "window"
    spec = ALGORITHMS[algorithm]
    env = make_vec_env(lambda: make_env(observations, spec.actions[0]), n_envs=3)
    model = make_agent(algorithm, policy)
    several = type(model)(
        policy,
        env,
        policy_kwargs={"n_neurons": 12} | spec.policy_kwargs,
        seed=1,
        device="cpu",
        **spec.settings,
    )
    learn(several)
    together = predict(several)
    for observation, action in zip(sample_observations(several), together, strict=True):
        alone, _ = several.predict(observation, deterministic=True)
        np.testing.assert_allclose(alone, action, atol=1e-6)


@pytest.mark.parametrize("algorithm", ON_POLICY)
@each_policy
def test_recorded_log_probabilities_are_those_evaluated(
    algorithm: str, policy: str
) -> None:
    model = make_agent(algorithm, policy, actions="discrete")
    obs = torch.as_tensor(sample_observations(model))
    actions, values, log_prob = model.policy(obs)
    again, evaluated, entropy = model.policy.evaluate_actions(obs, actions)
    torch.testing.assert_close(again, values)
    torch.testing.assert_close(evaluated, log_prob)
    torch.testing.assert_close(model.policy.predict_values(obs), values)
    assert entropy.shape == (5,)
