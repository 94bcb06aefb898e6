"""No network comes from a file whose description is wrong."""

import pytest
import torch
from network_files import assert_refused, description_of, rewrite


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ("[" * 100_000, "recursion"),
        ("[]", r"JSON object; got \[\]"),
        ("null", "JSON object; got None"),
        ('"NCPNetwork"', "JSON object; got 'NCPNetwork'"),
        ("{}", "`version` must be 1 or 2; got None"),
    ],
)
def test_a_broken_description_is_refused(saved, path, text, match):
    rewrite(path, text)
    assert_refused(path, match)


@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        ("version", 3, "`version` must be 1 or 2; got 3"),
        ("version", "1", "`version` must be 1 or 2; got '1'"),
        ("version", True, "`version` must be 1 or 2; got True"),
        ("version", 1.0, "`version` must be 1 or 2; got 1.0"),
        ("version", 10**400, "`version` must be 1 or 2; got 1000"),
        ("version", None, "`version` must be 1 or 2; got None"),
        ("version", 2, "'velora' must have the entries .*'network'"),
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
        ("sparsity_level", 10**400, "."),
        ("in_features", 10**400, "of a network of .* numbers"),
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


def test_the_file_of_another_class_is_refused(saved, path):
    description = description_of(path)
    classes = {"NCPNetwork", "LiquidNCPNetwork", "GatedLeakyNCPNetwork"}
    for other in classes - {description["class"]}:
        rewrite(path, description | {"class": other})
        assert_refused(path, f"{other} of these options must have tensors")
