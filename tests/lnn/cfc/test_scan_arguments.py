"""scan: arguments of any layout and any value, and those that it refuses."""

import pytest
import torch
from scans import (
    F32,
    LAYOUTS,
    NAMES,
    assert_equal,
    close,
    differentiable,
    drawn_loss,
    numbers,
    slow,
    values_and_gradients,
)

from velora.models.lnn.scan import scan


def test_arguments_are_left_as_they_were(path):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    kept = {name: tensor.detach().clone() for name, tensor in x.items()}
    y, states = scan(**x)
    of_y, of_states = torch.randn_like(y), torch.randn_like(states)
    gradients = of_y.clone(), of_states.clone()
    torch.autograd.backward((y, states), gradients)
    torch.autograd.grad(scan(**x)[1], x["state"], gradients[1])
    assert all(torch.equal(x[name], kept[name]) for name in x)
    assert torch.equal(gradients[0], of_y)
    assert torch.equal(gradients[1], of_states)


@pytest.mark.parametrize("used", ["y", "states", "y states"])
@pytest.mark.parametrize("name", [*NAMES, "resets", "gradients"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_in_memory_gives_the_same(path, layout, name, used):
    x = numbers(5, 3, 4, path.dtype, timespans="(T, B)", resets=True)
    x["gradients"] = torch.randn(5, 3, 4, dtype=path.dtype)
    apart = {**x, name: LAYOUTS[layout](x[name])}
    assert not apart[name].is_contiguous()
    results = []
    for arguments in (x, apart):
        gradient = arguments.pop("gradients")
        outputs = dict(zip(("y", "states"), scan(**arguments), strict=True))
        wanted = [outputs[name] for name in used.split()]
        tensors = differentiable(x)
        gradients = torch.autograd.grad(wanted, tensors, [gradient] * len(wanted))
        results.append((*wanted, *gradients))
    close(*results)


def test_expanded_arguments_give_the_same_as_repeated_ones(path):
    x = numbers(1, 1, 4, path.dtype)
    x["inputs"] = x["inputs"].expand(5, 3, 16)
    x["state"] = x["state"].expand(3, 4)
    x["resets"] = torch.tensor([False, True, False]).expand(5, 3)
    assert_equal(x, lambda y, states: y.sum())  # whose gradient is expanded as well


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("timespans", [None, "(T, B)"])
def test_a_reset_heals_a_state_that_is_no_number(path, bad, timespans):
    x = numbers(5, 6, 4, path.dtype, timespans=timespans)
    x["resets"] = torch.zeros(5, 6, dtype=torch.bool)
    x["resets"][0, 1] = x["resets"][0, 5] = True
    with torch.no_grad():
        x["state"][1] = x["state"][5] = bad
    zeroed = x["state"].detach().masked_fill(x["resets"][0, :, None], 0)
    loss = drawn_loss(x)
    got = values_and_gradients(scan, x, loss)
    twin = {**x, "state": zeroed.requires_grad_()}
    for ours, theirs in zip(got, values_and_gradients(scan, twin, loss), strict=True):
        assert all(tensor.isfinite().all() for tensor in ours)
        close(ours, theirs)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("row", [1, 5])  # in the block of four rows, and after it
def test_a_state_that_is_no_number_stays_in_its_row(path, bad, row):
    x = numbers(5, 6, 4, path.dtype, timespans="(T, B)")
    x["resets"] = torch.zeros(5, 6, dtype=torch.bool)
    x["resets"][3, row] = True
    expected = scan(**x)
    with torch.no_grad():
        x["state"][row] = bad
    others = [other for other in range(6) if other != row]
    for ours, theirs in zip(scan(**x), expected, strict=True):
        close([ours[:, others]], [theirs[:, others]])
        close([ours[3:, row]], [theirs[3:, row]])
        if bad != bad:
            assert ours[:3, row].isnan().all()


@pytest.mark.parametrize("head", range(4))
def test_nan_in_the_inputs_is_not_hidden(path, head):
    x = numbers(5, 6, 4, path.dtype)
    expected = scan(**x)
    with torch.no_grad():
        x["inputs"][2, 1, 4 * head] = torch.nan
    y, states = scan(**x)
    assert y[2, 1, 0].isnan()
    assert states[2, 1, 0].isnan() == (head < 3)  # y alone has the projection
    if head < 3:
        assert y[3:, 1].isnan().all()
        assert states[3:, 1].isnan().all()
    others = [0, 2, 3, 4, 5]
    close((y[:2], states[:2]), (expected[0][:2], expected[1][:2]))
    close((y[:, others], states[:, others]), (e[:, others] for e in expected))


def test_infinite_inputs_saturate(path):
    x = numbers(5, 6, 4, path.dtype)
    with torch.no_grad():
        x["inputs"][1:4, 1, :12:5] = torch.inf
        x["inputs"][2:, 4, 1:12:3] = -torch.inf
    got, gradients = values_and_gradients(scan, x, drawn_loss(x))
    close(got, slow(**x))
    assert all(gradient.isfinite().all() for gradient in gradients)


# With T = 5, B = 3, H = 2 and five heads.
WRONG = {
    "inputs": "0,3,10 5,0,10 0,0,10 5,3,7 5,3,8 5,3,2 3,10 5,30 10 1,5,3,10 5,3,10,1",
    "weight": "8,2 2,10 10,3 1,2 0,2 20 10 10,2,1",
    "state": "2 3 1,2 3,1 2,3 3,3 1,3,2 5,3,2",
    "resets": "5 3 3,5 1,3 5,1 5,2 5,3,1",
    "timespans": "0 1 3 3,5 1,3 5,1 5,1,1 1,1,1 3,5,1 5,3,2 5,3,10 5,3,1,1",
}


@pytest.mark.parametrize(
    ("name", "shape"), [(name, s) for name in WRONG for s in ["", *WRONG[name].split()]]
)
def test_wrong_shapes_are_refused(name, shape):
    x = numbers(5, 3, 2, F32, timespans="(T, B)", resets=True)
    shape = tuple(map(int, shape.split(","))) if shape else ()
    with pytest.raises(ValueError, match=rf"^`{name}` must have shape") as error:
        scan(**{**x, name: torch.ones(shape)})
    assert str(shape) in str(error.value)


def test_five_heads_without_timespans_are_refused():
    x = numbers(5, 3, 2, F32, timespans="(T, B)")
    with pytest.raises(ValueError, match=r"`weight`.*4 heads without timespans"):
        scan(**{**x, "timespans": None})
