"""Tools that hook modules reach the cell and its heads, in steps and in sequences."""

import copy

import pytest
import torch
from scans import F32, F64, close
from torch.nn.utils import prune
from torch.nn.utils import spectral_norm as hook_spectral_norm
from torch.nn.utils import weight_norm as hook_weight_norm
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

LAYERS = ["inter", "first head", "last head", "motor"]


def named(network, layer):
    """Returns the name of one of `LAYERS` in a network."""
    heads = network.command.head_names
    return {
        "first head": f"command.{heads[0]}",
        "last head": f"command.{heads[-1]}",
    }.get(layer, layer)


def pruned(layer):
    prune.l1_unstructured(layer, "weight", 0.5)


def norm_by_hook(layer):
    with pytest.warns(FutureWarning):
        hook_weight_norm(layer)


def spectral_by_hook(layer):
    hook_spectral_norm(layer)


def louder(layer):
    layer.register_forward_hook(lambda module, x, y: 2 * y)


def wrapped(layer):
    forward = layer.forward
    layer.forward = lambda x: 2 * forward(x)


TOOLS = [pruned, norm_by_hook, spectral_by_hook, weight_norm, spectral_norm]
TOOLS += [louder, wrapped]
# Those that change what is computed at once, and not as it is trained.
LOUD = (pruned, spectral_by_hook, spectral_norm, louder, wrapped)


def stepped(network, x, state=None, timespans=None):
    """Returns outputs and states of single steps."""
    outputs, states = [], []
    for step, now in enumerate(x):
        t = None if timespans is None else timespans[step]
        y, state = network(now, state, t)
        outputs.append(y)
        states.append(state)
    return torch.stack(outputs), torch.stack(states)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils:FutureWarning")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("tool", TOOLS)
def test_sequence_equals_steps_with_the_tool(make_recurrent, tool, layer):
    network = make_recurrent((3, 24, 2), F64).eval()
    x, times = torch.randn(5, 4, 3, dtype=F64), torch.rand(5, 4, dtype=F64)
    plain = network.forward_sequence(x)[0]
    tool(network.get_submodule(named(network, layer)))
    for t in (None, times):
        y, _, states = network.forward_sequence(x, timespans=t, return_states=True)
        close((y, states), stepped(network, x, timespans=t))
    changed = network.forward_sequence(x)[0]
    assert torch.allclose(changed, plain) == (tool not in LOUD)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils:FutureWarning")
@pytest.mark.parametrize("layer", LAYERS)
# A wrapped `forward` holds on to the layer that it was taken from, in any copy.
@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool is not wrapped])
def test_frozen_step_is_that_of_the_tool(make_recurrent, tool, layer):
    network = make_recurrent((3, 24, 2), F64).eval()
    tool(network.get_submodule(named(network, layer)))
    x, state = torch.randn(4, 3, dtype=F64), torch.randn(4, 9, dtype=F64)
    network(x, state)[0].sum().backward()
    step = network.frozen_step()
    expected = network(x, state, 0.5)
    close(step(x, state, 0.5), expected)
    assert not step(x, state)[0].requires_grad
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    close(step(x, state, 0.5), expected)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("tool", [pruned, weight_norm, spectral_norm])
def test_tool_trains_for_more_than_a_step(make_recurrent, tool, layer):
    network, x = make_recurrent((3, 24, 2), F32), torch.randn(5, 4, 3)
    tool(network.get_submodule(named(network, layer)))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    losses = []
    for turn in range(8):
        optimizer.zero_grad()
        y = network.forward_sequence(x)[0] if turn % 2 else stepped(network, x)[0]
        loss = (y - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    touched = [
        n for n, p in network.named_parameters() if n.startswith(named(network, layer))
    ]
    assert touched
    assert all(network.get_parameter(name).grad is not None for name in touched)
    assert losses[-1] < losses[0]


def test_pruned_head_follows_a_loaded_state(make_recurrent):
    network, other = make_recurrent((3, 24, 2), F64), make_recurrent((3, 24, 2), F64)
    for each in (network, other):
        pruned(each.command.heads[0])
    x = torch.randn(5, 4, 3, dtype=F64)
    network.forward_sequence(x)
    other.load_state_dict(network.state_dict())
    close(other.forward_sequence(x), network.forward_sequence(x))


def test_hook_on_the_cell_is_called_at_every_step(make_recurrent):
    network, seen = make_recurrent((3, 24, 2), F64), []
    network.command.register_forward_hook(lambda module, x, y: seen.append(y))
    x = torch.randn(5, 4, 3, dtype=F64)
    _, _, states = network.forward_sequence(x, return_states=True)
    close([torch.stack([state for _, state in seen])], [states])


@pytest.mark.parametrize("part", ["output", "state"])
def test_hook_that_changes_the_cell_keeps_sequence_and_steps_equal(
    make_recurrent, part
):
    network = make_recurrent((3, 24, 2), F64)

    def halved(module, x, y):
        return (y[0] / 2, y[1]) if part == "output" else (y[0], y[1] / 2)

    network.command.register_forward_hook(halved)
    x = torch.randn(5, 4, 3, dtype=F64)
    resets = torch.rand(5, 4) < 0.3
    y, _, states = network.forward_sequence(x, return_states=True)
    close((y, states), stepped(network, x))
    assert network.forward_sequence(x, resets=resets)[0].isfinite().all()


def test_cell_of_a_subclass_is_computed_as_the_subclass_says(make_recurrent):
    network = make_recurrent((3, 24, 2), F64)
    kind = type(network.command)

    class Slower(kind):
        def forward(self, x, hidden, timespans=None):
            y, after = super().forward(x, hidden, timespans)
            return y, (after + hidden) / 2

    class Same(kind):
        pass

    x = torch.randn(5, 4, 3, dtype=F64)
    plain = network.forward_sequence(x)
    network.command.__class__ = Same
    close(network.forward_sequence(x), plain)
    network.command.__class__ = Slower
    y, _, states = network.forward_sequence(x, return_states=True)
    close((y, states), stepped(network, x))
    assert not torch.allclose(y, plain[0])


def test_hooked_network_is_copied_with_its_hooks(make_recurrent):
    network = make_recurrent((3, 24, 2), F64)
    louder(network.command.heads[1])
    twin, x = copy.deepcopy(network), torch.randn(5, 4, 3, dtype=F64)
    close(twin.forward_sequence(x), network.forward_sequence(x))
