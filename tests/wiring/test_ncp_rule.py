"""The NCP rule: laws that every sample obeys."""

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from velora.wiring import Wiring

WIRINGS = st.builds(
    Wiring,
    st.integers(1, 40),
    st.integers(2, 70),
    st.integers(1, 40),
    sparsity_level=st.floats(0.1, 0.9),
    seed=st.integers(0, 2**31),
)
EXTREMES = [
    Wiring(1, 2, 1, sparsity_level=0.9, seed=0),
    Wiring(1, 60, 1, sparsity_level=0.9, seed=1),
    Wiring(60, 2, 60, sparsity_level=0.1, seed=2),
]


def check(test):
    for wiring in EXTREMES:
        test = example(wiring)(test)
    return settings(deadline=None, max_examples=80)(given(WIRINGS)(test))


def fans(wiring):
    """Gives each layer with its fixed fan-out along the rows: (mask, k)."""
    masks, synapses = wiring.masks, wiring.n_connections
    return (
        (masks.inter, synapses.sensory),
        (masks.command, synapses.inter),
        (masks.motor.T, synapses.motor),
    )


@check
def test_masks_have_the_shape_from_to(wiring):
    counts, masks = wiring.counts, wiring.masks
    assert masks.inter.shape == (counts.sensory, counts.inter)
    assert masks.command.shape == (counts.inter, counts.command)
    assert masks.motor.shape == (counts.command, counts.motor)
    assert masks.recurrent.shape == (counts.command, counts.command)


@check
def test_masks_hold_polarities_as_int32_on_the_cpu(wiring):
    masks = wiring.masks
    for mask in (masks.inter, masks.command, masks.motor, masks.recurrent):
        assert mask.dtype == torch.int32
        assert mask.device.type == "cpu"
        assert set(mask.unique().tolist()) <= {-1, 0, 1}


@check
def test_no_neuron_is_lonely(wiring):
    masks = wiring.masks
    for mask in (masks.inter, masks.command, masks.motor):
        assert (mask != 0).any(dim=0).all()
        assert (mask != 0).any(dim=1).all()


@check
def test_each_neuron_has_its_fan_out_at_least(wiring):
    for mask, k in fans(wiring):
        assert ((mask != 0).sum(dim=1) >= k).all()


@check
def test_only_lonely_neurons_get_more_synapses(wiring):
    for mask, k in fans(wiring):
        there = mask != 0
        extras = int(there.sum()) - k * len(mask)
        # Who was given a synapse had none, so it has this one alone; and a single
        # row of the sample already reaches k neurons.
        assert extras <= int((there.sum(dim=0) == 1).sum())
        assert extras <= mask.shape[1] - k


@check
def test_recurrent_holds_exactly_its_synapses(wiring):
    assert torch.count_nonzero(wiring.masks.recurrent) == wiring.n_connections.command


@settings(deadline=None, max_examples=25)
@given(st.floats(0.1, 0.9), st.integers(0, 2**31))
def test_share_of_synapses_matches_the_density_at_large_sizes(sparsity_level, seed):
    wiring = Wiring(200, 500, 150, sparsity_level=sparsity_level, seed=seed)
    for mask, _ in fans(wiring):
        share = torch.count_nonzero(mask).item() / mask.numel()
        assert abs(share - (1 - sparsity_level)) < 0.01


def test_lonely_neurons_are_the_reason_for_a_share_above_the_density():
    # One sensory neuron must reach all inter neurons: nobody else is there.
    assert (Wiring(1, 50, 3, sparsity_level=0.9).masks.inter != 0).all()


def test_polarities_are_balanced():
    masks = Wiring(100, 300, 100, seed=0).masks
    for mask in (masks.inter, masks.command, masks.motor):
        signs = mask[mask != 0].double()
        assert abs(signs.mean()) < 0.05
        assert set(signs.tolist()) == {-1.0, 1.0}


def test_both_polarities_occur_among_few_synapses():
    sampled = [Wiring(1, 2, 1, seed=seed).masks for seed in range(40)]
    for layer in ("inter", "command", "motor", "recurrent"):
        signs = {int(getattr(masks, layer)) for masks in sampled}
        assert signs == {-1, 1}


def test_every_place_is_as_likely_as_any_other():
    # One recurrent synapse among 4 x 4, in 1600 samples: 100 each, give or take 10.
    hits = torch.zeros(4, 4)
    for seed in range(1600):
        wiring = Wiring(1, 10, 1, sparsity_level=0.9, seed=seed)
        hits += wiring.masks.recurrent != 0
    assert wiring.n_connections.command == 1
    assert (hits > 60).all()
    assert (hits < 140).all()


def test_fan_out_reaches_every_inter_neuron_equally_often():
    hits = torch.zeros(30)
    for seed in range(20):
        wiring = Wiring(100, 50, 1, sparsity_level=0.8, seed=seed)
        hits += (wiring.masks.inter != 0).sum(dim=0)
    # 20 samples x 100 neurons x 6 synapses among 30 columns: 400 each.
    assert hits.sum() == 20 * 100 * 6
    assert (hits > 320).all()
    assert (hits < 480).all()


def test_large_wirings_obey_the_rule_across_blocks_of_the_sample():
    # 6000 x 1200 places are sampled in several blocks or in one: nobody may tell.
    wiring = Wiring(6000, 3000, 2, sparsity_level=0.9, seed=0)
    fan_out = (wiring.masks.inter != 0).sum(dim=1)
    assert (fan_out == wiring.n_connections.sensory).all()
