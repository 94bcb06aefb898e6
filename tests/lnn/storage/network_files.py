"""Files of networks: read, rewritten, refused, and compared with what was saved."""

import json
import struct
from contextlib import contextmanager

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from velora.models import load_network, save_network
from velora.models.lnn.recurrent import RecurrentNCPNetwork
from velora.plugins import networks

SIZES = (3, 10, 2)


class _TakenBack(Exception):
    """Leaves the registry as it was before."""


@contextmanager
def registered(distribution="acme-velora", **builders):
    """Registers networks as long as the context lasts; "_" stands for "-"."""
    registry = networks()
    try:
        with registry.booked_to(distribution):
            for name, build in builders.items():
                registry.add(name.replace("_", "-"), build, override=True)
            yield
            raise _TakenBack
    except _TakenBack:
        pass


def save_acme(network, path, **options):
    """Saves a network of (4, 3) that is registered as "acme"."""
    sizes = {"in_features": 4, "out_features": 3}
    save_network(network, path, name="acme", options=options, **sizes)


def assert_same_state(got, expected):
    ours, theirs = got.state_dict(), expected.state_dict()
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype
        assert torch.equal(ours[name], value)


def header_of(data):
    """Returns the header of a file's content, and the numbers that follow it."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(header, numbers):
    """Returns the content of a file of any header, JSON or a text."""
    text = header if isinstance(header, str) else json.dumps(header)
    data = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data + numbers


def description_of(path):
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["velora"])


def rewrite(path, description=None, **tensors):
    """Writes the file anew with another description; a tensor of None is left out."""
    description = description_of(path) if description is None else description
    text = description if isinstance(description, str) else json.dumps(description)
    tensors = {name.replace("__", "."): value for name, value in tensors.items()}
    tensors = load_file(path) | tensors
    kept = {name: value for name, value in tensors.items() if value is not None}
    save_file(kept, path, {"velora": text})


def assert_refused(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    assert "Save the network again" in str(caught.value)
    assert caught.value.__cause__ is not None


def assert_alike(got, expected, outputs_of):
    assert type(got) is type(expected)
    state = got.state_dict()
    assert list(state) == list(expected.state_dict())
    for name, value in expected.state_dict().items():
        assert state[name].dtype == value.dtype
        assert torch.equal(state[name], value)
    assert got.masks == expected.masks
    assert got.wiring == expected.wiring
    assert got.wiring.sparsity_level == expected.wiring.sparsity_level
    assert got.wiring.n_connections == expected.wiring.n_connections
    assert got.n_units == expected.n_units
    assert got.inter.init_type == expected.inter.init_type
    x = torch.randn(4, 5, expected.in_features, dtype=expected.inter.weight.dtype)
    ours, theirs = outputs_of(got, x[0]), outputs_of(expected, x[0])
    if isinstance(expected, RecurrentNCPNetwork):
        options = {"resets": x[..., 0] > 0, "timespans": x[..., 0].abs()}
        ours += got.forward_sequence(x, **options)
        theirs += expected.forward_sequence(x, **options)
    for value, same in zip(ours, theirs, strict=True):
        assert torch.equal(value, same)
