"""Every rule about a state catches a recurrent network that breaks it alone."""

import pytest
from toys.recurrent import memory, network_rules, resets, right, states, timespans

from velora.models.testing import check_network
from velora.models.testing.network import NETWORK_RULES, STATE_RULES
from velora.plugins.testing import CheckError

WRONG = [
    *network_rules.WRONG,
    *memory.WRONG,
    *states.WRONG,
    *resets.WRONG,
    *timespans.WRONG,
]


@pytest.mark.parametrize(
    "build",
    [
        right.Right,
        right.RightWithParts,
        right.ShowsStates,
        right.ShowsStatesWithParts,
    ],
)
def test_right_network_passes(build):
    check_network(build)
    check_network(build, recurrent=True, in_features=1, out_features=1)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.build.__name__)
def test_wrong_network_is_caught_by_its_rule_alone(wrong):
    with pytest.raises(CheckError) as caught:
        check_network(wrong.build, recurrent=True)
    failures = caught.value.failures
    assert {failure.partition(": ")[0] for failure in failures} == wrong.broken
    assert wrong.words in str(caught.value)


def test_every_rule_about_a_state_has_a_wrong_network():
    about = {wrong.about for wrong in WRONG}
    assert about >= {rule.name for rule in STATE_RULES}
    assert about <= {rule.name for rule in (*NETWORK_RULES, *STATE_RULES)}


def test_all_faults_are_reported_at_once():
    class Hopeless(
        network_rules.StartsInSinglePrecision,
        network_rules.AveragesInputs,
        memory.StartsElsewhere,
        resets.IgnoresResets,
        timespans.TakesTwoForNone,
    ):
        pass

    with pytest.raises(CheckError) as caught:
        check_network(Hopeless)
    rules = [failure.partition(": ")[0] for failure in caught.value.failures]
    assert rules == [
        "dtype",
        "rows apart",
        "pickle",  # as it is a class of a function
        "initial state",
        "resets",
        "timespans",
    ]
