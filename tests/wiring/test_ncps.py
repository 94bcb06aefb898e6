"""Wirings in ncps' words: their counts, their chances, and what is refused."""

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from velora.wiring import Connectome, Unlayered
from velora.wiring.ncps import NCP, AutoNCP, FullyConnected, Random

BLUEPRINTS = {
    "fully connected": FullyConnected(9, 3),
    "random": Random(9, 3, 0.5),
    "NCP": NCP(6, 4, 3, 2, 2, 5, 2),
    "AutoNCP": AutoNCP(13, 3),
}


@pytest.fixture(params=BLUEPRINTS)
def blueprint(request):
    return BLUEPRINTS[request.param]


def counted(mask):
    return int(mask.count_nonzero())


def test_blueprint_gives_a_wiring_of_the_inputs_that_it_is_told(blueprint):
    for inputs in (1, 5):
        wiring = blueprint.build(inputs)
        if isinstance(wiring, Unlayered):
            got = wiring.in_features, wiring.units, wiring.out_features
        else:
            counts = wiring.counts
            units = counts.inter + counts.command + counts.motor
            got = counts.sensory, units, counts.motor
        assert got == (inputs, blueprint.units, blueprint.output_dim)


def test_seed_makes_what_is_built_equal_and_touches_no_global_state(blueprint):
    state = torch.get_rng_state()
    blueprint.seed = 5
    assert blueprint.build(4) == blueprint.build(4)
    assert torch.equal(torch.get_rng_state(), state)
    blueprint.seed = None
    built = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        built.append(blueprint.build(4))
    assert built[0] == built[1] != built[2]


def test_blueprint_survives_a_pickle_and_says_what_it_is(blueprint):
    again = pickle.loads(pickle.dumps(blueprint))
    assert vars(again) == vars(blueprint)
    assert repr(again) == repr(blueprint)
    assert f"units={blueprint.units}" in repr(blueprint)


def test_everybody_is_connected_with_everybody():
    wiring = FullyConnected(40, 3).build(5)
    assert counted(wiring.mask) == 45 * 40
    assert 0.55 < (wiring.mask == 1).float().mean() < 0.77  # two thirds excite
    assert FullyConnected(8).build(2).out_features == 8
    alone = FullyConnected(8, 2, self_connections=False).build(3)
    assert counted(alone.mask) == 11 * 8 - 8
    assert not alone.mask[3:].diagonal().any()


@pytest.mark.parametrize(
    ("units", "inputs", "sparsity", "expected"),
    [(9, 5, 0.6, (18, 32)), (7, 1, 0.9, (1, 5)), (13, 3, 0.33, (26, 113))],
)
def test_random_synapses_are_the_share_that_is_asked_for(
    units, inputs, sparsity, expected
):
    mask = Random(units, 2, sparsity).build(inputs).mask
    assert (counted(mask[:inputs]), counted(mask[inputs:])) == expected
    assert counted(Random(units).build(inputs).mask) == (inputs + units) * units


@settings(deadline=None, max_examples=50)
@given(
    outputs=st.integers(1, 6),
    decision=st.integers(3, 40),
    inputs=st.integers(1, 9),
    sparsity=st.floats(0.1, 0.9),
)
def test_auto_ncp_divides_units_and_gives_fans_by_the_rule(
    outputs, decision, inputs, sparsity
):
    blueprint = AutoNCP(decision + outputs, outputs, sparsity, seed=1)
    wiring = blueprint.build(inputs)
    counts, masks, density = wiring.counts, wiring.masks, 1 - sparsity
    assert counts.command == max(int(0.4 * decision), 1)
    assert counts.inter == decision - counts.command
    fan = max(int(counts.inter * density), 1)
    assert (masks.inter.count_nonzero(dim=1) >= fan).all()
    fan = max(int(counts.command * density), 1)
    assert (masks.command.count_nonzero(dim=1) >= fan).all()
    assert (masks.motor.count_nonzero(dim=0) >= fan).all()
    assert 1 <= counted(masks.recurrent) <= max(int(2 * counts.command * density), 1)
    for mask in (masks.inter, masks.command, masks.motor):
        assert mask.any(0).all()
        assert mask.any(1).all()


