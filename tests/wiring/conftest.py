"""Effects to draw, as training leaves them."""

import pytest
import torch

from velora.wiring import LayerEffects, Wiring


def _effects(sensory, n_neurons, motor, *, recurrent=False, seed=0):
    """A few large effects among many small ones."""
    masks = Wiring(sensory, n_neurons, motor, seed=seed).masks
    generator = torch.Generator().manual_seed(seed)

    def weights(mask):
        return mask * torch.randn(mask.shape, generator=generator).abs() ** 2

    among = torch.randn(masks.recurrent.shape, generator=generator)
    return LayerEffects(
        inter=weights(masks.inter),
        command=weights(masks.command),
        motor=weights(masks.motor),
        recurrent=among if recurrent else None,
    )


@pytest.fixture
def effects_of():
    return _effects


@pytest.fixture
def effects():
    return _effects(4, 20, 2)


@pytest.fixture
def many():
    return _effects(4, 640, 2, recurrent=True)
