"""Films fit into what they may take."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from velora.report.html.film import Studio


def noise(index: int) -> np.ndarray:
    random = np.random.default_rng(index)
    return random.integers(256, size=(90, 150, 3), dtype=np.uint8)


def taken(n_pictures: int, limit: int = 1000) -> Studio:
    studio = Studio(limit)
    for index in range(n_pictures):
        studio.take(noise(index))
    return studio


def opened(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture))


def test_film_with_room_keeps_every_picture_as_it_is() -> None:
    film = taken(4).film(10**7)
    assert film is not None
    assert (film.stride, film.size, len(film.pictures)) == (1, (150, 90), 4)
    assert all(opened(picture).size == film.size for picture in film.pictures)
    assert film.n_bytes == sum(map(len, film.pictures))


def test_large_pictures_are_scaled() -> None:
    studio = Studio(1)
    studio.take(np.zeros((600, 1200, 3), np.uint8))
    film = studio.film(10**7)
    assert film is not None
    assert film.size == (480, 240)


@pytest.mark.parametrize("share", [1.0, 0.7, 0.3, 0.1, 0.05])
def test_film_stays_within_its_budget(share: float) -> None:
    studio = taken(30)
    whole = studio.film(10**9)
    assert whole is not None
    budget = int(whole.n_bytes * share)
    film = studio.film(budget)
    assert film is not None
    assert film.n_bytes <= budget
    assert (film.quality < whole.quality) is (share < 1)
    assert len(film.pictures) == -(-30 // film.stride)


def test_one_picture_is_left_whatever_the_budget() -> None:
    film = taken(30).film(1)
    assert film is not None
    assert len(film.pictures) == 1


def test_only_the_first_pictures_are_taken() -> None:
    film = taken(9, limit=5).film(10**7)
    assert film is not None
    assert len(film.pictures) == 5
    expected = taken(5).film(10**7)
    assert expected is not None
    assert film.pictures == expected.pictures


def test_nothing_taken_is_no_film() -> None:
    assert Studio(5).film(10**7) is None


@pytest.mark.parametrize("channels", [4, None])
def test_other_pictures_become_rgb(channels: int | None) -> None:
    shape = (20, 30) if channels is None else (20, 30, channels)
    studio = Studio(1)
    studio.take(np.full(shape, 255, np.uint8))
    film = studio.film(10**7)
    assert film is not None
    assert opened(film.pictures[0]).mode == "RGB"
