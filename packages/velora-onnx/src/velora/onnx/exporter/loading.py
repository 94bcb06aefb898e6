"""An agent, or a network alone, from its file."""

from __future__ import annotations

import zipfile
from typing import Any

from velora.models import load_network
from velora.sb3.loading import load_agent


def load(path: str, algorithm: str | None = None) -> Any:
    """Loads what `model.save` of Stable-Baselines3 or `save_network` has written.

    Args:
        path: of the file. An agent's can run code: load only what you trust.
        algorithm: of an agent, the name of its class; None finds it.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is neither, or no algorithm fits or has this name.
    """
    if zipfile.is_zipfile(path):
        return load_agent(path, algorithm)
    try:
        return load_network(path)
    except ValueError as error:
        raise ValueError(
            f"{path!r} must be what `model.save` of Stable-Baselines3, or "
            f"`save_network` of velora.models, has written: {error}"
        ) from error
