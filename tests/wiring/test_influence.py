"""What neurons and synapses do to the motor neurons, against slow sums over paths."""

import itertools
import math

import numpy as np
import pytest
import torch

from velora.wiring import LayerEffects, LayerMasks
from velora.wiring.influence import (
    arrays_of,
    influence_of,
    size_of,
    strengths_of,
    strongest,
    strongest_paths,
)

SIZES = [(1, 1, 1, 1), (4, 7, 5, 2), (3, 9, 4, 6)]


def random_effects(sensory, inter, command, motor, *, share=0.6):
    generator = torch.Generator().manual_seed(3)

    def layer(*shape):
        numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
        return numbers * (torch.rand(shape, generator=generator) < share)

    return arrays_of(
        LayerEffects(
            inter=layer(sensory, inter),
            command=layer(inter, command),
            motor=layer(command, motor),
            recurrent=layer(command, command),
        )
    )


def paths(effects):
    """Lists all (sensory, inter, command, motor) with the product of their effects."""
    shapes = effects["inter"].shape, effects["motor"].shape
    return [
        (
            (s, i, c, m),
            effects["inter"][s, i] * effects["command"][i, c] * effects["motor"][c, m],
        )
        for s, i, c, m in itertools.product(*map(range, (*shapes[0], *shapes[1])))
    ]


@pytest.mark.parametrize("sizes", SIZES)
def test_influence_is_the_sum_over_paths(sizes):
    effects = random_effects(*sizes)
    expected = np.zeros((sizes[0], sizes[3]))
    for (s, _, _, m), product in paths(effects):
        expected[s, m] += product
    influence = influence_of(effects)
    np.testing.assert_allclose(influence["sensory"], expected, atol=1e-12)
    np.testing.assert_allclose(influence["command"], effects["motor"])
    np.testing.assert_array_equal(influence["motor"], np.eye(sizes[3]))
    assert {kind: len(array) for kind, array in influence.items()} == dict(
        zip(("sensory", "inter", "command", "motor"), sizes, strict=True)
    )


def test_influence_is_that_of_a_linear_network():
    effects = random_effects(4, 7, 5, 2)
    layers = [torch.from_numpy(effects[name]) for name in ("inter", "command", "motor")]

    def network(x):
        for layer in layers:
            x = x @ layer
        return x

    jacobian = torch.func.jacrev(network)(torch.zeros(4, dtype=torch.float64))
    np.testing.assert_allclose(influence_of(effects)["sensory"], jacobian.numpy().T)


@pytest.mark.parametrize("sizes", SIZES)
def test_strength_is_the_effect_times_what_follows(sizes):
    effects = random_effects(*sizes)
    influence = influence_of(effects)
    strengths = strengths_of(effects, influence)
    for name, follows in (
        ("inter", "inter"),
        ("command", "command"),
        ("motor", "motor"),
        ("recurrent", "command"),
    ):
        for (start, end), effect in np.ndenumerate(effects[name]):
            expected = abs(effect) * np.abs(influence[follows][end]).sum()
            assert strengths[name][start, end] == pytest.approx(expected, abs=1e-300)


def test_a_synapse_that_leads_nowhere_is_still_one():
    effects = arrays_of(
        LayerMasks(
            inter=torch.tensor([[1, 0]]),
            command=torch.tensor([[1, 1], [1, 0]]),
            motor=torch.tensor([[1], [-1]]),
        )
    )
    influence = influence_of(effects)
    assert size_of(influence["inter"]).tolist() == [0, 1]  # the first cancels out
    assert (strengths_of(effects, influence)["inter"] > 0).tolist() == [[True, False]]


@pytest.mark.parametrize("count", [1, 5, 1000])
@pytest.mark.parametrize("sizes", SIZES)
def test_strongest_paths_are_those_of_all(sizes, count):
    effects = random_effects(*sizes)
    for motor in range(sizes[3]):
        there = [
            (abs(product), path)
            for path, product in paths(effects)
            if product and path[-1] == motor
        ]
        expected = [path[:3] for _, path in sorted(there, reverse=True)[:count]]
        found = strongest_paths(effects, motor, count)
        assert [tuple(path) for path in found.tolist()] == expected


@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_strongest_are_the_largest_above_zero(count):
    values = np.array([[0.0, 3.0, 1.0], [2.0, 0.0, 5.0]])
    rows, columns = strongest(values, count)
    assert values[rows, columns].tolist() == [5, 3, 2, 1][:count]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.int32])
def test_arrays_are_the_numbers_of_any_dtype(dtype):
    ones = torch.ones(2, 2, dtype=dtype)
    arrays = arrays_of(LayerEffects(ones, ones, ones))
    assert list(arrays) == ["inter", "command", "motor"]
    assert all(array.dtype == np.float64 for array in arrays.values())
    assert all((array == 1).all() for array in arrays.values())


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"command layer of shape \(2, 3\) has 2 inter"
    ):
        arrays_of(LayerEffects(torch.ones(4, 3), torch.ones(2, 3), torch.ones(3, 1)))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (1, 2, 3)])
def test_layers_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"inter layer must have shape \(from, to\)"):
        arrays_of(LayerEffects(torch.ones(shape), torch.ones(3, 3), torch.ones(3, 1)))


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match=r"got list. Pass torch.as_tensor"):
        arrays_of(LayerEffects([[1.0]], torch.ones(1, 1), torch.ones(1, 1)))


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused(number):
    one = torch.ones(1, 1)
    with pytest.raises(ValueError, match="motor layer must hold finite numbers"):
        arrays_of(LayerEffects(one, one, one * number))
