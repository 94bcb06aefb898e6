"""Whatever a file holds: an error that is documented, or a network."""

import copy
import json
import struct

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from network_files import SIZES, header_of, registered, save_acme, with_header
from torch import nn
from toys.plain import right as plain

from velora.models import LiquidNCPNetwork, NCPNetwork, load_network, save_network
from velora.wiring import small_world

DOCUMENTED = (OSError, ValueError)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """The content of a file of each kind."""
    path = tmp_path_factory.mktemp("whole") / "network"
    made = []
    for network in (
        NCPNetwork(*SIZES),
        LiquidNCPNetwork(*SIZES, wiring=small_world),
    ):
        save_network(network, path)
        made.append(path.read_bytes())
    with registered(acme=plain.Right):
        save_acme(plain.Right(4, 3, width=5), path, width=5)
        made.append(path.read_bytes())
    return made


def opened(path, data):
    """Loads what is written; returns the network, or None where it was refused."""
    path.write_bytes(data)
    with registered(acme=plain.Right):
        try:
            return load_network(path)
        except DOCUMENTED as error:
            text = str(error)
            assert len(text) < 2_000
            assert text.isprintable()
            return None


def assert_documented(path, data):
    network = opened(path, data)
    assert network is None or isinstance(network, nn.Module)


numbers = (
    st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63, 2**64, 2**31, 0, 1, -1, True])
    | st.floats()
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "shape",
        "dtype",
        "data_offsets",
        "velora",
        "__metadata__",
        "version",
        "class",
        "options",
        "network",
        "distribution",
        "in_features",
        "n_neurons",
        "width",
        "sparsity_level",
        "wiring",
        "counts",
        "inter",
        "device",
        "init_type",
    ]
)
dtypes = st.sampled_from(
    ["F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "C64", "F4", "F8_E4M3"]
)


def change_bytes(data, draw):
    """Flips, cuts, repeats or inserts bytes."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), place + draw(st.integers(0, 40)))
        change = draw(st.sampled_from(["flip", "cut", "end", "repeat", "insert"]))
        if change == "flip" and data:
            other = bytes([data[place] ^ draw(st.integers(1, 255))])
            data = data[:place] + other + data[place + 1 :]
        elif change == "cut":
            data = data[:place] + data[end:]
        elif change == "end":
            data = data[:place]
        elif change == "repeat":
            data = data[:end] + data[place:]
        else:
            data = data[:place] + draw(st.binary(max_size=9)) + data[place:]
    return data


def change_json(value, draw):
    """Puts something else at a place in what JSON holds, or renames, or takes away."""
    value = copy.deepcopy(value)
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return draw(json_values)
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    change = draw(st.sampled_from(["put", "dtype", "take", "rename", "add"]))
    if change == "put":
        place[key] = draw(json_values)
    elif change == "dtype":
        place[key] = draw(dtypes)
    elif change == "take":
        del place[key]
    elif isinstance(place, dict):
        place[draw(names)] = place[key] if change == "rename" else draw(json_values)
    return value


fuzzed = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@fuzzed
@given(data=st.data())
def test_changed_bytes_are_refused_or_a_network(contents, path, data):
    whole = data.draw(st.sampled_from(contents))
    assert_documented(path, change_bytes(whole, data.draw))


@fuzzed
@given(data=st.data())
def test_a_changed_header_is_refused_or_a_network(contents, path, data):
    header, numbers = header_of(data.draw(st.sampled_from(contents)))
    for _ in range(data.draw(st.integers(1, 3))):
        if isinstance(header, dict | list) and header:
            header = change_json(header, data.draw)
    assert_documented(path, with_header(header, numbers))


@fuzzed
@given(data=st.data())
def test_a_changed_description_is_refused_or_a_network(contents, path, data):
    header, numbers = header_of(data.draw(st.sampled_from(contents)))
    description = json.loads(header["__metadata__"]["velora"])
    for _ in range(data.draw(st.integers(1, 3))):
        if isinstance(description, dict | list) and description:
            description = change_json(description, data.draw)
    header["__metadata__"]["velora"] = json.dumps(description)
    assert_documented(path, with_header(header, numbers))


@fuzzed
@given(header=st.binary(max_size=300), numbers=st.binary(max_size=100))
@example(header=b"[" * 100_000, numbers=b"")
@example(header=b'{"a":' * 50_000, numbers=b"")
@example(header=b'{"__metadata__":{"velora":"' + b"[" * 90_000 + b'"}}', numbers=b"")
@example(header=b"1" * 5_000, numbers=b"")
@example(header=b'"\\ud800"', numbers=b"")
@example(
    header=b'{"__metadata__":{"velora":"{}"},"\\u001b[2J":'
    b'{"dtype":"F32","shape":[1],"data_offsets":[0,3]}}',
    numbers=b"123",
)
@example(header=b"\xff\xfe{\0}\0", numbers=b"")
@example(header=b'{"a":0}', numbers=b"")
@example(header=b'{"a":{}}', numbers=b"")
@example(header=b'{"a":{"data_offsets":[0,1e400]}}', numbers=b"")
@example(header=b'{"a":{"data_offsets":[0,NaN]}}', numbers=b"")
def test_any_header_is_refused(path, header, numbers):
    assert opened(path, struct.pack("<Q", len(header)) + header + numbers) is None


@pytest.mark.parametrize("place", ["header", "metadata", "description", "options"])
def test_a_key_that_is_there_twice_is_refused(contents, path, place):
    for whole, option in zip(
        contents, ["n_neurons", "n_neurons", "width"], strict=True
    ):
        header, numbers = header_of(whole)
        key = {
            "header": next(name for name in header if name != "__metadata__"),
            "metadata": "velora",
            "description": "version",
            "options": option,
        }[place]
        quote = '\\"' if place in ("description", "options") else '"'
        text = json.dumps(header)
        start = text.index(f"{quote}{key}{quote}: ")
        twice = f"{quote}{key}{quote}: 0, "
        path.write_bytes(with_header(text[:start] + twice + text[start:], numbers))
        with (
            registered(acme=plain.Right),
            pytest.raises(ValueError, match=r"a key must be there once"),
        ):
            load_network(path)


def test_booleans_are_zero_or_one(path):
    class Flags(plain.Right):
        def __init__(self, *sizes, device=None):
            super().__init__(*sizes, device=device)
            flags = torch.ones(4, dtype=torch.bool, device=device)
            self.register_buffer("flags", flags)

    with registered(acme=Flags):
        save_acme(Flags(4, 3), path)
        assert load_network(path).flags.all()
        data = path.read_bytes()
        header, numbers = header_of(data)
        place = len(data) - len(numbers) + header["flags"]["data_offsets"][0]
        path.write_bytes(data[:place] + b"\x07" + data[place + 1 :])
        with pytest.raises(ValueError, match="'flags' must be 0 or 1; got 7"):
            load_network(path)
