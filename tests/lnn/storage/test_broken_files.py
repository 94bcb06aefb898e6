"""Nothing comes from a file that is broken, or somebody else's; no code in it runs."""

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_files import assert_refused, description_of
from safetensors.torch import load_file, save_file

from velora.models import LiquidNCPNetwork, NCPNetwork, load_network, save_network


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


def test_an_impossible_shape_is_refused_in_one_line(saved, path):
    header = {"__metadata__": {"velora": json.dumps(description_of(path))}}
    header["a"] = {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}
    data = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(data)) + data)
    with pytest.raises(ValueError, match="whole and unchanged") as caught:
        load_network(path)
    assert "\n" not in str(caught.value)
