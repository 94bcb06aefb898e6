"""No network comes from a file that holds other tensors than its class makes."""

import pytest
import torch
from network_files import SIZES, assert_refused, rewrite
from safetensors.torch import load_file

from velora.models import save_network


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


@pytest.mark.parametrize("number", [0.5, -1.0, 3.0, float("nan"), float("inf")])
def test_a_mask_of_other_numbers_is_refused(saved, path, number):
    mask = load_file(path)["inter.mask"]
    mask[0, 0] = number
    rewrite(path, inter__mask=mask)
    assert_refused(path, rf"'inter.mask' must hold 0 .* or 1 alone; got \[{number}\]")


def test_a_head_with_a_mask_of_its_own_is_refused(make_liquid, path):
    network = make_liquid(SIZES, torch.float32)
    save_network(network, path)
    rewrite(path, command__g_head__mask=torch.ones(4, 10))
    assert_refused(path, r"'command.g_head.mask': None.*\(4, 10\)")
