"""What every recurrent module obeys, however it is called."""

import copy
import pickle

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from velora.models import LTC, CfC
from velora.wiring import Wiring
from velora.wiring.ncps import AutoNCP, FullyConnected

B, T, F = 3, 5, 2
LENGTHS = torch.tensor([2, 5, 1])  # not sorted
MODULES = {
    "LTC": lambda **o: LTC(F, 4, ode_unfolds=2, **o),
    "LTC, units": lambda **o: LTC(F, FullyConnected(5, 2), ode_unfolds=2, **o),
    "LTC, layers": lambda **o: LTC(F, AutoNCP(8, 2), ode_unfolds=2, **o),
    "LTC, mixed": lambda **o: LTC(F, 4, mixed_memory=True, ode_unfolds=2, **o),
    "CfC": lambda **o: CfC(F, 4, backbone_units=5, **o),
    "CfC, layers, projected": lambda **o: CfC(F, AutoNCP(8, 2), 3, **o),
    "CfC, pure, mixed": lambda **o: CfC(F, 4, mode="pure", mixed_memory=True, **o),
}


@pytest.fixture(params=MODULES)
def make(request):
    def make(**options):
        torch.manual_seed(1)  # so that each is the same but for its options
        return MODULES[request.param](**options).double()

    return make


@pytest.fixture
def module(make):
    return make()


def inputs(*shape):
    return torch.randn(*shape, F, dtype=torch.float64)


def times(*shape):
    return 2 * torch.rand(*shape, dtype=torch.float64)


def state_of(module, *batch):
    """A state before the first step, in the module's form."""
    parts = [
        torch.rand(*batch, module.state_size, dtype=torch.float64)
        for _ in range(1 + module.mixed_memory)
    ]
    return tuple(parts) if module.mixed_memory else parts[0]


def parts(state):
    return state if isinstance(state, tuple) else (state,)


def of_row(state, row):
    """One row of a state."""
    rows = tuple(part[row] for part in parts(state))
    return rows if isinstance(state, tuple) else rows[0]


