"""The network of liquid time-constant neurons: its order, its wiring, its laws."""

import copy
import itertools
import pickle

import pytest
import torch
from circuits import PATHS, slow, taken
from scans import F32, F64, close, drawn_sequence, gradients_of, in_double

from velora.models import LTCNetwork, load_network, save_network
from velora.models.builders import build_ltc
from velora.models.lnn import LTCCell
from velora.utils import active_parameters
from velora.wiring import Connectome, LayerMasks, Wiring, dense, random, small_world

SIZES = F, N, OUT = 3, 12, 2
WIRINGS = {"ncp": Wiring, "dense": dense, "random": random, "small world": small_world}


def reference(network, x, state, resets=None, timespans=None):
    """The network from its parameters and masks alone, by the equations."""
    cell = network.cell

    def positive(values):
        return torch.log1p(torch.exp(values)) if cell.positive else values

    neurons = [positive(cell.leak), cell.leak_potential, positive(cell.capacitance)]
    synapses = [positive(cell.weight), cell.reversal, cell.mu, cell.sigma]
    if timespans is not None:
        timespans = timespans.reshape(len(x), -1, 1).expand(*x.shape[:2], 1)
    states = slow(
        x * network.sensory.weight + network.sensory.bias,
        state,
        torch.stack(neurons),
        torch.stack(synapses),
        cell.sparsity_mask,
        timespans,
        resets,
        cell.ode_unfolds,
    )
    y = states[..., :OUT] * network.motor.weight + network.motor.bias
    return y, states[-1], states


def filled(network):
    """Gives the affine layers numbers that hide nothing."""
    with torch.no_grad():
        for layer in (network.sensory, network.motor):
            layer.weight.uniform_(0.5, 2)
            layer.bias.uniform_(-1, 1)
    return network


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("timespans", [None, "(T,)", "(T, B)"])
def test_sequence_equals_the_equations(monkeypatch, wiring, name, timespans):
    network = filled(LTCNetwork(*SIZES, wiring=WIRINGS[wiring]).to(PATHS[name]))
    x, state, options, tensors = drawn_sequence(
        network, PATHS[name], timespans=timespans
    )
    with taken(monkeypatch, name):
        outputs = network.forward_sequence(x, state, **options, return_states=True)
        weights = [torch.randn_like(output) for output in outputs]
        got = gradients_of(outputs, weights, tensors)
    expected = reference(network, x, state, **options)
    close(outputs, expected)
    close(got, gradients_of(expected, weights, tensors))


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("unfolds", [1, 4])
def test_sequence_equals_its_steps(monkeypatch, name, positive, unfolds):
    network = LTCNetwork(*SIZES, positive=positive, ode_unfolds=unfolds).to(PATHS[name])
    x, state, options, tensors = drawn_sequence(
        network, PATHS[name], timespans="(T, B)"
    )

    def by_steps():
        h, outputs, states = state, [], []
        for now, reset, t in zip(x, *options.values(), strict=True):
            h = h.masked_fill(reset[:, None], 0)
            y, h = network(now, h, t)
            outputs.append(y)
            states.append(h)
        return torch.stack(outputs), h, torch.stack(states)

    with taken(monkeypatch, name):
        got, expected = (
            network.forward_sequence(x, state, **options, return_states=True),
            by_steps(),
        )
    weights = [torch.randn_like(output) for output in got]
    close(got, expected)
    close(*(gradients_of(each, weights, tensors) for each in (got, expected)))


def test_all_neurons_are_one_state_motor_first():
    network = LTCNetwork(*SIZES)
    counts = network.counts
    assert network.hidden_size == network.n_units == N + OUT
    assert network.initial_state(5).shape == (5, N + OUT)
    x = torch.randn(4, 5, F)
    y, _, states = network.forward_sequence(x, return_states=True)
    assert torch.equal(y, states[..., :OUT])  # as the affine layers start
    # An input reaches inter neurons alone in a single unfold, the last ones.
    cell = LTCNetwork(*SIZES, ode_unfolds=1).cell
    a, b = (cell(x, torch.zeros(2, N + OUT))[1] for x in torch.randn(2, 2, F))
    moved = (a != b).any(0)
    assert not moved[: OUT + counts.command].any()
    assert moved[OUT + counts.command :].all()


