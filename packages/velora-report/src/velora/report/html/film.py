"""The film of an episode: pictures that are small enough for one page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

# From the best on: the longer side in pixels, and WebP's quality.
_LADDER = ((480, 80), (360, 65), (240, 50), (160, 40))


@dataclass(frozen=True)
class Film:
    """Pictures of an episode, WebP each.

    Attributes:
        pictures: of every `stride`-th step, from the first one on.
        stride: steps from a picture to the next.
        size: width and height in pixels.
        quality: of WebP, from 0 to 100.
    """

    pictures: tuple[bytes, ...]
    stride: int
    size: tuple[int, int]
    quality: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all pictures."""
        return sum(map(len, self.pictures))


class Studio:
    """Takes pictures as they come, and keeps them compressed.

    Args:
        n_pictures: how many are kept, the first ones.
    """

    def __init__(self, n_pictures: int) -> None:
        self._left = n_pictures
        self._taken: list[bytes] = []

    def take(self, picture: np.ndarray) -> None:
        """Keeps a picture of (height, width, 3) bytes."""
        if self._left > 0:
            self._left -= 1
            self._taken.append(_encoded(Image.fromarray(picture), *_LADDER[0]))

    def film(self, budget: int) -> Film | None:
        """Returns what was taken, in no more than so many bytes; None of nothing.

        Pictures become smaller and coarser as far as it must be; if that is not
        enough, only some are left, and one at least.
        """
        if not self._taken:
            return None
        pictures, quality = self._taken, _LADDER[0][1]
        for side, lower in _LADDER[1:]:
            if _size(pictures) <= budget:
                break
            pictures = [_encoded(picture, side, lower) for picture in self._opened()]
            quality = lower
        stride = max(1, math.ceil(_size(pictures) / max(budget, 1)))
        while _size(pictures[::stride]) > budget and stride < len(pictures):
            stride += 1
        with Image.open(BytesIO(pictures[0])) as first:
            return Film(tuple(pictures[::stride]), stride, first.size, quality)

    def _opened(self) -> Iterator[Image.Image]:
        for picture in self._taken:
            with Image.open(BytesIO(picture)) as image:
                yield image


def _size(pictures: Iterable[bytes]) -> int:
    return sum(map(len, pictures))


def _encoded(image: Image.Image, side: int, quality: int) -> bytes:
    """Returns a picture as WebP, its longer side no longer than so many pixels."""
    image = image.convert("RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    content = BytesIO()
    image.save(content, "WEBP", quality=quality, method=2)
    return content.getvalue()
