"""Bad input is refused with the argument's name."""

import re

import numpy as np
import pytest

from velora.wiring import Wiring

ARGUMENTS = ("in_features", "n_neurons", "out_features")
RANGE = re.escape("must be between '[0.1, 0.9]'")


def wiring(**changes):
    sizes = {"in_features": 3, "n_neurons": 10, "out_features": 2, **changes}
    return Wiring(**sizes)


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize(
    "value", [3.0, 2.5, "3", None, True, False, float("nan"), np.float64(3), [3], 3j]
)
def test_a_size_that_is_no_integer_is_refused(argument, value):
    with pytest.raises((TypeError, ValueError), match=argument) as error:
        wiring(**{argument: value})
    assert repr(value) in str(error.value)


@pytest.mark.parametrize(
    ("argument", "value", "least"),
    [
        ("in_features", 0, 1),
        ("in_features", -1, 1),
        ("n_neurons", 1, 2),
        ("n_neurons", 0, 2),
        ("n_neurons", -4, 2),
        ("out_features", 0, 1),
        ("out_features", np.int64(-7), 1),
    ],
)
def test_a_size_that_is_too_small_is_refused(argument, value, least):
    with pytest.raises(ValueError, match=rf"{argument}.*{least}.*got {value}"):
        wiring(**{argument: value})


@pytest.mark.parametrize(
    "value", [0.0, 0, 1, 0.0999, 0.9001, 1.0, -0.5, 50, np.inf, -np.inf, np.nan]
)
def test_a_sparsity_outside_the_range_is_refused(value):
    with pytest.raises(ValueError, match=RANGE):
        wiring(sparsity_level=value)


@pytest.mark.parametrize("value", ["0.5", None, True, [0.5], 0.5j])
def test_a_sparsity_that_is_no_number_is_refused(value):
    with pytest.raises((TypeError, ValueError), match="sparsity_level"):
        wiring(sparsity_level=value)


@pytest.mark.parametrize("value", [0.1, 0.9, np.float32(0.5), np.float64(0.1)])
def test_the_ends_of_the_range_are_inside(value):
    made = wiring(sparsity_level=value)
    assert made.sparsity_level == value
    assert type(made.sparsity_level) is float


@pytest.mark.parametrize("value", [1.5, "1", True, [1], float("nan")])
def test_a_seed_that_is_no_integer_is_refused(value):
    with pytest.raises((TypeError, ValueError), match="seed"):
        wiring(seed=value)
