"""Cells in all modes over time: which backend, and numbers out of the ordinary."""

import pytest
import torch
from closed_forms import MODES, F, drawn, make_cell, run, slow
from paths import force
from scans import F32, F64, LAYOUTS, close, gradients_of

from velora.models.lnn.cfc_modes import backends

each_mode = pytest.mark.parametrize("mode", MODES)


@each_mode
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("which", ["x", "hidden", "resets", "timespans", "gradient"])
def test_any_layout_in_memory_gives_the_same(path, mode, layout, which):
    cell = make_cell(mode, 1, path.dtype)
    x, hidden, options, tensors = drawn(cell, timespans="(T, B)")
    times = options["timespans"].detach()[..., None].requires_grad_()
    given = {"x": x, "hidden": hidden, "resets": options["resets"], "timespans": times}
    given["gradient"] = torch.randn(5, 3, cell.n_hidden, dtype=path.dtype)
    results = []
    for arguments in (dict(given), {**given, which: LAYOUTS[layout](given[which])}):
        gradient = arguments.pop("gradient")
        states, _ = cell.over_time(**arguments)
        tensors = [x, hidden, times, *cell.parameters()]
        results.append((states, *torch.autograd.grad(states, tensors, gradient)))
    close(*results)


@each_mode
@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_reset_heals_a_state_that_is_no_number(path, mode, layers, bad):
    cell = make_cell(mode, layers, path.dtype)
    x, hidden, options, tensors = drawn(cell, timespans="(T, B)")
    options["resets"][0, 1] = True
    with torch.no_grad():
        hidden[1] = bad
    states = run(cell, x, hidden, **options)
    zeroed = hidden.detach().masked_fill(options["resets"][0, :, None], 0)
    twin = zeroed.requires_grad_()
    expected = run(cell, x, twin, **options)
    assert states.isfinite().all()
    close([states], [expected])
    others = [tensor for tensor in tensors if tensor is not hidden]
    weights = [torch.randn_like(states)]
    got = gradients_of([states], weights, [hidden, *others])
    assert all(grad.isfinite().all() for grad in got)
    close(got, gradients_of([expected], weights, [twin, *others]))


@each_mode
@pytest.mark.parametrize("layers", [0, 2])
def test_nan_in_the_inputs_stays_in_its_row_and_is_not_hidden(path, mode, layers):
    cell = make_cell(mode, layers, path.dtype)
    x, hidden, _, _ = drawn(cell, resets=False)
    expected = run(cell, x, hidden)
    with torch.no_grad():
        x[2, 1, 0] = torch.nan
    states = run(cell, x, hidden)
    assert states[2:, 1].isnan().all()
    close([states[:2]], [expected[:2]])
    close([states[:, ::2]], [expected[:, ::2]])


@each_mode
def test_scan_under_autocast_computes_in_the_dtype_of_its_weights(path, mode):
    cell = make_cell(mode, 1, path.dtype)
    x, hidden, options, _ = drawn(cell, timespans="(T, B)")
    with torch.no_grad():
        x.copy_(x.bfloat16())
    expected = run(cell, x, hidden, **options)
    with torch.autocast("cpu", torch.bfloat16):
        got = run(cell, x, hidden, **options)
    assert got.dtype == path.dtype
    close([got], [expected], tolerance=0.05)


@each_mode
@pytest.mark.parametrize("time", [1e6, float("inf"), 0.0])
def test_any_time_gives_finite_states_and_gradients(path, mode, time):
    cell = make_cell(mode, 1, path.dtype)
    x, hidden, options, tensors = drawn(cell)
    times = torch.full((5, 3), min(time, 1e18), dtype=path.dtype)
    for given in (min(time, 1e18), times):
        options["timespans"] = given
        states = run(cell, x, hidden, **options)
        assert states.isfinite().all()
        grads = gradients_of([states], [torch.ones_like(states)], tensors)
        assert all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        ("numba", F32, {"numba forward": 1}),
        ("operators", F32, {"operators forward": 1}),
        ("steps", F32, {}),
        ("", F64, {"operators forward": 1}),
        ("", F32, {"numba forward": 1}),
    ],
)
def test_variable_forces_a_backend_at_each_call(monkeypatch, name, dtype, expected):
    if "numba forward" in expected:
        force(monkeypatch, "compiled", backends)  # skips where there is no numba
    calls = force(monkeypatch, "operators", backends)
    monkeypatch.setenv("VELORA_SCAN", name)
    cell = make_cell("default", 1, dtype)
    x, hidden, options, _ = drawn(cell)
    close([run(cell, x, hidden, **options)], [slow(cell, x, hidden, **options)])
    assert calls == expected


def test_backend_that_cannot_take_the_numbers_is_refused(monkeypatch):
    monkeypatch.setenv("VELORA_SCAN", "numba")
    cell = make_cell("pure")
    with pytest.raises(RuntimeError, match=r"VELORA_SCAN=numba.*float64 on cpu"):
        cell.over_time(torch.zeros(3, 2, F).double(), torch.zeros(2, 6).double())


@each_mode
@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_is_that_of_the_last_layer_in_training_alone(monkeypatch, mode, layers):
    cell = make_cell(mode, layers, F32, backbone_dropout=0.5)
    x, hidden, options, tensors = drawn(cell, timespans="(T, B)")
    results = []
    for name in ("numba", "operators", "steps"):
        if name == "numba":
            force(monkeypatch, "compiled", backends)  # skips where there is no numba
        monkeypatch.setenv("VELORA_SCAN", name)
        torch.manual_seed(3)
        states = run(cell, x, hidden, **options)
        results.append(
            [states, *gradients_of([states], [torch.ones_like(states)], tensors)]
        )
    close(results[0], results[2])
    close(results[1], results[2])
    assert not torch.equal(run(cell, x, hidden, **options), results[2][0])
    cell.eval()
    close([run(cell, x, hidden, **options)], [slow(cell, x, hidden, **options)])
