"""A network comes back from its file as it was, and nothing else comes from one."""

import copy
import json
import os
import pickle
import struct
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from velora.models import (
    LiquidNCPNetwork,
    NCPNetwork,
    load_network,
    save_network,
)

SIZES = (3, 10, 2)
COMMAND = {NCPNetwork: "command.mask", LiquidNCPNetwork: "command.sparsity_mask"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


@pytest.fixture
def saved(make_network, network_type, path):
    """A network, and the file that it was saved in."""
    network = make_network(network_type, SIZES, torch.float32)
    save_network(network, path)
    return network


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
    if isinstance(expected, LiquidNCPNetwork):
        options = {"resets": x[..., 0] > 0, "timespans": x[..., 0].abs()}
        ours += got.forward_sequence(x, **options)
        theirs += expected.forward_sequence(x, **options)
    for value, same in zip(ours, theirs, strict=True):
        assert torch.equal(value, same)


# A network comes back


@pytest.mark.parametrize("sizes", [(1, 2, 1), (3, 10, 2), (65, 63, 3)])
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16]
)
def test_a_network_comes_back(
    make_network, network_type, path, outputs_of, sizes, dtype
):
    network = make_network(
        network_type, sizes, dtype, sparsity_level=0.3, init_type="xavier"
    )
    assert save_network(network, str(path)) is None
    assert_alike(load_network(str(path)), network, outputs_of)


def test_other_masks_come_back(saved, path, outputs_of):
    for layer in (saved.inter, saved.motor):
        layer.update_mask(1 - layer.mask)
    if isinstance(saved, LiquidNCPNetwork):
        cell = saved.command
        cell.update_mask(torch.zeros(cell.in_features, cell.n_hidden))
    else:
        saved.command.update_mask(torch.zeros_like(saved.command.mask))
    save_network(saved, path)
    assert_alike(load_network(path), saved, outputs_of)
    assert not load_network(path).masks.command.any()


def test_numbers_that_are_none_come_back(saved, path):
    with torch.no_grad():
        saved.inter.bias.fill_(float("nan"))
        saved.motor.bias.fill_(float("-inf"))
    save_network(saved, path)
    network = load_network(path)
    assert network.inter.bias.isnan().all()
    assert network.motor.bias.isneginf().all()


def test_a_network_that_came_back_is_saved_the_same(saved, path):
    before = path.read_bytes()
    save_network(load_network(path), path)
    assert path.read_bytes() == before


def test_a_network_that_came_back_learns(saved, path, outputs_of):
    network = load_network(path)
    assert all(isinstance(value, nn.Parameter) for value in network.parameters())
    outputs_of(network, torch.randn(4, 3))[0].sum().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_heads_share_one_mask_after_loading(make_liquid, path):
    save_network(make_liquid(SIZES, torch.float32), path)
    for network in (load_network(path), load_network(path).double()):
        cell = network.command
        assert all(head.mask is cell.sparsity_mask for head in cell.heads)
        cell.proj.update_mask(torch.full_like(cell.proj.mask, 3))
        assert (cell.g_head.mask == 3).all()


def test_what_happens_to_the_file_does_not_reach_the_network(saved, path, outputs_of):
    network = load_network(path)
    with path.open("r+b") as file:  # the same file, not another of its name
        file.write(b"\xff" * path.stat().st_size)
    assert_alike(network, saved, outputs_of)


def test_parameters_tied_by_hand_come_back_apart(path, outputs_of):
    network = NCPNetwork(4, 10, 4)
    network.command.bias = network.motor.bias
    save_network(network, path)
    other = load_network(path)
    assert_alike(other, network, outputs_of)
    assert other.command.bias is not other.motor.bias


def test_weights_that_are_not_contiguous_come_back(saved, path, outputs_of):
    expected = copy.deepcopy(saved)
    weight = saved.inter.weight
    weight.data = weight.data.T.contiguous().T
    assert not weight.is_contiguous()
    save_network(saved, path)
    assert_alike(load_network(path), expected, outputs_of)


def test_saving_and_loading_draw_nothing(saved, path):
    state = torch.get_rng_state()
    save_network(saved, path)
    assert torch.equal(torch.get_rng_state(), state)
    load_network(path)
    assert torch.equal(torch.get_rng_state(), state)


# Where it comes back


