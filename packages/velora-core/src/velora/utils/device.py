"""Which device to compute on."""

from __future__ import annotations

import torch

from velora.plugins import resolve_device


def set_device(device: str | torch.device = "auto") -> torch.device:
    """Resolves a device; plugins are asked first.

    Args:
        device: a device, or "auto" for the best accelerator that PyTorch can use
            now, else the CPU.

    Returns:
        The device. PyTorch's default device stays what it is.

    Raises:
        TypeError: `device` is neither a string nor a `torch.device`.
        ValueError: the device is unknown or unavailable; the message lists those
            that are available.
    """
    if not isinstance(device, str | torch.device):
        raise TypeError(f"`device` must be a string or a torch.device; got {device!r}.")
    answer: torch.device | None = resolve_device(str(device), torch.device)
    if answer is not None:
        return answer
    available = _available()
    if str(device) == "auto":
        return torch.device(available[0])
    try:
        wanted = torch.device(device)
    except RuntimeError:
        wanted = None
    names = {str(wanted), f"{wanted.type}:{wanted.index or 0}"} if wanted else set()
    if wanted is None or not names & {*available, "meta", "cpu:0"}:
        raise ValueError(
            f"`device` must be 'auto' or an available device; got {str(device)!r}. "
            f"Available: {', '.join(available)}, meta."
        )
    return wanted


def describe_auto() -> str:
    """Says which device "auto" is now, and what a CUDA device calls itself."""
    device = set_device("auto")
    if device.type != "cuda":
        return str(device)
    return f"{device} ({torch.cuda.get_device_name(device)})"


def _available() -> list[str]:
    """Returns the devices that PyTorch can use now, the best first."""
    kind, count = None, 0
    if not hasattr(torch, "accelerator"):  # before PyTorch 2.6
        if torch.cuda.is_available():
            kind, count = "cuda", torch.cuda.device_count()
        elif torch.backends.mps.is_available():
            kind, count = "mps", 1
    elif torch.accelerator.is_available():
        accelerator = torch.accelerator.current_accelerator()
        kind = accelerator.type if accelerator else None
        count = torch.accelerator.device_count()
    return [*(f"{kind}:{index}" for index in range(count)), "cpu"]
