"""Memory: whether what is asked for can fit, before it is tried."""

from __future__ import annotations

import os


def check_memory(needed: int, what: str) -> None:
    """Refuses what needs more bytes than this machine has.

    Args:
        needed: bytes.
        what: that needs them, with its sizes, such as "a wiring of 10 neurons".

    Raises:
        ValueError: they are more than the physical memory, where that is known.
    """
    there = physical_memory()
    if there is not None and needed > there:
        raise ValueError(
            f"{what} must fit in memory; got {_told(needed)} bytes, where this machine "
            f"has {_told(there)}. Ask for fewer."
        )


def physical_memory() -> int | None:
    """Returns the bytes of memory that this machine has, None where unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # as on Windows
        return None


def _told(number: int) -> str:
    """Tells a number of any size, of which Python prints 4,300 digits at most."""
    if number < 10**21:
        return f"{number:,}"
    return f"about 2**{number.bit_length() - 1}"
