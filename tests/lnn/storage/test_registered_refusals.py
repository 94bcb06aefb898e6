"""What is not saved by a name, with the reason; nothing is written then."""

import enum

import numpy as np
import pytest
import torch
from network_files import registered, save_acme
from torch import nn
from toys.plain import right as plain
from toys.plain.construction import NoDevice, no_module

from velora.models import save_network
from velora.models.storage import load_network


@pytest.fixture(autouse=True)
def _nothing_is_written(path):
    yield
    assert not list(path.parent.iterdir())


def refuse(error, match, network, path, **options):
    with pytest.raises(error, match=match):
        save_acme(network, path, **options)


def test_a_name_that_nobody_has_is_refused(path):
    refuse(KeyError, "No network is called 'acme'. Known: ", plain.Right(4, 3), path)


def test_without_a_name_only_ours_are_saved(path):
    with pytest.raises(TypeError, match=r"the `name` .* and the `options` .*; got R"):
        save_network(plain.Right(4, 3), path)


def test_no_module_is_saved(path):
    with registered(acme=plain.Right), pytest.raises(TypeError, match=r"got type"):
        save_acme(plain.Right, path)


class Lookalike(plain.Right):
    """The same tensors, of which it makes something else."""

    def forward(self, x):
        return -super().forward(x)


def test_another_class_of_the_same_tensors_is_refused(path):
    with registered(acme=plain.Right):
        refuse(
            TypeError,
            "`network` must be what 'acme'.*a .*Right; got a .*Lookalike",
            Lookalike(4, 3),
            path,
        )


def test_other_options_or_sizes_than_it_was_built_with_are_refused(path):
    with registered(acme=plain.Right):
        network = plain.Right(4, 3, width=5)
        shapes = r"'inner.bias': \(8,\).*'inner.bias': \(5,\).*as `options`\."
        refuse(ValueError, shapes, network, path)
        refuse(ValueError, "unexpected keyword argument 'n'", network, path, n=5)
        refuse(ValueError, "multiple values .*'device'", network, path, device="cpu")
        with pytest.raises(ValueError, match=r"'outer.bias': \(4,\)"):
            save_network(
                network,
                path,
                name="acme",
                in_features=4,
                out_features=4,
                options={"width": 5},
            )


@pytest.mark.parametrize("size", [None, 0, -4, 4.0, "4", True])
def test_sizes_must_be_given_where_a_network_has_none(path, size):
    with (
        registered(acme=plain.Right),
        pytest.raises(TypeError, match=r"`in_features` must be a positive int.*got"),
    ):
        save_network(
            plain.Right(4, 3), path, name="acme", in_features=size, out_features=3
        )


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        torch.tanh,
        torch.float32,
        {1, 2},
        b"bytes",
        np.int64(3),
        torch.ones(1),
        Colour.RED,
        float("nan"),
        float("inf"),
        1j,
        {1: 2},
        {"a": [{None: 2}]},
        pytest.param(10**5000, id="long"),
    ],
)
def test_options_that_are_no_json_are_refused(path, value):
    with registered(acme=plain.Right):
        refuse(
            TypeError,
            "`options` must hold what JSON has",
            plain.Right(4, 3),
            path,
            width=value,
        )


def test_options_that_hold_themselves_are_refused(path):
    circle = []
    circle.append(circle)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with registered(acme=plain.Right):
        for value in (circle, deep):
            with pytest.raises(TypeError, match="what JSON has"):
                save_acme(plain.Right(4, 3), path, width=value)


@pytest.mark.parametrize("options", [5, "width", [1]])
def test_options_that_are_no_mapping_are_refused(path, options):
    with registered(acme=plain.Right), pytest.raises(TypeError, match="JSON has"):
        save_network(
            plain.Right(4, 3),
            path,
            name="acme",
            options=options,
            in_features=4,
            out_features=3,
        )


def test_a_network_without_data_is_refused(path):
    with registered(acme=plain.Right):
        network = plain.Right(4, 3, device="meta")
        refuse(ValueError, r"must hold data; got \['inner.weight'", network, path)


class WithMore(plain.Right):
    def __init__(self, *sizes, device=None, more=None):
        super().__init__(*sizes, device=device)
        if more is not None:
            self.register_buffer("more", more())


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (lambda: torch.ones(2, dtype=torch.complex128), "C|complex128"),
        (lambda: torch.ones(2).to_sparse(), "each dense; got \\['more'\\]"),
        (nn.UninitializedBuffer, "uninitialized"),
    ],
)
def test_tensors_that_a_file_cannot_hold_are_refused(path, more, match):
    with registered(acme=lambda i, o, device=None: WithMore(i, o, more=more)):
        refuse(ValueError, match, WithMore(4, 3, more=more), path)


class WithExtra(plain.Right):
    def get_extra_state(self):
        return {"any": "thing"}

    def set_extra_state(self, state):
        pass


def test_a_state_that_is_no_tensor_is_refused(path):
    with registered(acme=WithExtra):
        refuse(ValueError, r"tensors alone.*'_extra_state'", WithExtra(4, 3), path)


def test_what_a_builder_ties_and_the_network_does_not_is_refused(path):
    class Tied(plain.Right):
        def __init__(self, *sizes, device=None):
            super().__init__(*sizes, device=device, width=sizes[0])
            self.twin = nn.Linear(sizes[0], sizes[0], device=device)
            self.twin.weight = self.inner.weight

    with registered(acme=Tied):
        network = Tied(4, 3)
        network.twin.weight = nn.Parameter(torch.ones(4, 4))
        refuse(
            ValueError,
            r"take all tensors as they are; got \['inner.weight'\]",
            network,
            path,
        )


@pytest.mark.parametrize("build", [no_module, NoDevice])
def test_a_builder_that_is_none_is_refused(path, build):
    with registered(acme=build):
        refuse(
            ValueError, "no torch.nn.Module|argument 'device'", plain.Right(4, 3), path
        )


def test_our_own_names_are_not_used(path):
    with (
        registered(ncp=plain.Right),
        pytest.raises(ValueError, match=r"none of.*'ncp'"),
    ):
        save_network(plain.Right(4, 3), path, name="ncp", in_features=4, out_features=3)


def test_a_header_too_long_for_a_file_is_refused(path):
    class Told(plain.Right):
        def __init__(self, *sizes, device=None, story=""):
            super().__init__(*sizes, device=device)

    with registered(acme=Told):
        story = "x" * 9_000_000
        save_acme(Told(4, 3), path, story=story)
        load_network(path)
        path.unlink()
        refuse(ValueError, "at most 10000000 bytes", Told(4, 3), path, story=story * 2)
