"""The callback logs what neurons and synapses do, and changes nothing."""

from __future__ import annotations

import copy
import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import memory_agents
import numpy as np
import pytest
import torch
from agents import ALGORITHMS, POLICIES, make_agent, make_env, sparse_layers
from recurrent_agents import (
    CRITICS,
    TIMED,
    assert_same_weights,
    make_model,
    ragged,
)
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger, configure
from torch import nn

from velora.models.lnn.gates import gate_and_time_constant
from velora.sb3 import NeuronCallback

OF_WEIGHTS = {"weight_norm", "sign_flips"}
OF_ACTIVITY = {"dead", "saturated"}
OF_CELLS = OF_ACTIVITY | {"gate", "time_constant"}
ACTING = {"PPO": "pi vf", "A2C": "pi vf", "TRPO": "pi vf", "MaskablePPO": "pi vf"}
ACTING |= {"DQN": "qf", "QRDQN": "qf", "ARS": ""}  # the others: "pi"


class Kept(KVWriter):
    """Keeps what a logger writes."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, key_values: Any, key_excluded: Any, step: int = 0) -> None:
        self.rows.append({"step": step} | key_values)

    def close(self) -> None:
        pass


def logged(model: Any, steps: int, callback: Any) -> list[dict[str, float]]:
    """Lets a model learn, and returns what of neurons was written at each dump."""
    kept = Kept()
    model.set_logger(Logger(None, [kept]))
    model.learn(steps, callback=callback, log_interval=1)
    rows = [
        {key: value for key, value in row.items() if key.startswith("neurons/")}
        for row in kept.rows
    ]
    return [row for row in rows if row]


def names_of(rows: list[dict[str, float]]) -> set[tuple[str, ...]]:
    """Returns the (role, layer, number) of all that was written."""
    return {tuple(name.split("/")[1:]) for row in rows for name in row}


def hooks_of(module: nn.Module) -> Iterator[Any]:
    for part in module.modules():
        yield from part._forward_hooks.values()
        yield from part._forward_pre_hooks.values()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_logs_and_learns_as_without(
    algorithm: str, policy: str
) -> None:
    steps = 2 * ALGORITHMS[algorithm].steps
    model = make_agent(algorithm, policy)
    rows = logged(model, steps, NeuronCallback(8))
    roles = model.policy.networks
    found = names_of(rows)
    expected = {
        (role, layer, number)
        for role in roles
        for layer in ("inter", "command", "motor")
        for number in OF_WEIGHTS
    }
    for role in ACTING.get(algorithm, "pi").split():
        of_command = OF_CELLS if policy == "LiquidPolicy" else OF_ACTIVITY
        expected |= {(role, "inter", number) for number in OF_ACTIVITY}
        expected |= {(role, "command", number) for number in of_command}
    assert found == expected
    assert all(math.isfinite(value) for row in rows for value in row.values())
    assert not list(hooks_of(model.policy))

    without = make_agent(algorithm, policy).learn(steps, log_interval=1)
    assert_same_weights(model.policy, without.policy)


@pytest.mark.parametrize(
    ("critic", "network"),
    [(critic, network) for critic in CRITICS for network in ("liquid", "gated-leaky")]
    + [("feed-forward", "test-pair")],
)
@pytest.mark.usefixtures("toy_networks")
def test_recurrent_ppo_learns_as_without(critic: str, network: str) -> None:
    options = CRITICS[critic] | {"network": network}
    model = make_model(policy_kwargs=options)
    rows = logged(model, 96, NeuronCallback(16))
    roles = {role for role, *_ in names_of(rows)}
    assert roles == ({"vf"} if network.startswith("test") else {*model.policy.networks})
    assert (("pi", "command", "gate") in names_of(rows)) == ("pi" in roles)
    without = make_model(policy_kwargs=options).learn(96)
    assert_same_weights(model.policy, without.policy)


@pytest.mark.parametrize("critic", ["separate", "shared", "feed-forward"])
@pytest.mark.parametrize("network", ["liquid", "gated-leaky"])
def test_memory_ppo_learns_as_without(critic: str, network: str) -> None:
    options = {"critic": critic, "network": network}
    model = memory_agents.make_model(policy_kwargs=options)
    seen = []
    forward = model.policy.forward

    def watch(obs: Any, states: Any, *rest: Any, **options: Any) -> Any:
        seen.append(states.pi[0])
        return forward(obs, states, *rest, **options)

    model.policy.forward = watch
    rows = logged(model, 144, NeuronCallback(16))
    assert seen[-1].any()  # what was remembered then
    roles = {role for role, *_ in names_of(rows)}
    assert roles == {*model.policy.networks}
    assert ("pi", "command", "gate") in names_of(rows)
    without = memory_agents.make_model(policy_kwargs=options).learn(144)
    assert_same_weights(model.policy, without.policy)


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_agent("PPO", actions="box", use_sde=True),
        lambda: make_agent("SAC", use_sde=True),
        lambda: make_agent("PPO", observations="dict"),
        lambda: make_agent("DQN", observations="image"),
        lambda: make_model(use_sde=True),
        lambda: make_model(ragged(TIMED), policy_kwargs={"timespan_key": "dt"}),
        lambda: PPO(
            "NCPPolicy",
            make_vec_env(make_env, 5, seed=1),
            n_steps=8,
            batch_size=8,
            seed=1,
            device="cpu",
        ),
    ],
    ids=["gsde", "sac-gsde", "dict", "image", "recurrent-gsde", "timespans", "envs"],
)
def test_any_observations_and_noise_are_taken(make: Any) -> None:
    model = make()
    rows = logged(model, 100, NeuronCallback(20))
    assert any(number == "dead" for *_, number in names_of(rows))
    without = make().learn(100, log_interval=1)
    assert_same_weights(model.policy, without.policy)


@pytest.mark.parametrize("layer", ["inter", "command"])
def test_neuron_without_inputs_is_dead(layer: str) -> None:
    model = make_agent(learning_rate=0.0)
    network = model.policy.networks["pi"]
    (before,) = logged(model, 16, NeuronCallback(16))
    with torch.no_grad():
        getattr(network, layer).weight[1] = 0
    (after,) = logged(model, 16, NeuronCallback(16))
    name = f"neurons/pi/{layer}/dead"
    assert before[name] == 0
    assert after[name] == pytest.approx(1 / getattr(network.counts, layer))
    assert after["neurons/vf/inter/dead"] == 0


@pytest.mark.parametrize("activation", ["tanh", "mish", "relu"])
def test_neuron_far_from_its_slope_is_saturated(activation: str) -> None:
    options = {"network_kwargs": {"activation": activation}}
    model = make_agent(learning_rate=0.0, policy_kwargs=options)
    layer = model.policy.networks["pi"].inter
    with torch.no_grad():
        layer.weight.mul_(1e-3)
        layer.bias.fill_(0.5)
        layer.bias[:2] = -30
    (row,) = logged(model, 16, NeuronCallback(16))
    expected = pytest.approx(2 / layer.out_features)
    assert row["neurons/pi/inter/saturated"] == expected


def test_cell_is_saturated_where_its_state_is_at_a_bound() -> None:
    model = make_model(learning_rate=0.0, policy_kwargs={"network": "gated-leaky"})
    cell = model.policy.networks["pi"].command
    (before,) = logged(model, 48, NeuronCallback(48))
    with torch.no_grad():
        cell.k_head.bias[:3] = 50
        cell.f_head.bias[:3] = 50
    (after,) = logged(model, 48, NeuronCallback(48))
    name = "neurons/pi/command/saturated"
    assert before[name] == 0
    assert after[name] == pytest.approx(3 / cell.n_hidden)


@pytest.mark.parametrize("network", ["liquid", "gated-leaky"])
def test_gates_are_those_of_the_last_step_of_a_window(network: str) -> None:
    options = {"network": network, "n_neurons": 12}
    model = make_agent("PPO", "LiquidPolicy", learning_rate=0.0, policy_kwargs=options)
    (row,) = logged(model, 16, NeuronCallback(16))
    net = model.policy.networks["pi"]
    # It sees what is acted on next, from the second observation on.
    seen = (*model.rollout_buffer.observations.reshape(-1, 4, 6)[1:], *model._last_obs)
    windows = torch.from_numpy(np.stack(seen)).transpose(0, 1)  # (T, N, F)
    _, before = net.forward_sequence(windows[:-1])
    x = torch.nn.functional.mish(net.inter(windows[-1]))
    gate, time_constant = gate_and_time_constant(net.command, x, before)
    name = "neurons/pi/command/"
    assert row[f"{name}gate"] == pytest.approx(gate.mean().item(), abs=1e-6)
    expected = pytest.approx(time_constant.median().item(), rel=1e-4)
    assert row[f"{name}time_constant"] == expected


def test_gates_of_a_carried_state_are_those_of_the_rollout() -> None:
    options = {"network": "gated-leaky", "n_neurons": 12}
    model = make_model(learning_rate=0.0, policy_kwargs=options)
    gates: list[torch.Tensor] = []
    cell = model.policy.networks["pi"].command

    class Watching(BaseCallback):
        """Sees the cell in each step that the algorithm itself takes."""

        def _on_rollout_start(self) -> None:
            def see(module: nn.Module, args: Any) -> None:
                gate, _ = gate_and_time_constant(module, *args)
                gates.append(gate)

            self.handle = cell.register_forward_pre_hook(see)

        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            self.handle.remove()

    (row,) = logged(model, 48, NeuronCallback(48))
    rolled = make_model(learning_rate=0.0, policy_kwargs=options)
    cell = rolled.policy.networks["pi"].command
    rolled.learn(96, callback=Watching())
    # What follows on the 16 steps of a rollout are steps 2 to 17, the first with three
    # environments at zero.
    expected = torch.stack(gates[1:17]).mean().item()
    assert row["neurons/pi/command/gate"] == pytest.approx(expected, abs=1e-6)


class Turning(BaseCallback):
    """Turns the signs of three synapses at a step."""

    def __init__(self, layer: nn.Module, at: int) -> None:
        super().__init__()
        self.layer, self.at = layer, at

    def _on_step(self) -> bool:
        if self.num_timesteps == self.at:
            with torch.no_grad():
                turned = self.layer.weight.view(-1)[self.layer.mask.view(-1)][:3]
                where = torch.nonzero(self.layer.mask.view(-1))[:3, 0]
                self.layer.weight.view(-1)[where] = -turned
        return True


def test_turned_signs_are_counted_once() -> None:
    model = make_agent(learning_rate=0.0)
    layer = model.policy.networks["pi"].command
    rows = logged(model, 64, [Turning(layer, 20), NeuronCallback(16)])
    flips = [row["neurons/pi/command/sign_flips"] for row in rows]
    assert flips == pytest.approx([0, 3 / layer.n_synapses, 0, 0])
    assert all(row["neurons/vf/command/sign_flips"] == 0 for row in rows)


def test_weight_norm_is_of_the_synapses_alone() -> None:
    model = make_agent("PPO", "LiquidPolicy", learning_rate=0.0)
    network = model.policy.networks["pi"]
    with torch.no_grad():
        for layer in sparse_layers(network):
            layer.weight[~layer.mask] = 7  # of no effect
    (row,) = logged(model, 16, NeuronCallback(16))
    for name in ("inter", "command", "motor"):
        layers = sparse_layers(getattr(network, name))
        squares = sum((w.weight * w.mask).pow(2).sum().item() for w in layers)
        norm = row[f"neurons/pi/{name}/weight_norm"]
        assert norm == pytest.approx(math.sqrt(squares), rel=1e-5)


class Failing(BaseCallback):
    def _on_step(self) -> bool:
        if self.num_timesteps == 24:
            raise KeyboardInterrupt
        return True


def test_no_hook_is_left_by_an_error() -> None:
    model = make_agent()
    for callbacks in ([NeuronCallback(8), Failing()], [Failing(), NeuronCallback(8)]):
        with pytest.raises(KeyboardInterrupt):
            model.learn(64, callback=callbacks)
        assert not list(hooks_of(model.policy))
    body = model.policy.action_net

    def fail(_: nn.Module, args: Any) -> None:
        if len(args[0]) > 8:  # as the callback alone calls it
            raise ZeroDivisionError

    with (
        body.network.motor.register_forward_pre_hook(fail),
        pytest.raises(ZeroDivisionError),
    ):
        model.learn(64, callback=NeuronCallback(12))
    assert not list(hooks_of(model.policy))


@pytest.mark.parametrize("make", [make_agent, make_model], ids=["PPO", "recurrent"])
def test_model_is_saved_and_copied_while_it_is_on(make: Any, tmp_path: Path) -> None:
    class Copying(BaseCallback):
        def _on_step(self) -> bool:
            assert not list(hooks_of(copy.deepcopy(self.model.policy)))
            return True

    saving = CheckpointCallback(7, str(tmp_path))
    model = make()
    model.learn(48, callback=[NeuronCallback(1), saving, Copying()])
    path = next(iter(tmp_path.glob("*.zip")))
    assert_same_shapes(model.policy, type(model).load(path, device="cpu").policy)


def assert_same_shapes(policy: nn.Module, other: nn.Module) -> None:
    shapes, others = (
        {name: part.shape for name, part in one.state_dict().items()}
        for one in (policy, other)
    )
    assert shapes == others


def test_csv_has_the_numbers_of_each_dump(tmp_path: Path) -> None:
    model = make_agent()
    model.set_logger(configure(str(tmp_path), ["csv"]))
    model.learn(64, callback=NeuronCallback(32))
    model.logger.close()
    with (tmp_path / "progress.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["time/total_timesteps"]) for row in rows] == [16, 32, 48, 64]
    norms = [row["neurons/pi/motor/weight_norm"] for row in rows]
    assert [bool(norm) for norm in norms] == [False, True, False, True]
    assert float(norms[1]) != float(norms[3])


def test_tensorboard_gets_the_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="this environment is without it")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = make_agent(tensorboard_log=str(tmp_path))
    model.learn(32, callback=NeuronCallback(16))
    model.logger.close()
    events = EventAccumulator(str(tmp_path / "PPO_1"))
    events.Reload()
    scalars = events.Scalars("neurons/pi/inter/dead")
    assert [scalar.step for scalar in scalars] == [16, 32]


def test_training_in_parts_logs_at_the_same_steps() -> None:
    model, callback, kept = make_agent(), NeuronCallback(48), Kept()
    model.set_logger(Logger(None, [kept]))
    for _ in range(6):
        model.learn(16, callback=callback, reset_num_timesteps=False)
    name = "neurons/pi/inter/dead"
    assert [row["step"] for row in kept.rows if name in row] == [48, 96]


def test_one_observation_alone_says_nothing_of_dead_neurons() -> None:
    model = make_agent("SAC", learning_starts=100)
    model.learn(1, callback=NeuronCallback(1))
    assert set(names_of([model.logger.name_to_value])) > {("pi", "motor", "sign_flips")}
    assert not any(name.endswith("dead") for name in model.logger.name_to_value)
    model.learn(2, callback=NeuronCallback(1))
    assert "neurons/pi/inter/dead" in model.logger.name_to_value


def test_as_many_environments_as_observations_are_one_moment() -> None:
    env = make_vec_env(make_env, 300, seed=1)
    model = PPO("NCPPolicy", env, n_steps=2, batch_size=300, n_epochs=1, device="cpu")
    rows = logged(model, 1200, NeuronCallback(100))
    assert ("vf", "command", "dead") in names_of(rows)


@pytest.mark.parametrize(
    ("every", "error", "text"),
    [
        (0, ValueError, "`every` must be at least 1 step; got 0"),
        (-3, ValueError, "`every` must be at least 1 step; got -3"),
        (1e4, TypeError, "`every` must be an integer, .*; got 10000.0"),
        (True, TypeError, "`every` must be an integer, .*; got True"),
        ("10", TypeError, "`every` must be an integer, .*; got '10'"),
    ],
)
def test_wrong_interval_is_refused(every: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        NeuronCallback(every)
    assert NeuronCallback(np.int64(5)).every == 5


@pytest.mark.usefixtures("toy_networks")
def test_model_without_neurons_of_ours_is_refused() -> None:
    dense = make_agent(policy_kwargs={"network": "test-dense", "n_neurons": None})
    text = r"must think with .* got \{'pi': 'Linear', 'vf': 'Linear'\}"
    with pytest.raises(TypeError, match=text):
        dense.learn(16, callback=NeuronCallback())
    plain = PPO("MlpPolicy", make_env(), device="cpu")
    with pytest.raises(TypeError, match="must be an algorithm with a policy of"):
        plain.learn(16, callback=NeuronCallback())
