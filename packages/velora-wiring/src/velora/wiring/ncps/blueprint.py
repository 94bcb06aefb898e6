"""A wiring that waits for the number of its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Generator

from velora.utils import check_memory
from velora.wiring.arguments import count, generator, integer
from velora.wiring.connectome import Connectome
from velora.wiring.unlayered import Unlayered, outputs_of

W = TypeVar("W", Connectome, Unlayered)


class Blueprint(ABC, Generic[W]):
    """A wiring that waits for the number of its inputs.

    Args:
        units: all neurons but the inputs, the size of a state.
        output_dim: units that are the output, the first ones; None for all.
        seed: an int makes whatever is built of one size equal; None draws from
            PyTorch's global generator.

    Raises:
        TypeError: a number is no integer.
        ValueError: a number is below 1, or there are more outputs than units.
    """

    def __init__(self, units: int, output_dim: int | None, seed: int | None) -> None:
        self.units = count("units", units)
        self.output_dim = outputs_of("output_dim", output_dim, self.units)
        self.seed = None if seed is None else integer("seed", seed)

    def build(self, input_dim: int) -> W:
        """Samples the synapses for a number of inputs; the blueprint stays as it is.

        Raises:
            TypeError: `input_dim` is no integer.
            ValueError: it is below 1, or the masks cannot fit in memory.
        """
        inputs = count("input_dim", input_dim)
        pairs = (inputs + self.units) * self.units
        check_memory(4 * pairs, f"The masks of {inputs} inputs and {self.units} units")
        return self._sample(inputs, generator(self.seed))

    @abstractmethod
    def _sample(self, inputs: int, source: Generator | None) -> W: ...

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({said})"
