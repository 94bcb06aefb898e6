"""`velora report`: from an agent's file to the page, or to words of what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import ALGORITHMS, POLICIES, make_agent
from click.testing import CliRunner, Result
from gymnasium import make
from painted import Painted, data_of, register, words_of
from recurrent_agents import make_model
from stable_baselines3 import DDPG, PPO, TD3
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import velora.report_plugin
from velora.plugins.testing import check_plugin
from velora.report import report
from velora.report.loading import load_agent, normalise
from velora.report_plugin.command import report_command


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "agent.zip"
    make_agent(actions="discrete").save(path)
    return path


def run(agent: Path, *options: object, env: str = "Painted-v0") -> Result:
    out = agent.parent / "report.html"
    given = ["--env", env, "--out", out, *options]
    return CliRunner().invoke(report_command, [str(agent), *map(str, given)])


def test_plugin_keeps_its_promises() -> None:
    assert "command report" in check_plugin(velora.report_plugin).checked


def test_plugin_and_command_import_nothing_heavy() -> None:
    code = (
        "import sys, velora.report_plugin.command\n"
        "heavy = {'torch', 'numpy', 'gymnasium', 'velora.report'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_command_writes_what_report_does(agent: Path) -> None:
    done = run(agent, "--episodes", 2, "--seed", 3)
    assert done.exit_code == 0, done.output
    assert "Playing 2 episodes of Painted-v0." in done.output
    path = agent.parent / "report.html"
    assert f"Wrote {path} (" in done.output
    again = agent.parent / "again.html"
    report(load_agent(str(agent)), "Painted-v0", again, n_episodes=2, seed=3)
    assert path.read_bytes() == again.read_bytes()


def test_options_leave_out_film_and_lesions(agent: Path) -> None:
    done = run(agent, "--episodes", 1, "--no-lesions", "--no-frames")
    assert done.exit_code == 0, done.output
    assert "There is no film. None were wanted." in done.output
    assert "No lesions were wanted." in done.output
    assert data_of(agent.parent / "report.html")["film"] is None


def test_environment_without_pictures_goes_on_and_says_so(agent: Path) -> None:
    done = run(agent, "--episodes", 1, "--no-lesions", env="Blind-v0")
    assert done.exit_code == 0, done.output
    assert "There is no film. The environment renders None" in done.output


@pytest.mark.parametrize(
    ("options", "env", "code", "said"),
    [
        ((), "CartPole-v1", 1, "Error: `env` must have the observation space"),
        ((), "Nobody-v0", 1, "`Nobody` doesn't exist"),
        (("--episodes", 0), "Painted-v0", 2, "'--episodes'"),
        (("--seed", -1), "Painted-v0", 2, "'--seed'"),
        (("--out", "/dev/null/report.html"), "Painted-v0", 1, "`path` must be in"),
        (("--algo", "Mind"), "Painted-v0", 1, "must be one of ['A2C'"),
        (("--algo", "SAC"), "Painted-v0", 1, "SAC"),
        (("--vec-normalize", "missing.pkl"), "Painted-v0", 2, "missing.pkl"),
    ],
)
def test_errors_are_said_and_nothing_is_written(
    options: Any, env: str, code: int, said: str, agent: Path
) -> None:
    done = run(agent, "--no-lesions", *options, env=env)
    assert (done.exit_code, type(done.exception)) == (code, SystemExit)
    assert said in done.output
    assert [path.name for path in agent.parent.iterdir()] == ["agent.zip"]


def test_files_that_are_no_agents_are_refused(agent: Path) -> None:
    other = agent.with_name("other.zip")
    other.write_bytes(b"nothing of the kind")
    assert "Error: the file" in run(other).output
    PPO("MlpPolicy", Painted(), n_steps=8, batch_size=8, device="cpu").save(other)
    done = run(other)
    assert done.exit_code == 1
    assert "with a policy of Velora's" in done.output
    assert run(agent.with_name("missing.zip")).exit_code == 2


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithm_of_a_file_is_found(
    algorithm: str, policy: str, tmp_path: Path
) -> None:
    model = make_agent(algorithm, policy)
    model.save(tmp_path / "agent.zip")
    loaded = load_agent(str(tmp_path / "agent.zip"))
    assert type(loaded).__name__ == algorithm
    assert type(loaded.policy) is type(model.policy)
    named = load_agent(str(tmp_path / "agent.zip"), algorithm)
    assert type(named).__name__ == algorithm


def test_settings_of_ddpg_are_all_that_tells_it_from_td3(tmp_path: Path) -> None:
    path = tmp_path / "agent.zip"
    fixed = {"policy_delay": 1, "target_noise_clip": 0.0}
    for noise, expected in ((0.1, DDPG), (0.2, TD3)):
        settings = {"target_policy_noise": noise, **fixed}
        TD3("NCPPolicy", "Pendulum-v1", buffer_size=10, **settings).save(path)
        assert type(load_agent(str(path))) is expected


def test_algorithm_with_memory_is_found(tmp_path: Path) -> None:
    make_model().save(tmp_path / "agent.zip")
    loaded = load_agent(str(tmp_path / "agent.zip"))
    assert type(loaded).__name__ == "RecurrentPPO"


def test_statistics_of_a_file_normalise(agent: Path) -> None:
    several = make_vec_env("Painted-v0", 3)
    PPO("NCPPolicy", several, n_steps=8, batch_size=24, seed=0).save(agent)
    venv = VecNormalize(DummyVecEnv([lambda: make("Painted-v0")]))
    venv.obs_rms.mean = np.full(6, 0.5)
    statistics = agent.with_name("statistics.pkl")
    venv.save(str(statistics))
    options = ("--episodes", 1, "--no-lesions", "--no-frames")
    assert run(agent, *options).exit_code == 0
    plain = data_of(agent.parent / "report.html")
    done = run(agent, *options, "--vec-normalize", statistics)
    assert done.exit_code == 0, done.output
    assert "normalised by VecNormalize" in words_of(agent.parent / "report.html")
    assert data_of(agent.parent / "report.html")["activity"] != plain["activity"]
    model = load_agent(str(agent))
    normalise(model, str(statistics), "Painted-v0")
    found = model.get_vec_normalize_env()
    assert found is not None
    np.testing.assert_array_equal(found.obs_rms.mean, 0.5)
