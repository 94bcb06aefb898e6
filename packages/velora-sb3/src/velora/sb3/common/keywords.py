"""Keyword arguments that nobody takes: which are known, and which was meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, get_type_hints

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_ALIKE = 0.7  # of two names, one of which may be meant by the other; 1 is the same
_REFUSALS = "unexpected keyword argument", "multiple values for argument"


@contextmanager
def unknown_explained(
    what: str,
    given: Iterable[str],
    known: Callable[[], set[str] | None],
    unlisted: Iterable[str] = (),
) -> Iterator[None]:
    """Lets Python's refusal of a keyword argument say more.

    What is called is asked first: it may take more than its signature says.

    Args:
        what: takes them, as a message begins.
        given: the keyword arguments.
        known: tells those that it takes; None where nobody knows.
        unlisted: those that it takes, but not from whoever reads the message.

    Raises:
        TypeError: an argument is not known; the message lists those that are.
    """
    try:
        yield
    except TypeError as error:
        if not any(refusal in str(error) for refusal in _REFUSALS):
            raise
        names = known()
        unknown = [] if names is None else [name for name in given if name not in names]
        if names is None or not unknown:
            raise
        raise TypeError(_words(what, unknown, names.difference(unlisted))) from error


def refuse_unknown(what: str, unknown: Mapping[str, Any], known: set[str]) -> None:
    """Refuses keyword arguments that are not known.

    Raises:
        TypeError: there is one; the message lists those that are.
    """
    if unknown:
        raise TypeError(_words(what, list(unknown), known))


def refuse_misplaced(given: Mapping[str, Any], *, remembers: bool) -> None:
    """Refuses arguments of a policy that have their place elsewhere.

    Args:
        given: the arguments.
        remembers: whether the policy carries a state from step to step.

    Raises:
        TypeError: there is one; the message says where its place is.
    """
    if "timespan_key" in given and not remembers:
        raise TypeError(
            "`timespan_key` must be left out where no state is carried from step to "
            "step; the policies of RecurrentPPO, MemoryPPO, MemorySAC and MemoryDQN "
            "have it."
        )
    options = given.get("optimizer_kwargs")
    if isinstance(options, Mapping) and "lr" in options:
        raise TypeError(
            "`optimizer_kwargs` must leave out `lr`, which the algorithm sets by its "
            "`learning_rate`."
        )


def keywords_of(build: Callable[..., Any]) -> set[str] | None:
    """Returns the names of the keyword arguments that a function or class takes.

    A class that passes some on takes those of the next among its bases, and a function
    those of the class that it returns.

    Returns:
        The names, or None where some are passed on to who knows what.
    """
    if not isinstance(build, type):
        names, passes_on = _named(build)
        if not passes_on:
            return names
        returned = get_type_hints(build).get("return")
        more = keywords_of(returned) if isinstance(returned, type) else None
        return None if more is None else names | more
    names = set()
    for kind in build.__mro__[:-1]:
        if "__init__" in vars(kind):
            own, passes_on = _named(kind.__init__)  # type: ignore[misc]  # only asked
            names |= own - {"self"}
            if not passes_on:
                return names
    return None


def _named(function: Callable[..., Any]) -> tuple[set[str], bool]:
    """Returns names of arguments, and whether any others are taken."""
    parameters = inspect.signature(function).parameters.values()
    names = {each.name for each in parameters if each.kind in _NAMED}
    return names, any(each.kind == each.VAR_KEYWORD for each in parameters)


def _words(what: str, unknown: list[str], known: set[str]) -> str:
    close = [get_close_matches(name, known, n=1, cutoff=_ALIKE) for name in unknown]
    meant = ", ".join(repr(name) for names in close for name in names)
    return (
        f"{what} takes no {', '.join(map(repr, unknown))}. It takes "
        f"{sorted(known) or 'none'}{f'; did you mean {meant}?' if meant else '.'}"
    )
