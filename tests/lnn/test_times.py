"""Times since the last step: endless ones, and those that are none."""

import pytest
import torch

from velora.models.lnn import GatedLeakyCell
from velora.models.lnn.scan import scan

INF = float("inf")
FORMS = {
    "number": lambda t, dtype: t,
    "()": lambda t, dtype: torch.tensor(t, dtype=dtype),
    "(T,)": lambda t, dtype: torch.full((5,), t, dtype=dtype),
    "(T, B)": lambda t, dtype: torch.full((5, 4), t, dtype=dtype),
    "(T, B, 1)": lambda t, dtype: torch.full((5, 4, 1), t, dtype=dtype),
}
each_form = pytest.mark.parametrize("form", FORMS)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def at_rest(network, x, state):
    """The limit by hand: gates of 0 or 1, and leaky integrators at their targets."""
    cell, outputs = network.command, []
    mish = torch.nn.functional.mish
    for now in x:
        z = torch.cat((mish(network.inter(now)), state), dim=1)
        if isinstance(cell, GatedLeakyCell):
            state = torch.tanh(cell.k_head(z))
        else:
            gate = (cell.f_head_to_g(z) > 0).to(z.dtype)
            g, h = torch.tanh(cell.g_head(z)), torch.tanh(cell.h_head(z))
            state = torch.lerp(g, h, gate)
        outputs.append(network.motor(mish(cell.proj(z) + state)))
    return torch.stack(outputs), state


@each_form
@each_dtype
@pytest.mark.parametrize("backend", ["", "operators", "steps"])
def test_endless_time_is_the_limit(make_recurrent, monkeypatch, form, dtype, backend):
    monkeypatch.setenv("VELORA_SCAN", backend)
    network = make_recurrent((3, 20, 2), dtype)
    x = torch.randn(5, 4, 3, dtype=dtype)
    state = network.initial_state(4)
    got = network.forward_sequence(x, timespans=FORMS[form](INF, dtype))
    for ours, expected in zip(got, at_rest(network, x, state), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    (got[0].sum() + got[1].sum()).backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("t", [INF, torch.tensor(INF), torch.full((4, 1), INF)])
def test_endless_step_is_the_limit(make_recurrent, t):
    network = make_recurrent((3, 20, 2), torch.float32)
    x, state = torch.randn(4, 3), torch.randn(4, network.hidden_size)
    (expected,), _ = at_rest(network, x[None], state)
    for step in (network, network.frozen_step()):
        torch.testing.assert_close(step(x, state, t)[0], expected, rtol=1e-4, atol=1e-5)


def test_endless_time_leaves_the_offset_where_nothing_is_timed(make_liquid):
    network = make_liquid((3, 20, 2), torch.float64)
    with torch.no_grad():
        network.command.f_head_to_g.weight.zero_()
        network.command.f_head_to_g.bias.zero_()
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    expected = network.forward_sequence(x)
    for form in FORMS.values():
        got = network.forward_sequence(x, timespans=form(INF, torch.float64))
        torch.testing.assert_close(got, expected)


@each_form
@pytest.mark.parametrize("bad", [-1.0, float("nan"), -INF])
def test_what_is_no_time_is_refused_in_a_sequence(make_recurrent, form, bad):
    network = make_recurrent((3, 20, 2), torch.float32)
    t = FORMS[form](bad, torch.float32)
    if isinstance(t, torch.Tensor) and t.dim():
        t.view(-1)[:-1] = 1  # one of many is enough
    with pytest.raises(ValueError, match=r"`timespans`.*neither negative nor NaN; got"):
        network.forward_sequence(torch.randn(5, 4, 3), timespans=t)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), -INF])
def test_what_is_no_time_is_refused_in_a_step_and_a_scan(make_recurrent, bad):
    network = make_recurrent((3, 20, 2), torch.float32)
    x = torch.randn(4, 3)
    times = torch.ones(4)
    times[2] = bad
    for t in (bad, torch.tensor(bad), times, times[:, None]):
        for step in (network, network.frozen_step()):
            with pytest.raises(ValueError, match="neither negative nor NaN"):
                step(x, None, t)
    with pytest.raises(ValueError, match="neither negative nor NaN"):
        scan(
            torch.ones(5, 4, 10),
            torch.ones(10, 2),
            torch.ones(4, 2),
            timespans=times.expand(5, 4),
        )


def test_zero_is_a_time(make_recurrent):
    network = make_recurrent((3, 20, 2), torch.float32)
    y, _ = network.forward_sequence(torch.randn(5, 4, 3), timespans=0)
    assert y.isfinite().all()


def test_an_agent_trained_with_times_is_deployed_by_steps(make_recurrent):
    network = make_recurrent((3, 20, 2), torch.float64)
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    times = 3 * torch.rand(5, 4, dtype=torch.float64)
    expected, end = network.forward_sequence(x, timespans=times)
    for step in (network, network.frozen_step()):
        state = None
        for now, t, y in zip(x, times, expected, strict=True):
            got, state = step(now, state, t)
            torch.testing.assert_close(got, y)
        torch.testing.assert_close(state, end)
