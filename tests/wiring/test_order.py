"""The order of neurons: fewer crossings, and influence from top to bottom."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velora.wiring import Wiring
from velora.wiring.influence import ENDS, FEED_FORWARD, arrays_of, influence_of
from velora.wiring.picture.order import by_index, crossings, ordered
from velora.wiring.picture.selection import select

SIZES = [(4, 10, 2), (4, 64, 1), (4, 64, 2), (17, 64, 6), (4, 160, 2), (8, 640, 4)]


def drawn_of(effects, top=None):
    options = {"weighted": True, "highlight": None, "highlighted": ""}
    return select(effects, top=top, **options).drawn


def count_slowly(drawn, order):
    count = 0
    for name in FEED_FORWARD:
        rank = [np.argsort(order[kind]) for kind in ENDS[name]]
        lines = [(rank[0][i], rank[1][j]) for i, j in np.argwhere(drawn[name])]
        count += sum(
            (a[0] - b[0]) * (a[1] - b[1]) < 0
            for a, b in itertools.combinations(lines, 2)
        )
    return count


@given(seed=st.integers(0, 1000), share=st.sampled_from([0.1, 0.5, 1.0]))
@settings(max_examples=30, deadline=None)
def test_crossings_are_those_counted_line_by_line(seed, share):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 7, size=4)
    shapes = itertools.pairwise(sizes)
    drawn = {
        name: random.random(shape) < share
        for name, shape in zip(FEED_FORWARD, shapes, strict=True)
    }
    order = {kind: random.permutation(len(o)) for kind, o in by_index(drawn).items()}
    assert crossings(drawn, order) == count_slowly(drawn, order)


@pytest.mark.parametrize("top", [None, 80])
@pytest.mark.parametrize("sizes", SIZES)
def test_fewer_lines_cross_than_by_index(effects_of, sizes, top):
    effects = arrays_of(effects_of(*sizes))
    drawn = drawn_of(effects, top)
    order = ordered(drawn, influence_of(effects))
    assert crossings(drawn, order) <= 0.85 * crossings(drawn, by_index(drawn))


@pytest.mark.parametrize("sizes", SIZES)
def test_a_wiring_is_ordered_by_crossings_alone(sizes):
    effects = arrays_of(Wiring(*sizes, seed=1).masks)
    drawn = {name: effect != 0 for name, effect in effects.items()}
    order = ordered(drawn)
    assert crossings(drawn, order) <= 0.95 * crossings(drawn, by_index(drawn))


def pushes(influence):
    """How much neurons push upper motor neurons up and lower ones down."""
    motors = influence.shape[1]
    return influence @ (np.linspace(1, -1, motors) if motors > 1 else np.ones(1))


@pytest.mark.parametrize("motors", [1, 2, 3])
def test_influence_alone_decides_where_nothing_crosses(effects_of, motors):
    effects = arrays_of(effects_of(4, 64, motors))
    drawn = {name: np.zeros(effect.shape, bool) for name, effect in effects.items()}
    drawn["command"][0, 0] = True
    influence = influence_of(effects)
    order = ordered(drawn, influence)
    for kind in ("inter", "command"):
        from_the_top = pushes(influence[kind])[order[kind]]
        assert (np.diff(from_the_top) <= 0).all()


@pytest.mark.parametrize("sizes", SIZES[1:])
def test_the_upper_half_pushes_upper_motor_neurons_up(effects_of, sizes):
    effects = arrays_of(effects_of(*sizes))
    influence = influence_of(effects)
    order = ordered(drawn_of(effects), influence)
    for kind in ("inter", "command"):
        from_the_top = pushes(influence[kind])[order[kind]]
        half = len(from_the_top) // 2
        assert from_the_top[:half].sum() > 0.5 * np.abs(from_the_top[:half]).sum()
        assert from_the_top[-half:].sum() < -0.5 * np.abs(from_the_top[-half:]).sum()


@pytest.mark.parametrize("sizes", SIZES)
def test_each_neuron_has_one_place_and_ends_keep_their_order(effects_of, sizes):
    effects = arrays_of(effects_of(*sizes))
    order = ordered(drawn_of(effects), influence_of(effects))
    index = by_index(drawn_of(effects))
    for kind, neurons in order.items():
        assert sorted(neurons.tolist()) == index[kind].tolist()
    for kind in ("sensory", "motor"):
        assert order[kind].tolist() == index[kind].tolist()
