"""Cells of heads: their equations, head by head."""

import pytest
import torch

from velora.models.lnn import GatedLeakyCell, NCPLiquidCell, SparseLinear
from velora.models.lnn.cell import NCPLiquidCell as PublicPath

HEADS = {
    NCPLiquidCell: ("g_head", "h_head", "f_head_to_g", "f_head_to_h", "proj"),
    GatedLeakyCell: ("f_head", "k_head", "proj"),
}
SIZES = [(1, 1, 1), (3, 3, 3), (1, 3, 65), (65, 63, 1), (63, 2, 63), (3, 65, 3)]


def inputs(batch, cell, dtype=torch.float64):
    x = torch.randn(batch, cell.in_features, dtype=dtype, requires_grad=True)
    hidden = torch.randn(batch, cell.n_hidden, dtype=dtype, requires_grad=True)
    return x, hidden


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("batch", "in_features", "n_hidden"), SIZES)
def test_forward_equals_the_reference(
    make_cell, reference, assert_same, batch, in_features, n_hidden, dtype
):
    cell = make_cell(in_features, n_hidden, dtype)
    x, hidden = inputs(batch, cell, dtype)
    assert_same(
        lambda: cell(x, hidden),
        lambda: reference.cell(cell, x, hidden),
        [x, hidden, *cell.parameters()],
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("batch", "in_features", "n_hidden"), SIZES)
@pytest.mark.parametrize("column", [True, False])
def test_timespans_of_a_batch_equal_the_reference(
    make_cell, reference, assert_same, batch, in_features, n_hidden, dtype, column
):
    cell = make_cell(in_features, n_hidden, dtype)
    x, hidden = inputs(batch, cell, dtype)
    shape = (batch, 1) if column else (batch,)
    t = (3 * torch.rand(shape, dtype=dtype)).requires_grad_()
    assert_same(
        lambda: cell(x, hidden, t),
        lambda: reference.cell(cell, x, hidden, t.reshape(batch, 1)),
        [x, hidden, t, *cell.parameters()],
    )


@pytest.mark.parametrize("t", [0, 1, 2, 0.0, 0.25, 1.0, 7.5])
def test_a_number_is_the_timespan_of_all(make_cell, reference, assert_same, t):
    cell = make_cell(4, 3)
    x, hidden = inputs(3, cell)
    for timespans in (t, torch.tensor(t)):
        assert_same(
            lambda timespans=timespans: cell(x, hidden, timespans),
            lambda: reference.cell(cell, x, hidden, t),
            [x, hidden, *cell.parameters()],
        )


def test_no_timespan_is_the_timespan_one(make_cell):
    cell = make_cell(4, 3)
    x, hidden = inputs(5, cell)
    torch.testing.assert_close(cell(x, hidden), cell(x, hidden, 1.0))
    assert not torch.allclose(cell(x, hidden)[0], cell(x, hidden, 2.0)[0])


def test_timespans_stay_with_their_rows_where_batch_equals_hidden(make_cell):
    cell = make_cell(4, 3)
    x, hidden = inputs(3, cell)
    t = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
    together = cell(x, hidden, t)
    for row in range(3):
        alone = cell(x[row : row + 1], hidden[row : row + 1], t[row].item())
        for got, expected in zip(together, alone, strict=True):
            torch.testing.assert_close(got[row : row + 1], expected)


def test_public_path_leads_to_the_same_class():
    assert PublicPath is NCPLiquidCell


def test_heads_are_sparse_layers_that_share_the_mask(cell_type, signed_mask):
    mask = signed_mask(4, 3)
    cell = cell_type(4, 3, mask)
    expected = torch.cat((mask.abs().T, torch.ones(3, 3, dtype=torch.int32)), dim=1)
    assert torch.equal(cell.sparsity_mask, expected.float())
    assert cell.head_size == 7
    for name in HEADS[cell_type]:
        head = getattr(cell, name)
        assert isinstance(head, SparseLinear)
        assert (head.in_features, head.out_features) == (7, 3)
        assert torch.equal(head.mask, cell.sparsity_mask)
        assert not head.weight[head.mask == 0].any()


