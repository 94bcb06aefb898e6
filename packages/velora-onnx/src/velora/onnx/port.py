"""What goes into a file and comes out of it: names, shapes, and what fits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

Bound = float | list[Any] | None


@dataclass(frozen=True)
class Port:
    """An input or output, each with the environments first.

    Attributes:
        name: in the file.
        shape: of one environment's.
        dtype: NumPy's name of the numbers.
        kind: of space: "Box", "Discrete", "MultiDiscrete" or "MultiBinary".
        counts: of a Discrete or MultiDiscrete, how many values each number has.
        key: of a Dict's entry; None where there is no Dict.
        low: the least number, one for all or nested lists of them; None, also within
            those, where there is no bound.
        high: the greatest, alike.
        is_image: whether one with its channels last is turned into one of `shape`,
            which has them first.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kind: str = "Box"
    counts: tuple[int, ...] = ()
    key: str | None = None
    low: Bound = None
    high: Bound = None
    is_image: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        object.__setattr__(self, "counts", tuple(int(count) for count in self.counts))
        np.dtype(self.dtype)  # refuses what is none

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain data, without what is as always."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Port:
        """Returns the port of plain data; what is not known here is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})

    def zeros(self, n_envs: int) -> np.ndarray:
        """Returns zeros for some environments."""
        return np.zeros((n_envs, *self.shape), self.dtype)

    def batch(self, value: Any) -> tuple[np.ndarray, bool]:
        """Returns what was observed as this port takes it.

        Args:
            value: of one environment or, with another axis first, of several.

        Returns:
            The (n_envs, *shape) array, and whether it was of several.

        Raises:
            TypeError: its numbers are of another kind, such as floats for integers.
            ValueError: it has another shape, or a number is out of range or NaN.
        """
        array = np.asarray(value)
        if self.is_image:
            array = self._channels_first(array)
        is_batch = array.ndim > len(self.shape)
        if array.shape[is_batch:] != self.shape:
            expected = str(self.shape)
            if self.is_image:
                expected += f" or {(*self.shape[1:], self.shape[0])}"
            raise ValueError(
                f"{self._what} must have the shape {expected}, or that with the number "
                f"of environments before it; got {np.shape(value)}."
            )
        if array.dtype != self.dtype:
            if not np.can_cast(array.dtype, self.dtype, "same_kind"):
                raise TypeError(
                    f"{self._what} must be of {self.dtype}, or what becomes that; got "
                    f"{array.dtype}. Convert it first, by `astype`."
                )
            array = array.astype(self.dtype)
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise ValueError(f"{self._what} must be numbers; got NaN.")
        if self.counts and not ((array >= 0) & (array < np.array(self.counts))).all():
            raise ValueError(
                f"{self._what} must be whole numbers from 0 to below "
                f"{list(self.counts)}; got {array.tolist()}."
            )
        return np.ascontiguousarray(array if is_batch else array[None]), is_batch

    @property
    def _what(self) -> str:
        return "`observation`" + ("" if self.key is None else f"[{self.key!r}]")

    def _channels_first(self, array: np.ndarray) -> np.ndarray:
        """Turns images that have their channels last, if these fit and it does not."""
        if array.ndim < 3 or array.shape[-3:] == self.shape:
            return array
        turned = np.moveaxis(array, -1, -3)
        return turned if turned.shape[-3:] == self.shape else array
