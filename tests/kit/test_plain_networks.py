"""Every rule for a network without a state catches a network that breaks it alone."""

import pytest
from toys.plain import calls, construction, copies, dtype_and_device, right, training

from velora.models.testing import check_network
from velora.models.testing.network import NETWORK_RULES
from velora.plugins.testing import CheckError

WRONG = [
    *construction.WRONG,
    *calls.WRONG,
    *dtype_and_device.WRONG,
    *training.WRONG,
    *copies.WRONG,
]


@pytest.mark.parametrize(
    "build",
    [
        right.Right,
        right.StartsAtZero,
        right.NormalisesAndDrops,
        right.DropsTheBatchOfOne,
        right.LooksAtItsNumbers,
    ],
)
def test_right_network_passes(build):
    check_network(build)
    check_network(build, recurrent=False, in_features=1, out_features=1)


def test_options_reach_the_builder():
    check_network(right.Right, width=3)
    with pytest.raises(CheckError, match="unexpected keyword argument 'depth'"):
        check_network(right.Right, depth=3)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.build.__name__)
def test_wrong_network_is_caught_by_its_rule_alone(wrong):
    with pytest.raises(CheckError) as caught:
        check_network(wrong.build)
    failures = caught.value.failures
    assert {failure.partition(": ")[0] for failure in failures} == {wrong.rules}
    assert wrong.words in str(caught.value)
    assert "CallError" not in str(caught.value)  # the class is the kit's own affair
    assert caught.value.subject == f"network {wrong.build.__name__}"


def test_every_rule_has_a_wrong_network():
    assert {wrong.rules for wrong in WRONG} == {rule.name for rule in NETWORK_RULES}


def test_all_faults_are_reported_at_once():
    class Hopeless(
        copies.KeepsALambda,
        construction.AlwaysTheSame,
        calls.WorksInPlace,
        calls.CentresTheBatch,
        training.HasAnUnusedLayer,
        dtype_and_device.LeavesAScaleBehind,
    ):
        pass

    with pytest.raises(CheckError) as caught:
        check_network(Hopeless)
    rules = {failure.partition(": ")[0] for failure in caught.value.failures}
    expected = {"device", "changes nothing", "rows apart", "gradients", "seed"}
    assert rules == expected | {"pickle"}


def test_what_cannot_be_judged_is_named():
    with pytest.raises(CheckError) as caught:
        check_network(calls.Flattens)
    last = caught.value.failures[-1]
    assert last.startswith(
        "shapes: these cannot be judged until it holds: 'repeatable', "
    )
    assert last.endswith("'pickle'.")


def test_recurrent_network_that_is_said_not_to_be_is_told_how_to_register():
    with pytest.raises(CheckError, match="registered with recurrent=True"):
        check_network(calls.ReturnsATuple, recurrent=False)
    with pytest.raises(CheckError, match="must offer `forward_sequence`"):
        check_network(right.Right, recurrent=True)
