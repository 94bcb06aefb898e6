"""The zoo's samplers and converters, wrapped, for each of its algorithms."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.samplers import RandomSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from rl_zoo3.exp_manager import ExperimentManager
from rl_zoo3.hyperparams_opt import HYPERPARAMS_CONVERTER, HYPERPARAMS_SAMPLER
from rl_zoo3.utils import ALGOS
from torch import nn

import velora.sb3.zoo  # noqa: F401  # wraps the tables
from velora.plugins import networks
from velora.sb3.common.policy import NetworkPolicy
from velora.wiring import Wiring

CONTINUOUS = {"sac", "tqc", "td3", "ddpg", "crossq", "memory_sac"}
SIZES = {"n_neurons", "sparsity_level"}
LAYERS = {"net_arch", "activation_fn"}
OURS = [
    (algo, policy)
    for algo, kind in ALGOS.items()
    for policy in ("NCPPolicy", "LiquidPolicy")
    if issubclass(kind.policy_aliases.get(policy, object), NetworkPolicy)
]
OTHERS = {"ars": "LinearPolicy", "ppo_lstm": "MlpLstmPolicy"}
# As the zoo has them, before they were wrapped.
SAMPLERS = {algo: wrapped.args[0] for algo, wrapped in HYPERPARAMS_SAMPLER.items()}
CONVERTERS = {algo: wrapped.args[0] for algo, wrapped in HYPERPARAMS_CONVERTER.items()}

pytestmark = [
    pytest.mark.filterwarnings("ignore:A recurrent network has no memory here"),
    pytest.mark.filterwarnings("ignore:You have specified a mini-batch size"),
]


class Manager(ExperimentManager):
    """The zoo's own, set up for a search."""

    def __init__(self, folder: Path, algo: str, **settings: Any) -> None:
        env = "Pendulum-v1" if algo in CONTINUOUS else "CartPole-v1"
        file = folder / "settings.yml"
        file.write_text(yaml.safe_dump({env: {"n_timesteps": 9} | settings}), "utf-8")
        super().__init__(
            Namespace(),
            algo,
            env,
            str(folder / "logs"),
            optimize_hyperparameters=True,
            config=str(file),
            storage=str(folder / "study.log"),
            study_name="study",
            device="cpu",
            verbose=0,
        )
        self.setup_experiment()

    def study(self) -> optuna.Study:
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(self.storage))),
            study_name="study",
            sampler=RandomSampler(seed=1),
            load_if_exists=True,
        )

    def search(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Returns the models that three trials have built; they do not learn."""
        models: list[Any] = []

        def learn(model: Any, *_: Any, **__: Any) -> None:
            models.append(model)

        monkeypatch.setattr(ALGOS[self.algo], "learn", learn)
        self.study().optimize(self.objective, n_trials=3)
        return models

    def sample(self, trial: Any) -> dict[str, Any]:
        arguments = {"using_her_replay_buffer": False, "her_kwargs": {}}
        return HYPERPARAMS_SAMPLER[self.algo](trial, self.n_actions, 1, arguments)

    def load(self, number: int) -> dict[str, Any]:
        """Reads the settings again, with those of a trial in their place."""
        self.trial_id = number
        return self.read_hyperparameters()[0]


def sampled_by_the_zoo(algo: str, trial: Any) -> dict[str, Any]:
    arguments = {"using_her_replay_buffer": False, "her_kwargs": {}}
    return SAMPLERS[algo](trial, 1, 1, arguments)


def plain(value: Any) -> Any:
    """Returns what can be compared of hyperparameters, such as an action's noise."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return repr(value)


@pytest.mark.parametrize(("algo", "policy"), OURS)
def test_trials_build_policies_of_ours_with_what_was_sampled(
    algo: str, policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = "dict(init_type='orthogonal', n_neurons=7)"
    manager = Manager(tmp_path, algo, policy=policy, policy_kwargs=kept)
    models = manager.search(monkeypatch)
    trials = manager.study().trials
    assert len(models) == len(trials) == 3
    assert len({trial.params["sparsity_level"] for trial in trials}) == 3
    for number, (model, trial) in enumerate(zip(models, trials, strict=True)):
        choice = model.policy.choice
        assert isinstance(model.policy, NetworkPolicy)
        assert choice.n_neurons == trial.params["n_neurons"]
        assert 16 <= choice.n_neurons <= 256
        assert choice.sparsity_level == trial.params["sparsity_level"]
        assert choice.init_type == "orthogonal"
        reference = optuna.create_study(sampler=RandomSampler(seed=1)).ask()
        sampled_by_the_zoo(algo, reference)
        assert trial.params.keys() - SIZES == reference.params.keys() - LAYERS
        if "n_quantiles" in trial.params:
            assert model.policy_kwargs["n_quantiles"] == trial.params["n_quantiles"]
        if number:  # the zoo takes 0 for none
            loaded = manager.load(number)
            for name, value in loaded["policy_kwargs"].items():
                assert model.policy_kwargs[name] == value
            again = plain(manager.sample(optuna.trial.FixedTrial(trial.params)))
            again.pop("action_noise", None)  # the zoo leaves it as sampled
            assert again.items() <= plain(loaded).items()


@pytest.mark.parametrize("algo", SAMPLERS)
def test_other_policies_are_tuned_as_before(algo: str, tmp_path: Path) -> None:
    policy = OTHERS.get(algo, "MlpPolicy")
    kept = "dict(net_arch=[8])"
    manager = Manager(tmp_path, algo, policy=policy, policy_kwargs=kept)
    study, expected = manager.study(), optuna.create_study(sampler=RandomSampler(1))
    for number in range(4):
        trial, reference = study.ask(), expected.ask()
        hyperparams = manager.sample(trial)
        assert plain(hyperparams) == plain(sampled_by_the_zoo(algo, reference))
        assert list(trial.params.items()) == list(reference.params.items())
        study.tell(trial, 0.0)
        if number:
            settings = {"n_timesteps": 9, "policy": policy, "policy_kwargs": kept}
            settings |= CONVERTERS[algo](reference.params)
            assert plain(manager.load(number)) == plain(settings)


def test_without_a_manager_the_tables_do_what_they_can() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=1))
    arguments = {"using_her_replay_buffer": False, "her_kwargs": {}}
    sampled = HYPERPARAMS_SAMPLER["ppo"](study.ask(), 1, 1, arguments)
    assert sampled["policy_kwargs"].keys() == LAYERS
    params = study.trials[0].params
    assert HYPERPARAMS_CONVERTER["ppo"](params) == CONVERTERS["ppo"](params)
    ours = {name: value for name, value in params.items() if name not in LAYERS}
    ours |= {"n_neurons": 32, "sparsity_level": 0.3}
    converted = HYPERPARAMS_CONVERTER["ppo"](ours)
    assert converted["policy_kwargs"] == {"n_neurons": 32, "sparsity_level": 0.3}