@pytest.mark.parametrize("name", WIRINGS)
def test_every_synapse_of_a_wiring_is_used(name):
    network = LTCNetwork(*SIZES, wiring=WIRINGS[name]).double()
    x = torch.randn(4, 5, F, dtype=F64)
    network.forward_sequence(x)[0].square().sum().backward()
    mask = network.cell.sparsity_mask
    for parameter in ("weight", "reversal", "mu", "sigma"):
        assert torch.equal(getattr(network.cell, parameter).grad != 0, mask)
    drawn = network._drawn.masks
    assert {k: v.abs() for k, v in drawn.items()}.keys() == dict(drawn.items()).keys()
    for kind, layer in network.masks.items():
        assert torch.equal(layer, getattr(drawn, kind).abs())
    assert mask.sum() == sum(int(layer.abs().sum()) for _, layer in drawn.items())
    assert network.wiring == network._drawn.with_masks(network.masks)


@pytest.mark.parametrize("name", WIRINGS)
def test_polarity_is_where_reversal_potentials_start_and_shows_as_the_effect(name):
    network = LTCNetwork(*SIZES, wiring=WIRINGS[name])
    assert network.synapses == network._drawn.masks
    for kind, effect in network.effects.items():
        assert torch.equal(effect.sign().int(), getattr(network._drawn.masks, kind))
    cell = network.cell
    assert set(cell.reversal[cell.sparsity_mask].unique().tolist()) == {-1.0, 1.0}


def test_effects_are_those_of_the_numbers_that_are_learned():
    network = LTCNetwork(*SIZES)
    before = network.effects
    with torch.no_grad():
        network.cell.reversal.neg_()
    for (_, now), (_, then) in zip(
        network.effects.items(), before.items(), strict=True
    ):
        assert torch.equal(now.sign(), -then.sign())
    with torch.inference_mode():
        assert network.effects == network.effects


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("form", [0.0, torch.tensor(0.0), torch.zeros(4)])
def test_after_no_time_the_state_is_the_same(dtype, form):
    network = LTCNetwork(*SIZES).to(dtype)
    x, state = torch.randn(4, F, dtype=dtype), torch.randn(4, N + OUT, dtype=dtype)
    torch.testing.assert_close(network(x, state, form)[1], state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, F32, F64])
@pytest.mark.parametrize("shape", [None, (), (5,), (5, 4)])
def test_endless_time_has_finite_values_and_gradients(dtype, shape):
    network = LTCNetwork(*SIZES).to(dtype)
    x, t = torch.randn(5, 4, F).to(dtype), float("inf")
    if shape is not None:
        t = torch.full(shape, t) if shape else torch.tensor(t)
        t.requires_grad_()
    y, state = network.forward_sequence(x, timespans=t)
    assert y.isfinite().all()
    (y.sum() + state.sum()).backward()
    leaves = [*network.parameters()] + ([] if shape is None else [t])
    assert all(leaf.grad.isfinite().all() for leaf in leaves)


def test_after_an_endless_time_what_was_before_is_forgotten():
    # Each unfold then is what synapses and leak alone make of the neurons; after as
    # many as there are neurons on the longest way, only the inputs count.
    masks = dict(Wiring(*SIZES).masks.items())
    del masks["recurrent"]
    network = LTCNetwork(*SIZES, wiring=Connectome(LayerMasks(**masks))).double()
    x, state = torch.randn(4, F, dtype=F64), torch.randn(4, N + OUT, dtype=F64)
    after = [network(x, h, float("inf"))[1] for h in (state, -state)]
    torch.testing.assert_close(*after)
    long = network(x, state, 1e12)[1]
    torch.testing.assert_close(after[0], long)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("scale", [1e2, 1e6, 1e12])
