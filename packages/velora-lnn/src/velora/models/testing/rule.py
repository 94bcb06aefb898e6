"""Rules, each with a name to quote, and how a subject is held to all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from velora.plugins.testing import Report

S = TypeVar("S")


@dataclass(frozen=True)
class Rule(Generic[S]):
    """Something that every subject must obey.

    Attributes:
        name: what a report calls it by; it stays as it is, since people search for it.
        faults: yields what is wrong with a subject, each as what was expected, what
            came, and what to do. What it raises is a fault as well.
        gate: whether the rules after it cannot be judged where this one is broken.
    """

    name: str
    faults: Callable[[S], Iterator[str]]
    gate: bool = False


def check_rules(title: str, subject: S, rules: Sequence[Rule[S]]) -> None:
    """Holds a subject to rules, and leaves PyTorch's global state as it was.

    Args:
        title: names the subject in the report, such as "network 'liquid'".
        subject: what the rules look at.
        rules: in the order in which they are judged.

    Raises:
        CheckError: it breaks rules; the message lists all that is wrong.
    """
    report = Report(title)
    with _global_state_kept():
        for number, rule in enumerate(rules, start=1):
            before = len(report.failures)
            with report.rule(rule.name):
                for fault in rule.faults(subject):
                    report.fail(rule.name, fault)
            if rule.gate and len(report.failures) > before:
                rest = ", ".join(f"'{later.name}'" for later in rules[number:])
                report.fail(
                    rule.name, f"these cannot be judged until it holds: {rest}."
                )
                break
    report.raise_failures()


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Computes on the CPU, with gradients, whatever the surroundings are set to."""
    with ExitStack() as stack:
        # Of the CPU alone: nothing here samples from a generator of another device.
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield
