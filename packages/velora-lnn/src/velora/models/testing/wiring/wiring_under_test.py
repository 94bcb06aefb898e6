"""The wiring under test: how it is made, or the one that is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from velora.models.testing.calling import calling


@dataclass(frozen=True)
class WiringUnderTest:
    """A wiring to be judged.

    Attributes:
        sizes: (in_features, n_neurons, out_features) to make it with.
        make: makes it; None where it is there.
        ready: the wiring; None where it is made.
    """

    sizes: tuple[int, int, int]
    make: Callable[..., Any] | None = None
    ready: Any = None

    def sample(
        self,
        *,
        seed: int | None = 0,
        sparsity_level: float = 0.5,
        sizes: tuple[int, int, int] | None = None,
    ) -> Any:
        """Samples the wiring, or returns the one that is there."""
        if self.make is None:
            return self.ready
        sizes = sizes or self.sizes
        options = {"sparsity_level": sparsity_level, "seed": seed}
        words = ", ".join(f"{name}={value}" for name, value in options.items())
        with calling(f"making it with ({', '.join(map(str, sizes))}, {words})"):
            return self.make(*sizes, **options)
