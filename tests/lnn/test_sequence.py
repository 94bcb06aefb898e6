"""forward_sequence: the numbers of T single steps."""

import itertools

import pytest
import torch

# (T, B) beside H = 4 command neurons: alone, T == B, B == H, and all three.
SHAPES = [(1, 1), (1, 3), (3, 3), (5, 1), (2, 4), (4, 4), (7, 3)]
TIMESPANS = {
    "none": lambda steps, batch: None,
    "number": lambda steps, batch: 0.3,
    "integer": lambda steps, batch: 2,
    "scalar": lambda steps, batch: torch.tensor(0.5).double(),
    "(T,)": lambda steps, batch: torch.rand(steps).double() * 3,
    "(T, B)": lambda steps, batch: torch.rand(steps, batch).double() * 3,
    "(T, B, 1)": lambda steps, batch: torch.rand(steps, batch, 1).double() * 3,
}


@pytest.fixture
def inputs(make_recurrent):
    def make(steps, batch, dtype=torch.float64, sizes=(3, 10, 2)):
        network = make_recurrent(sizes, dtype)
        x = torch.randn(steps, batch, sizes[0], dtype=dtype, requires_grad=True)
        hidden = torch.randn(batch, network.hidden_size, dtype=dtype)
        return network, x, hidden.requires_grad_()

    return make


@pytest.mark.parametrize("kind", TIMESPANS)
@pytest.mark.parametrize("with_resets", [False, True])
@pytest.mark.parametrize(("steps", "batch"), SHAPES)
def test_sequence_equals_the_reference(
    inputs, reference, assert_same, steps, batch, with_resets, kind
):
    network, x, hidden = inputs(steps, batch)
    resets = torch.rand(steps, batch) < 0.3 if with_resets else None
    t = TIMESPANS[kind](steps, batch)
    tensors = [x, hidden, *network.parameters()]
    if isinstance(t, torch.Tensor):
        tensors.append(t.requires_grad_())
    assert_same(
        lambda: network.forward_sequence(
            x, hidden, resets=resets, timespans=t, return_states=True
        ),
        lambda: reference.sequence(network, x, hidden, resets, t),
        tensors,
    )


@pytest.mark.parametrize("sizes", [(1, 2, 1), (65, 63, 3)])
def test_sequence_equals_the_reference_in_float32(
    inputs, reference, assert_same, sizes
):
    network, x, hidden = inputs(5, 3, torch.float32, sizes)
    resets, t = torch.rand(5, 3) < 0.3, torch.rand(5, 3)
    assert_same(
        lambda: network.forward_sequence(
            x, hidden, resets=resets, timespans=t, return_states=True
        ),
        lambda: reference.sequence(network, x, hidden, resets, t),
        [x, hidden, *network.parameters()],
    )


@pytest.mark.parametrize(("steps", "batch"), SHAPES)
def test_sequence_equals_single_steps_of_forward(inputs, assert_same, steps, batch):
    network, x, hidden = inputs(steps, batch)

    def single_steps():
        state, outputs = hidden, []
        for step in x:
            y, state = network(step, state)
            outputs.append(y.reshape(batch, 2))
        return torch.stack(outputs), state

    assert_same(
        lambda: network.forward_sequence(x, hidden),
        single_steps,
        [x, hidden, *network.parameters()],
    )


def test_without_a_state_it_starts_from_zero(inputs):
    network, x, _ = inputs(4, 3)
    torch.testing.assert_close(
        network.forward_sequence(x),
        network.forward_sequence(x, torch.zeros(3, 4).double()),
    )


@pytest.mark.parametrize(("steps", "batch"), SHAPES)
def test_shapes_never_lose_the_batch(inputs, steps, batch):
    network, x, hidden = inputs(steps, batch)
    y, state, states = network.forward_sequence(x, hidden, return_states=True)
    assert y.shape == (steps, batch, 2)
    assert state.shape == (batch, 4)
    assert states.shape == (steps, batch, 4)
    assert torch.equal(states[-1], state)
    pair = network.forward_sequence(x, hidden)
    assert len(pair) == 2
    assert torch.equal(pair[0], y)


def test_two_halves_make_the_whole(inputs):
    network, x, hidden = inputs(6, 3)
    resets, t = torch.rand(6, 3) < 0.3, torch.rand(6, 3).double()
    whole, end = network.forward_sequence(x, hidden, resets=resets, timespans=t)
    first, state = network.forward_sequence(
        x[:2], hidden, resets=resets[:2], timespans=t[:2]
    )
    second, state = network.forward_sequence(
        x[2:], state, resets=resets[2:], timespans=t[2:]
    )
    torch.testing.assert_close(torch.cat((first, second)), whole)
    torch.testing.assert_close(state, end)


def test_rows_do_not_hear_each_other(inputs):
    network, x, hidden = inputs(5, 3)
    resets, t = torch.rand(5, 3) < 0.3, torch.rand(5, 3).double()
    y, state = network.forward_sequence(x, hidden, resets=resets, timespans=t)
    for env in range(3):
        row = slice(env, env + 1)
        y_alone, state_alone = network.forward_sequence(
            x[:, row], hidden[row], resets=resets[:, row], timespans=t[:, row]
        )
        torch.testing.assert_close(y_alone, y[:, row])
        torch.testing.assert_close(state_alone, state[row])