@pytest.mark.parametrize("t", [1.0, 1e6])
def test_a_stiff_network_stays_among_its_potentials(monkeypatch, name, scale, t):
    network = LTCNetwork(*SIZES).to(PATHS[name])
    with torch.no_grad():
        for parameter in ("weight", "sigma", "leak", "capacitance"):
            getattr(network.cell, parameter).mul_(scale * torch.randn(()).exp())
    x, state, options, tensors = drawn_sequence(network, PATHS[name], sizes=(9, 3))
    with torch.no_grad():
        x.mul_(scale)
        state.clamp_(-1, 1)
    with taken(monkeypatch, name):
        y, h, states = network.forward_sequence(
            x, state, timespans=t, resets=options["resets"], return_states=True
        )
        grads = torch.autograd.grad(
            states.sum() + y.sum() + h.sum(), tensors, materialize_grads=True
        )
    assert states.abs().max() <= 1 + 1e-5  # where polarities and leaks are
    assert all(grad.isfinite().all() for grad in grads)


def test_capacitance_of_less_time_is_that_of_more_time():
    # Only their ratio counts: dv/dt is divided by the one, and lasts for the other.
    network = LTCNetwork(*SIZES, positive=False).double()
    x, state = torch.randn(4, F, dtype=F64), torch.randn(4, N + OUT, dtype=F64)
    expected = network(x, state, 3.0)[1]
    with torch.no_grad():
        network.cell.capacitance.div_(3)
    close([network(x, state)[1]], [expected], 1e-7)


def test_many_unfolds_solve_the_equation():
    # Without synapses among neurons a potential leaks exponentially to its target.
    cell = LTCCell(1, 1, torch.tensor([[1], [0]]), ode_unfolds=20_000).double()
    x, state, t = torch.tensor([[0.7]]).double(), torch.tensor([[0.9]]).double(), 1.7
    leak, capacitance, weight = (
        torch.nn.functional.softplus(p.detach()[..., :1]).item()
        for p in (cell.leak, cell.capacitance, cell.weight)
    )
    sigma, mu = cell.sigma[0, 0].item(), cell.mu[0, 0].item()
    opened = weight * torch.sigmoid(torch.tensor(sigma * (0.7 - mu))).item()
    total = leak + opened
    target = (leak * cell.leak_potential.item() + opened * 1.0) / total
    expected = target + (0.9 - target) * torch.exp(
        torch.tensor(-t * total / capacitance)
    )
    with torch.no_grad():
        assert cell(x, state, t)[1].item() == pytest.approx(expected.item(), abs=1e-4)


def test_initial_values_are_in_the_ranges_of_the_paper():
    cell = LTCNetwork(8, 60, 4).cell
    ranges = {
        "leak": (0.001, 1),
        "leak_potential": (-0.2, 0.2),
        "capacitance": (0.4, 0.6),
        "weight": (0.001, 1),
        "mu": (0.3, 0.8),
        "sigma": (3, 8),
    }
    for name, (low, high) in ranges.items():
        value = getattr(cell, name)
        assert low <= value.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < value.max() <= high
    reversal = cell.reversal.clone()
    weight = cell.weight.clone()
    cell.reset_parameters()
    assert torch.equal(cell.reversal, reversal)
    assert not torch.equal(cell.weight, weight)


def test_parameters_without_a_synapse_do_not_count():
    network = LTCNetwork(*SIZES)
    synapses = int(network.cell.sparsity_mask.sum())
    others = 2 * F + 2 * OUT + 3 * (N + OUT)
    assert network.active_params == others + 4 * synapses
    assert network.total_params == others + 4 * (N + OUT) * (F + N + OUT)
    assert LTCNetwork(*SIZES, device="meta").cell.n_synapses > 0
    assert active_parameters(network.cell) == 3 * (N + OUT) + 4 * synapses


def test_what_is_written_where_there_is_no_synapse_has_no_effect():
    network = LTCNetwork(*SIZES).double()
    x = torch.randn(4, 3, F, dtype=F64)
    expected = network.forward_sequence(x)
    with torch.no_grad():
        for name in ("weight", "reversal", "mu", "sigma"):
            value = getattr(network.cell, name)
            value.copy_(torch.where(network.cell.sparsity_mask, value, 1e3))
    close(network.forward_sequence(x), expected)
    traced = torch.func.functional_call(network, dict(network.named_parameters()), x[0])
    torch.func.vmap(lambda row: row)(x)  # the same by all pairs:
    by_pairs = torch.func.vmap(lambda row: network(row[None])[1][0])(x[0])
    close([by_pairs], [traced[1]])


