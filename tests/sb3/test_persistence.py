"""An agent that is saved is the agent that is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import (
    ALGORITHMS,
    POLICIES,
    algorithm_class,
    learn,
    make_agent,
    make_env,
    predict,
    sample_observations,
)
from sb3_contrib.common.maskable.callbacks import MaskableEvalCallback
from stable_baselines3 import DQN, HerReplayBuffer
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.envs import BitFlippingEnv
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from velora.plugins import networks

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)
each_policy = pytest.mark.parametrize("policy", POLICIES)
OFF_POLICY = ["SAC", "TQC", "CrossQ", "TD3", "DDPG", "DQN", "QRDQN"]

PREDICT = """
import sys, numpy as np
from importlib import import_module
library, algorithm, agent, observations, actions = sys.argv[1:]
model = getattr(import_module(library), algorithm).load(agent, device="cpu")
np.save(actions, model.predict(np.load(observations), deterministic=True)[0])
"""


@each_algorithm
def test_agent_loaded_in_another_process_predicts_the_same(
    algorithm: str, tmp_path: Path
) -> None:
    model = learn(make_agent(algorithm))
    model.save(tmp_path / "agent.zip")
    np.save(tmp_path / "observations.npy", sample_observations(model))
    library = algorithm_class(algorithm).__module__.split(".")[0]
    files = ["agent.zip", "observations.npy", "actions.npy"]
    command = [sys.executable, "-c", PREDICT, library, algorithm, *files]
    subprocess.run(command, cwd=tmp_path, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "actions.npy"), predict(model))


@each_algorithm
@each_policy
def test_loaded_agent_goes_on_learning_as_if_never_saved(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    model = learn(make_agent(algorithm, policy))
    model.save(tmp_path / "agent.zip")
    loaded = type(model).load(tmp_path / "agent.zip", device="cpu")
    if algorithm in OFF_POLICY:
        model.save_replay_buffer(tmp_path / "buffer.pkl")
        loaded.load_replay_buffer(tmp_path / "buffer.pkl")
    if algorithm == "ARS":  # sb3-contrib does not restore what it varies
        parameters = loaded.policy.parameters()
        loaded.weights = nn.utils.parameters_to_vector(parameters).detach()
    outcomes = []
    for agent in (model, loaded):
        agent.set_env(make_agent(algorithm, policy).get_env())
        agent.set_random_seed(5)
        outcomes.append(learn(agent).policy.state_dict())
    assert all(torch.equal(outcomes[0][key], outcomes[1][key]) for key in outcomes[0])


@each_algorithm
@each_policy
def test_policy_alone_is_saved_and_loaded(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    options = {"sparsity_level": 0.8}
    model = learn(make_agent(algorithm, policy, policy_kwargs=options))
    model.policy.save(tmp_path / "policy.pt")
    loaded = type(model.policy).load(tmp_path / "policy.pt", device="cpu")
    for role, network in model.policy.networks.items():
        assert loaded.networks[role].wiring == network.wiring
    obs = sample_observations(model)
    actions, _ = loaded.predict(obs, deterministic=True)
    np.testing.assert_array_equal(actions, predict(model))


@each_algorithm
@each_policy
def test_parameters_of_one_agent_make_another_equal(
    algorithm: str, policy: str
) -> None:
    model, other = make_agent(algorithm, policy), make_agent(algorithm, policy, seed=2)
    role = next(iter(model.policy.networks))
    assert other.policy.networks[role].wiring != model.policy.networks[role].wiring
    other.set_parameters(model.get_parameters())
    assert other.policy.networks[role].wiring == model.policy.networks[role].wiring
    np.testing.assert_array_equal(predict(other), predict(model))


@each_algorithm
@each_policy
def test_callbacks_evaluate_and_save_agents(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    evaluation = MaskableEvalCallback if algorithm == "MaskablePPO" else EvalCallback
    model = make_agent(algorithm, policy)
    observations = "flat" if policy == "NCPPolicy" else "window"
    env = Monitor(make_env(observations, ALGORITHMS[algorithm].actions[0]))
    callbacks = [
        evaluation(
            env,
            eval_freq=8,
            n_eval_episodes=1,
            best_model_save_path=str(tmp_path),
            verbose=0,
        ),
        CheckpointCallback(8, str(tmp_path / "checkpoints"), save_replay_buffer=True),
    ]
    model.learn(ALGORITHMS[algorithm].steps, callback=callbacks)
    files = [tmp_path / "best_model.zip", *tmp_path.glob("checkpoints/*steps.zip")]
    assert len(files) >= 2
    for file in files:
        loaded = type(model).load(file, device="cpu")
        assert loaded.policy.networks.keys() == model.policy.networks.keys()


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "DQN", "TQC", "ARS"])
@each_policy
def test_normalised_environment_is_saved_beside_the_agent(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    model = make_agent(algorithm, policy)
    model.set_env(VecNormalize(model.get_env()))
    learn(model)
    model.save(tmp_path / "agent.zip")
    model.get_vec_normalize_env().save(tmp_path / "normalize.pkl")
    raw = make_agent(algorithm, policy).get_env()
    env = VecNormalize.load(tmp_path / "normalize.pkl", raw)
    env.training = False
    loaded = type(model).load(tmp_path / "agent.zip", env=env, device="cpu")
    obs = sample_observations(model)
    normalised = model.get_vec_normalize_env().normalize_obs(obs)
    np.testing.assert_array_equal(env.normalize_obs(obs), normalised)
    expected, _ = model.predict(normalised, deterministic=True)
    actions, _ = loaded.predict(normalised, deterministic=True)
    np.testing.assert_array_equal(actions, expected)
    mean, _ = evaluate_policy(loaded, env, n_eval_episodes=2)
    assert np.isfinite(mean)


@each_policy
@pytest.mark.filterwarnings("ignore:A recurrent network has no memory here")
def test_hindsight_replay_learns_and_goes_on(policy: str, tmp_path: Path) -> None:
    def make() -> Any:
        return BitFlippingEnv(n_bits=4, continuous=False)

    model = DQN(
        policy,
        make(),
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 2},
        learning_starts=20,
        buffer_size=200,
        policy_kwargs={"n_neurons": 12},
        device="cpu",
        seed=0,
    ).learn(60)
    model.save(tmp_path / "agent.zip")
    model.save_replay_buffer(tmp_path / "buffer.pkl")
    loaded = DQN.load(tmp_path / "agent.zip", env=make(), device="cpu")
    loaded.load_replay_buffer(tmp_path / "buffer.pkl")
    np.testing.assert_array_equal(predict(loaded), predict(model))
    loaded.learn(40, reset_num_timesteps=False)
    assert loaded.num_timesteps == 100


SAVE_WITH_PLUGIN = """
import sys
from torch import nn
import velora.sb3
from stable_baselines3 import PPO
from velora.plugins import networks
with networks().booked_to(sys.argv[1] or None):
    networks().add("test-absent", lambda i, o, device=None: nn.Linear(i, o))
