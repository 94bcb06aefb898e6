"""What is said of a file whose network no plugin here has, or another than it had."""

import importlib.util
import re
import sys

import pytest
import torch
from network_files import (
    assert_refused,
    description_of,
    registered,
    rewrite,
    save_acme,
)
from toys.plain import right as plain
from toys.plain.construction import no_module

from velora.models import load_network


@pytest.fixture
def acme(path):
    """A file of the network "acme", which is not registered."""
    with registered(acme=plain.Right):
        save_acme(plain.Right(4, 3, width=5), path, width=5)


def cannot_be_loaded(path):
    with pytest.raises(ValueError, match="cannot be loaded here") as caught:
        load_network(path)
    text = str(caught.value)
    assert str(path) in text
    assert "No network is called 'acme'. Known: " in text
    assert "Save the network again" not in text
    return text


@pytest.mark.usefixtures("acme")
def test_a_missing_plugin_is_named(path):
    text = cannot_be_loaded(path)
    assert text.endswith(
        "of the distribution 'acme-velora': install that if you trust it."
    )


@pytest.mark.usefixtures("acme")
def test_a_plugin_that_is_there_without_the_network_is_told_of(path):
    rewrite(path, description_of(path) | {"distribution": "velora-lnn"})
    assert "'velora-lnn', whose plugin is active here." in cannot_be_loaded(path)


def test_a_network_of_a_running_program_is_told_of(path):
    with registered(None, acme=plain.Right):
        save_acme(plain.Right(4, 3), path)
    assert description_of(path)["distribution"] is None
    assert "add it to `networks()` first" in cannot_be_loaded(path)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        ("network", None, "`network` must be a name of .*; got None"),
        ("network", "x" * 201, "`network` must be a name of at most 200 letters"),
        ("network", ["acme"], "`network` must be a name"),
        ("network", "ncp", r"none of \['ncp', 'liquid'\]"),
        ("network", "liquid", r"none of \['ncp', 'liquid'\]"),
        ("distribution", "a --index-url http://b", "`distribution` must be a name"),
        ("distribution", "\x1b[2J", "`distribution` must be a name"),
        ("distribution", "a" * 101, "`distribution` must be a name"),
        ("distribution", "a\n", "`distribution` must be a name"),
        ("distribution", 3, "`distribution` must be a name"),
        ("in_features", 0, "`in_features` must be positive; got 0"),
        ("in_features", True, "`in_features` must be positive; got True"),
        ("in_features", 4.0, "`in_features` must be positive; got 4.0"),
        ("in_features", 5, r"'inner.weight': \(5, 5\).*'inner.weight': \(5, 4\)"),
        ("in_features", 10**15, "must have tensors of shapes"),
        ("in_features", 10**400, "the builder of 'acme' must make"),
        ("out_features", "3", "`out_features` must be positive; got '3'"),
        ("options", None, "`options` must be an object; got None"),
        ("options", [], r"`options` must be an object; got \[\]"),
        ("options", {}, r"'inner.bias': \(8,\)"),
        ("options", {"width": 10**12}, "must have tensors of shapes"),
        ("options", {"width": 10**400}, "the builder of 'acme' must make"),
        ("options", {"width": -1}, "the builder of 'acme' must make"),
        ("options", {"width": float("nan")}, "the builder of 'acme' must make"),
        ("options", {"width": []}, "the builder of 'acme' must make"),
        ("options", {"depth": 1}, "unexpected keyword argument 'depth'"),
        ("options", {"device": "cuda"}, "multiple values for .*'device'"),
        ("options", {"in_features": 4}, "multiple values for .*'in_features'"),
        ("options", {"": 4}, "the builder of 'acme' must make"),
        ("more", 1, "must have the entries"),
    ],
)
def test_a_wrong_description_is_refused(path, entry, value, match):
    rewrite(path, description_of(path) | {entry: value})
    with registered(acme=plain.Right):
        assert_refused(path, match)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("entry", ["network", "distribution", "options", "in_features"])
def test_a_missing_entry_is_refused(path, entry):
    description = description_of(path)
    del description[entry]
    rewrite(path, description)
    with registered(acme=plain.Right):
        assert_refused(path, f"must have the entries .*'{entry}'")


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("inner__bias", None, r"'inner.bias': \(5,\).*got {'inner.bias': None}"),
        ("extra", torch.ones(2), r"'extra': None.*got {'extra': \(2,\)}"),
        ("inner__bias", torch.ones(5, 1), r"\(5,\).*got.*\(5, 1\)"),
        ("inner__bias", torch.ones(5).long(), "'inner.bias' must be of torch.float32"),
        ("inner__bias", torch.ones(5).bool(), "must be of torch.float32; got .*bool"),
        ("inner__bias", torch.ones(5).char(), "must be of torch.float32; got .*int8"),
    ],
)
def test_other_tensors_are_refused(path, name, value, match):
    rewrite(path, **{name: value})
    with registered(acme=plain.Right):
        assert_refused(path, match)


@pytest.mark.usefixtures("acme")
def test_the_files_network_is_asked_for_and_not_imported(path, tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.util.find_spec("evil") is not None
    for name in ("evil", "evil:Network", "evil.Network", "../evil", str(tmp_path)):
        rewrite(path, description_of(path) | {"distribution": "evil", "network": name})
        with pytest.raises(ValueError, match=f"is called {re.escape(repr(name))}"):
            load_network(path)
    assert "evil" not in sys.modules


class Raises:
    """A builder that is broken, in one way after another."""

    def __init__(self, error):
        self.error = error

    def __call__(self, in_features, out_features, *, device=None, width=8):
        raise self.error


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize(
    "error",
    [
        OSError(2, "No such file", "licence"),
        KeyError("acme"),
        MemoryError(),
        RecursionError("too deep"),
        RuntimeError("first line\nsecond line"),
        StopIteration(),
        AssertionError(),
    ],
)
def test_what_a_builder_raises_is_told_as_such(path, error):
    with registered(acme=Raises(error)):
        assert_refused(path, f"must make a network .* got {type(error).__name__}")
    with registered(acme=no_module):
        assert_refused(path, "argument 'width'")
    with registered(acme=lambda i, o, device=None, width=8: "network"):
        assert_refused(path, "a str is no torch.nn.Module")


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_what_ends_a_program_still_does(path, error):
    with registered(acme=Raises(error)), pytest.raises(type(error)):
        load_network(path)


class Refuses(plain.Right):
    def _load_from_state_dict(self, *args):
        raise TypeError("not mine")


@pytest.mark.usefixtures("acme")
def test_a_network_that_does_not_take_its_tensors_is_told_of(path):
    with registered(acme=Refuses):
        assert_refused(path, "must take its tensors; got TypeError: not mine")
