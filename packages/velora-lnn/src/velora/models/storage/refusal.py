"""Refusals: what must hold of a network that is saved, and of a file that is loaded."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_SHOWN = 10  # names
_LONGEST = 1_000  # letters


def require(met: bool, invariant: str, got: object, fix: str = "") -> None:
    """Refuses what does not meet an invariant: ValueError."""
    if not met:
        raise ValueError(f"{invariant}; got {got!r:.300}. {fix}".rstrip())


def require_shapes(
    got: Mapping[str, Tensor], expected: Mapping[str, Tensor], whose: str, fix: str = ""
) -> None:
    """Refuses tensors of other names or shapes than a network's: ValueError.

    Args:
        got: the tensors by name.
        expected: those of the network, which need no data.
        whose: names the network, such as "a NCPNetwork of these options".
        fix: what to do about it.
    """
    ours, theirs = (
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (expected, got)
    )
    wrong = sorted({name for name, _ in ours.items() ^ theirs.items()})[:_SHOWN]
    shapes = {name: ours.get(name) for name in wrong}
    require(
        not wrong,
        f"{whose} must have tensors of shapes {shapes!r:.300} (None: no such tensor)",
        {name: theirs.get(name) for name in wrong},
        fix,
    )


def first_line(error: BaseException) -> str:
    """Returns what an error says, without a C++ stack and without a full stop.

    It may quote a file, so what is no letter for a terminal is escaped.
    """
    line = str(error).partition("\n")[0].rstrip(".")[:_LONGEST]
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
