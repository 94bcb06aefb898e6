"""A registered network as a plain function of flat inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from velora.models.lnn.shapes import has_shape
from velora.models.protocol import takes
from velora.plugins import NetworkEntry
from velora.sb3.common.keywords import keywords_of, unknown_explained

_SIZES = ("in_features", "out_features")  # which the policy knows


def build_network(
    entry: NetworkEntry,
    in_features: int,
    out_features: int,
    options: Mapping[str, Any],
    methods: Iterable[str],
) -> nn.Module:
    """Builds a registered network, and sees that it offers what is called.

    Raises:
        TypeError: the builder does not take one of the options, and the message lists
            those it takes; or what it builds is no module or lacks one of the methods.
    """

    def known() -> set[str] | None:
        names = keywords_of(entry.build)
        sizes = list(signature(entry.build).parameters)[:2]
        return None if names is None else names.difference(sizes, _SIZES)

    with unknown_explained(f"The network {entry.name!r}", options, known):
        # Spaces count with NumPy's integers, which some of PyTorch's layers refuse.
        network = entry.build(int(in_features), int(out_features), **options)
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"The network {entry.name!r} must be a torch.nn.Module; its builder "
            f"returned {type(network).__name__}."
        )
    for method in methods:
        if not callable(getattr(network, method, None)):
            raise TypeError(
                f"The recurrent network {entry.name!r} must offer `{method}`; "
                f"{type(network).__name__} does not."
            )
    return network


class NetworkBody(nn.Module):
    """Any registered network as a function from flat inputs to outputs.

    A recurrent network runs over the time axis of a window, or from a zero state
    where there is none; its last output counts.

    Args:
        entry: the network in `velora.plugins.networks()`.
        in_features: size I of an input.
        out_features: size O of an output.
        options: what the network's builder takes beyond the sizes.
        window: (T, F) where the first T·F inputs are a window of T steps, oldest
            first; a recurrent network sees the inputs that follow (the action, in
            a Q-critic) at every step. Other networks see all inputs at once.
        norm: makes a normalisation of a size. A network whose builder takes `norm`
            gets it, for each of its layers; before any other stands one of the inputs.

    Raises:
        TypeError: the builder does not take one of the options, or what it builds
            is no module, or cannot run over a sequence though it is recurrent.
        ValueError: the options have a `norm` where one is given already.
    """

    network: Any  # a module that may offer `forward_sequence`

    def __init__(
        self,
        entry: NetworkEntry,
        in_features: int,
        out_features: int,
        options: Mapping[str, Any],
        *,
        window: tuple[int, int] | None = None,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.name = entry.name
        self.out_features = out_features
        self.recurrent = entry.recurrent
        self.window = window if entry.recurrent else None
        n_inputs = in_features
        self._n_following = 0  # inputs after the window
        if self.window is not None:
            steps, size = self.window
            in_features -= (steps - 1) * size
            self._n_following = in_features - size
        self.norm = None
        if norm is not None:
            if "norm" in options:
                raise ValueError(
                    "`norm` must be left out where the algorithm normalises; got it in "
                    "`network_kwargs`. Turn the algorithm's off with batch_norm=False."
                )
            if takes(entry.build, "norm"):
                options = {**options, "norm": norm}
            else:
                self.norm = norm(n_inputs)
        methods = ["forward_sequence"] if entry.recurrent else []
        self.network = build_network(entry, in_features, out_features, options, methods)

    def forward(self, inputs: Tensor) -> Tensor:
        """Computes the outputs.

        Args:
            inputs: (B, I) features, and what follows them.

        Returns:
            (B, O) outputs, of the last step where there is a window.

        Raises:
            TypeError: the network returns no tensor.
            ValueError: the network returns another shape.
        """
        if self.norm is not None:
            inputs = self.norm(inputs)
        if self.recurrent:
            found = self.network.forward_sequence(self._steps(inputs))
            outputs = outputs_and_state(found, self.network)[0][-1]
        else:
            outputs = self.network(inputs)
        if not isinstance(outputs, Tensor):
            raise TypeError(
                f"The network {self.name!r} must return a tensor of outputs; got "
                f"{type(outputs).__name__}. Register one that carries a state with "
                "recurrent=True."
            )
        batch = inputs.shape[0]
        # A network may drop the batch of a single row.
        rows = outputs[None] if outputs.dim() == 1 else outputs
        if not has_shape(rows, (batch, self.out_features)):
            raise ValueError(
                f"The network {self.name!r} must return (batch, out_features) = "
                f"({batch}, {self.out_features}); got {tuple(outputs.shape)}."
            )
        # Whether the batch was dropped or not: what is recorded must fit other batches.
        return outputs.reshape(-1, self.out_features)

    def _steps(self, inputs: Tensor) -> Tensor:
        """Returns (B, I) inputs as the (T, B, F) inputs of the network's steps."""
        if self.window is None:
            return inputs[None]
        steps, size = self.window
        window = inputs[:, : steps * size].reshape(-1, steps, size).transpose(0, 1)
        rest = inputs[:, steps * size :]  # (B, I - T·F)
        if self._n_following == 0:
            return window
        return torch.cat((window, rest.expand(steps, -1, -1)), dim=2)


def outputs_and_state(found: Any, network: object) -> Sequence[Any]:
    """Returns what a network's `forward_sequence` gave, if it is as agreed.

    Raises:
        TypeError: it is not at least a pair, of outputs and the state.
    """
    if isinstance(found, tuple | list) and len(found) > 1:
        return found
    raise TypeError(
        f"`forward_sequence` of {type(network).__name__} must return the pair "
        f"(outputs, state after the last step); got {type(found).__name__}."
    )
