"""SparseLinear: a linear layer whose weights obey a mask."""

import pytest
import torch
from torch import nn

from velora.models.lnn import SparseLinear
from velora.models.lnn.sparse import SparseLinear as PublicPath

SIZES = [(1, 1), (3, 3), (1, 65), (65, 1), (63, 65)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 3, 65])
def test_forward_equals_the_reference(
    make_sparse, reference, assert_same, sizes, batch, bias, dtype
):
    layer = make_sparse(*sizes, dtype=dtype, bias=bias)
    x = torch.randn(batch, sizes[0], dtype=dtype, requires_grad=True)
    assert_same(
        lambda: (layer(x),),
        lambda: (reference.sparse_linear(layer, x),),
        [x, *layer.parameters()],
    )


@pytest.mark.parametrize("shape", [(3,), (0, 3), (1, 3), (5, 3), (2, 1, 4, 3)])
def test_forward_keeps_leading_dimensions(make_sparse, reference, shape):
    layer = make_sparse(3, 4)
    x = torch.randn(shape, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (*shape[:-1], 4)
    torch.testing.assert_close(y, reference.sparse_linear(layer, x))


def test_a_full_mask_makes_a_linear_layer():
    layer, dense = SparseLinear(5, 3, torch.ones(3, 5)), nn.Linear(5, 3)
    dense.load_state_dict(layer.state_dict(), strict=False)
    x = torch.randn(4, 5)
    torch.testing.assert_close(layer(x), dense(x))


def test_it_is_no_linear_layer_that_sb3_would_initialise_anew(make_sparse):
    assert PublicPath is SparseLinear
    assert not isinstance(make_sparse(3, 4), nn.Linear)


@pytest.mark.parametrize(
    "dtype", [torch.int32, torch.bool, torch.float32, torch.float64, torch.int8]
)
def test_masks_of_any_dtype_mean_the_same(dtype):
    mask = torch.tensor([[1, 0, 1], [0, 1, 1]])
    torch.manual_seed(1)
    expected = SparseLinear(3, 2, mask)
    torch.manual_seed(1)
    layer = SparseLinear(3, 2, mask.to(dtype))
    x = torch.randn(4, 3)
    assert torch.equal(layer(x), expected(x))


def test_attributes_are_there(make_sparse):
    layer = make_sparse(3, 4)
    assert (layer.in_features, layer.out_features) == (3, 4)
    assert layer.weight.shape == (4, 3)
    assert layer.bias.shape == (4,)
    assert layer.mask.shape == (4, 3)
    assert not layer.mask.requires_grad


def test_no_bias_is_none(make_sparse):
    layer = make_sparse(3, 4, bias=False)
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_mask_is_a_persistent_buffer(make_sparse):
    assert set(make_sparse(3, 4).state_dict()) == {"weight", "bias", "mask"}


def test_repr_shows_sizes_and_the_share_of_synapses():
    layer = SparseLinear(4, 2, torch.tensor([[1, 0, 0, 0], [0, 0, 0, 1]]), bias=False)
    text = repr(layer)
    for part in ("in_features=4", "out_features=2", "bias=False", "0.25"):
        assert part in text


def test_the_callers_mask_may_change_afterwards(signed_mask):
    mask = signed_mask(4, 3).abs()
    layer = SparseLinear(3, 4, mask)
    before = layer.mask.clone()
    mask.fill_(1)
    assert torch.equal(layer.mask, before)
    layer.update_mask(mask)
    mask.fill_(0)
    assert torch.equal(layer.mask, torch.ones(4, 3))


@pytest.mark.parametrize("mask_dtype", [torch.float32, torch.float64])
def test_a_float_mask_of_the_caller_may_change_as_well(mask_dtype):
    mask = torch.ones(4, 3, dtype=mask_dtype)
    layer = SparseLinear(3, 4, mask)
    mask.zero_()
    assert torch.equal(layer.mask, torch.ones(4, 3))


@pytest.mark.parametrize(
    ("name", "value"), [("in_features", 0), ("out_features", 0), ("in_features", -2)]
)
def test_sizes_below_one_are_refused(name, value):
    sizes = {"in_features": 3, "out_features": 2, name: value}
    with pytest.raises(ValueError, match=rf"{name}.*at least 1.*{value}"):
        SparseLinear(**sizes, mask=torch.ones(2, 3))


@pytest.mark.parametrize("shape", [(2, 2), (6,), (1, 3), (2, 1), (2, 3, 1), ()])
def test_a_mask_of_another_shape_is_refused(shape):
    layer = SparseLinear(3, 2, torch.ones(2, 3))
    for take in (layer.update_mask, lambda mask: SparseLinear(3, 2, mask)):
        with pytest.raises(ValueError, match="mask") as error:
            take(torch.ones(shape))
        assert "(2, 3)" in str(error.value)
        assert str(tuple(shape)) in str(error.value)
        assert "ranspose" not in str(error.value)


def test_a_transposed_mask_is_refused_with_a_hint():
    layer = SparseLinear(3, 2, torch.ones(2, 3))
    for take in (layer.update_mask, lambda mask: SparseLinear(3, 2, mask)):
        with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\).*Transpose it"):
            take(torch.ones(3, 2))


@pytest.mark.parametrize("mask", [None, [[1, 1, 1], [1, 1, 1]], 1])
def test_a_mask_that_is_no_tensor_is_refused(mask):
    with pytest.raises((TypeError, ValueError), match="mask"):
        SparseLinear(3, 2, mask)


@pytest.mark.parametrize("shape", [(2,), (4, 2), (3, 1), (2, 3, 4), ()])
def test_a_wrong_feature_size_is_refused(make_sparse, shape):
    layer = make_sparse(3, 4)
    with pytest.raises(ValueError, match=r"in_features.*3.*got") as error:
        layer(torch.ones(shape, dtype=torch.float64))
    assert str(tuple(shape)) in str(error.value)


def test_options_are_keyword_only():
    with pytest.raises(TypeError):
        SparseLinear(3, 2, torch.ones(2, 3), "zero")