def test_update_mask_is_what_is_computed_with():
    network = LTCNetwork(*SIZES)
    cell = network.cell
    other = LTCNetwork(*SIZES, wiring=dense)
    signed = torch.zeros(F + N + OUT, N + OUT, dtype=torch.int32)
    signed.copy_(other.cell.sparsity_mask.T)
    signed[:, 0].neg_()
    before = cell.reversal.clone()
    there = cell.sparsity_mask.clone()
    cell.update_mask(signed)
    assert network.masks == other.masks
    assert torch.equal(cell.reversal[there], before[there])
    new = cell.sparsity_mask & ~there
    assert torch.equal(cell.reversal[new], signed.T[new].float())
    x = torch.randn(4, 3, F)
    twin = copy.deepcopy(network)
    twin.load_state_dict(network.state_dict())
    close(network.forward_sequence(x), twin.forward_sequence(x))


@pytest.mark.parametrize("way", ["in place", "loaded", "assigned", "replaced"])
def test_another_mask_is_seen_at_once(way):
    network, other = (LTCNetwork(*SIZES).double() for _ in range(2))
    other.load_state_dict({**network.state_dict(), **dict(other.named_buffers())})
    x = torch.randn(4, 3, F, dtype=F64)
    expected = other.forward_sequence(x)
    assert not torch.equal(network.forward_sequence(x)[0], expected[0])
    mask = other.cell.sparsity_mask.clone()
    if way == "in place":
        network.cell.sparsity_mask.copy_(mask)
    elif way == "replaced":
        network.cell.sparsity_mask = mask
    else:
        state = {**network.state_dict(), "cell.sparsity_mask": mask}
        network.load_state_dict(state, assign=way == "assigned")
    close(network.forward_sequence(x), expected)
    with torch.inference_mode():
        close(copy.deepcopy(network).forward_sequence(x), expected)


@pytest.mark.parametrize("name", WIRINGS)
def test_state_dict_brings_the_wiring_with_it(name):
    one, other = (LTCNetwork(*SIZES, wiring=WIRINGS[name]) for _ in range(2))
    if name != "dense":
        assert one.masks != other.masks
    other.load_state_dict(one.state_dict())
    assert other.masks == one.masks
    assert other.synapses == one.synapses
    x = torch.randn(4, 3, F)
    assert torch.equal(other.forward_sequence(x)[0], one.forward_sequence(x)[0])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_compute_the_same_and_are_apart(copied):
    network = LTCNetwork(*SIZES)
    x = torch.randn(4, 3, F)
    expected = network.forward_sequence(x)[0]
    twin = copied(network)
    assert torch.equal(twin.forward_sequence(x)[0], expected)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(0.1)
    assert not torch.equal(twin.forward_sequence(x)[0], expected)
    assert torch.equal(network.forward_sequence(x)[0], expected)


def test_a_file_holds_it(tmp_path):
    network = LTCNetwork(*SIZES, ode_unfolds=3, sparsity_level=0.3)
    options = {"n_neurons": N, "ode_unfolds": 3, "sparsity_level": 0.3}
    path = tmp_path / "ltc.safetensors"
    save_network(network, path, name="ltc", options=options)
    twin = load_network(path)
    x = torch.randn(4, 3, F)
    assert torch.equal(twin.forward_sequence(x)[0], network.forward_sequence(x)[0])
    assert twin.masks == network.masks


def test_a_hooked_cell_is_called_at_each_step():
    network = LTCNetwork(*SIZES)
    x = torch.randn(4, 3, F)
    expected = network.forward_sequence(x)
    seen = []
    network.cell.register_forward_hook(lambda *args: seen.append(args[2]))
    close(network.forward_sequence(x), expected)
    assert len(seen) == 4


def test_frozen_step_is_the_step_and_does_not_follow():
    network = LTCNetwork(*SIZES)
    step = network.frozen_step()
    x, state = torch.randn(5, F), torch.randn(5, N + OUT)
    cases = [(x,), (x, state), (x, state, 2.5), (x, state, torch.rand(5))]
    expected = [network(*case) for case in cases]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for case, wanted in zip(cases, expected, strict=True):
        got = step(*case)
        close(got, wanted)
        assert not any(tensor.requires_grad for tensor in got)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_it_computes_in_half_precision(dtype):
    network = LTCNetwork(*SIZES)
    x = torch.randn(6, 3, F)
    expected, _ = network.forward_sequence(x, timespans=0.5)
    half = copy.deepcopy(network).to(dtype)
    y, state = half.forward_sequence(x.to(dtype), timespans=0.5)
    assert y.dtype == state.dtype == dtype
    torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.05)


