"""Registry entries: what can be asked for by name, and who brought it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One thing that can be asked for by name.

    Attributes:
        name: The name it is asked for by.
        build: The function that builds it; for policies and extractors the class, for
            commands the click command.
        summary: One line about it.
        distribution: The distribution that brought it, None where the running program
            added it itself.
        override: Whether it replaces the entries that other plugins give its name,
            loaded before it or after it.
    """

    name: str
    build: Callable[..., Any]
    summary: str
    distribution: str | None
    override: bool = False


@dataclass(frozen=True)
class NetworkEntry(Entry):
    """A network that can be asked for by name.

    Its ``build`` is called as ``build(in_features, out_features, *, device=None,
    **options)`` and returns a ``torch.nn.Module``. Where an algorithm
    normalises (CrossQ), a ``build`` that names an option ``norm`` gets it: a callable
    that makes a normalisation of a size, to stand before each layer.

    Attributes:
        recurrent: Whether the network carries a state. If so it offers
            ``initial_state(batch_size)``, a tensor or a tuple of tensors, each with the
            batch in dimension 0, and ``forward_sequence(x, state=None)``, which starts
            from the initial state where none is given and returns (T, B, O) outputs of
            (T, B, F) inputs, and the state after. RecurrentPPO asks that it takes
            ``resets``, (T, B), true where the state is the initial one before that
            step, and for irregular time ``timespans``: a number, (T,), (T, B) or
            (T, B, 1), 1 where none are given, a ValueError for any other shape.
    """

    recurrent: bool = False
