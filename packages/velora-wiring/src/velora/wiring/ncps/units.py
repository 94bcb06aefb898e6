"""Units in no layers, that listen to all or to some by chance."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Generator, Tensor

from velora.wiring.ncps.blueprint import Blueprint
from velora.wiring.unlayered import Unlayered


class FullyConnected(Blueprint[Unlayered]):
    """Every unit listens to every input and to every unit; two thirds of them excite.

    Args:
        units: units H.
        output_dim: as in `Blueprint`.
        self_connections: whether a unit listens to itself.
        seed: as in `Blueprint`; it draws the polarities.

    Raises:
        TypeError: a number is no integer.
        ValueError: a number is below 1, or there are more outputs than units.
    """

    def __init__(
        self,
        units: int,
        output_dim: int | None = None,
        *,
        self_connections: bool = True,
        seed: int | None = None,
    ) -> None:
        super().__init__(units, output_dim, seed)
        self.self_connections = self_connections

    def _sample(self, inputs: int, source: Generator | None) -> Unlayered:
        mask = _mostly_excitatory((inputs + self.units, self.units), source)
        if not self.self_connections:
            mask[inputs:].fill_diagonal_(0)
        return Unlayered(mask, self.output_dim)


class Random(Blueprint[Unlayered]):
    """Units that listen to inputs and to units by chance; two thirds excite.

    Of the F · H synapses from inputs, and of the H · H among units, a share of
    `1 - sparsity_level` is there, rounded. A unit may be left alone.

    Args:
        units: units H.
        output_dim: as in `Blueprint`.
        sparsity_level: share of synapses left out, from 0 up to but without 1.
        seed: as in `Blueprint`.

    Raises:
        TypeError: a number is no integer, or the sparsity no number.
        ValueError: a number is below 1, there are more outputs than units, or the
            sparsity is outside [0, 1).
    """

    def __init__(
        self,
        units: int,
        output_dim: int | None = None,
        sparsity_level: float = 0.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(units, output_dim, seed)
        if isinstance(sparsity_level, bool) or not isinstance(sparsity_level, Real):
            raise TypeError(
                f"`sparsity_level` must be a number; got {sparsity_level!r}."
            )
        if not 0 <= sparsity_level < 1:
            raise ValueError(
                "`sparsity_level` must be at least 0 (all synapses) and below 1; got "
                f"{sparsity_level}."
            )
        self.sparsity_level: float = float(sparsity_level)

    def _sample(self, inputs: int, source: Generator | None) -> Unlayered:
        def some(rows: int) -> Tensor:
            pairs = rows * self.units
            there = round(pairs * (1 - self.sparsity_level))
            mask = torch.zeros(pairs, dtype=torch.int32, device="cpu")
            chosen = torch.randperm(pairs, generator=source, device="cpu")[:there]
            mask[chosen] = _mostly_excitatory((there,), source)
            return mask.view(rows, self.units)

        return Unlayered(torch.cat([some(inputs), some(self.units)]), self.output_dim)


def _mostly_excitatory(shape: tuple[int, ...], source: Generator | None) -> Tensor:
    """Samples int32 signs, two excitatory for each inhibitory one by chance."""
    drawn = torch.randint(3, shape, generator=source, dtype=torch.int32, device="cpu")
    return drawn.clamp_(max=1).mul_(2).sub_(1)