@pytest.mark.parametrize("algo", ["memory_dqn", "memory_sac"])
def test_sequences_of_what_replays_fit_its_minibatches(algo: str) -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=1))
    arguments = {"using_her_replay_buffer": False, "her_kwargs": {}}
    sampler = HYPERPARAMS_SAMPLER[algo]
    found = [sampler(study.ask(), 1, 1, arguments) for _ in range(20)]
    assert all(each["batch_size"] % each["sequence_length"] == 0 for each in found)
    lengths = {each["sequence_length"] for each in found}
    assert {4, 16} <= lengths <= {4, 8, 16}


def test_study_that_goes_on_with_another_policy_samples_for_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Manager(tmp_path, "a2c", policy="MlpPolicy").search(monkeypatch)
    manager = Manager(tmp_path, "a2c", policy="velora.sb3.a2c.NCPPolicy")
    assert all(
        isinstance(model.policy, NetworkPolicy) for model in manager.search(monkeypatch)
    )
    before, after = manager.study().trials[0], manager.study().trials[5]
    assert before.params.keys() >= LAYERS
    assert after.params.keys() >= SIZES
    of_layers = manager.load(1)["policy_kwargs"]
    model = ALGOS["a2c"]("NCPPolicy", "CartPole-v1", policy_kwargs=of_layers)
    assert model.policy.choice.n_neurons["pi"] >= sum(of_layers["net_arch"]["pi"])


def linear(in_features: int, out_features: int, *, n_neurons: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Linear(in_features, n_neurons), nn.Linear(n_neurons, out_features)
    )


@pytest.mark.parametrize(
    ("kwargs", "tuned"),
    [
        ("dict(network='liquid')", SIZES),
        ("dict(network_kwargs=dict(n_neurons=9))", {"sparsity_level"}),
        ("dict(network='test-linear')", {"n_neurons"}),
        ("dict(net_arch=[8], activation_fn=nn.ReLU, ortho_init=False)", SIZES),
        ("dict(network='liquid', net_arch=[8])", SIZES),
        (None, SIZES),
    ],
)
def test_policy_kwargs_of_the_settings_stay(
    kwargs: str | None,
    tuned: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks().add("test-linear", linear, override=True)
    settings = {} if kwargs is None else {"policy_kwargs": kwargs}
    manager = Manager(tmp_path, "ppo", policy="NCPPolicy", **settings)
    (model, *_) = manager.search(monkeypatch)
    params = manager.study().trials[1].params
    assert params.keys() & (SIZES | LAYERS) == tuned
    kept = eval(kwargs or "{}", {"nn": nn})
    expected = {name: value for name, value in kept.items() if name != "net_arch"}
    expected |= {name: params[name] for name in tuned}
    assert manager.load(1)["policy_kwargs"] == expected
    assert model.policy.choice.network == kept.get("network", "ncp")


def test_sizes_of_an_lstm_are_no_sizes_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kwargs = "dict(lstm_hidden_size=8, n_lstm_layers=2, enable_critic_lstm=False)"
    manager = Manager(tmp_path, "ppo_lstm", policy="LiquidPolicy", policy_kwargs=kwargs)
    assert manager.search(monkeypatch)[0].policy.critic is not None
    assert manager.load(1)["policy_kwargs"].keys() == SIZES | {"enable_critic_lstm"}


def test_ready_wiring_is_of_the_size_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(tmp_path, "dqn", policy="NCPPolicy")
    wiring = Wiring(4, 12, 2, seed=1)
    kwargs = {"network_kwargs": {"wiring": wiring}}
    manager._hyperparams["policy_kwargs"] = kwargs
    (model, *_) = manager.search(monkeypatch)
    assert model.policy.networks["qf"].n_neurons == 12
    assert not manager.study().trials[0].params.keys() & (SIZES | LAYERS)
    assert manager.load(1)["policy"] == "NCPPolicy"