def close(got, expected):
    for one, other in zip(parts(got), parts(expected), strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_shapes_are_those_that_pytorch_gives(module):
    output, state = module(inputs(B, T))
    assert output.shape == (B, T, module.output_size)
    assert len(parts(state)) == 1 + module.mixed_memory
    for part in parts(state):
        assert part.shape == (B, module.state_size)
    assert module.input_size == F


def test_module_is_its_network(module):
    x = inputs(B, T)
    y, state = module.network.forward_sequence(x, batch_first=True)
    output, after = module(x)
    close(output, module.proj(y))
    close(torch.cat(parts(after), dim=1), state)


def test_no_batch_is_a_batch_of_one(module):
    x, t, state = inputs(B, T), times(B, T), state_of(module, B)
    output, after = module(x[:1], of_row(state, slice(1)), t[:1])
    for given in (t[0], t[0, :, None]):
        alone, last = module(x[0], of_row(state, 0), given)
        close(alone, output[0])
        close(last, of_row(after, 0))


def test_time_first_is_the_same_turned_over(make):
    x, t = inputs(B, T), times(B, T)
    state = state_of(make(), B)
    for options in ({}, {"lengths": LENGTHS}):
        output, after = make()(x, state, t, **options)
        for given in (t.T, t.T[..., None]):
            turned, last = make(batch_first=False)(
                x.transpose(0, 1), state, given, **options
            )
            close(turned.transpose(0, 1), output)
            close(last, after)


def test_two_halves_are_the_whole(module):
    x, t = inputs(B, T), times(B, T)
    output, after = module(x, None, t)
    first, state = module(x[:, :2], None, t[:, :2])
    second, last = module(x[:, 2:], state, t[:, 2:])
    close(torch.cat((first, second), dim=1), output)
    close(last, after)


@pytest.mark.parametrize("timed", [False, True])
def test_rows_with_lengths_are_the_rows_alone(module, timed):
    x, state = inputs(B, T), state_of(module, B)
    t = times(B, T) if timed else None
    leaves = list(module.parameters())
    output, after = module(x, state, t, lengths=LENGTHS)
    weights = torch.randn_like(output)
    got = torch.autograd.grad((output * weights).sum(), leaves, allow_unused=True)
    total = 0
    for row, length in enumerate(LENGTHS.tolist()):
        alone, last = module(
            x[row, :length], of_row(state, row), None if t is None else t[row, :length]
        )
        close(output[row, :length], alone)
        close(of_row(after, row), last)
        assert not output[row, length:].any()
        total = total + (alone * weights[row, :length]).sum()
    expected = torch.autograd.grad(total, leaves, allow_unused=True)
    for one, other in zip(got, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            close(one, other)


def test_nobody_looks_at_padding(module):
    x, t = inputs(B, T), times(B, T)
    clean = module(x, None, t, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        x[row, length:], t[row, length:] = torch.nan, torch.nan
    got = module(x, None, t, lengths=LENGTHS.tolist())
    close(got[0], clean[0])
    close(got[1], clean[1])
    got[0].sum().backward()
    assert all(p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_sequences_are_sequences_with_lengths(make, batch_first, enforce_sorted):
    module = make(batch_first=batch_first)
    lengths = LENGTHS.sort(descending=True).values if enforce_sorted else LENGTHS
    shape = (B, T) if batch_first else (T, B)
    x, t, state = inputs(*shape), times(*shape), state_of(module, B)
    packed = pack_padded_sequence(
        x, lengths, batch_first=batch_first, enforce_sorted=enforce_sorted
    )
    output, after = module(packed, state, t)
    assert isinstance(output, PackedSequence)
    for name in ("batch_sizes", "sorted_indices", "unsorted_indices"):
        ours, theirs = getattr(output, name), getattr(packed, name)
        assert ours is theirs or torch.equal(ours, theirs)
    expected, last = module(x, state, t, lengths=lengths)
    close(pad_packed_sequence(output, batch_first=batch_first)[0], expected)
    close(after, last)


def test_the_last_output_is_that_of_the_last_real_step(make):
    x, whole, short = inputs(B, T), make(), make(return_sequences=False)
    output, after = whole(x)
    last, state = short(x)
    close(last, output[:, -1])
    close(state, after)
    close(short(x[0])[0], output[0, -1])
    padded = whole(x, lengths=LENGTHS)[0]
    expected = padded[torch.arange(B), LENGTHS - 1]
    close(short(x, lengths=LENGTHS)[0], expected)
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    close(short(packed)[0], expected)


@pytest.mark.parametrize("batch", [T, 8])
def test_times_of_each_row_are_its_own(module, batch):
    # As many rows as steps, and as units: where a wrong axis would fit.
    x, t = inputs(batch, T), times(batch, T)
    output, _ = module(x, timespans=t)
    for row in range(batch):
        close(module(x[row], timespans=t[row])[0], output[row])
    close(module(x, timespans=t[..., None])[0], output)
    same = torch.full((batch, T), 0.5, dtype=torch.float64)
    close(module(x, timespans=0.5)[0], module(x, timespans=same)[0])


def test_copies_compute_the_same(make):
    module, x = make(), inputs(B, T)
    output, _ = module(x)
    other = make()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1)
    assert not torch.equal(other(x)[0], output)
    other.load_state_dict(module.state_dict())
    pickled = pickle.loads(pickle.dumps(module))
    for again in (other, copy.deepcopy(module), pickled):
        close(again(x)[0], output)
    assert "return_sequences=True" in repr(pickled)


def test_gradients_are_right(module):
    lengths = torch.tensor([1, 2])

    def outputs(x, t, *state):
        hx = state if module.mixed_memory else state[0]
        output, after = module(x, hx, t, lengths=lengths)
        return (output, *parts(after))

    leaves = inputs(2, 2), times(2, 2) + 0.1, *parts(state_of(module, 2))
    assert torch.autograd.gradcheck(outputs, [x.requires_grad_() for x in leaves])


def test_wirings_of_velora_are_units_too():
    wiring = Wiring(F, 6, 2, seed=0)
    module = LTC(F, wiring)
    assert (module.state_size, module.output_size) == (8, 2)
    assert module.network.wiring == wiring.with_masks(module.network.masks)
    unlayered = FullyConnected(5, 2, self_connections=False).build(F)
    network = LTC(F, unlayered).network
    assert torch.equal(network.wiring.mask, unlayered.mask.abs())
    assert (network.wiring.out_features, LTC(F, unlayered).output_size) == (2, 2)


def test_cfc_has_the_options_of_its_networks():
    module = CfC(F, 4, backbone_layers=2, backbone_units=7, backbone_dropout=0.5)
    cell = module.network.cell
    assert (cell.backbone_layers, cell.backbone_units, cell.backbone_dropout) == (
        2,
        7,
        0.5,
    )
    wired = CfC(F, Wiring(F, 6, 2), proj_size=3, mode="no_gate")
    assert (wired.state_size, wired.output_size) == (8, 3)
    assert wired.network.cells[0].mode.name == "no_gate"
    default = CfC(F, 4).network.cell
    assert (default.backbone_layers, default.backbone_units) == (1, 128)


def test_projection_is_of_padding_too_but_does_not_show():
    module = CfC(F, 4, 3)
    output, _ = module(torch.randn(B, T, F), lengths=LENGTHS)
    assert module.proj.bias.any()
    assert not output[0, 2:].any()


def test_float32_and_devices_are_followed():
    module = LTC(F, 3, device="cpu")
    assert module(torch.randn(B, T, F))[0].dtype == torch.float32
    meta = LTC(F, 3).to("meta")
    assert meta(torch.empty(B, T, F, device="meta"))[0].shape == (B, T, 3)
