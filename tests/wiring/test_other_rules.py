"""What every registered rule keeps, and what is special to each."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from velora.plugins import wirings
from velora.wiring import dense, random, small_world

RULES = ["ncp", "dense", "random", "small-world"]


@pytest.fixture(params=RULES)
def build(request):
    return wirings()[request.param].build


def test_these_rules_are_registered_with_a_source():
    assert list(wirings()) == RULES
    assert all(entry.summary for entry in wirings().values())


@settings(deadline=None)
@given(
    rule=st.sampled_from(RULES),
    sizes=st.tuples(st.integers(1, 7), st.integers(2, 40), st.integers(1, 7)),
    sparsity=st.floats(0.1, 0.9),
)
def test_no_neuron_is_left_alone_in_layers_of_the_sizes_asked_for(
    rule, sizes, sparsity
):
    wiring = wirings()[rule].build(*sizes, sparsity_level=sparsity, seed=3)
    counts, masks = wiring.counts, wiring.masks
    command = max(int(0.4 * sizes[1]), 1)
    assert (counts.inter, counts.command) == (sizes[1] - command, command)
    assert (counts.sensory, counts.motor) == (sizes[0], sizes[2])
    for mask in (masks.inter, masks.command, masks.motor):
        assert mask.dtype == torch.int32
        assert mask.any(0).all()
        assert mask.any(1).all()


def test_polarities_are_mixed(build):
    mask = build(10, 200, 5, sparsity_level=0.2, seed=0).masks.command
    assert 0.4 < (mask == 1).sum() / mask.count_nonzero() < 0.6


def test_seed_repeats_and_touches_no_global_state(build):
    state = torch.get_rng_state()
    first = build(4, 30, 2, seed=5)
    assert build(4, 30, 2, seed=5) == first
    assert build(4, 30, 2, seed=6) != first
    assert torch.equal(torch.get_rng_state(), state)


def test_global_seed_repeats_where_none_is_given(build):
    sampled = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        sampled.append(build(4, 30, 2))
    assert sampled[0] == sampled[1] != sampled[2]


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ("velora.wiring.chance random", random),
        ("velora.wiring.dense dense", dense),
        ("velora.wiring.random_graph random", random),
        ("velora.wiring.small_world small_world", small_world),
    ],
)
def test_rule_stays_where_the_pickles_of_agents_look_for_it(place, rule):
    module, name = place.split()
    assert pickle.loads(f"c{module}\n{name}\n.".encode()) is rule
    assert pickle.loads(pickle.dumps(rule)) is rule


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("rule", [random, small_world])
def test_share_of_synapses_is_the_density(rule, sparsity):
    masks = rule(100, 400, 60, sparsity_level=sparsity, seed=0).masks
    for _, mask in masks.items():
        share = mask.count_nonzero() / mask.numel()
        assert share == pytest.approx(1 - sparsity, abs=0.03)


def test_dense_leaves_nothing_out():
    masks = dense(3, 10, 2, sparsity_level=0.9).masks
    assert all(mask.all() for _, mask in masks.items())


def far(mask: torch.Tensor) -> float:
    """Share of synapses that reach further round the ring than an eighth of it."""
    start, end = (torch.arange(n).add(0.5) / n for n in mask.shape)
    apart = (start[:, None] - end).abs()
    apart = torch.minimum(apart, 1 - apart)
    return float((apart[mask != 0] > 1 / 8).float().mean())


def test_small_world_is_local_but_for_the_rewired():
    regular, small, chance = (
        far(
            small_world(50, 500, 50, sparsity_level=0.9, seed=0, rewiring=p).masks.inter
        )
        for p in (0.0, 0.1, 1.0)
    )
    assert regular == 0
    assert 0.03 < small < 0.15
    assert chance == pytest.approx(0.75, abs=0.05)


def test_small_world_recurs_in_both_directions():
    recurrent = small_world(5, 60, 5, seed=0).masks.recurrent
    assert torch.equal(recurrent != 0, recurrent.T != 0)


@pytest.mark.parametrize("rewiring", [-0.1, 1.1])
def test_rewiring_outside_its_range_is_refused(rewiring):
    with pytest.raises(ValueError, match=r"`rewiring` must be between 0 and 1; got"):
        small_world(3, 10, 2, rewiring=rewiring)


@pytest.mark.parametrize("rule", [dense, random, small_world])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 10, 2), {}, ValueError, "`in_features` must be at least 1"),
        ((3, 1, 2), {}, ValueError, "`n_neurons` must be at least 2"),
        ((3, 10, 1.5), {}, TypeError, "`out_features` must be an integer"),
        ((3, 10, 2), {"sparsity_level": 0.95}, ValueError, r"\[0.1, 0.9\]"),
        ((3, 10, 2), {"seed": "x"}, TypeError, "`seed` must be an integer"),
    ],
)
def test_bad_arguments_are_refused(rule, arguments, options, error, message):
    with pytest.raises(error, match=message):
        rule(*arguments, **options)
