"""Prints what CHANGELOG.md says of a version, for the notes of its release."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes(text: str, version: str) -> str:
    """Returns the section of a version, without its heading.

    Raises:
        ValueError: There is none, it has no date, or nothing is in it.
    """
    heading = rf"^## {re.escape(version)} \((.+)\)\n"
    found = re.search(heading, text, re.M)
    if found is None:
        raise ValueError(f"the changelog must have a heading `## {version} (DATE)`")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found[1]):
        raise ValueError(
            f"`## {version} ({found[1]})` must have the date of the release, such as "
            "2026-01-31"
        )
    section = re.split(r"^## ", text[found.end() :], maxsplit=1, flags=re.M)[0].strip()
    if not section:
        raise ValueError(f"`## {version}` must say what changed; nothing is in it")
    return section


if __name__ == "__main__":
    try:
        print(notes(CHANGELOG.read_text("utf-8"), *sys.argv[1:]))
    except ValueError as error:
        sys.exit(f"Error: {error}")
