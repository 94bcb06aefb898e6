"""Check of a network: all rules, in the order in which they are judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from velora.models.testing.network import (
    calls,
    construction,
    dtype_and_device,
    memory,
    training,
)
from velora.models.testing.network.network_under_test import NetworkUnderTest
from velora.models.testing.network.resets import resets
from velora.models.testing.network.timespans import timespans
from velora.models.testing.rule import Rule, check_rules
from velora.plugins import Entry, NetworkEntry, networks

# The first ones are gates, and "dtype" decides in what precision the rest computes.
NETWORK_RULES: tuple[Rule[NetworkUnderTest], ...] = (
    Rule("builds", construction.builds, gate=True),
    Rule("shapes", calls.shapes, gate=True),
    Rule("repeatable", calls.repeatable, gate=True),
    Rule("dtype", dtype_and_device.dtype),
    Rule("device", dtype_and_device.device),
    Rule("changes nothing", calls.changes_nothing),
    Rule("rows apart", calls.rows_apart),
    Rule("gradients", training.trainable),
    Rule("seed", construction.seeded),
    Rule("state_dict", construction.stored),
    Rule("deepcopy", construction.deep_copied),
    Rule("pickle", construction.pickled),
)
STATE_RULES: tuple[Rule[NetworkUnderTest], ...] = (
    Rule("initial state", memory.starts),
    Rule("sequence equals steps", memory.steps_equal),
    Rule("memory", memory.remembers),
    Rule("states", memory.shown),
    Rule("resets", resets),
    Rule("timespans", timespans),
)


def check_network(
    network: str | Callable[..., Any],
    *,
    recurrent: bool | None = None,
    in_features: int = 4,
    out_features: int = 3,
    **options: Any,
) -> None:
    """Checks that a network keeps all rules that Velora relies on.

        def test_network_is_right():
            check_network("acme-gru")

    What a network offers is said by `velora.models.protocol`: `Network`, and with a
    state `RecurrentNetwork`. It is built some twenty times and computes on the CPU;
    other devices are stood in for by PyTorch's "meta". PyTorch's generators and
    settings stay as they were. Some rules can only be judged once others hold, which
    the report then says.

    Args:
        network: its name in `velora.plugins.networks()`, or its builder, called as in
            `velora.plugins.NetworkEntry`.
        recurrent: whether it carries a state; None takes this from the registry, and
            of a builder whether what it builds offers `forward_sequence`.
        in_features: size F of an input.
        out_features: size O of an output.
        **options: what the builder gets as well, at these sizes and at others.

    Raises:
        CheckError: rules are broken; the message lists all that is wrong.
        KeyError: no network has this name; the message lists the known ones.
        TypeError: `network` is neither a name nor a builder.
    """
    if isinstance(network, str):
        entry = networks()[network]
        title, build = f"network {network}", entry.build
        recurrent = entry.recurrent if recurrent is None else recurrent
    elif callable(network) and not isinstance(network, torch.nn.Module):
        title, build = f"network {getattr(network, '__qualname__', network)}", network
    else:
        raise TypeError(
            "`network` must be a registered name or a builder, called as (in_features, "
            f"out_features, *, device=None, **options); got {network!r}."
        )
    sizes = (in_features, out_features)
    subject = NetworkUnderTest(build, bool(recurrent), *sizes, options)
    if recurrent is None:
        subject.recurrent = _offers_sequences(subject)
    _check(title, subject)


def check_network_entry(entry: Entry) -> None:
    """Checks a registered network, as `check_network` does, without options.

    Raises:
        CheckError: rules are broken; the message lists all that is wrong.
    """
    recurrent = isinstance(entry, NetworkEntry) and entry.recurrent
    _check(f"network {entry.name}", NetworkUnderTest(entry.build, recurrent, 4, 3))


def _check(title: str, subject: NetworkUnderTest) -> None:
    rules = NETWORK_RULES + (STATE_RULES if subject.recurrent else ())
    check_rules(title, subject, rules)


def _offers_sequences(subject: NetworkUnderTest) -> bool:
    """Whether what a builder builds is recurrent; one that fails is reported later."""
    with torch.random.fork_rng(devices=[]):
        try:
            return hasattr(subject.make(), "forward_sequence")
        except Exception:  # which "builds" or another rule reports in its words
            return False
