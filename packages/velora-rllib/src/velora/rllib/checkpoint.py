"""The network that acts, out of what RLlib has saved."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModule
from torch import nn

from velora.models.storage import save_network as save
from velora.rllib.body import Body
from velora.rllib.module import NetworkModule

Checkpoint = str | os.PathLike[str] | NetworkModule

# Where a checkpoint of an algorithm, and of its parts, has its modules.
_PLACES = ("learner_group/learner/rl_module", "learner/rl_module", "rl_module", ".")


def to_network(
    checkpoint: Checkpoint, *, module_id: str = DEFAULT_MODULE_ID
) -> nn.Module:
    """Returns a copy of the network of the actor, as it was trained, on the CPU.

        network = to_network(algo.save_to_path())

    Its outputs are logits, or means of actions: RLlib scales those from (-1, 1) to the
    bounds of the space, unless `normalize_actions` is False. With critic="shared" the
    value is the last output. A checkpoint can run code when it is loaded: only what you
    trust.

    Args:
        checkpoint: the folder that an algorithm, its learners or a module has saved; or
            the module itself.
        module_id: of several modules in it, the one.

    Raises:
        FileNotFoundError: there is no such module in the folder.
        TypeError: the module is no `NetworkModule`.
    """
    network: nn.Module = _actor(checkpoint, module_id).network
    return deepcopy(network).cpu()  # a module that trains stays where it is


def save_network(
    checkpoint: Checkpoint,
    path: str | os.PathLike[str],
    *,
    module_id: str = DEFAULT_MODULE_ID,
) -> None:
    """Writes the actor's network into one safetensors file, without pickle.

    `velora.models.load_network` reads it where there is no Ray. Arguments and errors
    are those of `to_network`, and of `velora.models.save_network`.
    """
    actor = _actor(checkpoint, module_id)
    save(
        actor.network,
        path,
        name=actor.name,
        options=actor.options,
        in_features=actor.in_features,
        out_features=actor.out_features,
    )


def _actor(checkpoint: Checkpoint, module_id: str) -> Body:
    module = checkpoint
    if not isinstance(checkpoint, RLModule):
        module = RLModule.from_checkpoint(_folder(checkpoint, module_id))
    if not isinstance(module, NetworkModule):
        raise TypeError(
            f"the module {module_id!r} must be a NetworkModule; got "
            f"{type(module).__name__}. Train with RLModuleSpec(module_class="
            "NetworkModule)."
        )
    return module.actor


def _folder(checkpoint: Any, module_id: str) -> str:
    """Returns the folder of a module, of a checkpoint of whatever has it."""
    root = Path(checkpoint).absolute()
    candidates = [root / place / module_id for place in _PLACES]
    for folder in (*candidates, root):
        if (folder / RLModule.CLASS_AND_CTOR_ARGS_FILE_NAME).is_file() and any(
            folder.glob(f"{NetworkModule.STATE_FILE_NAME}.*")
        ):
            return str(folder)
    raise FileNotFoundError(
        f"`checkpoint` must be a folder with the module {module_id!r}, as "
        f"`algo.save_to_path()` makes it; got {str(checkpoint)!r}."
    )
