"""MlpPolicy's settings with one word changed, and what the comparison makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from torch import nn

pytest.importorskip("sb3_contrib")
pytest.importorskip("rich")

from stable_baselines3.common.envs import IdentityEnv
from stable_baselines3.common.noise import NormalActionNoise

import sparsity
from common.comparison import command
from common.identity import CASES, Suite, train_any
from common.matched import AS_NCP, MATCHED
from common.task import OWN_SIZE
from common.training import AgentJob, Falling, make_agent
from common.zoo import TASKS
from dropin import COMPARISON, DENSE, QUICK, WIDER, dropped, job
from velora.sb3 import networks_of
from velora.utils import active_parameters, total_parameters

# Box2D crashes at its import where these warnings are errors.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
ALL = TASKS | CASES
ROWS = (*COMPARISON.rows, *COMPARISON.optional_rows)
ENTRIES = {  # of rl-baselines3-zoo, where they are called otherwise
    "PPO HalfCheetah": "HalfCheetah-v4",
    "PPO Hopper": "Hopper-v4",
}
NO_ENTRY = {
    "PPO CartPole, defaults",
    "MaskablePPO",
    "ARS CartPole",
    "SAC Pendulum, no velocity",
}
SHORTER = {"PPO Acrobot", "PPO HalfCheetah", "PPO Hopper"}  # than 1,000,000 steps


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", ALL)
def test_every_task_makes_an_agent_of_every_row(name: str, row: str) -> None:
    task = ALL[name]
    if not task.is_available:
        pytest.skip(f"gymnasium[{task.extra}] is not installed")
    agent = make_agent(task.job({}, row, 0, None))
    assert type(agent).__name__ == task.algorithm
    policy, _, what = row.partition(", ")
    assert policy == "MlpPolicy" or hasattr(agent.policy, "networks")
    if what.endswith("neurons"):
        size = int(what.split()[0])
        assert all(n.n_neurons == size for n in networks_of(agent).values())
    elif policy == "MlpPolicy" and what:
        matched = MATCHED[what.removesuffix(", tanh")]
        of_ours = "NCPPolicy" if what == AS_NCP else OWN_SIZE
        ours = matched(make_agent(task.job({}, of_ours, 0, None)).policy)
        assert total_parameters(agent.policy) == pytest.approx(ours, rel=0.06)


@pytest.mark.parametrize("name", TASKS)
def test_dense_row_has_the_activation_of_mlp_policy(name: str) -> None:
    task = TASKS[name]
    if not task.is_available:
        pytest.skip(f"gymnasium[{task.extra}] is not installed")
    given, own = (
        task.job({}, row, 0, None) for row in ("MlpPolicy, our synapses", DENSE)
    )
    left_out = given.policy_kwargs.keys() - own.policy_kwargs.keys()
    assert left_out <= {"activation_fn", "ortho_init"}
    assert ("activation_fn" in left_out) == ("activation_fn" in task.policy_kwargs)
    assert own.policy_kwargs["net_arch"] == given.policy_kwargs["net_arch"]


@pytest.mark.parametrize("name", ["PPO HalfCheetah", "PPO Hopper"])
def test_wide_rows_are_as_large_as_dense_ones(name: str) -> None:
    task = TASKS[name]
    if not task.is_available:
        pytest.skip(f"gymnasium[{task.extra}] is not installed")

    def size(row: str, **options: Any) -> int:
        job = task.job({}, row, 0, None)
        changed = replace(job, policy_kwargs=job.policy_kwargs | options)
        return active_parameters(make_agent(changed).policy)

    dense, small = size("MlpPolicy"), size("MlpPolicy", net_arch=[64, 64])
    as_small, half, as_large = map(size, WIDER)
    assert as_small == pytest.approx(small, rel=0.06)
    assert 0.48 * dense < half < 0.5 * dense
    assert as_large == pytest.approx(dense, rel=0.03)
    assert size("NCPPolicy") == pytest.approx(half, rel=0.001)


@pytest.mark.parametrize("row", sparsity.COMPARISON.rows)
def test_rows_of_the_sparsity_comparison_are_as_large(row: str) -> None:
    name = "PPO Hopper"
    if not TASKS[name].is_available:
        pytest.skip(f"gymnasium[{TASKS[name].extra}] is not installed")
    agents = [sparsity.job(name, row, 0), TASKS[name].job({}, OWN_SIZE, 0, None)]
    size, expected = (active_parameters(make_agent(each).policy) for each in agents)
    assert size == pytest.approx(expected, rel=0.06)


def test_quick_tasks_are_tasks_with_no_more_steps_than_their_own() -> None:
    assert QUICK.keys() <= set(COMPARISON.tasks)
    for name, steps in QUICK.items():
        assert steps is None or steps < TASKS[name].steps
        assert name not in COMPARISON.missing


@pytest.mark.parametrize("name", sorted(TASKS.keys() - NO_ENTRY))
def test_settings_are_the_zoos(name: str) -> None:
    zoo = pytest.importorskip("rl_zoo3")
    yaml = pytest.importorskip("yaml")
    task = TASKS[name]
    file = Path(zoo.__file__).parent / "hyperparams" / f"{task.algorithm.lower()}.yml"
    entry = yaml.safe_load(file.read_text("utf-8"))[ENTRIES.get(name, task.env)]
    assert entry.pop("policy") == "MlpPolicy"
    assert entry.pop("n_timesteps") == (1e6 if name in SHORTER else task.steps)
    assert entry.pop("n_envs", 1) == task.n_envs
    assert entry.pop("normalize", False) == task.is_normalized
    kwargs = eval(entry.pop("policy_kwargs", "{}"), {"dict": dict, "nn": nn})
    assert kwargs == task.policy_kwargs
    noise = entry.pop("noise_type", None), entry.pop("noise_std", None)
    settings = dict(task.settings)
    if noise != (None, None):
        assert noise == ("normal", 0.1)
        own = NormalActionNoise(np.zeros(1), np.full(1, 0.1))
        assert repr(settings.pop("action_noise")) == repr(own)
    for key, value in entry.items():
        if isinstance(value, str):
            entry[key] = Falling(float(value.removeprefix("lin_")))
    assert settings == entry


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("row", ["NCPPolicy", "LiquidPolicy"])
def test_nothing_changes_but_the_policy_and_what_sizes_it(name: str, row: str) -> None:
    ours, theirs = job(name, row, 10, None), job(name, "MlpPolicy", 10, None)
    assert isinstance(ours, AgentJob)
    assert isinstance(theirs, AgentJob)
    sized = set() if row == "NCPPolicy" else {"net_arch", "activation_fn", "ortho_init"}
    rest = {k: v for k, v in theirs.policy_kwargs.items() if k not in sized}
    assert theirs.policy_kwargs == TASKS[name].policy_kwargs
    assert ours == replace(theirs, names=ours.names, policy=row, policy_kwargs=rest)


@pytest.mark.parametrize("row", [f"MlpPolicy, {what}" for what in MATCHED])
def test_only_the_width_changes_in_rows_of_equal_size(row: str) -> None:
    for name in ("PPO HalfCheetah", "DQN CartPole"):
        if TASKS[name].is_available:
            sized, plain = job(name, row, 10, None), job(name, "MlpPolicy", 10, None)
            assert isinstance(sized, AgentJob)
            assert isinstance(plain, AgentJob)
            width = sized.policy_kwargs["net_arch"][0]
            kwargs = plain.policy_kwargs | {"net_arch": [width, width]}
            assert sized == replace(plain, names=sized.names, policy_kwargs=kwargs)


def test_what_is_dropped_is_named() -> None:
    assert dropped("QRDQN CartPole", "NCPPolicy") == ""
    assert dropped("QRDQN CartPole", OWN_SIZE) == "net_arch=[256, 256]"
    assert dropped("identity", "LiquidPolicy") == "net_arch=[64, 64]"
    assert dropped("PPO CartPole", "NCPPolicy") == ""
    assert "activation_fn=torch.nn.modules.activation.ReLU, net_arch=" in dropped(
        "PPO Hopper", "NCPPolicy, 512 neurons"
    )
    assert dropped("PPO Hopper", "MlpPolicy") == ""


def test_a_suite_scores_how_many_of_its_agents_pass() -> None:
    def case(dim: int) -> AgentJob:
        task = replace(CASES["A2C, one of four"], env=IdentityEnv, steps=8)
        return replace(task, env_kwargs={"dim": dim}).job({}, "MlpPolicy", 0, None)

    suite = Suite({"task": "identity"}, 3, {"one of one": case(1), "of 50": case(50)})
    row = train_any(suite)
    assert row["score"] == 1
    assert row["cases"]["one of one"] == 100
    assert row["cases"]["of 50"] < 20
    assert row["steps"] == 16
    assert suite.label == {"task": "identity", "seed": 3}
    assert suite.key == json.loads(json.dumps(suite.key))  # so that it is found again
    longer = replace(suite.cases["of 50"], steps=9)
    assert suite.key != replace(suite, cases=suite.cases | {"of 50": longer}).key


def invoke(comparison: Any, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(command(comparison), list(options))
    return result.exit_code, result.output


def test_what_cannot_run_here_says_what_to_install(tmp_path: Path) -> None:
    needy = replace(
        COMPARISON,
        tasks=["PPO CartPole", "DQN CartPole"],
        missing={"PPO CartPole": "PPO CartPole needs a cart."},
    )
    code, said = invoke(needy, "--task", "PPO CartPole")
    assert code == 1
    assert "Error: PPO CartPole needs a cart." in said
    code, said = invoke(needy, "--steps", "64", "--seeds", "1", "--row", "NCPPolicy")
    assert code == 0
    assert "Left out: PPO CartPole needs a cart." in said
    assert "DQN CartPole" in said


def test_quick_takes_its_own_tasks_steps_and_seeds() -> None:
    asked: list[tuple[Any, ...]] = []

    def ask(*what: Any) -> AgentJob:
        asked.append(what)
        return AgentJob({"task": what[0], "policy": what[1]}, "None", "", "", 0, 0)

    some = replace(COMPARISON, make_job=ask, quick={"PPO Acrobot": 7, "identity": None})
    assert invoke(some, "--quick", "--row", "NCPPolicy")[0] == 1  # no such algorithm
    assert asked == [
        (name, "NCPPolicy", seed, steps)
        for seed in (10, 11, 12)
        for name, steps in some.quick.items()
    ]
