"""What makes files of agents: imported here, the rest on use, as it needs PyTorch."""

from __future__ import annotations

from importlib.util import find_spec
from os import PathLike
from typing import TYPE_CHECKING, Any

from velora.onnx.exported import Exported

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecNormalize

NEEDED = ("torch", "onnx", "stable_baselines3", "velora.models", "velora.sb3")


def export(
    model: Any,
    path: str | PathLike[str],
    *,
    vec_normalize: VecNormalize | str | PathLike[str] | None = None,
) -> Exported:
    """Writes an agent, or a network, into an ONNX file that `OnnxAgent` acts with.

        export(PPO.load("agent.zip"), "policy.onnx")

    The file takes observations as the environment gives them and gives actions as it
    takes them, the most likely ones. What the model remembers goes in and out by name.
    Before the file is written, it acts beside the model for some steps, in one and in
    three environments whose episodes end, and must do the same.

    Args:
        model: an algorithm of Stable-Baselines3 or sb3-contrib, or its policy, of
            Velora's or of theirs; or a network of `velora.models` alone, whose inputs
            are then the observation and whose outputs are the action.
        path: of the file, which replaces another one as a whole.
        vec_normalize: statistics by which observations are normalised, or the path of
            such that VecNormalize has saved: a pickle, so only of who you trust. None
            takes those of the model's environments, if they have any.

    Returns:
        The size of the file, and how far it is from the model.

    Raises:
        ImportError: `velora-onnx[export]` is not installed; the message says how.
        OSError: the file cannot be written.
        TypeError: the model is none of these.
        ValueError: something in the model cannot be recorded, the statistics do not fit
            its observations, or the file would not do what it does, up to 1e-5.

    Warns:
        UserWarning: a network of others decides by a value or a size, at a line that
            the message names, and the file always goes one way there.
    """
    check_installed()
    from velora.onnx.exporter.making import make

    return make(model, path, vec_normalize)


def check_installed() -> None:
    """Refuses to export where only what acts is installed.

    Raises:
        ImportError: what more is needed is missing; the message says how to get it.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ImportError(
            "To export needs more than to act, and this is not installed: "
            f"{', '.join(missing)}. Run: pip install 'velora-onnx[export]'.",
            name=missing[0],
        )
