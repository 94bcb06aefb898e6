"""The numbers of a module of ncps, of which none may be left behind."""

from __future__ import annotations

from torch import Tensor


class TheirWeights:
    """The numbers of their module, of which none may be left behind."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self._left = dict(state)

    def has(self, name: str) -> bool:
        """Whether there is one of this name, not taken yet."""
        return name in self._left

    def take(self, name: str) -> Tensor:
        """Returns one by its name, once.

        Raises:
            ValueError: there is none.
        """
        if name not in self._left:
            raise ValueError(
                f"`module` must have the parameters of ncps 1.0.1; it lacks {name}. "
                "Undo what parametrises or prunes it first."
            )
        return self._left.pop(name)

    def check_all_taken(self) -> None:
        """Refuses what is left: ValueError."""
        if self._left:
            raise ValueError(
                "`module` must have the parameters of ncps 1.0.1 alone; "
                f"{sorted(self._left)} have no counterpart here."
            )
