"""What is taken over from ncps 1.0.1 computes what it did, where that is right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring
from torch import Tensor, nn

import velora.models
from velora.models import from_ncps

F, N, OUT, T = 5, 9, 2, 6
LIMIT = 1e-10
MODES = ("default", "no_gate", "pure")


class Ring(Wiring):  # type: ignore[misc]  # ncps has no types
    """One that a user makes: each unit listens to the one before it."""

    def __init__(self, units: int, output_dim: int) -> None:
        super().__init__(units)
        self.set_output_dim(output_dim)
        for unit in range(units):
            self.add_synapse(unit, (unit + 1) % units, -1)

    def build(self, input_dim: int) -> None:
        super().build(input_dim)
        for i in range(input_dim):
            self.add_sensory_synapse(i, i % self.units, 1)


class Shortcut(AutoNCP):  # type: ignore[misc]  # ncps has no types
    """Layers, and one synapse that leaps over one of them."""

    def build(self, input_dim: int) -> None:
        super().build(input_dim)
        self.add_synapse(self.units - 1, 0, 1)


WIRINGS: dict[str, Callable[[], Wiring]] = {
    "AutoNCP": lambda: AutoNCP(N, OUT, seed=3),
    "NCP": lambda: NCP(5, 3, OUT, 2, 2, 4, 2, seed=4),
    "fully connected": lambda: FullyConnected(N, OUT),
    "random": lambda: Random(N, OUT, 0.6),
    "a user's": lambda: Ring(N, OUT),
    "a shortcut": lambda: Shortcut(N, OUT),
}
MODULES: dict[str, Callable[..., nn.Module]] = {
    **{
        f"LTC {name}": lambda make=make, **options: LTC(F, make(), **options)
        for name, make in WIRINGS.items()
    },
    "LTC of units": lambda **options: LTC(F, N, **options),
    "LTC unconstrained": lambda **options: LTC(
        F, AutoNCP(N, OUT), implicit_param_constraints=False, ode_unfolds=3, **options
    ),
    **{
        f"CfC {mode}, {layers} layers": lambda mode=mode, layers=layers, **options: CfC(
            F, N, mode=mode, backbone_layers=layers, backbone_units=7, **options
        )
        for mode in MODES
        for layers in (0, 1, 3)
    },
    **{
        f"CfC {mode} over AutoNCP": lambda mode=mode, **options: CfC(
            F, AutoNCP(N, OUT, seed=3), mode=mode, **options
        )
        for mode in MODES
    },
    "CfC over all to all": lambda **options: CfC(F, FullyConnected(N, OUT), **options),
}


@pytest.fixture(params=MODULES)
def make(request: pytest.FixtureRequest) -> Callable[..., nn.Module]:
    def make(**options: Any) -> nn.Module:
        module = MODULES[request.param](**options).double()
        with torch.no_grad():  # numbers that hide nothing
            for name, parameter in module.named_parameters():
                if name.split(".")[-1] in {
                    "input_w",
                    "input_b",
                    "output_w",
                    "output_b",
                }:
                    parameter.uniform_(0.5, 2)
        return module

    return make


def parts(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=LIMIT, atol=LIMIT)


def state_of(module: nn.Module, *batch: int) -> Any:
    hidden = (
        module.state_size if isinstance(module, CfC) else module.rnn_cell.state_size
    )
    pair = torch.rand(2, *batch, hidden, dtype=torch.float64)
    return tuple(pair) if module.use_mixed else pair[0]


def gradients_as_ours(theirs: nn.Module) -> nn.Module:
    """Ours with the gradients of theirs in the place of its parameters."""
    graded = copy.deepcopy(theirs)
    with torch.no_grad():
        for mine, other in zip(graded.parameters(), theirs.parameters(), strict=True):
            if other.requires_grad:
                mine.copy_(other.grad)
    return from_ncps(graded)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(("batch", "timed"), [(3, False), (1, True)])
def test_values_and_gradients_are_those_of_ncps(
    make: Callable[..., nn.Module], batch: int, timed: bool, mixed: bool
) -> None:
    theirs = make(mixed_memory=mixed)
    ours = from_ncps(theirs)
    x = torch.randn(batch, T, F, dtype=torch.float64)
    state = state_of(theirs, batch)
    times = 2 * torch.rand(batch, T, dtype=torch.float64) + 0.1 if timed else None
    leaves = []
    for module in (ours, theirs):
        given = [tensor.clone().requires_grad_() for tensor in (x, *parts(state))]
        hx = tuple(given[1:]) if mixed else given[1]
        y, after = module(given[0], hx, times)
        torch.manual_seed(1)
        outputs = (y, *parts(after))
        sum((value * torch.randn(value.shape)).sum() for value in outputs).backward()
        leaves.append([*outputs, *(tensor.grad for tensor in given)])
    for mine, other in zip(*leaves, strict=True):
        close(mine, other)
    wanted = dict(gradients_as_ours(theirs).named_parameters())
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None, name
        close(parameter.grad, wanted[name])


def test_batched_times_are_those_of_ncps_one_by_one(
    make: Callable[..., nn.Module],
) -> None:
    theirs = make()
    x = torch.randn(N, T, F, dtype=torch.float64)  # as many rows as units
    times = torch.rand(N, T, dtype=torch.float64) + 0.1
    alone = [
        theirs(x[row : row + 1], timespans=times[row : row + 1])[0] for row in range(N)
    ]
    close(from_ncps(theirs)(x, timespans=times)[0], torch.cat(alone))


@pytest.mark.parametrize("kind", [LTC, CfC])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("mixed", [True, False])
def test_options_and_shapes_are_those_of_ncps(
    kind: type[nn.Module], batch_first: bool, return_sequences: bool, mixed: bool
) -> None:
    theirs = kind(
        F,
        AutoNCP(N, OUT),
        return_sequences=return_sequences,
        batch_first=batch_first,
        mixed_memory=mixed,
    )
    ours = from_ncps(theirs)
    assert type(ours) is getattr(velora.models, kind.__name__)
    for shape, batch in (((4, T, F), (4 if batch_first else T,)), ((T, F), ())):
        x = torch.randn(shape)
        state = state_of(theirs, *batch)
        state = tuple(s.float() for s in state) if mixed else state.float()
        (y, h), (other, g) = ours(x, state), theirs(x, state)
        # Of (T, F), time first and the last alone, theirs has (1, O).
        torch.testing.assert_close(y, other.reshape(y.shape))
        for mine, part in zip(parts(h), parts(g), strict=True):
            torch.testing.assert_close(mine, part)


@pytest.mark.parametrize("units", [N, AutoNCP(N, OUT)], ids=["units", "AutoNCP"])
def test_projection_comes_along(units: Any) -> None:
    theirs = CfC(F, units, proj_size=4).double()
    x = torch.randn(3, T, F, dtype=torch.float64)
    ours = from_ncps(theirs)
    close(ours(x)[0], theirs(x)[0])
    assert ours.output_size == 4


@pytest.mark.parametrize("inputs", ["affine", "linear", None])
@pytest.mark.parametrize("outputs", ["affine", "linear", None])
@pytest.mark.parametrize("mixed", [True, False])
def test_mappings_that_are_not_there_are_fixed(
    inputs: str | None, outputs: str | None, mixed: bool
) -> None:
    mappings = {"input_mapping": inputs, "output_mapping": outputs}
    theirs = LTC(F, N, mixed_memory=mixed, **mappings).double()
    ours = from_ncps(theirs)
    x = torch.randn(3, T, F, dtype=torch.float64)
    state = state_of(theirs, 3)
    close(ours(x, state)[0], theirs(x, state)[0])
    trained = sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    assert sum(p.numel() for p in ours.parameters() if p.requires_grad) == trained


def test_wirings_keep_their_layers_where_they_have_any() -> None:
    for name, make in WIRINGS.items():
        network = from_ncps(LTC(F, make())).network
        layered = isinstance(network, velora.models.LTCNetwork)
        assert layered == (name in {"AutoNCP", "NCP"}), name
    wired = from_ncps(CfC(F, AutoNCP(N, OUT))).network
    assert (wired.counts.inter, wired.counts.command, wired.counts.motor) == (5, 2, OUT)


def test_copy_shares_nothing_and_keeps_dtype_and_mode() -> None:
    theirs = CfC(F, N, backbone_layers=2, backbone_dropout=0.25).double().eval()
    ours = from_ncps(theirs)
    x = torch.randn(2, T, F, dtype=torch.float64)
    before = theirs(x)[0]
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
    close(theirs(x)[0], before)
    assert not ours.training
    assert ours.network.cell.backbone_dropout == 0.25


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("is_frozen", [True, False])
def test_what_is_frozen_stays_so(name: str, is_frozen: bool) -> None:
    theirs = MODULES[name](mixed_memory=True).requires_grad_(not is_frozen)
    ours = from_ncps(theirs)
    assert any(p.requires_grad for p in ours.parameters()) != is_frozen


@pytest.mark.parametrize("part", ["rnn_cell", "fc"])
def test_projection_is_frozen_or_trained_apart(part: str) -> None:
    theirs = CfC(F, N, proj_size=4)
    getattr(theirs, part).requires_grad_(False)
    ours = from_ncps(theirs)
    trained = {p.requires_grad for p in ours.network.parameters()}
    assert trained == {part == "fc"}
    assert ours.proj.weight.requires_grad == (part == "rnn_cell")


def test_what_is_frozen_in_part_is_refused() -> None:
    theirs = CfC(F, AutoNCP(N, OUT))
    theirs.rnn_cell.layer_0.requires_grad_(False)
    with pytest.raises(ValueError, match=r"got \[.*layer_0.ff1.weight.*\] frozen"):
        from_ncps(theirs)
    from_ncps(theirs.requires_grad_(True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CfC(F, N, activation="relu"), "'lecun_tanh'.*got ReLU"),
        (lambda: CfC(F, Random(N, OUT, 0.5)), "got Random of 1 layers"),
        (lambda: LTC(F, N, epsilon=1e-6), "`epsilon` of 1e-08.*got 1e-06"),
    ],
)
def test_what_has_no_counterpart_is_named(
    make: Callable[[], nn.Module], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        from_ncps(make())


def test_what_is_no_module_of_ncps_is_refused() -> None:
    with pytest.raises(TypeError, match=r"of ncps\.torch; got .*WiredCfCCell"):
        from_ncps(CfC(F, AutoNCP(N, OUT)).rnn_cell)


def test_parametrised_modules_are_refused_by_the_name_of_what_lacks() -> None:
    theirs = CfC(F, N)
    torch.nn.utils.parametrizations.weight_norm(theirs.rnn_cell.ff1)
    with pytest.raises(ValueError, match=r"it lacks rnn_cell\.ff1\.weight\. Undo"):
        from_ncps(theirs)
    theirs = CfC(F, N)
    theirs.extra = nn.Linear(1, 1)
    with pytest.raises(ValueError, match=r"'extra\.bias', 'extra\.weight'. have no"):
        from_ncps(theirs)
