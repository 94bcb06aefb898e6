"""What is deliberately wrong, and what the kit says about it."""

from typing import NamedTuple


class Wrong(NamedTuple):
    """A network or a wiring that breaks rules of the kit.

    Attributes:
        build: makes it.
        rules: the rules that it breaks, separated by commas, the one that it is about
            first.
        words: what the report says.
    """

    build: object
    rules: str
    words: str

    @property
    def about(self) -> str:
        return self.rules.partition(",")[0]

    @property
    def broken(self) -> set[str]:
        return set(self.rules.split(","))