def test_the_device_given_is_taken(saved, path, outputs_of):
    network = load_network(path, device="meta")
    assert all(value.is_meta for value in network.state_dict().values())
    with torch.device("meta"):
        network = load_network(path, device="cpu")
    assert_alike(network, saved, outputs_of)


def test_without_a_device_the_default_is_taken(saved, path):
    assert load_network(path).device == torch.device("cpu")
    with torch.device("meta"):
        network = load_network(path)
    assert all(value.is_meta for value in network.state_dict().values())


def test_saving_does_not_mind_the_default_device(saved, path, outputs_of):
    path.unlink()
    with torch.device("meta"):
        save_network(saved, path)
    assert_alike(load_network(path), saved, outputs_of)


def test_an_unknown_device_is_pytorchs_error(saved, path):
    with pytest.raises(RuntimeError, match="nowhere"):
        load_network(path, device="nowhere")


# What the file holds


def test_a_mask_that_is_shared_is_stored_once(saved, path):
    names = set(saved.state_dict())
    names -= {name for name in names if name.endswith(("head.mask", "proj.mask"))}
    names -= {f"command.f_head_to_{gate}.mask" for gate in "gh"}
    assert load_file(path).keys() == names


def test_the_description_can_be_read(saved, path):
    options = {
        "in_features": 3,
        "n_neurons": 10,
        "out_features": 2,
        "sparsity_level": 0.5,
        "init_type": "kaiming_uniform",
    }
    masks = {"inter": "inter.mask", "motor": "motor.mask"}
    masks["command"] = COMMAND[type(saved)]
    assert description_of(path) == {
        "version": 1,
        "class": type(saved).__name__,
        "options": options,
        "wiring": {
            "counts": {"sensory": 3, "inter": 6, "command": 4, "motor": 2},
            "sparsity_level": 0.5,
            "masks": masks,
        },
    }


def test_the_masks_named_are_the_wiring(saved, path):
    tensors, masks = load_file(path), description_of(path)["wiring"]["masks"]
    inter = saved.counts.inter
    for layer in ("inter", "command", "motor"):
        mask = tensors[masks[layer]].T
        if layer == "command":
            mask = mask[:inter]
        assert torch.equal(mask.int(), getattr(saved.masks, layer))


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([NCPNetwork, LiquidNCPNetwork]),
    st.integers(1, 400),
    st.integers(2, 80),
    st.integers(1, 400),
)
def test_no_size_is_too_large_for_the_numbers_it_takes(kind, f, n, o):
    # The law with which loading refuses a size before it makes anything of it.
    network = kind(f, n, o, device="meta")
    numbers = sum(value.numel() for value in network.parameters())
    numbers += sum(value.numel() for value in network.buffers())
    assert n * (f + n + o) <= 5 * numbers


# What is not saved


class Derived(NCPNetwork):
    pass


@pytest.mark.parametrize(
    "make", [lambda: Derived(*SIZES), lambda: nn.Linear(3, 2), lambda: NCPNetwork]
)
def test_another_class_is_not_saved(path, make):
    with pytest.raises(TypeError, match=r"NCPNetwork.*LiquidNCPNetwork.*got"):
        save_network(make(), path)
    assert not path.exists()


def test_norms_are_not_saved(saved, path):
    before = path.read_bytes()
    saved.norms = nn.ModuleDict({"inter": nn.LayerNorm(3)})
    with pytest.raises(ValueError, match=r"(?s)norms.*LayerNorm.*`state_dict\(\)`"):
        save_network(saved, path)
    assert path.read_bytes() == before


def test_a_network_without_data_is_not_saved(network_type, path):
    with pytest.raises(ValueError, match="must hold data; got 'meta'"):
        save_network(network_type(*SIZES, device="meta"), path)
    assert not path.exists()


def test_what_would_not_be_loaded_is_not_saved(saved, path):
    before = path.read_bytes()
    saved.register_buffer("extra", torch.ones(7))
    with pytest.raises(ValueError, match=r"'extra': None.*'extra': \(7,\)"):
        save_network(saved, path)
    del saved.extra
    saved.motor.double()
    with pytest.raises(ValueError, match="one dtype of"):
        save_network(saved, path)
    assert path.read_bytes() == before


# Saving is all or nothing


def test_an_older_file_is_replaced(saved, path, network_type, outputs_of):
    older = path.with_name("older")
    os.link(path, older)
    network = network_type(5, 12, 3)
    save_network(network, path)
    assert_alike(load_network(path), network, outputs_of)
    assert_alike(load_network(older), saved, outputs_of)
    assert sorted(os.listdir(path.parent)) == [path.name, older.name]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no file size limit")