def test_single_precision_is_near_double():
    network = LTCNetwork(8, 60, 4)
    double, _ = in_double(network)
    x = torch.randn(50, 4, 8)
    close(network.forward_sequence(x), double.forward_sequence(x.double()), 2e-5)


@pytest.mark.parametrize("batch_first", [False, True])
def test_batch_first_is_the_same(batch_first):
    network = LTCNetwork(*SIZES)
    x, times = torch.randn(4, 3, F), torch.rand(4, 3)
    y, state = network.forward_sequence(x, timespans=times)
    got, last = network.forward_sequence(
        x.transpose(0, 1), timespans=times.T, batch_first=True
    )
    close([got.transpose(0, 1), last], [y, state])


def test_builder_has_a_size_of_its_own():
    assert build_ltc(3, 2).n_neurons == 64
    ready = Wiring(3, 10, 2)
    assert build_ltc(3, 2, wiring=ready).n_neurons == 10
    network = build_ltc(3, 2, n_neurons=9, ode_unfolds=2, positive=False)
    assert (network.n_neurons, network.cell.ode_unfolds) == (9, 2)
    assert not network.cell.positive


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"ode_unfolds": 0}, ValueError, "`ode_unfolds` must be at least 1; got 0"),
        ({"ode_unfolds": 1.5}, TypeError, "`ode_unfolds` must be an integer; got 1.5"),
        ({"positive": 1}, TypeError, "`positive` must be True or False; got 1"),
        ({"wiring": 3}, TypeError, "`wiring` must be a registered name"),
        ({"sparsity_level": 1.0}, ValueError, r"must be between '\[0.1, 0.9\]'"),
    ],
)
def test_wrong_options_are_refused(options, error, text):
    with pytest.raises(error, match=text):
        LTCNetwork(*SIZES, **options)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((torch.zeros(F),), "Unsupported dimensionality"),
        ((torch.zeros(5, F + 1),), r"\(batch, 3\); got \(5, 4\)"),
        ((torch.zeros(5, F), torch.zeros(4, N + OUT)), r"\(5, 14\); got \(4, 14\)"),
        ((torch.zeros(5, F), None, torch.ones(4)), "`timespans` must be a number"),
        ((torch.zeros(5, F), None, -1.0), "neither negative nor NaN; got -1.0"),
        ((torch.zeros(5, F), None, float("nan")), "neither negative nor NaN; got nan"),
    ],
)
def test_wrong_arguments_are_refused(arguments, text):
    network = LTCNetwork(*SIZES)
    for step in (network, network.frozen_step()):
        with pytest.raises(ValueError, match=text):
            step(*arguments)


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (torch.zeros(4, 7), r"= \(7, 4\); got \(4, 7\). Transpose it"),
        (torch.full((7, 4), 2), r"must hold -1 .* got \[2, 2, 2\]"),
    ],
)
def test_wrong_masks_are_refused(mask, text):
    cell = LTCCell(3, 4, torch.ones(7, 4))
    for refuse in (lambda: LTCCell(3, 4, mask), lambda: cell.update_mask(mask)):
        with pytest.raises(ValueError, match=text):
            refuse()
    with pytest.raises(TypeError, match="`mask` must be a tensor"):
        LTCCell(3, 4, mask.tolist())
    bad = {**cell.state_dict(), "sparsity_mask": torch.full((4, 7), 3.0)}
    with pytest.raises(RuntimeError, match="`sparsity_mask` must hold 0"):
        cell.load_state_dict(bad)


@pytest.mark.parametrize("ways", list(itertools.product([1, 5], [1, 4])))
def test_without_a_batch_of_more_than_one_a_step_drops_it(ways):
    steps, batch = ways
    network = LTCNetwork(*SIZES)
    y, _ = network(torch.randn(batch, F))
    assert y.shape == ((OUT,) if batch == 1 else (batch, OUT))
    y, _ = network.forward_sequence(torch.randn(steps, batch, F))
    assert y.shape == (steps, batch, OUT)
