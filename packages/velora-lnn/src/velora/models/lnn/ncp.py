"""Neural Circuit Policy networks: sparse, and sparse and liquid."""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor, nn
from torch.nn import functional

from velora.models.lnn.activation import mish
from velora.models.lnn.cell import NCPLiquidCell, Timespans, check_hidden
from velora.models.lnn.frozen import FrozenStep, masked
from velora.models.lnn.fused import Parts, fused, fuses, suits
from velora.models.lnn.scan import scan
from velora.models.lnn.sequence import sequence_resets, sequence_timespans
from velora.models.lnn.sparse import SparseLinear, oriented
from velora.models.lnn.wired import WiredNetwork, check_batch, unbatched


class NCPNetwork(WiredNetwork):
    """A sparse feed-forward network with the wiring of a Neural Circuit Policy.

    sensory → inter → Mish → command → Mish → motor, all `SparseLinear`. Arguments,
    attributes and errors are those of `WiredNetwork`.
    """

    command: SparseLinear

    def forward(self, x: Tensor) -> Tensor:
        """Computes the motor neurons.

        Args:
            x: (B, F) inputs.

        Returns:
            (B, O) outputs; (O,) when B is 1.

        Raises:
            ValueError: `x` has another shape.
        """
        check_batch(x, self.in_features)
        x = mish(self.inter(self._normed("inter", x)))
        x = mish(self.command(self._normed("command", x)))
        return unbatched(self.motor(self._normed("motor", x)))

    def _build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> SparseLinear:
        return SparseLinear(in_features, n_hidden, oriented(mask), **options)

    def _command_synapses(self) -> tuple[Tensor, Tensor | None]:
        return self.command.mask, None

    def _command_effect(self) -> tuple[Tensor, Tensor | None]:
        return self.command.weight, None