def test_a_reset_forgets_all_that_was_before(inputs):
    network, x, hidden = inputs(5, 3)
    resets = torch.zeros(5, 3, dtype=torch.bool)
    resets[2, 1] = True
    y, _ = network.forward_sequence(x, hidden, resets=resets)
    plain, _ = network.forward_sequence(x, hidden)
    fresh, _ = network.forward_sequence(x[2:])
    torch.testing.assert_close(y[2:, 1], fresh[:, 1])
    torch.testing.assert_close(y[:2], plain[:2])
    torch.testing.assert_close(y[:, [0, 2]], plain[:, [0, 2]])
    (gradient,) = torch.autograd.grad(y[2:, 1].sum(), x)
    assert not gradient[:2].any()
    assert gradient[2:, 1].any()


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.uint8])
def test_resets_of_any_dtype_mean_the_same(inputs, dtype):
    network, x, hidden = inputs(5, 3)
    resets = torch.rand(5, 3) < 0.5
    expected = network.forward_sequence(x, hidden, resets=resets)
    got = network.forward_sequence(x, hidden, resets=resets.to(dtype))
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_reset_heals_a_state_that_is_no_number(inputs, bad):
    network, x, hidden = inputs(4, 3)
    resets = torch.zeros(4, 3, dtype=torch.bool)
    resets[0, 1] = True
    with torch.no_grad():
        hidden[1] = bad
    healed = network.forward_sequence(x, hidden, resets=resets, return_states=True)
    zeroed = hidden.detach().clone()
    zeroed[1] = 0
    expected = network.forward_sequence(x, zeroed, return_states=True)
    torch.testing.assert_close(healed, expected)
    gradients = torch.autograd.grad(healed[0].sum(), [x, hidden, *network.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_arguments_are_left_as_they_were(inputs):
    network, x, hidden = inputs(4, 3)
    resets, t = torch.ones(4, 3, dtype=torch.bool), torch.rand(4, 3)
    kept = [value.detach().clone() for value in (x, hidden, resets, t)]
    network.forward_sequence(x, hidden, resets=resets, timespans=t)
    for value, before in zip((x, hidden, resets, t), kept, strict=True):
        assert torch.equal(value, before)


SQUARE = {"steps": 3, "batch": 3}
OBLONG = {"steps": 5, "batch": 4}


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        *itertools.product(
            [SQUARE, OBLONG],
            [(1,), (2,), (1, 1), (1, 3), (3, 1), (5, 1), (1, 4), (3, 3, 3), (1, 3, 1)],
        ),
        *itertools.product([SQUARE, OBLONG], [(1, 1, 1), (3, 1, 1), (5, 1, 1), (0,)]),
        (OBLONG, (4,)),  # (B,)
        (OBLONG, (4, 5)),  # (B, T)
        (OBLONG, (4, 1)),  # (B, 1)
        (OBLONG, (5, 4, 4)),  # (T, B, H), where B equals H
        (OBLONG, (5, 4, 1, 1)),
        (OBLONG, (4, 5, 1)),
    ],
)
def test_wrong_timespans_are_refused(inputs, sizes, shape):
    network, x, hidden = inputs(**sizes)
    with pytest.raises(ValueError, match=r"timespans.*\(T, B, 1\)") as error:
        network.forward_sequence(x, hidden, timespans=torch.ones(shape).double())
    assert f"({sizes['steps']}, {sizes['batch']})" in str(error.value)
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("timespans", ["1", [1.0, 1.0, 1.0]])
def test_timespans_that_are_no_numbers_are_refused(inputs, timespans):
    network, x, hidden = inputs(3, 3)
    with pytest.raises((ValueError, TypeError), match="timespans"):
        network.forward_sequence(x, hidden, timespans=timespans)


@pytest.mark.parametrize(
    "shape", [(5,), (4,), (4, 5), (1, 4), (5, 1), (5, 4, 1), (1, 1), ()]
)
def test_wrong_resets_are_refused(inputs, shape):
    network, x, hidden = inputs(**OBLONG)
    with pytest.raises(ValueError, match=r"resets.*\(5, 4\)") as error:
        network.forward_sequence(x, hidden, resets=torch.ones(shape).bool())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("shape", [(1, 4), (4,), (3, 1), (3, 3), (4, 4), (1, 3, 4)])
def test_a_wrong_state_is_refused(inputs, shape):
    network, x, _ = inputs(5, 3)
    with pytest.raises(ValueError, match=r"state.*\(3, 4\)") as error:
        network.forward_sequence(x, torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (5, 4, 2), (5, 4, 1), (1, 5, 4, 3)])
def test_a_wrong_input_is_refused(inputs, shape):
    network, _, _ = inputs(5, 4)
    with pytest.raises(ValueError, match=r"in_features.*3.*got") as error:
        network.forward_sequence(torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


def test_options_are_keyword_only(inputs):
    network, x, hidden = inputs(5, 4)
    with pytest.raises(TypeError):
        network.forward_sequence(x, hidden, torch.ones(5, 4))


@pytest.mark.parametrize("sizes", [(5, 4), (4, 4)])
@pytest.mark.parametrize("timed", [None, 0.5, 1, 2, 3])  # by dimensions, or a number
def test_batch_first_is_the_same_with_axes_swapped(inputs, sizes, timed):
    network, x, hidden = inputs(*sizes)
    resets = torch.rand(sizes) < 0.3
    times, swapped = timed, timed
    if isinstance(timed, int):
        times = torch.rand((*sizes, 1)[:timed]).double()
        swapped = times.transpose(0, 1) if timed > 1 else times
    y, last, states = network.forward_sequence(
        x, hidden, resets=resets, timespans=times, return_states=True
    )
    got = network.forward_sequence(
        x.transpose(0, 1),
        hidden,
        resets=resets.T,
        timespans=swapped,
        return_states=True,
        batch_first=True,
    )
    expected = y.transpose(0, 1), last, states.transpose(0, 1)
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
