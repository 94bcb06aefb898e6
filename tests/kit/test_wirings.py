"""Every rule for a wiring catches a wiring that breaks it alone."""

import pytest
from toys.wirings import right, sampling, synapses

from velora.models.testing import check_wiring
from velora.models.testing.wiring import MAKER_RULES, READY_RULES
from velora.plugins.testing import CheckError
from velora.wiring import Wiring

WRONG = [*synapses.WRONG, *sampling.WRONG]


@pytest.mark.parametrize(
    "make",
    [
        right.Right,
        right.right_function,
        Wiring,
        right.NeedsSomeNeuronsAndSaysSo,
        right.MasksInNumPy,
    ],
)
def test_right_wiring_passes(make):
    check_wiring(make)
    check_wiring(make, in_features=1, n_neurons=9, out_features=7)
    check_wiring(make(5, 8, 3))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.build.__name__)
def test_wrong_wiring_is_caught_by_its_rule_alone(wrong):
    with pytest.raises(CheckError) as caught:
        check_wiring(wrong.build)
    failures = caught.value.failures
    assert {failure.partition(": ")[0] for failure in failures} == wrong.broken
    assert wrong.words in str(caught.value)
    assert "CallError" not in str(caught.value)
    assert caught.value.subject == f"wiring {wrong.build.__name__}"


def test_every_rule_has_a_wrong_wiring():
    rules = [rule.name for rule in (*READY_RULES, *MAKER_RULES)]
    assert list(dict.fromkeys(wrong.about for wrong in WRONG)) == rules


@pytest.mark.parametrize(
    "make", [wrong.build for wrong in WRONG if wrong.rules == "nobody alone"]
)
def test_ready_wiring_is_held_to_the_same_rules(make):
    with pytest.raises(CheckError, match="has none"):
        check_wiring(make(3, 16, 2))


def test_transposed_mask_is_told_to_be_transposed_back():
    with pytest.raises(CheckError, match=r"got \(15, 3\)\. Transpose it\."):
        check_wiring(synapses.TransposesAMask)


def test_all_faults_are_reported_at_once():
    class Hopeless(
        synapses.LeavesOneAlone, sampling.SeedsEverything, sampling.HasOneMore
    ):
        pass

    with pytest.raises(CheckError) as caught:
        check_wiring(Hopeless)
    rules = [failure.partition(": ")[0] for failure in caught.value.failures]
    expected = {"nobody alone", "drives networks", "sizes", "private seed"}
    assert set(rules) == expected


def test_what_is_no_wiring_is_refused():
    with pytest.raises(TypeError, match="a registered name, a function that makes"):
        check_wiring(42)
    with pytest.raises(KeyError, match="No wiring is called 'nobody'"):
        check_wiring("nobody")