class LiquidNCPNetwork(WiredNetwork):
    """A liquid network with the wiring of a Neural Circuit Policy.

    sensory → inter (`SparseLinear`) → Mish → command (`NCPLiquidCell`) → Mish →
    motor (`SparseLinear`). The state of the command neurons goes in and comes out;
    the network keeps none. Arguments, attributes and errors are those of
    `WiredNetwork`.
    """

    command: NCPLiquidCell

    @property
    def hidden_size(self) -> int:
        """Size H of the state: the command neurons."""
        return self.command.n_hidden

    def initial_state(self, batch_size: int) -> Tensor:
        """Returns the (batch_size, H) state before a first step: zeros."""
        return self.motor.weight.new_zeros(batch_size, self.hidden_size)

    def forward(
        self, x: Tensor, h_state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Goes one step forward in time.

        Args:
            x: (B, F) inputs.
            h_state: (B, H) state; None starts from zero.

        Returns:
            y: (B, O) outputs; (O,) when B is 1.
            h_state: (B, H) state.

        Raises:
            ValueError: an argument has another shape.
        """
        check_batch(x, self.in_features)
        if h_state is None:
            h_state = self.initial_state(x.shape[0])
        inter = mish(self.inter(self._normed("inter", x)))
        y, h_state = self.command(self._normed("command", inter), h_state)
        return unbatched(self.motor(self._normed("motor", mish(y)))), h_state

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[False] = False,
    ) -> tuple[Tensor, Tensor]: ...

    @overload
    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: Literal[True],
    ) -> tuple[Tensor, Tensor, Tensor]: ...

    def forward_sequence(
        self,
        x: Tensor,
        h_state: Tensor | None = None,
        *,
        resets: Tensor | None = None,
        timespans: Timespans = None,
        return_states: bool = False,
    ) -> tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]:
        """Goes through a sequence: the same numbers as its single steps.

        Args:
            x: (T, B, F) inputs.
            h_state: (B, H) state before the first step; None starts from zero.
            resets: (T, B), true where the state is zero *before* that step, as
                where an episode starts.
            timespans: time since the last step: a number, (T,), (T, B) or (T, B, 1);
                1 where none are given.
            return_states: whether the states after each step are returned as well.

        Returns:
            y: (T, B, O) outputs.
            h_state: (B, H) state after the last step.
            states: (T, B, H) states after each step, with `return_states`.

        Raises:
            ValueError: an argument has another shape; nothing is broadcast.
        """
        if x.dim() != 3 or 0 in x.shape[:2]:
            raise ValueError(
                "`x` must have shape (steps, batch, in_features) = (T, B, "
                f"{self.in_features}) with T and B at least 1; got {tuple(x.shape)}."
            )
        steps, batch, _ = x.shape
        hidden = self.initial_state(batch) if h_state is None else h_state
        check_hidden(hidden, batch, self.hidden_size)
        resets = sequence_resets(resets, steps, batch)
        timespans = sequence_timespans(timespans, steps, batch)

        y, states = self._over_time(x, hidden, resets, timespans)
        return (y, states[-1], states) if return_states else (y, states[-1])

    @torch.no_grad()
    def frozen_step(self) -> FrozenStep:
        """Returns the step as a function of the weights of now, without gradients.

        The function takes and returns what `forward` does, and is faster (see
        `benchmarks/step.py`): masks are applied and heads packed once, here, and not at
        every step. What is done to the network later does not reach it.

        Raises:
            ValueError: the network normalises, and a snapshot would not follow the
                statistics.
        """
        if self.norms is not None:
            raise ValueError(
                "A frozen step must be of a network without `norm`; this one has "
                f"{self.norms['inter']}. Call the network itself."
            )
        return FrozenStep(
            inter=masked(self.inter),
            command=self.command.weights(1.0),
            motor=masked(self.motor),
            hidden_size=self.hidden_size,
        )

    def _over_time(
        self, x: Tensor, hidden: Tensor, resets: Tensor | None, timespans: Timespans
    ) -> tuple[Tensor, Tensor]:
        """Returns outputs and states of a sequence; its arguments are checked."""
        times = None
        constant: float | Tensor | None = None
        if isinstance(timespans, Tensor) and timespans.dim() > 0:
            times = timespans.view(len(x), -1, 1).expand(*x.shape[:2], 1)
        else:
            constant = 1.0 if timespans is None else timespans
        if not isinstance(constant, Tensor) and suits(x):
            parts, state = self._parts(), hidden.to(x.dtype)
            t = None if times is None else times.to(x.dtype)
            if parts is not None and fuses(x, state, t, parts):
                return fused(x, state, parts, resets=resets, times=t, constant=constant)
        weights = self.command.weights(constant)
        inter = self._normed("command", mish(self.inter(self._normed("inter", x))))
        sizes = (self.command.in_features, self.hidden_size)
        from_inter, from_state = torch.split_with_sizes(weights.weight, sizes, dim=1)
        y, states = scan(
            functional.linear(inter, from_inter, weights.bias),  # (T, B, N·H)
            from_state,
            hidden,
            resets=resets,
            timespans=times,
        )
        return self.motor(self._normed("motor", mish(y))), states

    def _parts(self) -> Parts | None:
        """Returns what the network computes with; None where it does more than that."""
        inter, cell, motor = self.inter, self.command, self.motor
        if self.norms is not None or type(cell) is not NCPLiquidCell:
            return None
        if not (_only_computes(inter) and _only_computes(motor)):
            return None
        heads = cell.heads
        return Parts(
            inter.mask,
            cell.sparsity_mask,
            motor.mask,
            inter.weight,
            inter.bias,
            motor.weight,
            motor.bias,
            [head.weight for head in heads],
            [head.bias for head in heads],
        )

    def _build_command(
        self, in_features: int, n_hidden: int, mask: Tensor, **options: Any
    ) -> NCPLiquidCell:
        return NCPLiquidCell(in_features, n_hidden, mask, **options)

    def _command_synapses(self) -> tuple[Tensor, Tensor | None]:
        from_inter = self.command.in_features
        mask = self.command.sparsity_mask
        return mask[:, :from_inter], mask[:, from_inter:]

    def _command_effect(self) -> tuple[Tensor, Tensor | None]:
        inter = self.inter.weight.new_zeros(self.command.in_features)
        hidden = inter.new_zeros(self.hidden_size)

        def output(x: Tensor, h: Tensor) -> Tensor:
            y: Tensor = self.command(x[None], h[None])[0]
            return y[0]

        jacobian: tuple[Tensor, Tensor]
        jacobian = torch.func.jacrev(output, argnums=(0, 1))(inter, hidden)
        return jacobian


def _only_computes(layer: SparseLinear) -> bool:
    """Whether calling a layer does what its class says, without hooks."""
    # PyTorch has no public name for them; nn.Module asks the same before a call.
    hooks = (
        layer._forward_hooks,
        layer._forward_pre_hooks,
        layer._backward_hooks,
        layer._backward_pre_hooks,
    )
    return (
        type(layer) is SparseLinear
        and "forward" not in vars(layer)  # wrapped, as some tools do
        and not any(hooks)
        and not nn.modules.module._has_any_global_hook()  # type: ignore[no-untyped-call]  # PyTorch's own
    )
