"""Check of a wiring: all rules, in the order in which they are judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from velora.models.lnn.wiring_argument import is_ready
from velora.models.testing.rule import Rule, check_rules
from velora.models.testing.wiring import sampling, synapses
from velora.models.testing.wiring.wiring_under_test import WiringUnderTest
from velora.plugins import Entry, wirings

READY_RULES: tuple[Rule[WiringUnderTest], ...] = (
    Rule("masks and counts", synapses.offered, gate=True),
    Rule("masks fit counts", synapses.fitting, gate=True),
    Rule("nobody alone", synapses.connected),
    Rule("drives networks", synapses.drives_networks),
)
MAKER_RULES: tuple[Rule[WiringUnderTest], ...] = (
    Rule("sizes", sampling.sized),
    Rule("extremes", sampling.extreme),
    Rule("seed", sampling.seeded),
    Rule("private seed", sampling.private),
    Rule("global seed", sampling.reproducible),
)


def check_wiring(
    wiring: Any,
    *,
    in_features: int = 3,
    n_neurons: int = 16,
    out_features: int = 2,
) -> None:
    """Checks that a wiring keeps all rules that Velora's networks rely on.

        def test_wiring_is_right():
            check_wiring("acme-ring")

    PyTorch's generators and settings stay as they were. Some rules can only be judged
    once others hold, which the report then says.

    Args:
        wiring: its name in `velora.plugins.wirings()`; a function that makes it,
            called as `make(in_features, n_neurons, out_features, *, sparsity_level,
            seed)`, the last two of which have defaults; or a ready one, with `masks`
            and `counts`, which has its own sizes.
        in_features: sensory neurons to make it with.
        n_neurons: decision neurons (inter and command) to make it with.
        out_features: motor neurons to make it with.

    Raises:
        CheckError: rules are broken; the message lists all that is wrong.
        KeyError: no wiring has this name; the message lists the known ones.
        TypeError: `wiring` is none of these.
    """
    sizes = (in_features, n_neurons, out_features)
    if isinstance(wiring, str):
        _check(f"wiring {wiring}", WiringUnderTest(sizes, make=wirings()[wiring].build))
    elif is_ready(wiring):
        title = f"wiring {type(wiring).__name__}"
        _check(title, WiringUnderTest(sizes, ready=wiring))
    elif callable(wiring):
        title = f"wiring {getattr(wiring, '__qualname__', wiring)}"
        _check(title, WiringUnderTest(sizes, make=wiring))
    else:
        raise TypeError(
            "`wiring` must be a registered name, a function that makes a wiring, or an "
            f"object with `masks` and `counts`; got {wiring!r}."
        )


def check_wiring_entry(entry: Entry) -> None:
    """Checks a registered wiring, as `check_wiring` does.

    Raises:
        CheckError: rules are broken; the message lists all that is wrong.
    """
    make: Callable[..., Any] = entry.build
    _check(f"wiring {entry.name}", WiringUnderTest((3, 16, 2), make=make))


def _check(title: str, subject: WiringUnderTest) -> None:
    rules = READY_RULES + (() if subject.make is None else MAKER_RULES)
    check_rules(title, subject, rules)