def test_an_older_file_outlives_a_full_disk(saved, path, network_type, outputs_of):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_network(network_type(64, 64, 64), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(path.parent) == [path.name]
    assert_alike(load_network(path), saved, outputs_of)


def test_a_folder_is_not_replaced(saved, path, tmp_path):
    path.unlink()
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"irectory|denied"):
        save_network(saved, path)
    with pytest.raises(FileNotFoundError):
        save_network(saved, tmp_path / "none" / path.name)
    assert os.listdir(tmp_path) == [path.name]


# What is not loaded


def test_a_missing_file_is_missing(path):
    with pytest.raises(FileNotFoundError):
        load_network(path)


def test_no_file_cut_short_is_loaded(path):
    save_network(LiquidNCPNetwork(1, 2, 1), path)
    data = path.read_bytes()
    for end in range(len(data)):
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match="whole and unchanged"):
            load_network(path)
    path.write_bytes(data + b"\0")
    assert_refused(path, "whole and unchanged")


def test_a_header_with_a_wrong_byte_is_refused_or_of_the_same_sizes(path):
    save_network(NCPNetwork(1, 2, 1), path)
    data = path.read_bytes()
    shapes = {name: value.shape for name, value in load_file(path).items()}
    (length,) = struct.unpack("<Q", data[:8])
    refused = 0
    for place in range(8 + length):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            load_network(path)
        except ValueError:
            refused += 1
        else:  # as where the sparsity is another in both places, or a tensor's offset
            assert {name: v.shape for name, v in load_file(path).items()} == shapes
    assert refused > 0.9 * length


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 8, b"\0" * 100, b"\xff" * 100, b"hello", b"\x02" + b"\0" * 7 + b"{}"],
)
def test_other_bytes_are_refused(path, data):
    path.write_bytes(data)
    assert_refused(path, "whole and unchanged")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    path.write_bytes(data)
    assert_refused(path, "whole and unchanged")


def test_a_file_of_torch_save_is_refused(saved, path):
    torch.save(saved, path)
    assert_refused(path, "whole and unchanged")
    torch.save(saved.state_dict(), path)
    assert_refused(path, "whole and unchanged")


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("write", [torch.save, lambda o, p: p.write_bytes(o)])
def test_a_malicious_pickle_is_not_run(path, tmp_path, write):
    marker = tmp_path / "marker"
    malicious = Malicious(marker)
    pickle.loads(pickle.dumps(malicious))
    assert marker.exists()  # it would
    marker.unlink()
    write(malicious if write is torch.save else pickle.dumps(malicious), path)
    assert_refused(path, "whole and unchanged")
    assert not marker.exists()


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_a_file_of_somebody_else_is_refused(saved, path, metadata):
    save_file(load_file(path), path, metadata)
    assert_refused(path, "'velora'; got")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ("[" * 100_000, "recursion"),
        ("[]", r"JSON object; got \[\]"),
        ("null", "JSON object; got None"),
        ('"NCPNetwork"', "JSON object; got 'NCPNetwork'"),
        ("{}", "`version` must be 1; got None"),
    ],
)
def test_a_broken_description_is_refused(saved, path, text, match):
    rewrite(path, text)
    assert_refused(path, match)


@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        ("version", 2, "`version` must be 1; got 2"),
        ("version", "1", "`version` must be 1; got '1'"),
        ("version", None, "`version` must be 1; got None"),
        ("class", "Linear", "LiquidNCPNetwork.*got 'Linear'"),
        ("class", "os.system", "LiquidNCPNetwork.*got 'os.system'"),
        ("class", ["NCPNetwork"], r"got \['NCPNetwork'\]"),
        ("class", None, "LiquidNCPNetwork.*got None"),
        ("options", None, "`options`.*got None"),
        ("options", [3, 10, 2], r"`options`.*got \[3, 10, 2\]"),
        ("wiring", None, "'velora' must be.*'sensory': 3"),
        ("wiring", {}, "'velora' must be.*'sensory': 3"),
        ("more", 1, "'velora' must be"),
    ],
)
def test_a_wrong_description_is_refused(saved, path, entry, value, match):
    rewrite(path, description_of(path) | {entry: value})
    assert_refused(path, match)