options = dict(network="test-absent")
if sys.argv[2] == "extractor":
    options = dict(features_extractor_class=velora.sb3.NCPExtractor,
                   features_extractor_kwargs=options)
policy = "NCPPolicy" if sys.argv[2] == "policy" else "MlpPolicy"
PPO(policy, "CartPole-v1", policy_kwargs=options, device="cpu").save("agent.zip")
"""


@pytest.mark.parametrize("where", ["policy", "extractor"])
@pytest.mark.parametrize(
    ("distribution", "fix"),
    [
        ("velora-absent", "from the distribution 'velora-absent': pip install"),
        ("", "from the program that trained it: add it to `networks\\(\\)`"),
    ],
)
def test_agent_names_what_provided_its_missing_network(
    distribution: str, fix: str, where: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SAVE_WITH_PLUGIN, distribution, where]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert "test-absent" not in networks()
    with pytest.raises(
        KeyError, match=f"'test-absent'.*'liquid', 'lstm', 'ltc', 'ncp'.*{fix}"
    ):
        algorithm_class("PPO").load(tmp_path / "agent.zip", device="cpu")


LOAD_DISABLED = """
import stable_baselines3
try:
    stable_baselines3.PPO.load("agent.zip", device="cpu")
except KeyError as error:
    print(error)
"""


def test_agent_names_the_plugin_that_is_disabled(tmp_path: Path) -> None:
    make_agent("PPO").save(tmp_path / "agent.zip")
    done = subprocess.run(
        [sys.executable, "-c", LOAD_DISABLED],
        cwd=tmp_path,
        env=os.environ | {"VELORA_DISABLE_PLUGINS": "velora-lnn"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'velora-lnn', whose plugin is disabled here" in done.stdout
