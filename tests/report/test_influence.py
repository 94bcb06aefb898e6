"""Influence is what a small change of a neuron or a synapse does to the motors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from agents import make_agent, make_env
from leaky import build_leaky
from recurrent_agents import TIMED, Ragged, make_model
from traced import KINDS, ORPHANED, ORPHANS, assert_untouched, content, kind

from velora.models.lnn import GatedLeakyNCPNetwork
from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.taps import STATE, tapped
from velora.plugins import networks
from velora.report import Influence, Lesions, influence, rank_correlation, trace
from velora.report.acting import acting_of
from velora.report.influence import inputs_of, motor_of

SYNAPSES = {"sensory": "inter", "inter": "command", "command": "motor"}


def traced(name: str) -> tuple[Any, Any]:
    # With initial values that are not small, so that signs and sizes differ.
    model = kind(name, init_type="xavier")
    return model, trace(model, model.get_env(), n_episodes=3, seed=3)


def motors(model: Any, found: Any, tap: Any) -> torch.Tensor:
    """Returns the (O,) mean motor neurons along a trace, with what a tap changes."""
    acting = acting_of(model)
    inputs = inputs_of(acting, found)
    with torch.no_grad(), tapped(acting.wired, tap):
        return motor_of(acting, *inputs).double().mean(dim=0)


@pytest.mark.parametrize("name", KINDS)
def test_effect_of_a_neuron_is_the_slope_in_its_activity(name: str) -> None:
    model, found = traced(name)
    said = influence(model, found)
    for layer, effects in said.neurons.items():
        for index in range(len(effects)):

            def scaled(factor: float, at: Any = (layer, index)) -> torch.Tensor:
                def tap(read: str, x: torch.Tensor) -> torch.Tensor:
                    if ("command" if read == STATE else read) != at[0]:
                        return x
                    factors = torch.ones(x.shape[-1], dtype=x.dtype)
                    factors[at[1]] = factor
                    return x * factors

                return motors(model, found, tap)

            slope = (scaled(1 + 1e-2) - scaled(1 - 1e-2)) / 2e-2
            np.testing.assert_allclose(effects[index], slope, rtol=1e-2, atol=1e-4)
    assert all(np.abs(effects).max() > 1e-2 for effects in said.neurons.values())


@pytest.mark.parametrize("name", KINDS)
def test_effect_of_a_neuron_is_that_of_its_outgoing_synapses(name: str) -> None:
    model, found = traced(name)
    said = influence(model, found)
    for layer, leads_to in SYNAPSES.items():
        through = said.synapses[leads_to].sum(axis=1)
        if layer == "command" and "recurrent" in said.synapses:
            if isinstance(model.policy.networks["pi"], GatedLeakyNCPNetwork):
                continue  # where what does not leak is no synapse's either
            through = through + said.synapses["recurrent"].sum(axis=1)
        np.testing.assert_allclose(said.neurons[layer], through, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_synapses_are_those_of_the_wiring(name: str) -> None:
    model, found = traced(name)
    said = influence(model, found)
    network = model.policy.networks["pi"]
    masks = {key: mask for key, mask in network.masks.items() if mask is not None}
    assert said.synapses.keys() == masks.keys()
    for layer, mask in masks.items():
        effects = said.synapses[layer]
        assert effects.shape == (*mask.shape, network.counts.motor)
        assert not effects[mask.numpy() == 0].any()
        assert effects[mask.numpy() != 0].any()
    assert isinstance(network.command, RecurrentCell) == ("recurrent" in masks)


def test_first_order_of_a_lesion_is_all_of_it_where_motors_are_linear() -> None:
    model, found = traced("feed-forward")
    said = influence(model, found)
    network = model.policy.networks["pi"]
    activities = torch.from_numpy(found.neurons["command"])
    with torch.no_grad():
        whole = network.motor(activities).mean(dim=0)
        for index in range(activities.shape[1]):
            silent = activities.clone()
            silent[:, index] = 0
            lost = whole - network.motor(silent).mean(dim=0)
            np.testing.assert_allclose(said.neurons["command"][index], lost, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_magnitudes_are_at_least_the_means(name: str) -> None:
    model, found = traced(name)
    said = influence(model, found)
    for layer, effects in said.neurons.items():
        assert (said.magnitudes[layer] >= np.abs(effects) - 1e-6).all()
    assert (said.magnitudes["sensory"] > 1.1 * np.abs(said.neurons["sensory"])).any()


@pytest.mark.parametrize("name", KINDS)
def test_neurons_without_a_way_to_a_motor_have_none(name: str) -> None:
    model = kind(name, **ORPHANED)
    said = influence(model, trace(model, model.get_env(), seed=3))
    assert not said.magnitudes["inter"][ORPHANS["inter"]].any()
    assert said.magnitudes["inter"][0].any()
    if not isinstance(model.policy.networks["pi"].command, RecurrentCell):
        assert not said.magnitudes["command"][ORPHANS["command"]].any()


@pytest.mark.parametrize("name", KINDS)
def test_model_is_the_same_after_influence(name: str) -> None:
    model, found = traced(name)
    weight = model.policy.networks["pi"].inter.weight
    weight.requires_grad_(False)
    before = content(model.policy)
    with torch.no_grad():
        influence(model, found)
    assert_untouched(model.policy, before)
    assert not weight.requires_grad
    assert all(parameter.grad is None for parameter in model.policy.parameters())


def test_times_between_steps_are_taken() -> None:
    options = {"network": "gated-leaky", "n_neurons": 12, "timespan_key": "dt"}
    model = make_model(Ragged(TIMED, "box"), policy_kwargs=options)
    found = trace(model, Ragged(TIMED, "box"), n_episodes=2, seed=3)
    acting = acting_of(model)
    motor = motor_of(acting, *inputs_of(acting, found)).detach()
    np.testing.assert_allclose(motor, found.neurons["motor"], atol=1e-5)


def test_a_cell_of_others_has_influence_too() -> None:
    networks().add("test-leaky", build_leaky, recurrent=True, override=True)
    options = {"network": "test-leaky", "n_neurons": 12}
    model = make_model(policy_kwargs=options)
    found = trace(model, model.get_env(), n_episodes=2, seed=3)
    assert found.gates is None
    said = influence(model, found)
    through = said.synapses["command"].sum(axis=1)
    np.testing.assert_allclose(said.neurons["inter"], through, rtol=1e-3, atol=1e-6)
    assert said.synapses["recurrent"].any()


def spoken(*magnitudes: float) -> Influence:
    """Makes influence of inter neurons on one motor neuron, and none on a second."""
    sizes = np.array([[size, 0.0] for size in magnitudes])
    return Influence({}, {"inter": sizes}, {})


def measured(*differences: float) -> Lesions:
    groups = tuple((("inter", index),) for index in range(len(differences)))
    names = tuple(f"inter {index}" for index in range(len(differences)))
    returns = np.array(differences)[:, None]
    return Lesions(0, np.zeros(1), names, groups, returns)


def test_rank_correlation_is_of_sizes() -> None:
    assert rank_correlation(spoken(1, 2, 9), measured(-1, -5, -6)) == pytest.approx(1)
    assert rank_correlation(spoken(1, 2, 9), measured(1, -5, 6)) == pytest.approx(1)
    assert rank_correlation(spoken(9, 2, 1), measured(-1, -5, -6)) == pytest.approx(-1)
    # Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4, by hand.
    tied = rank_correlation(spoken(1, 2, 2, 3), measured(1, 2, 3, 4))
    assert tied == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(rank_correlation(spoken(1, 1, 1), measured(1, 2, 3)))
    assert np.isnan(rank_correlation(spoken(1), measured(1)))


def test_rank_correlation_sums_groups_and_chooses_motors() -> None:
    groups = ((("inter", 0), ("inter", 1)), (("inter", 2),))
    found = Lesions(0, np.zeros(1), ("a", "b"), groups, np.array([[-3.0], [-2.0]]))
    assert rank_correlation(spoken(1, 2, 2.5), found) == pytest.approx(1)
    assert np.isnan(rank_correlation(spoken(1, 2, 2.5), found, motors=[1]))
    with pytest.raises(ValueError, match="must be of one model"):
        rank_correlation(spoken(1, 2), found)
    with pytest.raises(ValueError, match="must be of one model"):
        rank_correlation(spoken(1, 2, 3), found, motors=[2])


def test_wrong_arguments_are_refused() -> None:
    model = make_agent()
    found = trace(model, model.get_env(), seed=3)
    with pytest.raises(TypeError, match=r"must be one of velora\.report"):
        influence(model, found.neurons)
    other = make_agent(policy_kwargs={"n_neurons": 20})
    with pytest.raises(ValueError, match="must be of the network that acts"):
        influence(other, found)
    with pytest.raises(ValueError, match="must be of the network that acts"):
        influence(make_agent("SAC"), trace(make_agent("TD3"), make_env("flat", "box")))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((measured(1, 2), spoken(1, 2)), "`influence` must be .* got Lesions"),
        ((spoken(1, 2), None), "`lesions` must be .* got NoneType"),
        ((spoken(1, 2), measured(1, 2), 0), r"`motors` must be .* \[0\].* got 0"),
    ],
)
def test_rank_correlation_names_what_it_takes(arguments: Any, said: str) -> None:
    one, other, *motors = arguments
    with pytest.raises(TypeError, match=said):
        rank_correlation(one, other, motors=motors[0] if motors else None)
