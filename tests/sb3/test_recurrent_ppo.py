"""RecurrentPPO carries the state of a liquid network, or of any other."""

from __future__ import annotations

import copy
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import (
    ACTIONS,
    OBSERVATIONS,
    RandomEnv,
    make_env,
    sample_observations,
    sparse_layers,
)
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.torch_layers import FlattenExtractor, NatureCNN
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor, nn

from velora.models import LiquidNCPNetwork, NCPNetwork
from velora.plugins import networks
from velora.sb3 import NCPExtractor, ppo, recurrent_ppo

FLAT = spaces.Box(-1, 1, (3,), np.float32)
TIMED = spaces.Dict(obs=FLAT, dt=spaces.Box(0, 5, (1,), np.float32))
IMAGE = spaces.Box(0, 1, (1, 36, 36), np.float32)
SMALL_FEATURES = {"features_extractor_kwargs": {"features_dim": 16}}
CRITICS: dict[str, dict[str, Any]] = {
    "separate": {},
    "shared": {"shared_lstm": True, "enable_critic_lstm": False},
    "feed-forward": {"enable_critic_lstm": False},
}
each_critic = pytest.mark.parametrize("critic", CRITICS)
each_network = pytest.mark.parametrize(
    "network", ["liquid", "test-pair", "test-learned"]
)


class Ragged(RandomEnv):
    """Random observations and rewards, episodes of random lengths."""

    def __init__(self, space: spaces.Space[Any], actions: str) -> None:
        self.observation_space = copy.deepcopy(space)  # each with draws of its own
        self.action_space = ACTIONS[actions]

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        first = super().reset(**options)
        self.left = int(self.np_random.integers(2, 12))
        return first


def ragged(space: Any = FLAT, actions: str = "box", n_envs: int = 3) -> Any:
    """Makes environments whose episodes end by themselves or are cut after 6 steps."""
    return make_vec_env(lambda: TimeLimit(Ragged(space, actions), 6), n_envs, seed=3)


class Pair(nn.Module):
    """A plugin's network: an LSTM's state and a slow trace, of different shapes."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(in_features, 5)
        self.slow = nn.Linear(5, 3)
        self.out = nn.Linear(8, out_features)

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        zeros = self.out.weight.new_zeros
        return zeros(batch_size, 2, 5), zeros(batch_size, 3)

    def forward_sequence(
        self, x: Tensor, state: Any = None, *, resets: Any = None, timespans: Any = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        start = self.initial_state(x.shape[1])
        lstm, trace = start if state is None else state
        outputs = []
        for step, now in enumerate(x):
            if resets is not None:
                lstm = torch.where(resets[step, :, None, None], start[0], lstm)
                trace = torch.where(resets[step, :, None], start[1], trace)
            lstm = torch.stack(self.cell(now, (lstm[:, 0], lstm[:, 1])), dim=1)
            time = 1 if timespans is None else timespans[step, :, None]
            trace = trace + 0.1 * time * (self.slow(lstm[:, 0]) - trace)
            outputs.append(self.out(torch.cat((lstm[:, 0], trace), dim=1)))
        return torch.stack(outputs), (lstm, trace)


class Learned(Pair):
    """Starts an episode from a state that is a parameter."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.start = nn.Parameter(torch.ones(3))

    def initial_state(self, batch_size: int) -> tuple[Tensor, ...]:
        return super().initial_state(batch_size)[0], self.start.expand(batch_size, 3)