def test_polarity_makes_no_difference(cell_type, signed_mask):
    mask = signed_mask(4, 3)
    outputs = []
    for variant in (mask, mask.abs(), -mask, mask.float(), mask.bool()):
        torch.manual_seed(2)
        cell = cell_type(4, 3, variant)
        outputs.append(cell(torch.ones(2, 4), torch.ones(2, 3))[0])
    for output in outputs[1:]:
        assert torch.equal(output, outputs[0])


def test_heads_are_independent_parameters(make_cell, cell_type):
    cell, heads = make_cell(4, 3), HEADS[cell_type]
    assert len(list(cell.parameters())) == 2 * len(heads)
    names = {name.split(".")[0] for name, _ in cell.named_parameters()}
    assert names == set(heads)


def test_an_empty_batch_gives_empty_outputs(make_cell):
    cell = make_cell(4, 3)
    y, hidden = cell(*inputs(0, cell))
    assert y.shape == hidden.shape == (0, 3)


@pytest.mark.parametrize(("in_features", "n_hidden"), [(0, 3), (3, 0), (0, 0), (-1, 3)])
def test_sizes_below_one_are_refused(cell_type, in_features, n_hidden):
    mask = torch.ones(max(in_features, 0), max(n_hidden, 0))
    with pytest.raises(ValueError, match=r"at least 1|shape"):
        cell_type(in_features, n_hidden, mask)


@pytest.mark.parametrize("shape", [(3, 4), (4, 4), (12,), (1, 3), (4, 1), (4, 3, 1)])
def test_a_mask_of_another_shape_is_refused(cell_type, shape):
    cell = cell_type(4, 3, torch.ones(4, 3))
    for take in (cell.update_mask, lambda mask: cell_type(4, 3, mask)):
        with pytest.raises(ValueError, match="mask") as error:
            take(torch.ones(shape))
        assert "(4, 3)" in str(error.value)
        assert str(tuple(shape)) in str(error.value)


def test_a_transposed_mask_is_refused_with_a_hint(cell_type):
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(3, 4\).*Transpose it"):
        cell_type(4, 3, torch.ones(3, 4))


@pytest.mark.parametrize("mask", [None, [[1, 1, 1]] * 4, 1])
def test_a_mask_that_is_no_tensor_is_refused(cell_type, mask):
    with pytest.raises((TypeError, ValueError), match="mask"):
        cell_type(4, 3, mask)


@pytest.mark.parametrize("shape", [(5, 3), (4,), (5, 4, 1), (1, 5, 4), ()])
def test_a_wrong_input_is_refused(make_cell, shape):
    cell = make_cell(4, 3)
    with pytest.raises(ValueError, match=r"in_features.*4.*got") as error:
        cell(torch.ones(shape).double(), torch.ones(5, 3).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("shape", [(1, 3), (4, 3), (5, 1), (5, 4), (3,), (1, 5, 3)])
def test_a_wrong_state_is_refused(make_cell, shape):
    cell = make_cell(4, 3)
    with pytest.raises(ValueError, match=r"state.*\(5, 3\)") as error:
        cell(torch.ones(5, 4).double(), torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("batch", [3, 5])
@pytest.mark.parametrize(
    "shape", [(1,), (4,), (1, 1), (1, 3), (1, 5), (3, 3), (5, 3), (3, 1, 1), (0,)]
)
def test_wrong_timespans_are_refused(make_cell, batch, shape):
    cell = make_cell(4, 3)
    with pytest.raises(ValueError, match=rf"timespans.*{batch}") as error:
        cell(*inputs(batch, cell), torch.ones(shape).double())
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("timespans", ["1", [1.0, 1.0, 1.0]])
def test_timespans_that_are_no_numbers_are_refused(make_cell, timespans):
    cell = make_cell(4, 3)
    with pytest.raises((ValueError, TypeError), match="timespans"):
        cell(*inputs(3, cell), timespans)