def test_lonely_neurons_get_what_the_others_have_on_average():
    # Of 8 inputs, each reaches one of 4 inter neurons: two synapses each, on average.
    found = set()
    for seed in range(40):
        masks = NCP(4, 4, 12, 1, 1, 5, 1, seed=seed).build(8).masks
        found.add((counted(masks.inter), counted(masks.motor)))
    inter, motor = ({pair[i] for pair in found} for i in (0, 1))
    assert {8, 10} <= inter <= {8, 10, 12, 14}
    assert {12, 15} <= motor <= {12, 15, 18}


def test_recurrent_synapses_that_are_drawn_twice_count_once():
    masks = NCP(4, 3, 2, 1, 1, 50, 1, seed=0).build(2).masks
    assert counted(masks.recurrent) == 9
    assert not NCP(4, 3, 2, 1, 1, 0, 1).build(2).masks.recurrent.any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FullyConnected(0), "`units` must be at least 1; got 0"),
        (
            lambda: FullyConnected(3, 4),
            "`output_dim` must be at most the 3 units.*got 4",
        ),
        (lambda: FullyConnected(3, 0), "`output_dim` must be at least 1"),
        (lambda: Random(3, 1, 1.0), "at least 0 .all synapses. and below 1; got 1.0"),
        (lambda: NCP(0, 4, 3, 2, 2, 5, 2), "`inter_neurons` must be at least 1"),
        (lambda: NCP(6, 4, 3, 7, 2, 5, 2), "`sensory_fanout` must be at most `inter_n"),
        (lambda: NCP(6, 4, 3, 2, 5, 5, 2), "`inter_fanout` must be at most `command_"),
        (lambda: NCP(6, 4, 3, 2, 2, 5, 5), "`motor_fanin` must be at most `command_n"),
        (lambda: NCP(6, 4, 3, 2, 2, -1, 2), "`recurrent_command_synapses` must be at"),
        (lambda: AutoNCP(5, 3), "`units` must be at least `output_size` . 3"),
        (lambda: AutoNCP(9, 2, 0.95), "must be between"),
        (lambda: AutoNCP(9, 2).build(0), "`input_dim` must be at least 1; got 0"),
        (lambda: FullyConnected(8).build(10**12), "must fit in memory"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: FullyConnected(2.5),
        lambda: Random(3, 1, "0.5"),
        lambda: AutoNCP(9, 2, seed=0.5),
        lambda: AutoNCP(9, 2).build(None),
        lambda: Unlayered([[1]]),
    ],
)
def test_what_is_of_another_type_is_refused(make):
    with pytest.raises(TypeError, match="must be a"):
        make()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.ones(3), "must have shape"),
        (torch.ones(2, 2), r"at least one of each; got \(2, 2\)"),
        (torch.full((3, 2), 2), "alone; got .2."),
        (torch.full((3, 2), 255, dtype=torch.uint8), "alone; got .255."),
    ],
)
def test_masks_that_are_none_are_refused(mask, words):
    with pytest.raises(ValueError, match=words):
        Unlayered(mask)


def test_unlayered_wirings_are_equal_by_value():
    mask = torch.tensor([[1, -1], [0, 1], [1, 0]])
    wiring = Unlayered(mask, 1)
    assert wiring == Unlayered(mask.double(), 1)
    assert wiring != Unlayered(mask, 2)
    assert wiring != Unlayered(-mask, 1)
    assert wiring != Connectome
    mask.zero_()
    assert counted(wiring.mask) == 4
    assert repr(wiring).endswith("4 synapses")
    assert wiring.mask.dtype == torch.int32