@pytest.mark.parametrize(
    ("option", "value", "match"),
    [
        ("in_features", 4, r"'inter.mask': \(6, 4\).*got.*'inter.mask': \(6, 3\)"),
        ("in_features", "3", "unsupported operand|can only concatenate"),
        ("in_features", 3.0, "`in_features` must be an integer; got 3.0"),
        ("in_features", -3, "`in_features` must be at least 1; got -3"),
        ("n_neurons", 1, "`n_neurons` must be at least 2; got 1"),
        ("n_neurons", 11, "must have tensors of shapes"),
        ("n_neurons", True, "`n_neurons` must be an integer; got True"),
        ("n_neurons", 10**9, "of a network of .* numbers"),
        ("n_neurons", 10**400, "of a network of .* numbers"),
        ("n_neurons", [10], "."),
        ("out_features", 0, "`out_features` must be at least 1; got 0"),
        ("out_features", 10**12, "of a network of .* numbers"),
        ("sparsity_level", 0.05, "`sparsity_level` must be between"),
        ("sparsity_level", "dense", "`sparsity_level` must be a number"),
        ("sparsity_level", float("nan"), "`sparsity_level` must be between"),
        ("sparsity_level", 0.4, "'velora' must be"),  # "wiring" says 0.5
        ("init_type", "evil", "`init_type` must be one of.*got 'evil'"),
        ("init_type", [], r"`init_type` must be one of.*got \[\]"),
        ("device", "cuda", "`options` must have the entries"),
        ("norm", "os.system", "`options` must have the entries"),
    ],
)
def test_wrong_options_are_refused(saved, path, option, value, match):
    description = description_of(path)
    description["options"][option] = value
    rewrite(path, description)
    assert_refused(path, match)


@pytest.mark.parametrize(
    "option",
    ["in_features", "n_neurons", "out_features", "sparsity_level", "init_type"],
)
def test_missing_options_are_refused(saved, path, option):
    description = description_of(path)
    del description["options"][option]
    rewrite(path, description)
    assert_refused(path, f"`options` must have the entries.*'{option}'")


def test_no_size_claimed_is_made_without_its_numbers(saved, path):
    # No number is in an empty tensor, whatever shape it claims.
    description = description_of(path)
    description["options"]["in_features"] = 10**12
    rewrite(path, description, inter__mask=torch.empty(0, 10**12))
    assert_refused(path, "of a network of .* numbers")


def test_an_impossible_shape_is_refused_in_one_line(saved, path):
    header = {"__metadata__": {"velora": json.dumps(description_of(path))}}
    header["a"] = {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}
    data = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(data)) + data)
    with pytest.raises(ValueError, match="whole and unchanged") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


def test_the_file_of_the_other_class_is_refused(saved, path):
    description = description_of(path)
    (other,) = {"NCPNetwork", "LiquidNCPNetwork"} - {description["class"]}
    rewrite(path, description | {"class": other})
    assert_refused(path, f"{other} of these options must have tensors")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("inter__bias", None, r"'inter.bias': \(6,\).*got {'inter.bias': None}"),
        ("inter__mask", None, r"got {'inter.mask': None}"),
        ("extra", torch.ones(2), r"'extra': None.*got {'extra': \(2,\)}"),
        ("motor__weight", torch.ones(4, 2), r"\(2, 4\).*got.*\(4, 2\)"),
        ("motor__bias", torch.ones(2, 1), r"\(2,\).*got.*\(2, 1\)"),
        (
            "motor__bias",
            torch.ones(2, dtype=torch.int64),
            "one dtype.*torch.int64: 'motor.bias'",
        ),
        ("motor__bias", torch.ones(2, dtype=torch.float64), "one dtype.*torch.float64"),
        ("motor__bias", torch.ones(2, dtype=torch.bool), "one dtype.*torch.bool"),
    ],
)
def test_other_tensors_are_refused(saved, path, name, value, match):
    rewrite(path, **{name: value})
    assert_refused(path, match)


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.float8_e4m3fn])
def test_a_network_of_other_numbers_is_refused(saved, path, dtype):
    rewrite(path, **{name: value.to(dtype) for name, value in load_file(path).items()})
    assert_refused(path, f"one dtype.*{dtype}")


def test_a_head_with_a_mask_of_its_own_is_refused(make_liquid, path):
    network = make_liquid(SIZES, torch.float32)
    save_network(network, path)
    rewrite(path, command__g_head__mask=torch.ones(4, 10))
    assert_refused(path, r"'command.g_head.mask': None.*\(4, 10\)")