class Counter(nn.Linear):
    """Counts the steps of an episode: its state has the shape (B,)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features + 1, out_features)

    def initial_state(self, batch_size: int) -> Tensor:
        return torch.zeros(batch_size)

    def forward_sequence(self, x: Tensor, state: Any, *, resets: Any) -> Any:
        inputs = []
        for now, reset in zip(x, resets, strict=True):
            state = torch.where(reset, 0, state) + 1
            inputs.append(torch.cat((now, 0.1 * state[:, None]), dim=1))
        return self(torch.stack(inputs)), state


class Shown(Pair):
    """Gives the states of all steps where it is asked for them."""

    def forward_sequence(  # type: ignore[override]  # it returns more
        self,
        x: Tensor,
        state: Any = None,
        *,
        resets: Any = None,
        timespans: Any = None,
        return_states: bool = False,
    ) -> Any:
        options = {"resets": resets, "timespans": timespans}
        outputs, states = [], []
        for n in range(len(x)):
            now = {k: v if v is None else v[n, None] for k, v in options.items()}
            y, state = super().forward_sequence(x[n, None], state, **now)
            outputs.append(y)
            states.append(state)
        result = torch.cat(outputs), state
        if not return_states:
            return result
        return *result, tuple(map(torch.stack, zip(*states, strict=True)))


class Misshown(Pair):
    def forward_sequence(  # type: ignore[override]  # what is tested
        self, x: Tensor, state: Any = None, *, resets: Any, return_states: bool = False
    ) -> Any:
        y, state = super().forward_sequence(x, state, resets=resets)
        return (y, state, state) if return_states else (y, state)


class Beginningless(Pair):
    initial_state: Any = None


class Unresettable(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None) -> Any:  # type: ignore[override]  # what is tested
        return super().forward_sequence(x, state)


class Growing(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, (lstm, trace) = super().forward_sequence(x, state, resets=resets)
        return y, (lstm, torch.cat((trace, trace), dim=1))


class BatchFirst(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, state = super().forward_sequence(x, state, resets=resets)
        return y.transpose(0, 1), state


class Listed(Pair):
    def forward_sequence(self, x: Tensor, state: Any = None, *, resets: Any) -> Any:  # type: ignore[override]  # what is tested
        y, state = super().forward_sequence(x, state, resets=resets)
        return y, list(state)


PLUGINS = (Pair, Learned, Counter, Beginningless, Unresettable, Growing)
PLUGINS += (BatchFirst, Listed, Shown, Misshown)


@pytest.fixture(scope="module", autouse=True)
def _plugin_networks() -> None:
    """Registers what plugins would, from the running program."""
    for kind in PLUGINS:
        name = f"test-{kind.__name__.lower()}"
        networks().add(name, kind, recurrent=True, override=True)


def make_model(env: Any = None, **kwargs: Any) -> Any:
    """Makes a small agent, in ragged environments unless told otherwise."""
    options = kwargs.pop("policy_kwargs", {})
    if options.get("network", "liquid") == "liquid":
        options = {"n_neurons": 12} | options
    settings: dict[str, Any] = {"n_steps": 16, "batch_size": 20, "n_epochs": 2}
    settings |= {"policy": "LiquidPolicy", "seed": 1, "device": "cpu"} | kwargs
    return RecurrentPPO(env=env or ragged(), policy_kwargs=options, **settings)


def learn(model: Any) -> Any:
    """Lets an agent learn from two rollouts."""
    return model.learn(2 * model.n_steps * model.n_envs)


def sequence(model: Any, steps: int = 4, n_envs: int = 3) -> list[Any]:
    """Draws observations of each step, the same ones each time."""
    drawn = sample_observations(model, steps * n_envs)
    cuts = [slice(i, i + n_envs) for i in range(0, steps * n_envs, n_envs)]
    if isinstance(drawn, dict):
        return [{key: part[cut] for key, part in drawn.items()} for cut in cuts]
    return [drawn[cut] for cut in cuts]


def follow(model: Any, observations: list[Any], starts: Any = None) -> tuple[Any, Any]:
    """Predicts step by step: (T, n_envs, ...) actions and the last state."""
    actions, state = [], None
    for step, obs in enumerate(observations):
        begins = None if starts is None else starts[step]
        action, state = model.predict(obs, state, begins, deterministic=True)
        actions.append(action)
    return np.stack(actions), state


def assert_same_behaviour(model: Any, other: Any) -> None:
    """Compares the actions of a sequence, and the states after it."""
    actions, state = follow(model, sequence(model))
    others, after = follow(other, sequence(model))
    for got, expected in zip((others, *after), (actions, *state), strict=True):
        np.testing.assert_array_equal(got, expected)


def assert_same_weights(policy: nn.Module, other: nn.Module) -> None:
    mine, others = policy.state_dict(), other.state_dict()
    assert mine.keys() == others.keys()
    assert all(torch.equal(others[key], mine[key]) for key in mine)


def evaluate(model: Any, data: Any, observations: Any = None) -> tuple[Tensor, Tensor]:
    """Returns log-probabilities and values of the steps of a minibatch."""
    actions, mask = data.actions, data.mask > 1e-8
    if isinstance(model.action_space, spaces.Discrete):
        actions = actions.long().flatten()
    observations = data.observations if observations is None else observations
    values, log_prob, _ = model.policy.evaluate_actions(
        observations, actions, data.lstm_states, data.episode_starts
    )
    return log_prob[mask], values.flatten()[mask]


@pytest.mark.parametrize("observations", OBSERVATIONS)
@pytest.mark.parametrize("actions", ACTIONS)
def test_agent_learns_obeys_its_wirings_and_is_saved(
    observations: str, actions: str, tmp_path: Path
) -> None:
    options = SMALL_FEATURES if observations == "image" else {}
    model = make_model(make_env(observations, actions), policy_kwargs=options)
    layers = sparse_layers(model.policy)
    before = [layer.weight.detach().clone() for layer in layers]
    learn(model)
    for layer, old in zip(layers, before, strict=True):
        assert (layer.weight != old)[layer.mask != 0].any()
        assert not layer.weight[layer.mask == 0].any()
    assert_same_behaviour(model, model)
    twin = make_model(make_env(observations, actions), policy_kwargs=options)
    assert_same_weights(learn(twin).policy, model.policy)

    model.save(tmp_path / "agent.zip")
    torch.manual_seed(99)  # loading builds other wirings first
    loaded: Any = RecurrentPPO.load(tmp_path / "agent.zip", device="cpu")
    assert_same_behaviour(model, loaded)
    for role, network in model.policy.networks.items():
        assert loaded.policy.networks[role].wiring == network.wiring


LAW: list[Any] = [
    ({"network": network} | CRITICS[critic] | timed, actions, {})
    for network, critic, timed, actions in product(
        ("liquid", "test-pair"),
        CRITICS,
        ({}, {"timespan_key": "dt"}),
        ("box", "discrete"),
    )
]
LAW += [
    ({"network": "test-learned"}, "box", {}),
    ({"network": "test-counter"}, "box", {}),
    ({"n_neurons": {"pi": 13, "vf": 20}}, "multi_discrete", {}),
    ({"network_kwargs": {"norm": nn.LayerNorm}}, "multi_binary", {}),
    ({"share_features_extractor": False}, "box", {}),
    *(
        ({"network": network} | CRITICS[critic], "box", {"use_sde": True})
        for network, critic in product(("liquid", "test-pair", "test-shown"), CRITICS)
    ),
    ({}, "box", {"use_sde": True, "sde_sample_freq": 4}),
]


@pytest.mark.parametrize(("options", "actions", "settings"), LAW, ids=str)
def test_update_starts_from_the_probabilities_and_values_of_the_rollout(
    options: dict[str, Any], actions: str, settings: dict[str, Any]
) -> None:
    env = ragged(TIMED if "timespan_key" in options else FLAT, actions)
    model = make_model(env, n_steps=24, n_epochs=1, policy_kwargs=options, **settings)
    train, carried, starts = model.train, [], []

    def check_and_train() -> None:
        buffer = model.rollout_buffer
        carried.append(buffer.hidden_states_pi[0].any())
        starts.append(buffer.episode_starts.T.copy())  # (n_envs, n_steps)
        for batch_size in (7, 24, 72):
            seen = 0
            for data in buffer.get(batch_size):
                log_prob, values = evaluate(model, data)
                mask = data.mask > 1e-8
                ratio = torch.exp(log_prob - data.old_log_prob[mask])
                assert (ratio - 1).abs().max() < 1e-5
                old = data.old_values[mask]
                torch.testing.assert_close(values, old, rtol=1e-5, atol=1e-5)
                seen += len(values)
            assert seen == 72
        train()

    model.train = check_and_train
    learn(model)
    # The rollouts had in them states from before and all kinds of episodes.
    assert carried == [False, True]
    assert (starts[0][0] != starts[0][1]).any()
    lengths = {episode["l"] for episode in model.ep_info_buffer}
    assert max(lengths) == 6
    assert len(lengths) > 2


@each_critic
def test_values_alone_are_those_beside_the_actions(critic: str) -> None:
    options = CRITICS[critic] | {"timespan_key": "dt"}
    policy = make_model(ragged(TIMED), policy_kwargs=options).policy
    obs, _ = policy.obs_to_tensor(sequence(policy, 1)[0])
    pair = tuple(torch.randn(2, 1, 3, policy.lstm_actor.hidden_size))
    starts = torch.tensor([0.0, 1.0, 0.0])
    _, values, _, _ = policy(obs, RNNStates(pair, pair), starts)
    alone = policy.predict_values(obs, pair, starts)
    torch.testing.assert_close(alone, values)
    kept = policy.predict_values(obs, pair, torch.zeros(3))
    forgets = critic != "feed-forward"
    assert (kept != alone).flatten().tolist() == [False, forgets, False]


@each_network
def test_padding_has_no_influence(network: str) -> None:
    model = learn(make_model(policy_kwargs={"network": network}))
    data = next(model.rollout_buffer.get(40))
    padding = data.mask < 1e-8
    assert padding.any()
    garbage = data.observations.clone()
    garbage[padding] = 1e3 * torch.randn_like(garbage[padding])
    outcomes = []
    for observations in (data.observations, garbage):
        log_prob, values = evaluate(model, data, observations)
        loss = (log_prob + values**2).mean()
        weights = list(model.policy.parameters())
        outcomes.append((log_prob, values, *torch.autograd.grad(loss, weights)))
    torch.testing.assert_close(*outcomes)


@each_critic
def test_critic_is_the_network_that_was_asked_for(critic: str) -> None:
    policy = make_model(policy_kwargs=CRITICS[critic]).policy
    pi, vf = policy.networks["pi"], policy.networks.get("vf")
    assert type(pi) is LiquidNCPNetwork
    if critic == "shared":
        assert (pi.out_features, vf) == (4, None)
        return
    assert type(vf) is (LiquidNCPNetwork if critic == "separate" else NCPNetwork)
    assert (pi.out_features, vf.out_features) == (3, 1)
    assert not torch.equal(pi.masks.inter, vf.masks.inter)


@each_critic
@each_network
def test_each_loss_trains_the_networks_that_it_should(
    critic: str, network: str
) -> None:
    model = make_model(policy_kwargs=CRITICS[critic] | {"network": network})
    before = copy.deepcopy(model.policy.state_dict())
    learn(model)
    for name, weight in model.policy.named_parameters():
        assert not torch.equal(weight, before[name]), name
    data = next(model.rollout_buffer.get(40))
    for role, outcome in zip(("pi", "vf"), evaluate(model, data), strict=True):
        model.policy.zero_grad()
        outcome.sum().backward(retain_graph=True)
        for name, part in model.policy.networks.items():
            grads = [weight.grad for weight in part.parameters()]
            trained = {grad is not None and bool(grad.any()) for grad in grads}
            assert trained == {name == role or critic == "shared"}
        if critic == "shared":
            motor = getattr(part, "motor" if network == "liquid" else "out")
            rows = motor.weight.grad.any(dim=1).tolist()
            assert rows == [role == "pi"] * 3 + [role == "vf"]


@pytest.mark.parametrize(
    ("network", "size"), [("liquid", 4), ("test-shown", 13), ("test-pair", 3)]
)
def test_gsde_explores_with_noise_of_states_that_are_shown(
    network: str, size: int
) -> None:
    options = {"network": network, "log_std_init": -1.5}
    model = make_model(policy_kwargs=options, use_sde=True, sde_sample_freq=4)
    assert torch.equal(model.policy.log_std, torch.full((size, 3), -1.5))
    *past, obs = sequence(learn(model))
    _, state = follow(model, past)
    noisy, after = model.predict(obs, state)
    np.testing.assert_array_equal(noisy, model.predict(obs, state)[0])  # until reset

    # "test-pair" does not show its states: the noise is one of the features.
    of = torch.as_tensor(np.concatenate([s.reshape(3, -1) for s in after], axis=1))
    of = torch.as_tensor(obs) if network == "test-pair" else of
    mean = model.policy.networks["pi"].forward_sequence(
        torch.as_tensor(obs)[None],
        tuple(map(torch.as_tensor, state))
        if network != "liquid"
        else torch.as_tensor(state[0]),
        resets=torch.zeros(1, 3, dtype=torch.bool),
    )[0][0]
    noise = model.policy.action_dist.get_noise(of)
    expected = (mean + noise).detach().clip(-1, 1)
    np.testing.assert_allclose(noisy, expected, atol=1e-6)

    model.policy.reset_noise(3)
    assert not np.allclose(model.predict(obs, state)[0], noisy)


def test_states_of_another_shape_are_refused() -> None:
    options = {"network": "test-misshown"}
    assert learn(make_model(policy_kwargs=options))  # nobody asks for them
    model = make_model(policy_kwargs=options, use_sde=True)
    text = r"Misshown .*\(1, 3, 2, 5\), \(1, 3, 3\)\]; got \[\(3, 2, 5\), \(3, 3\)\]"
    with pytest.raises(ValueError, match=text):
        model.predict(sequence(model, 1)[0])


def test_squashed_actions_stay_within_their_bounds() -> None:
    options = {"squash_output": True}
    model = learn(make_model(policy_kwargs=options, use_sde=True))
    obs = 50 * np.stack(sequence(model))
    outputs, _ = model.policy.networks["pi"].forward_sequence(torch.as_tensor(obs))
    assert outputs.abs().max() > 1
    actions, _ = follow(model, list(obs))
    np.testing.assert_allclose(actions, outputs.detach().tanh(), atol=1e-5)


@pytest.mark.parametrize("shared", [True, False])
def test_features_extractor_is_shared_where_asked(shared: bool) -> None:
    options = SMALL_FEATURES | {"share_features_extractor": shared}
    model = make_model(make_env("image"), policy_kwargs=options)
    policy = model.policy
    pair = policy.pi_features_extractor, policy.vf_features_extractor
    assert (pair[0] is pair[1]) == shared
    before = copy.deepcopy(pair)
    learn(model)
    for extractor, old in zip(pair, before, strict=True):
        assert isinstance(extractor, NatureCNN)
        assert not torch.equal(extractor.linear[0].weight, old.linear[0].weight)
    again = type(policy)(**policy._get_constructor_parameters())
    assert again.share_features_extractor == shared


@pytest.mark.parametrize(("kind", "n"), [(FlattenExtractor, 3), (NCPExtractor, 10)])
def test_features_extractor_of_mine_is_used(kind: Any, n: int) -> None:
    options: dict[str, Any] = {"features_extractor_class": kind}
    if kind is NCPExtractor:
        options["features_extractor_kwargs"] = {"features_dim": n, "n_neurons": 16}
    policy = learn(make_model(policy_kwargs=options)).policy
    assert isinstance(policy.features_extractor, kind)
    assert {network.in_features for network in policy.networks.values()} == {n}


def test_optimizer_trains_all_parameters_and_no_others() -> None:
    options = {
        "optimizer_class": torch.optim.SGD,
        "optimizer_kwargs": {"momentum": 0.5},
    }
    policy = learn(make_model(policy_kwargs=options)).policy
    (group,) = policy.optimizer.param_groups
    assert isinstance(policy.optimizer, torch.optim.SGD)
    assert group["momentum"] == 0.5
    parts = nn.ModuleList(policy.networks.values())
    assert set(group["params"]) == {policy.log_std, *parts.parameters()}


def test_images_that_are_normalised_are_left_alone() -> None:
    options = SMALL_FEATURES | {"normalize_images": False}
    policy = make_model(ragged(IMAGE), policy_kwargs=options).policy
    seen: list[Tensor] = []
    extractor = policy.features_extractor
    extractor.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    image = sequence(policy, 1)[0]
    policy.predict(image)
    assert isinstance(extractor, NatureCNN)
    assert torch.equal(seen[0], torch.as_tensor(image))


@pytest.mark.parametrize("sizes", [{"pi": 13, "vf": 20}, {"pi": 20, "vf": 13}])
def test_networks_are_as_they_were_asked_for(sizes: dict[str, int]) -> None:
    options = {"n_neurons": sizes, "init_type": "zero"}
    policy, dense = (
        make_model(policy_kwargs=options | {"sparsity_level": level}).policy
        for level in (0.9, 0.1)
    )
    for role, network in policy.networks.items():
        assert network.n_neurons == sizes[role]
        assert network.active_params < dense.networks[role].active_params
        assert not any(layer.weight.any() for layer in sparse_layers(network))
    _, state = policy.predict(sequence(policy, 1)[0])
    assert [part.shape for part in state] == [(3, int(0.4 * sizes["pi"]))]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"net_arch": [64]}, ValueError, "`net_arch`.*`n_neurons`"),
        ({"activation_fn": nn.ReLU}, ValueError, "`activation_fn`.*`n_neurons`"),
        ({"lstm_hidden_size": 8}, ValueError, "`lstm_hidden_size`.*`n_neurons`"),
        ({"n_lstm_layers": 1}, ValueError, "`n_lstm_layers`.*`n_neurons`"),
        ({"lstm_kwargs": {}}, ValueError, "`lstm_kwargs`.*`n_neurons`"),
        ({"shared_lstm": True}, ValueError, "enable_critic_lstm=False"),
        (
            CRITICS["shared"] | {"share_features_extractor": False},
            ValueError,
            "`shared_lstm` needs a shared features extractor",
        ),
        ({"n_neurons": {"pi": 8}}, ValueError, r"keys \['pi', 'vf'\]"),
        (CRITICS["shared"] | {"n_neurons": {"vf": 8}}, ValueError, r"keys \['pi'\]"),
        ({"network": "nope"}, KeyError, "'liquid', 'ncp'"),
        ({"network": "ncp"}, ValueError, r"'ncp' does not.*'liquid'.*PPO"),
        (
            {"network": "test-unresettable"},
            TypeError,
            "'test-unresettable' must take `resets`",
        ),
        ({"network": "test-beginningless"}, TypeError, "must offer `initial_state`"),
        ({"nope": 1}, TypeError, "nope"),
    ],
)
def test_bad_policy_kwargs_are_refused(options: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make_model(policy_kwargs=options)


@pytest.mark.parametrize(
    ("policy", "error", "text"),
    [
        (ppo.LiquidPolicy, TypeError, r'RecurrentPPO\("LiquidPolicy", env\)'),
        ("NCPPolicy", ValueError, "NCPPolicy"),
    ],
)
def test_policy_without_memory_is_refused(policy: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make_model(policy=policy)


def test_policy_with_memory_is_refused_by_an_algorithm_without() -> None:
    with pytest.raises(TypeError, match="A policy of PPO must"):
        PPO(recurrent_ppo.LiquidPolicy, make_env(), device="cpu")


@each_network
@pytest.mark.parametrize("n_envs", [1, 3])
def test_predictions_step_by_step_are_those_of_the_sequence(
    network: str, n_envs: int
) -> None:
    model = make_model(policy_kwargs={"network": network})
    obs = np.stack(sequence(model, 9, n_envs))  # (T, B, F)
    starts = np.random.default_rng(0).random((9, n_envs)) < 0.3
    assert starts[1:].any()
    outputs, after = model.policy.networks["pi"].forward_sequence(
        torch.as_tensor(obs), resets=torch.as_tensor(starts)
    )
    actions, state = follow(model, list(obs), starts)
    expected = outputs.detach().clip(-1, 1)
    np.testing.assert_allclose(actions, expected, atol=1e-6)
    after = after if isinstance(after, tuple) else (after,)
    for part, last in zip(state, after, strict=True):
        np.testing.assert_allclose(part, last.detach(), atol=1e-6)
    if n_envs == 1:  # an environment alone has no batch
        np.testing.assert_array_equal(
            follow(model, list(obs[:, 0]), starts)[0], actions[:, 0]
        )


@each_network
def test_episode_start_resets_its_environment_alone(network: str) -> None:
    model = make_model(policy_kwargs={"network": network})
    *past, now = sequence(model)
    _, state = follow(model, past)
    fresh, first = model.predict(now, deterministic=True)
    kept, carried = model.predict(now, state, np.zeros(3, bool), True)
    np.testing.assert_array_equal(kept, model.predict(now, state, None, True)[0])
    assert (kept != fresh).any(axis=1).all()
    rows = np.array([False, True, False])
    actions, mixed = model.predict(now, state, rows, True)
    for got, where_reset, elsewhere in zip(
        (actions, *mixed), (fresh, *first), (kept, *carried), strict=True
    ):
        assert len(got) == 3  # environments first
        np.testing.assert_allclose(got[rows], where_reset[rows], atol=1e-6)
        np.testing.assert_allclose(got[~rows], elsewhere[~rows], atol=1e-6)


@each_network
def test_no_state_is_what_the_network_starts_from(network: str) -> None:
    model = make_model(policy_kwargs={"network": network})
    start = model.policy.networks["pi"].initial_state(3)
    start = start if isinstance(start, tuple) else (start,)
    obs = sequence(model, 1)[0]
    given = tuple(part.detach().numpy() for part in start)
    expected, _ = model.predict(obs, given, None, True)
    for begins in (None, np.zeros(3, bool), np.ones(3, bool)):
        actions, _ = model.predict(obs, None, begins, True)
        np.testing.assert_allclose(actions, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shapes", "start", "text"),
    [
        ([(3, 2, 5)], None, r"`state` .*\(3, 2, 5\), \(3, 3\)\].*got \[\(3, 2, 5\)\]"),
        ([(3, 10), (3, 3)], None, r"`state` .*got \[\(3, 10\), \(3, 3\)\]"),
        ([(2, 2, 5), (2, 3)], None, r"`state` .*got \[\(2, 2, 5\)"),
        ([(1, 3, 7), (1, 3, 7)], None, r"`state` .*got \[\(1, 3, 7\)"),
        ([(3, 2, 5), (3, 3)], (2,), r"`episode_start` .*\(3,\); got \(2,\)"),
        ([(3, 2, 5), (3, 3)], (3, 1), r"`episode_start` .*got \(3, 1\)"),
    ],
)
def test_state_or_start_of_another_shape_is_refused(
    shapes: list[Any], start: Any, text: str
) -> None:
    model = make_model(policy_kwargs={"network": "test-pair"})
    state = tuple(np.zeros(shape, np.float32) for shape in shapes)
    begins = None if start is None else np.zeros(start)
    with pytest.raises(ValueError, match=text):
        model.predict(sequence(model, 1)[0], state, begins)


def test_network_that_returns_a_state_of_another_shape_is_named() -> None:
    model = make_model(policy_kwargs={"network": "test-growing"})
    with pytest.raises(ValueError, match=r"Growing .*\(3, 3\)\].*got .*\(3, 6\)"):
        model.predict(sequence(model, 1)[0])


def test_network_that_returns_outputs_batch_first_is_named() -> None:
    model = make_model(policy_kwargs={"network": "test-batchfirst"})
    with pytest.raises(
        ValueError, match=r"BatchFirst .*outputs of the shape \(T, batch"
    ):
        model.predict(sequence(model, 1)[0])  # of three environments


def test_network_that_returns_a_list_for_a_state_is_named() -> None:
    model = make_model(policy_kwargs={"network": "test-listed"})
    with pytest.raises(ValueError, match=r"Listed .*a state of the shapes.*'list'"):
        model.predict(sequence(model, 1)[0])


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("network", ["liquid", "test-pair"])
def test_time_since_the_last_step_reaches_the_cell_and_is_no_feature(
    network: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    space = spaces.Dict(obs=FLAT, dt=spaces.Box(0, 5, shape, np.float32))
    options = {"timespan_key": "dt", "network": network}
    model = learn(make_model(ragged(space), policy_kwargs=options))
    pi = model.policy.networks["pi"]
    assert (pi.in_features if network == "liquid" else pi.cell.input_size) == 3
    obs = sequence(model)
    actions, _ = follow(model, obs)
    faster, _ = follow(model, [now | {"dt": now["dt"] / 2} for now in obs])
    assert (faster != actions).any(axis=(0, 2)).all()
    even, _ = follow(model, [now | {"dt": np.ones_like(now["dt"])} for now in obs])
    outputs, _ = pi.forward_sequence(torch.as_tensor(np.stack([o["obs"] for o in obs])))
    np.testing.assert_allclose(even, outputs.detach().clip(-1, 1), atol=1e-6)
    model.save(tmp_path / "agent.zip")
    loaded = RecurrentPPO.load(tmp_path / "agent.zip", ragged(space), device="cpu")
    assert_same_behaviour(model, loaded)
    learn(loaded)


@pytest.mark.parametrize(
    ("space", "key"),
    [
        (FLAT, "dt"),
        (TIMED, "nope"),
        (spaces.Dict(obs=FLAT, dt=spaces.Box(0, 5, (2,), np.float32)), "dt"),
        (spaces.Dict(obs=FLAT, dt=spaces.Discrete(5)), "dt"),
        (spaces.Dict(dt=spaces.Box(0, 5, (1,), np.float32)), "dt"),
    ],
)
def test_timespans_that_are_not_there_are_refused(space: Any, key: str) -> None:
    with pytest.raises(ValueError, match=f"`timespan_key`.*'{key}'"):
        make_model(ragged(space), policy_kwargs={"timespan_key": key})


def test_network_without_timespans_is_refused_where_they_are_given() -> None:
    options = {"network": "test-growing", "timespan_key": "dt"}
    with pytest.raises(TypeError, match="'test-growing' must take `timespans`"):
        make_model(ragged(TIMED), policy_kwargs=options)


@each_critic
def test_masked_weights_have_no_effect_whatever_is_written_there(critic: str) -> None:
    model = learn(make_model(policy_kwargs=CRITICS[critic]))
    obs, data = sequence(model), next(model.rollout_buffer.get(40))
    (actions, state), evaluated = follow(model, obs), evaluate(model, data)
    for layer in sparse_layers(model.policy):
        layer.weight.data += 10 * torch.randn_like(layer.weight) * (layer.mask == 0)
    assert model.policy.networks["pi"].inter.weight.abs().max() > 5
    noisy, after = follow(model, obs)
    np.testing.assert_array_equal(noisy, actions)
    np.testing.assert_array_equal(after, state)
    torch.testing.assert_close(evaluate(model, data), evaluated)


@each_critic
@pytest.mark.parametrize(
    "network", ["liquid", "test-pair", "test-learned", "test-counter"]
)
def test_loaded_agent_goes_on_as_if_never_saved(
    network: str, critic: str, tmp_path: Path
) -> None:
    options = CRITICS[critic] | {"network": network}
    model = learn(make_model(policy_kwargs=options))
    model.save(tmp_path / "agent.zip")
    loaded: Any = RecurrentPPO.load(tmp_path / "agent.zip", device="cpu")
    assert_same_behaviour(model, loaded)
    for agent in (model, loaded):
        agent.set_env(ragged())
        agent.set_random_seed(5)
        agent.learn(48, reset_num_timesteps=False)
        assert agent.num_timesteps == 96 + 48
    assert_same_weights(loaded.policy, model.policy)


@each_critic
def test_policy_alone_is_saved_and_loaded(critic: str, tmp_path: Path) -> None:
    options = CRITICS[critic] | {"timespan_key": "dt", "sparsity_level": 0.8}
    model = learn(make_model(ragged(TIMED), policy_kwargs=options))
    model.policy.save(tmp_path / "policy.pt")
    loaded = recurrent_ppo.LiquidPolicy.load(str(tmp_path / "policy.pt"), "cpu")
    assert_same_weights(loaded, model.policy)
    assert_same_behaviour(model, loaded)


def test_parameters_of_one_agent_make_another_equal() -> None:
    model, other = learn(make_model()), make_model(seed=2)
    networks_ = [agent.policy.networks["pi"] for agent in (model, other)]
    assert networks_[0].wiring != networks_[1].wiring
    other.set_parameters(model.get_parameters())
    assert networks_[0].wiring == networks_[1].wiring
    assert_same_behaviour(model, other)


def test_callbacks_evaluate_and_save_agents(tmp_path: Path) -> None:
    model = make_model(VecNormalize(ragged()))
    evaluation = VecNormalize(ragged(n_envs=2), training=False, norm_reward=False)
    best: dict[str, Any] = {"best_model_save_path": str(tmp_path), "verbose": 0}
    callbacks = [
        EvalCallback(evaluation, eval_freq=8, n_eval_episodes=3, **best),
        CheckpointCallback(8, str(tmp_path / "checkpoints")),
    ]
    model.learn(96, callback=callbacks)
    files = [tmp_path / "best_model.zip", *tmp_path.glob("checkpoints/*steps.zip")]
    assert len(files) == 5
    for file in files:
        loaded = RecurrentPPO.load(file, device="cpu")
        mean, _ = evaluate_policy(loaded, evaluation, n_eval_episodes=4)
        assert np.isfinite(mean)
