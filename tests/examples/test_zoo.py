"""rl-baselines3-zoo trains, saves, enjoys and tunes our policies by their names."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import rl_zoo3
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from rl_zoo3 import exp_manager
from rl_zoo3.utils import ALGOS

from velora.sb3 import networks_of

ROOT = Path(__file__).parents[2]
ZOO = Path(rl_zoo3.__file__).parent
FILES = sorted((ROOT / "examples" / "zoo").glob("*.yml"))
RECURRENT = {"memory_dqn", "memory_ppo", "memory_sac", "ppo_lstm"}
SLOWER = ("learning_rate", "batch_size")  # of MemoryDQN
OURS = {"n_neurons", "sparsity_level"}
LAYERS = {"net_arch", "activation_fn"}
# A search in a blink. The seeds make on-policy trials of few steps and updates.
SEARCH = "-optimize --n-trials 5 --sampler random --pruner none --no-optim-plots"
SEARCH += " -n 40 --n-evaluations 1 --eval-episodes 1 --storage study.log"
SEARCH += " --study-name study"


def zoo(
    module: str, *options: str | Path, cwd: Path, packages: str = "velora.sb3"
) -> str:
    """Runs a command of the zoo, by our entry where the algorithm is ours."""
    command = [sys.executable, "-m", f"rl_zoo3.{module}", *map(str, options)]
    if any(str(option).startswith("memory_") for option in options):
        command[2:3] = ["velora.sb3.zoo", module]
    else:
        command += ["--gym-packages", packages]
    command += ["-f", "logs"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def write_settings(folder: Path, env: str, **settings: Any) -> Path:
    file = folder / "settings.yml"
    file.write_text(yaml.safe_dump({env: {"n_timesteps": 100} | settings}), "utf-8")
    return file


def trials(file: Path, name: str = "study") -> list[FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(file)))
    return optuna.load_study(study_name=name, storage=storage).trials


@pytest.mark.parametrize("algo", [algo for algo in ALGOS if algo not in RECURRENT])
def test_all_that_the_zoo_has_for_layers_of_an_mlp_is_taken(algo: str) -> None:
    settings = yaml.safe_load((ZOO / "hyperparams" / f"{algo}.yml").read_text("utf-8"))
    found = {str(each.get("policy_kwargs")) for each in settings.values() if each}
    env = "CartPole-v1" if algo in {"dqn", "qrdqn"} else "Pendulum-v1"
    for text in found - {"None"}:
        given = eval(text, vars(exp_manager))  # as the zoo reads its settings
        model = ALGOS[algo]("NCPPolicy", env, policy_kwargs=given, device="cpu")
        choice = model.policy.choice
        for name, network in networks_of(model).items():
            role = name.rstrip("01")
            layers = given.get("net_arch", [])
            layers = layers[role] if isinstance(layers, dict) else layers
            assert network.n_neurons == choice.neurons_for(role, sum(layers))
        activation = getattr(given.get("activation_fn"), "__name__", "").lower()
        assert choice.network_kwargs.get("activation", "") == activation


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_zoo_trains_and_enjoys_a_policy_by_its_name(file: Path, tmp_path: Path) -> None:
    env = next(iter(yaml.safe_load(file.read_text("utf-8"))))
    who = ["--algo", file.stem, "--env", env]
    steps = ["-n", "300", "--eval-freq", "-1", "--conf-file", file]
    said = zoo("train", *who, *steps, cwd=tmp_path)
    policy = "LiquidPolicy" if file.stem in RECURRENT else "NCPPolicy"
    assert f"('policy', '{policy}')" in said
    assert (tmp_path / "logs" / file.stem / f"{env}_1" / f"{env}.zip").exists()
    said = zoo("enjoy", *who, "--no-render", "-n", "250", cwd=tmp_path)
    assert "Mean reward" in said


def test_one_word_turns_settings_of_the_zoo_into_ours(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policies.md").read_text("utf-8")
    section = page.split("## rl-baselines3-zoo")[1].split("\n## ")[0]
    train, enjoy = (
        [sys.executable, *shlex.split(line)[1:]]
        for line in section.splitlines()
        if line.startswith("python -m rl_zoo3.")
    )
    enjoy.append("--no-render")
    said = [
        subprocess.run(
            [*command, "-n", "300"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in (train, enjoy)
    ]
    assert "('policy', 'NCPPolicy')" in said[0]
    assert "net_arch=[256, 256]" in said[0]
    assert "Mean reward" in said[1]


def test_there_are_examples() -> None:
    names = {file.stem for file in FILES}
    without_memory = {"a2c", "dqn", "ppo", "qrdqn", "sac", "td3", "tqc"}
    assert names == without_memory | RECURRENT


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_settings_are_the_zoos_but_for_what_sizes_layers(file: Path) -> None:
    others = {"memory_dqn": "dqn", "memory_ppo": "ppo_lstm", "memory_sac": "sac"}
    name = others.get(file.stem, file.stem)
    zoos = yaml.safe_load((ZOO / "hyperparams" / f"{name}.yml").read_text("utf-8"))
    for env, settings in yaml.safe_load(file.read_text("utf-8")).items():
        seen = env if name == "ppo_lstm" else env.replace("NoVel", "")
        expected, ours = zoos[seen].copy(), settings.copy()
        ours.pop("sequence_length", None)
        for argument in SLOWER if name == "dqn" and file.stem != name else ():
            assert ours.pop(argument) != expected.pop(argument)
        assert ours.pop("policy") != expected.pop("policy")
        ours.pop("policy_kwargs", None), expected.pop("policy_kwargs", None)
        assert ours == expected


@pytest.mark.parametrize(
    ("algo", "env", "policy", "seed"),
    [
        ("ppo", "CartPole-v1", "velora.sb3.ppo.NCPPolicy", 1054),
        ("ppo", "CartPole-v1", "MlpPolicy", 940),
        ("dqn", "CartPole-v1", "LiquidPolicy", 1),
        ("ppo_lstm", "CartPoleNoVel-v1", "LiquidPolicy", 1054),
        ("memory_ppo", "CartPoleNoVel-v1", "LSTMPolicy", 1054),
        ("memory_dqn", "CartPoleNoVel-v1", "LiquidPolicy", 1),
        ("memory_sac", "PendulumNoVel-v1", "LiquidPolicy", 1),
    ],
)
def test_search_ends_with_all_of_its_trials(
    algo: str, env: str, policy: str, seed: int, tmp_path: Path
) -> None:
    file = write_settings(tmp_path, env, policy=policy)
    who = ["--algo", algo, "--env", env, "--conf-file", file, "--seed", str(seed)]
    zoo("train", *who, *SEARCH.split(), cwd=tmp_path, packages="velora.sb3.zoo")
    done = trials(tmp_path / "study.log")
    assert [trial.state for trial in done] == [TrialState.COMPLETE] * 5
    expected, others = (LAYERS, OURS) if policy == "MlpPolicy" else (OURS, LAYERS)
    if policy == "LSTMPolicy":  # has no synapses to leave out
        expected, others = {"n_neurons"}, LAYERS | {"sparsity_level"}
    for trial in done:
        assert trial.params.keys() >= expected
        assert not trial.params.keys() & others


def test_commands_of_the_page_tune_and_train_again(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policies.md").read_text("utf-8")
    section = page.split("## Tuning with rl-baselines3-zoo")[1].split("\n## ")[0]
    tune, again = (
        shlex.split(line.replace("examples/", f"{ROOT.as_posix()}/examples/"))
        for line in section.splitlines()
        if line.startswith("python -m rl_zoo3.train")
    )
    small = "-n 40 --n-trials 5 --sampler random --seed 1054 --eval-episodes 1"
    small += " --pruner none --no-optim-plots -params n_envs:1"
    for command, options in (
        (tune, small),
        (again, "-n 40 --eval-freq -1 --trial-id 3"),
    ):
        command[0] = sys.executable
        done = subprocess.run(
            [*command, *options.split()], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found = trials(tmp_path / "ppo.log", "ppo")
    assert [trial.state for trial in found] == [TrialState.COMPLETE] * 5
    tuned = {name: found[3].params[name] for name in OURS}
    assert f"'n_neurons': {tuned['n_neurons']}" in done.stdout
    (saved,) = tmp_path.glob("logs/ppo/*_2/*/config.yml")
    assert f"sparsity_level: {tuned['sparsity_level']}" in saved.read_text("utf-8")


@pytest.mark.parametrize("arguments", [[], ["tune"], ["--algo", "ppo"]])
def test_entry_names_the_commands(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "velora.sb3.zoo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    said = arguments[0] if arguments else "nothing"
    assert done.stderr.strip().endswith(f"'record_training'); got {said}.")


def test_entry_says_how_it_is_used() -> None:
    command = [sys.executable, "-m", "velora.sb3.zoo", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("python -m velora.sb3.zoo {train,enjoy,")
