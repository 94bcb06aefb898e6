"""README is short, and what it claims stands beside the command that measured it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from environments import ROOT
from test_pages import anchor_of

README = (ROOT / "README.md").read_text("utf-8")
BENCHMARKS = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
MEASURED = re.compile(r"\[([^][]*)\]\(docs/benchmarks\.md#([\w-]+)\)")
LINK_TARGET = re.compile(r"\]\([^()]*\)")
COMMAND = re.compile(r"`[^`]*python benchmarks/(\w+\.py)[^`]*`")


def section(page: str, anchor: str) -> str:
    """Returns what stands below a heading; empty where there is none."""
    parts = re.split(r"^#+ (.+)$", page, flags=re.M)
    anchors = list(map(anchor_of, parts[1::2]))
    return parts[2 + 2 * anchors.index(anchor)] if anchor in anchors else ""


def rows(page: str) -> Iterator[str]:
    """Yields the rows of the table of what one gets, without its head."""
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert "MlpPolicy | LSTM | ncps" in table[0]
    yield from table[2:]


def faults(page: str, benchmarks: str) -> Iterator[str]:
    """Says which numbers of a README are not where they were measured."""
    for row in rows(page):
        for number in NUMBER.findall(LINK_TARGET.sub("]", MEASURED.sub("", row))):
            yield f"{number} has no link to where it was measured"
    for text, anchor in MEASURED.findall(page):
        where = section(benchmarks, anchor)
        commands = COMMAND.findall(where)
        if not commands:
            yield f"#{anchor} has no command"
        for name in commands:
            if not (ROOT / "benchmarks" / name).is_file():
                yield f"#{anchor} names {name}, which is not there"
        for number in set(NUMBER.findall(text)) - set(NUMBER.findall(where)):
            yield f"{number} is not in #{anchor}"


def test_numbers_of_the_readme_are_where_they_were_measured() -> None:
    assert not list(faults(README, BENCHMARKS))


def test_table_has_numbers_to_look_for() -> None:
    found = MEASURED.findall("\n".join(rows(README)))
    assert len([text for text, _ in found if NUMBER.search(text)]) >= 12


TABLE = "| | MlpPolicy | LSTM | ncps |\n|---|---|---|---|\n| score | {} | | |\n"
PAGE = (
    "# All\n\n## Here\n\n`python benchmarks/step.py --fast`: 1,018\n\n## There\n\n3\n"
)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("[1,018](docs/benchmarks.md#here)", []),
        ("[all](docs/benchmarks.md#here)", []),
        ("1,018", ["1,018 has no link to where it was measured"]),
        ("[1,018](docs/memory.md)", ["1,018 has no link to where it was measured"]),
        ("[018](docs/benchmarks.md#here)", ["018 is not in #here"]),
        ("[1,019](docs/benchmarks.md#here)", ["1,019 is not in #here"]),
        ("[3](docs/benchmarks.md#here)", ["3 is not in #here"]),
        ("[3](docs/benchmarks.md#there)", ["#there has no command"]),
        (
            "[3](docs/benchmarks.md#gone)",
            ["#gone has no command", "3 is not in #gone"],
        ),
    ],
)
def test_number_that_was_not_measured_is_found(cell: str, said: list[str]) -> None:
    assert list(faults(TABLE.format(cell), PAGE)) == said


def test_readme_can_be_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 130
