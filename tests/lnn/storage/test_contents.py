"""What a network's file holds: each tensor once, and a description in JSON."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_files import description_of
from safetensors.torch import load_file

from velora.models import GatedLeakyNCPNetwork, LiquidNCPNetwork, NCPNetwork

COMMAND = {
    NCPNetwork: "command.mask",
    LiquidNCPNetwork: "command.sparsity_mask",
    GatedLeakyNCPNetwork: "command.sparsity_mask",
}


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
    st.sampled_from(list(COMMAND)),
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
