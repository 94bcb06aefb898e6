"""Parts of a policy are saved and loaded alone, as Stable-Baselines3's own are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import POLICIES, algorithm_class, learn, make_agent, make_env, predict
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.sac import policies as stock_sac
from torch import Tensor, nn

from velora.plugins import networks
from velora.sb3 import LiquidExtractor, NCPExtractor

PARTS = {
    "SAC": ("actor", "critic", "critic_target"),
    "TQC": ("actor", "critic", "critic_target"),
    "CrossQ": ("actor", "critic"),
    "TD3": ("actor", "actor_target", "critic", "critic_target"),
    "DDPG": ("actor", "actor_target", "critic", "critic_target"),
    "DQN": ("q_net", "q_net_target"),
    "QRDQN": ("quantile_net", "quantile_net_target"),
}
each_part = pytest.mark.parametrize(
    ("algorithm", "part"), [(a, part) for a, parts in PARTS.items() for part in parts]
)


def outputs(part: Any, observations: Any) -> list[Tensor]:
    """Returns what a part says of observations, and of actions if it is a critic."""
    part.set_training_mode(False)
    tensors, _ = part.obs_to_tensor(observations)
    torch.manual_seed(5)
    more: list[Any] = []
    if hasattr(part, "q_networks"):
        more = [torch.rand(len(observations), 3)]
    elif hasattr(part, "use_sde"):
        more = [True]  # deterministic
    with torch.no_grad():
        given = part(tensors, *more)
    return list(given) if isinstance(given, tuple) else [given]


def assert_loads(part: Any, model: Any, folder: Path) -> Any:
    """Saves and loads a part, and compares what it says."""
    part.save(folder / "part")
    loaded = type(part).load(folder / "part", device="cpu")
    assert type(loaded) is type(part)
    seen = model.observation_space
    seen.seed(3)
    observations = np.stack([seen.sample() for _ in range(5)])
    pairs = zip(outputs(loaded, observations), outputs(part, observations), strict=True)
    assert all(torch.equal(got, expected) for got, expected in pairs)
    if hasattr(part, "_predict"):
        got, _ = loaded.predict(observations, deterministic=True)
        expected, _ = part.predict(observations, deterministic=True)
        np.testing.assert_array_equal(got, expected)
    return loaded


@pytest.mark.parametrize("observations", ["flat", "window"])
@pytest.mark.parametrize("policy", POLICIES)
@each_part
@pytest.mark.filterwarnings("ignore:A recurrent network has no memory")
def test_part_is_saved_and_loaded_alone(
    algorithm: str, part: str, policy: str, observations: str, tmp_path: Path
) -> None:
    model = learn(make_agent(algorithm, policy, observations))
    loaded = assert_loads(getattr(model.policy, part), model, tmp_path)
    again = assert_loads(loaded, model, tmp_path)  # what was loaded can be saved
    assert again.state_dict().keys() == getattr(model.policy, part).state_dict().keys()


@pytest.mark.parametrize("algorithm", [a for a, p in PARTS.items() if "actor" in p])
@pytest.mark.parametrize("policy", POLICIES)
def test_actor_acts_as_its_policy(algorithm: str, policy: str, tmp_path: Path) -> None:
    model = learn(make_agent(algorithm, policy))
    loaded = assert_loads(model.actor, model, tmp_path)
    np.testing.assert_array_equal(predict(loaded), predict(model))


@pytest.mark.parametrize("algorithm", ["SAC", "TQC", "CrossQ"])
def test_actor_of_gsde_is_loaded(algorithm: str, tmp_path: Path) -> None:
    for clip_mean in (0.0, 0.5):
        model = make_agent(
            algorithm, policy_kwargs={"clip_mean": clip_mean}, use_sde=True
        )
        loaded = assert_loads(learn(model).actor, model, tmp_path)
        assert loaded.use_sde
        assert loaded.clip_mean == clip_mean


@pytest.mark.parametrize(
    "options",
    [
        {"n_neurons": {"pi": 9, "qf": 14}, "sparsity_level": 0.3},
        {"init_type": "xavier", "network_kwargs": {"wiring": "random"}},
        {"network": "test-plain", "n_neurons": None},
        {"share_features_extractor": True},
        {"n_critics": 3},
        {
            "features_extractor_class": NCPExtractor,
            "features_extractor_kwargs": {"features_dim": 7, "n_neurons": 9},
        },
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize("algorithm", [a for a, p in PARTS.items() if "actor" in p])
def test_options_of_a_policy_are_those_of_its_parts(
    algorithm: str, options: dict[str, Any], tmp_path: Path
) -> None:
    networks().add("test-plain", nn.Linear, override=True)
    model = learn(make_agent(algorithm, policy_kwargs=options))
    for part in PARTS[algorithm]:
        assert_loads(getattr(model.policy, part), model, tmp_path)


@each_part
def test_part_that_sees_images_is_loaded(
    algorithm: str, part: str, tmp_path: Path
) -> None:
    model = make_agent(algorithm, observations="image")
    assert_loads(getattr(model.policy, part), model, tmp_path)


def test_quantiles_and_normalisation_are_kept(tmp_path: Path) -> None:
    critic = assert_loads((model := make_agent("TQC")).critic, model, tmp_path)
    assert critic.n_quantiles == 5
    assert critic.quantiles_total == 10
    for on in (True, False):
        model = make_agent("CrossQ", policy_kwargs={"batch_norm": on})
        for part in (model.actor, model.critic):
            assert (assert_loads(part, model, tmp_path).norm is not None) == on


SCRIPT = """
import json
import sys
import numpy as np
from importlib import import_module
module, name, path, seen = sys.argv[1:]
part = getattr(import_module(module), name).load(path, device="cpu")
print(json.dumps(part.predict(np.load(seen), deterministic=True)[0].tolist()))
"""


@pytest.mark.parametrize("algorithm", ["SAC", "TD3", "DQN", "QRDQN", "TQC", "CrossQ"])
def test_part_acts_in_another_process(algorithm: str, tmp_path: Path) -> None:
    model = make_agent(algorithm, "LiquidPolicy")
    part = getattr(model.policy, PARTS[algorithm][0])
    model.observation_space.seed(0)
    seen = np.stack([model.observation_space.sample() for _ in range(4)])
    np.save(tmp_path / "seen.npy", seen)
    part.save(tmp_path / "part")
    kind = type(part)
    arguments = [kind.__module__, kind.__name__, tmp_path / "part"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments, tmp_path / "seen.npy"],
        capture_output=True,
        check=True,
        text=True,
    )
    expected, _ = part.predict(seen, deterministic=True)
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-6)


@pytest.mark.parametrize("algorithm", PARTS)
def test_parts_of_plain_policies_are_stable_baselines3s(algorithm: str) -> None:
    model: Any = algorithm_class(algorithm)(
        "MlpPolicy", make_env("flat", "discrete" if "DQN" in algorithm else "box")
    )
    for part in PARTS[algorithm]:
        kind = type(getattr(model.policy, part))
        assert kind.__module__.split(".")[0] in ("stable_baselines3", "sb3_contrib")


def test_parts_are_what_stable_baselines3_calls_them() -> None:
    model = make_agent("SAC")
    assert isinstance(model.actor, stock_sac.Actor)
    assert isinstance(model.critic, ContinuousCritic)


def test_actor_of_a_plain_policy_with_our_extractor_is_loaded(tmp_path: Path) -> None:
    for extractor, observations in (
        (NCPExtractor, "flat"),
        (LiquidExtractor, "window"),
    ):
        options = {
            "features_extractor_class": extractor,
            "features_extractor_kwargs": {"features_dim": 8, "n_neurons": 10},
        }
        env = make_env(observations, "box")
        model: Any = algorithm_class("SAC")(
            "MlpPolicy", env, policy_kwargs=options, device="cpu"
        )
        assert_loads(model.actor, model, tmp_path)
