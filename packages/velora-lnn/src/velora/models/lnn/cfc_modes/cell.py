"""Closed-form continuous-time (CfC) cells: one class a mode."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from velora.models.lnn.cfc_modes import backends
from velora.models.lnn.cfc_modes.memory import Memory
from velora.models.lnn.cfc_modes.modes import DEFAULT, NO_GATE, PURE
from velora.models.lnn.cfc_modes.parameters import CfCParameters
from velora.models.lnn.cfc_modes.prepared import INNER, OUTER, finite, prepare
from velora.models.lnn.cfc_modes.scan import scan
from velora.models.lnn.recurrent_cell import RecurrentCell
from velora.models.lnn.shapes import check_batch, check_state, step_timespans
from velora.models.protocol import Timespans


class CfCCell(CfCParameters, RecurrentCell):
    """A closed-form continuous-time (CfC) cell; a subclass says in which mode.

    Source: Hasani et al. 2022, "Closed-form continuous-time neural networks". Layers of
    1.7159 · tanh(0.666 · x), the backbone, read [x, hidden]; heads read the last one,
    or where there is no backbone, [x, hidden] themselves. What the mode makes of them
    is the state, which is the output too.

    Args:
        in_features: size F of an input.
        n_hidden: size H of the state and of the output.
        mask: (F, H) synapses from the inputs as a wiring gives them, signed or not.
            They are those of the first heads; heads of time read all inputs, as in the
            models of the paper's authors. None is a cell without a mask.
        backbone_units: size U of each layer of the backbone.
        backbone_layers: layers L of the backbone, 0 for none.
        backbone_dropout: share of the last layer's units that are left out at each step
            of training.
        device: where the cell is made; None is PyTorch's default.

    Attributes:
        weight: (N, H, K) parameter, the weights of the N heads, with K = U, or without
            a backbone F + H.
        bias: (N, H) parameter.
        backbone_weight: (U, F + H) parameter of the first layer, None without one.
        backbone_bias: (U,) parameter, or None.
        deep_weight: (L - 1, U, U) parameter of the other layers, None without any.
        deep_bias: (L - 1, U) parameter, or None.
        vectors: (V, H) parameter, what the mode learns beside its heads, or None.
        sparsity_mask: (H, F + H) buffer of booleans, true where a synapse is and where
            the state enters; None in a cell without a mask.

    Raises:
        TypeError: a size is no integer, the dropout no number or the mask no tensor.
        ValueError: a size is too small or more than fits in memory, the dropout
            outside [0, 1), the mask has another shape or holds other numbers than -1, 0
            and 1, or there are both a mask and a backbone.
    """

    def forward(
        self, x: Tensor, hidden: Tensor, timespans: Timespans = None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            hidden: (B, H) state.
            timespans: time since the last step: a number, (B,) or (B, 1); 1 where
                none are given.

        Returns:
            y: (B, H) outputs, the state itself.
            new_hidden: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        check_state(hidden, x.shape[0], self.n_hidden)
        weight = self.masked_weight()
        t = finite(step_timespans(timespans, x.shape[0]), weight.dtype)
        z = torch.cat((x, hidden), dim=1)  # (B, F + H)
        z = z if self.backbone_weight is None else self._backbone(z)
        heads = functional.linear(z, weight.flatten(0, 1), self.bias.flatten())
        state = self.mode.step(heads.to(weight.dtype), t, self.vectors)
        return state, state

    def over_time(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
    ) -> tuple[Tensor, Tensor]:
        """Goes through a sequence as one function, or a short one by its steps."""
        options: dict[str, Any] = {"resets": resets, "timespans": timespans}
        if backends.is_short(x):
            return RecurrentCell.over_time(self, x, hidden, **options)
        states = self.scan(x, hidden, **options)
        return states, states

    def scan(
        self,
        x: Tensor,
        hidden: Tensor,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        memory: Memory | None = None,
    ) -> Tensor:
        """Returns the states of a sequence, with a memory beside them if one is given.

        Arguments are as in `over_time`; with a memory `hidden` is (B, 2·H).
        """
        ready = prepare(self, x.shape[:2], timespans)
        return scan(
            self.mode,
            ready.inputs(x),
            ready.weights,
            hidden,
            times=ready.times,
            noise=ready.noise,
            resets=resets,
            memory=memory,
        )

    @torch.inference_mode(False)  # in which PyTorch 2.11 takes it for zero
    def effect(self) -> Tensor:
        """Returns how the outputs grow with what a synapse reads, (H, F + H), at rest.

        That is the Jacobian of a step at zero, inputs first.
        """
        x = self.weight.new_zeros(self.in_features)
        hidden = x.new_zeros(self.n_hidden)

        def output(x: Tensor, hidden: Tensor) -> Tensor:
            y: Tensor = self(x[None], hidden[None])[0]
            return y[0]

        jacobian = torch.func.jacrev(output, argnums=(0, 1))(x, hidden)
        return torch.cat(jacobian, dim=1)

    def _backbone(self, z: Tensor) -> Tensor:
        """Returns the (B, U) outputs of the last layer of (B, F + H) inputs."""
        layers = [(self.backbone_weight, self.backbone_bias)]
        if self.deep_weight is not None and self.deep_bias is not None:
            pairs = self.deep_weight.unbind(), self.deep_bias.unbind()
            layers += zip(*pairs, strict=True)
        for weight, bias in layers:
            z = OUTER * torch.tanh(INNER * functional.linear(z, weight, bias))  # type: ignore[arg-type]  # both are there
        if self.backbone_dropout:
            z = functional.dropout(z, self.backbone_dropout, self.training)
        return z


class DefaultCfCCell(CfCCell):
    """A cell that goes from one target to another: see `modes.default.Default`."""

    mode = DEFAULT


class NoGateCfCCell(CfCCell):
    """A cell that adds a target to another: see `modes.no_gate.NoGate`."""

    mode = NO_GATE


class PureCfCCell(CfCCell):
    """A cell of the closed form itself: see `modes.pure.Pure`."""

    mode = PURE


CELLS: dict[str, type[CfCCell]] = {
    kind.mode.name: kind for kind in (DefaultCfCCell, NoGateCfCCell, PureCfCCell)
}


def cell_of(mode: str) -> type[CfCCell]:
    """Returns the class of cells of a mode.

    Raises:
        ValueError: the mode is unknown.
    """
    try:
        return CELLS[mode]
    except (KeyError, TypeError):
        raise ValueError(
            f"`mode` must be one of {list(CELLS)}; got {mode!r}."
        ) from None
